//! The two keys of an installation: given by the environment, or made once and kept beside the data.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox, SecretString};

use super::Config;

/// Both keys, 32 bytes each.
pub struct Keys {
    pub encryption: SecretBox<[u8; 32]>,
    pub signing: SecretBox<[u8; 32]>,
}

/// Takes each key from the environment, else from `<data_dir>/keys/`, where a missing one is made.
pub fn load_keys(config: &Config) -> Result<Keys> {
    let folder = config.data_dir.join("keys");
    Ok(Keys {
        encryption: load_key(
            "MAMCRAWLER_ENCRYPTION_KEY",
            config.encryption_key.as_ref(),
            &folder.join("encryption"),
        )?,
        signing: load_key(
            "MAMCRAWLER_SIGNING_KEY",
            config.signing_key.as_ref(),
            &folder.join("signing"),
        )?,
    })
}

fn load_key(name: &str, given: Option<&SecretString>, file: &Path) -> Result<SecretBox<[u8; 32]>> {
    if let Some(text) = given {
        return decode_key(text.expose_secret()).with_context(|| format!("{name} must be 32 bytes in base64"));
    }
    if !file.exists() {
        make_key(file)?;
    }
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    decode_key(text.trim()).with_context(|| format!("{} must hold 32 bytes in base64", file.display()))
}

fn decode_key(text: &str) -> Result<SecretBox<[u8; 32]>> {
    let bytes = STANDARD.decode(text)?;
    ensure!(bytes.len() == 32, "it has {} bytes", bytes.len());
    Ok(SecretBox::init_with(|| {
        bytes.as_slice().try_into().expect("the length was just checked")
    }))
}

/// Writes beside the target first, so that a crash leaves either no key or a whole one.
#[expect(
    clippy::disallowed_methods,
    reason = "runs before Services, which carries randomness, can exist"
)]
fn make_key(file: &Path) -> Result<()> {
    let folder = file.parent().expect("a key file lies in the keys folder");
    fs::DirBuilder::new()
        .recursive(true)
        .create(folder)
        .with_context(|| format!("making {}", folder.display()))?;
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let mut bytes = [0u8; 32];
    rand::RngCore::fill_bytes(&mut rand::rng(), &mut bytes);
    let draft = file.with_extension("new");
    let mut open = fs::OpenOptions::new();
    let mut handle = open.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    handle.write_all(STANDARD.encode(bytes).as_bytes())?;
    handle.sync_all()?;
    fs::rename(&draft, file)?;
    Ok(())
}
