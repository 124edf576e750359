//! The two keys of an installation: given by the environment, or made once and kept beside the data.
//!
//! While the encryption key changes, the one before lies in `encryption.old` (or `MAMCRAWLER_ENCRYPTION_KEY_OLD`), so
//! that everything opens however far the change got.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use services::{Clock, SystemClock, SystemRandom};

use super::Config;
use super::production::{check_given_secrets, check_loaded_keys};
use super::signing::{SigningKeys, load_signing_keys, read_old_signing_keys};

const OLD: &str = "MAMCRAWLER_ENCRYPTION_KEY_OLD";

/// The keys, 32 bytes each.
pub struct Keys {
    pub encryption: SecretBox<[u8; 32]>,
    /// The one before, while the key changes.
    pub old_encryption: Option<SecretBox<[u8; 32]>>,
    /// Never empty; the newest first.
    pub signing: SigningKeys,
    /// None: backups are not encrypted.
    pub backup: Option<SecretBox<[u8; 32]>>,
}

impl Keys {
    /// As the use cases take them.
    pub fn expose(&self) -> services::Keys {
        let (newest, old) = self.signing.split_first().expect("there is a signing key");
        services::Keys {
            encryption: *self.encryption.expose_secret(),
            signing: *newest.expose_secret(),
            old_signing: old.iter().map(|key| *key.expose_secret()).collect(),
            old_encryption: self.old_encryption.iter().map(|key| *key.expose_secret()).collect(),
            backup: self.backup.as_ref().map(|key| *key.expose_secret()),
        }
    }
}

/// Refuses keys that are none, and in production also secrets that are missing, short, predictable or readable. Makes none.
pub fn check_secrets(config: &Config) -> Result<()> {
    if config.is_production {
        load_keys(config)?;
        return Ok(());
    }
    let given = [
        ("MAMCRAWLER_ENCRYPTION_KEY", &config.encryption_key),
        (OLD, &config.old_encryption_key),
        ("MAMCRAWLER_SIGNING_KEY", &config.signing_key),
    ];
    for (name, text) in given {
        text.as_ref().map(|text| decode_given(name, text)).transpose()?;
    }
    read_old_signing_keys(config)?;
    read_backup_key(config)?;
    Ok(())
}

/// Whether both keys are there, so that loading them makes none.
pub fn has_keys(config: &Config) -> bool {
    let folder = config.data_dir.join("keys");
    (config.encryption_key.is_some() || folder.join("encryption").exists())
        && (config.signing_key.is_some() || folder.join("signing").exists())
}

/// Takes each key from the environment, else from `<data_dir>/keys/`, where a missing one is made.
///
/// In production none is made, and weak ones are refused by name.
pub fn load_keys(config: &Config) -> Result<Keys> {
    let folder = config.data_dir.join("keys");
    if config.is_production {
        check_given_secrets(config, &folder)?;
    }
    let keys = Keys {
        old_encryption: load_old_key(config, &folder)?,
        encryption: load_key(
            "MAMCRAWLER_ENCRYPTION_KEY",
            config.encryption_key.as_ref(),
            &folder.join("encryption"),
        )?,
        signing: load_signing_keys(config, &folder, SystemClock.now())?,
        backup: read_backup_key(config)?,
    };
    if config.is_production {
        check_loaded_keys(&keys)?;
    }
    Ok(keys)
}

/// Only ever given: one that was made beside the data would be lost with it.
fn read_backup_key(config: &Config) -> Result<Option<SecretBox<[u8; 32]>>> {
    let decode = |text: &SecretString| decode_key(text.expose_secret());
    let key = config.backup_key.as_ref().map(decode).transpose();
    key.context("MAMCRAWLER_BACKUP_KEY must be 32 bytes in base64, such as `openssl rand -base64 32` prints")
}

fn load_old_key(config: &Config, folder: &Path) -> Result<Option<SecretBox<[u8; 32]>>> {
    let file = folder.join("encryption.old");
    let is_there = config.old_encryption_key.is_some() || (config.encryption_key.is_none() && file.exists());
    is_there
        .then(|| load_key(OLD, config.old_encryption_key.as_ref(), &file))
        .transpose()
}

/// Makes the next encryption key and keeps the present one as the old one; a change that was cut off goes on.
///
/// Keys from the environment are made by who sets them.
pub fn begin_key_change(config: &Config) -> Result<()> {
    if config.encryption_key.is_some() {
        ensure!(
            config.old_encryption_key.is_some(),
            "the encryption key comes from the environment: set MAMCRAWLER_ENCRYPTION_KEY to the new key and {OLD} to \
             the present one, then run this again"
        );
        return Ok(());
    }
    if config.old_encryption_key.is_some() {
        bail!(
            "{OLD} is set without MAMCRAWLER_ENCRYPTION_KEY; set both, or none to change the key of the data directory"
        );
    }
    let folder = config.data_dir.join("keys");
    let (present, old) = (folder.join("encryption"), folder.join("encryption.old"));
    if !present.exists() {
        return make_key(&present);
    }
    let text = fs::read(&present).with_context(|| format!("reading {}", present.display()))?;
    let is_begun = fs::read(&old).is_ok_and(|before| before != text);
    if is_begun {
        return Ok(());
    }
    // First the copy, then the new key: a crash in between leaves two of the same, and no value unreadable.
    write_private(&old, &text)?;
    make_key(&present)
}

/// Forgets the old key of the data directory. Whether the environment still names one is for people to mend.
pub fn end_key_change(config: &Config) -> Result<()> {
    let old = config.data_dir.join("keys").join("encryption.old");
    match fs::remove_file(&old) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", old.display()))
        }
        _ => Ok(()),
    }
}

pub(super) fn load_key(name: &str, given: Option<&SecretString>, file: &Path) -> Result<SecretBox<[u8; 32]>> {
    if let Some(text) = given {
        return decode_given(name, text);
    }
    if !file.exists() {
        make_key(file)?;
    }
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    decode_key(text.trim()).with_context(|| format!("{} must hold 32 bytes in base64", file.display()))
}

fn decode_given(name: &str, text: &SecretString) -> Result<SecretBox<[u8; 32]>> {
    decode_key(text.expose_secret()).with_context(|| format!("{name} must be 32 bytes in base64"))
}

pub(super) fn decode_key(text: &str) -> Result<SecretBox<[u8; 32]>> {
    let bytes = STANDARD.decode(text)?;
    ensure!(bytes.len() == 32, "it has {} bytes", bytes.len());
    Ok(SecretBox::init_with(|| {
        bytes.as_slice().try_into().expect("the length was just checked")
    }))
}

/// A new key, in a folder that only we enter.
pub(super) fn make_key(file: &Path) -> Result<()> {
    let folder = file.parent().expect("a key file lies in the keys folder");
    fs::DirBuilder::new()
        .recursive(true)
        .create(folder)
        .with_context(|| format!("making {}", folder.display()))?;
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    write_private(file, make_key_text().as_bytes())
}

/// 32 random bytes in base64.
pub(super) fn make_key_text() -> String {
    STANDARD.encode(services::clock::random_32(&SystemRandom))
}

/// Writes beside the target first, so that a crash leaves either no file or a whole one.
pub(super) fn write_private(file: &Path, bytes: &[u8]) -> Result<()> {
    let draft = file.with_extension("new");
    let mut open = fs::OpenOptions::new();
    let mut handle = open.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    handle.write_all(bytes)?;
    handle.sync_all()?;
    fs::rename(&draft, file)?;
    if let Some(folder) = file.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn config(data_dir: &Path, more: &[(&str, &str)]) -> Config {
        let data_dir = data_dir.to_str().unwrap();
        let all = [("MAMCRAWLER_DATA_DIR", data_dir)]
            .into_iter()
            .chain(more.iter().copied());
        let variables: BTreeMap<_, _> = all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Config::read(variables, None, true).unwrap()
    }

    fn encryption_keys(config: &Config) -> ([u8; 32], Option<[u8; 32]>) {
        let keys = load_keys(config).unwrap();
        let old = keys.old_encryption.map(|key| *key.expose_secret());
        (*keys.encryption.expose_secret(), old)
    }

    #[test]
    fn a_key_change_keeps_the_old_key_until_its_end_however_often_it_is_begun() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), &[]);
        let (first, none) = encryption_keys(&config);
        assert_eq!(none, None);
        begin_key_change(&config).unwrap();
        let (second, old) = encryption_keys(&config);
        assert_eq!(old, Some(first));
        begin_key_change(&config).unwrap();
        assert_eq!(
            encryption_keys(&config),
            (second, Some(first)),
            "it goes on with the same two"
        );
        end_key_change(&config).unwrap();
        end_key_change(&config).unwrap();
        assert_eq!(encryption_keys(&config), (second, None));
    }

    #[test]
    fn a_key_change_that_died_before_the_new_key_was_made_makes_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), &[]);
        let (first, _) = encryption_keys(&config);
        let keys = folder.path().join("keys");
        fs::copy(keys.join("encryption"), keys.join("encryption.old")).unwrap();
        begin_key_change(&config).unwrap();
        let (second, old) = encryption_keys(&config);
        assert!(second != first && old == Some(first));
    }

    #[test]
    fn keys_of_the_environment_are_changed_by_giving_both() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
        let alone = config(folder.path(), &[("MAMCRAWLER_ENCRYPTION_KEY", &new)]);
        let error = begin_key_change(&alone).unwrap_err().to_string();
        assert!(error.contains(OLD), "{error}");
        let both = [("MAMCRAWLER_ENCRYPTION_KEY", new.as_str()), (OLD, old.as_str())];
        let both = config(folder.path(), &both);
        begin_key_change(&both).unwrap();
        assert_eq!(encryption_keys(&both), ([1; 32], Some([2; 32])));
    }
}
