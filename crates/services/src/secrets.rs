//! Encryption of what outside services trust us with: XChaCha20-Poly1305 under one key of the installation.
//!
//! Stored form: version byte (2), 4 bytes that name the key, 24-byte nonce, sealed bytes. Version 1 named no key.
//! `context` is bound to the box: a secret copied into another row or column does not open.

use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::clock::Random;
use crate::credentials::digest;

const VERSION: u8 = 2;
const VERSION_WITHOUT_KEY: u8 = 1;
const KEY_NAME_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;

/// Seals and opens secrets.
#[derive(Clone)]
pub struct SecretBox {
    sealing: SealingKey,
    /// Of before: they open and never seal.
    old: Vec<SealingKey>,
    random: Arc<dyn Random>,
}

#[derive(Clone)]
struct SealingKey {
    /// Version and name of the key, as stored before the nonce. The name is a hash that tells nothing of the key.
    prefix: [u8; 1 + KEY_NAME_BYTES],
    cipher: XChaCha20Poly1305,
    /// For hashes that nobody can try guesses against without it.
    hash_key: [u8; 32],
}

impl SealingKey {
    fn new(key: &[u8; 32]) -> Self {
        let name = digest(&[b"mamcrawler encryption key", key]);
        let mut prefix = [VERSION; 1 + KEY_NAME_BYTES];
        prefix[1..].copy_from_slice(&name[..KEY_NAME_BYTES]);
        Self {
            prefix,
            cipher: XChaCha20Poly1305::new(Key::from_slice(key)),
            hash_key: digest(&[b"mamcrawler hash key", key]),
        }
    }

    fn open(&self, context: &str, rest: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES)?;
        let payload = Payload {
            msg: sealed,
            aad: context.as_bytes(),
        };
        self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok()
    }
}

/// A stored secret that does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret can't be decrypted; was the encryption key replaced? Enter the secret again")]
pub struct Unreadable;

impl SecretBox {
    /// A box that seals under `key` and opens what any of `old` sealed, too.
    pub fn new(key: &[u8; 32], old: &[[u8; 32]], random: Arc<dyn Random>) -> Self {
        Self {
            sealing: SealingKey::new(key),
            old: old.iter().map(SealingKey::new).collect(),
            random,
        }
    }

    /// How everything starts that the present key has sealed.
    pub fn prefix(&self) -> &[u8] {
        &self.sealing.prefix
    }

    /// A hash under the present key: kept beside a guessable text, it does not give the text away.
    pub fn hash(&self, bytes: &[u8]) -> [u8; 32] {
        digest(&[&self.sealing.hash_key, &Sha256::digest(bytes)])
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
            .sealing
            .cipher
            .encrypt(XNonce::from_slice(&nonce), payload)
            .expect("the text fits into memory");
        [self.prefix(), nonce.as_slice(), &sealed].concat()
    }

    /// Decrypts what `seal` made for the same place.
    pub fn open(&self, context: &str, stored: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let mut keys = [&self.sealing].into_iter().chain(&self.old);
        let opened = match stored {
            [VERSION_WITHOUT_KEY, rest @ ..] => keys.find_map(|key| key.open(context, rest)),
            // Two keys of one name are as good as impossible, and cost no more than a second try.
            _ => keys.find_map(|key| key.open(context, stored.strip_prefix(&key.prefix)?)),
        };
        opened.ok_or(Unreadable)
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
        SecretBox::new(&[key; 32], &[], Arc::new(SystemRandom))
    }

    #[test]
    fn an_old_key_opens_what_it_sealed_and_seals_nothing_more() {
        let both = SecretBox::new(&[2; 32], &[[1; 32]], Arc::new(SystemRandom));
        let old = new_box(1).seal("a", b"secret");
        assert_eq!(both.open("a", &old).unwrap(), b"secret");
        assert!(!old.starts_with(both.prefix()));
        let fresh = both.seal("a", b"secret");
        assert!(fresh.starts_with(both.prefix()));
        assert_eq!(new_box(1).open("a", &fresh), Err(Unreadable));
        assert_eq!(new_box(2).open("a", &fresh).unwrap(), b"secret");
    }

    #[test]
    fn what_was_sealed_before_keys_had_names_still_opens() {
        let named = new_box(1).seal("a", b"secret");
        let unnamed = [&[VERSION_WITHOUT_KEY], &named[1 + KEY_NAME_BYTES..]].concat();
        assert_eq!(new_box(1).open("a", &unnamed).unwrap(), b"secret");
        let both = SecretBox::new(&[2; 32], &[[1; 32]], Arc::new(SystemRandom));
        assert_eq!(both.open("a", &unnamed).unwrap(), b"secret");
        assert_eq!(new_box(2).open("a", &unnamed), Err(Unreadable));
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
