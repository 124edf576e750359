//! Encryption of what outside services trust us with: XChaCha20-Poly1305 under one key of the installation.
//!
//! Stored form: version byte, 24-byte nonce, sealed bytes. `context` is bound to the box: a secret copied into another
//! row or column does not open.

use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretString};

use crate::clock::Random;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Seals and opens secrets.
#[derive(Clone)]
pub struct SecretBox {
    cipher: XChaCha20Poly1305,
    random: Arc<dyn Random>,
}

/// A stored secret that does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret can't be decrypted; was the encryption key replaced? Enter the secret again")]
pub struct Unreadable;

impl SecretBox {
    /// A box under `key`.
    pub fn new(key: &[u8; 32], random: Arc<dyn Random>) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(Key::from_slice(key)),
            random,
        }
    }

    /// Encrypts bytes for one place, such as `integrations/<id>/secret`.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        self.random.fill(&mut nonce);
        let payload = Payload {
            msg: plain,
            aad: context.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(XNonce::from_slice(&nonce), payload)
            .expect("the text fits into memory");
        [&[VERSION], nonce.as_slice(), &sealed].concat()
    }

    /// Decrypts what `seal` made for the same place.
    pub fn open(&self, context: &str, stored: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let (&[VERSION], rest) = stored.split_at_checked(1).ok_or(Unreadable)? else {
            return Err(Unreadable);
        };
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES).ok_or(Unreadable)?;
        let payload = Payload {
            msg: sealed,
            aad: context.as_bytes(),
        };
        self.cipher
            .decrypt(XNonce::from_slice(nonce), payload)
            .map_err(|_| Unreadable)
    }

    /// `seal` for text.
    pub fn seal_text(&self, context: &str, plain: &SecretString) -> Vec<u8> {
        self.seal(context, plain.expose_secret().as_bytes())
    }

    /// `open` for text.
    pub fn open_text(&self, context: &str, stored: &[u8]) -> Result<SecretString, Unreadable> {
        let bytes = self.open(context, stored)?;
        String::from_utf8(bytes).map(SecretString::from).map_err(|_| Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    fn new_box(key: u8) -> SecretBox {
        SecretBox::new(&[key; 32], Arc::new(SystemRandom))
    }

    #[test]
    fn a_sealed_secret_opens_again_and_does_not_show_its_text() {
        let sealed = new_box(1).seal("a", b"mam_id value");
        assert!(!sealed.windows(6).any(|part| part == b"mam_id"));
        assert_eq!(new_box(1).open("a", &sealed).unwrap(), b"mam_id value");
    }

    #[test]
    fn a_secret_does_not_open_with_another_key_in_another_place_or_changed() {
        let mut sealed = new_box(1).seal("a", b"secret");
        assert_eq!(new_box(2).open("a", &sealed), Err(Unreadable));
        assert_eq!(new_box(1).open("b", &sealed), Err(Unreadable));
        assert_eq!(new_box(1).open("a", &[]), Err(Unreadable));
        assert_eq!(new_box(1).open("a", &sealed[..20]), Err(Unreadable));
        let last = sealed.len() - 1;
        sealed[last] ^= 1;
        assert_eq!(new_box(1).open("a", &sealed), Err(Unreadable));
    }
}
