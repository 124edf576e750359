//! Encryption of backups: XChaCha20-Poly1305 in the STREAM construction, piece by piece, so that a backup need not fit
//! into memory and no piece can be left out, doubled, moved or cut off unseen.

use chacha20poly1305::aead::Payload;
use chacha20poly1305::aead::stream::{DecryptorBE32, EncryptorBE32};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305};
use secrecy::{ExposeSecret, SecretBox};

use crate::clock::Random;
use crate::credentials::digest;

/// Plain bytes of each piece but the last.
pub(super) const PIECE: usize = 64 * 1024;
/// What sealing adds to a piece.
pub(super) const TAG: usize = 16;
/// XChaCha20's 24 without the counter and the mark of the last piece.
const NONCE: usize = 19;

/// The key of the backups; another one than that of the secrets in the database. Never printed.
pub struct BackupKey(SecretBox<[u8; 32]>);

impl BackupKey {
    /// Takes 32 bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(SecretBox::init_with(|| *bytes))
    }

    /// A hash that tells nothing of the key, to know the right one by.
    pub(super) fn name(&self) -> String {
        hex::encode(&digest(&[b"mamcrawler backup key", self.0.expose_secret()])[..4])
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(Key::from_slice(self.0.expose_secret()))
    }
}

/// A nonce for one backup, in hex.
pub(super) fn new_nonce(random: &dyn Random) -> String {
    let mut nonce = [0; NONCE];
    random.fill(&mut nonce);
    hex::encode(nonce)
}

fn read_nonce(text: &str) -> Option<[u8; NONCE]> {
    hex::decode(text).ok()?.try_into().ok()
}

/// Seals the pieces of one backup, which are bound to its header.
pub(super) struct Sealer {
    stream: EncryptorBE32<XChaCha20Poly1305>,
    header: Vec<u8>,
}

impl Sealer {
    /// `None` = the nonce is none of ours.
    pub fn new(key: &BackupKey, nonce: &str, header: &[u8]) -> Option<Self> {
        Some(Self {
            stream: EncryptorBE32::from_aead(key.cipher(), &read_nonce(nonce)?.into()),
            header: header.to_vec(),
        })
    }

    /// Every piece but the last.
    pub fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let payload = Payload {
            msg: plain,
            aad: &self.header,
        };
        self.stream.encrypt_next(payload).expect("2^32 pieces are 256 TiB")
    }

    /// The last piece.
    pub fn seal_last(self, plain: &[u8]) -> Vec<u8> {
        let payload = Payload {
            msg: plain,
            aad: &self.header,
        };
        self.stream.encrypt_last(payload).expect("2^32 pieces are 256 TiB")
    }
}

/// Opens what a [`Sealer`] sealed, in the same order.
pub(super) struct Opener {
    stream: DecryptorBE32<XChaCha20Poly1305>,
    header: Vec<u8>,
}

/// A piece that does not open.
pub(super) struct Unopened;

impl Opener {
    pub fn new(key: &BackupKey, nonce: &str, header: &[u8]) -> Option<Self> {
        Some(Self {
            stream: DecryptorBE32::from_aead(key.cipher(), &read_nonce(nonce)?.into()),
            header: header.to_vec(),
        })
    }

    /// Every piece but the last.
    pub fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        let payload = Payload {
            msg: sealed,
            aad: &self.header,
        };
        self.stream.decrypt_next(payload).map_err(|_| Unopened)
    }

    /// The last piece.
    pub fn open_last(self, sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        let payload = Payload {
            msg: sealed,
            aad: &self.header,
        };
        self.stream.decrypt_last(payload).map_err(|_| Unopened)
    }
}
