//! What production refuses to start with: secrets that are missing, short, predictable, or readable by others.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Result, bail};
use secrecy::{ExposeSecret, SecretString};

use super::Config;
use super::keys::{Keys, decode_key};

const ENCRYPTION: &str = "MAMCRAWLER_ENCRYPTION_KEY";
const SIGNING: &str = "MAMCRAWLER_SIGNING_KEY";
const MIN_PASSWORD_CHARACTERS: usize = 10;
/// 32 random bytes have about 30 different ones; fewer than this happens to nobody.
const MIN_DIFFERENT_BYTES: usize = 16;
const DEFAULT_PASSWORDS: &[&str] = &["postgres", "postgresql", "password", "mamcrawler", "changeme"];

/// Before keys are loaded, as a missing one would be made: names every secret that is missing or can't be right.
pub fn check_given_secrets(config: &Config, folder: &Path) -> Result<()> {
    let mut faults = Vec::new();
    for (name, given, file) in [
        (ENCRYPTION, &config.encryption_key, "encryption"),
        (SIGNING, &config.signing_key, "signing"),
    ] {
        faults.extend(find_key_fault(name, given.as_ref(), &folder.join(file)));
    }
    if let Some(url) = &config.database_url {
        faults.extend(find_password_fault(url.expose_secret()).map(|fault| format!("DATABASE_URL {fault}")));
    }
    refuse(&faults)
}

/// After keys are loaded: names every key that could be guessed.
pub fn check_loaded_keys(keys: &Keys) -> Result<()> {
    let mut faults = Vec::new();
    let newest = [(ENCRYPTION, Some(&keys.encryption)), (SIGNING, keys.signing.first())];
    let old = keys
        .signing
        .iter()
        .skip(1)
        .map(|key| ("MAMCRAWLER_SIGNING_KEYS_OLD", Some(key)));
    let old = old.chain([
        ("MAMCRAWLER_ENCRYPTION_KEY_OLD", keys.old_encryption.as_ref()),
        ("MAMCRAWLER_BACKUP_KEY", keys.backup.as_ref()),
    ]);
    for (name, key) in newest.into_iter().chain(old) {
        let weakness = key.and_then(|key| find_weakness(key.expose_secret()));
        faults.extend(weakness.map(|why| format!("{name} is not random: {why}. {}", how_to_make(name))));
    }
    let encryption = keys.encryption.expose_secret();
    if keys.signing.iter().any(|key| key.expose_secret() == encryption) {
        faults.push(format!(
            "{SIGNING} and {ENCRYPTION} are the same key. {}",
            how_to_make(SIGNING)
        ));
    }
    refuse(&faults)
}

fn refuse(faults: &[String]) -> Result<()> {
    if !faults.is_empty() {
        bail!(
            "mamcrawler does not start in production with these secrets:\n- {}",
            faults.join("\n- ")
        );
    }
    Ok(())
}

fn find_key_fault(name: &str, given: Option<&SecretString>, file: &Path) -> Option<String> {
    if let Some(text) = given {
        let error = decode_key(text.expose_secret()).err()?;
        return Some(format!(
            "{name} must be 32 bytes in base64: {error}. {}",
            how_to_make(name)
        ));
    }
    let Ok(metadata) = fs::metadata(file) else {
        return Some(format!("{name} is missing. {}", how_to_make(name)));
    };
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let file = file.display();
        format!("{file} (in place of {name}) has the mode {mode:o}, so others may read it. Run: chmod 600 {file}")
    })
}

fn how_to_make(name: &str) -> String {
    format!("Set it, or the file that {name}_FILE names, to the output of: openssl rand -base64 32")
}

fn find_weakness(key: &[u8; 32]) -> Option<&'static str> {
    let mut different = key.to_vec();
    different.sort_unstable();
    different.dedup();
    let step = key[1].wrapping_sub(key[0]);
    if different.len() < MIN_DIFFERENT_BYTES {
        Some("it repeats itself")
    } else if key.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step) {
        Some("it counts")
    } else if key.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        Some("it is text")
    } else {
        None
    }
}

/// A database may need no password, such as on a socket; one that is there must not be a default.
fn find_password_fault(url: &str) -> Option<&'static str> {
    let config: tokio_postgres::Config = url.parse().ok()?;
    let password = String::from_utf8_lossy(config.get_password()?).to_lowercase();
    let is_name = config.get_user().is_some_and(|user| user.to_lowercase() == password);
    if DEFAULT_PASSWORDS.contains(&password.as_str()) || is_name {
        Some("has a default password. Give the database another one.")
    } else if password.chars().count() < MIN_PASSWORD_CHARACTERS {
        Some("has a password of less than 10 characters. Give the database a longer one.")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::super::load_keys;
    use super::*;

    /// Bytes as random ones look.
    fn random_key(seed: u32) -> [u8; 32] {
        let mut state = seed;
        std::array::from_fn(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
    }

    fn start(data: &Path, pairs: &[(&str, &str)]) -> Result<Keys> {
        let own = [
            ("MAMCRAWLER_ENVIRONMENT", "production"),
            ("MAMCRAWLER_DATA_DIR", data.to_str().unwrap()),
        ];
        let variables = own.iter().chain(pairs);
        let variables = variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        load_keys(&Config::read(variables, None, false)?)
    }

    fn check_refused(pairs: &[(&str, &str)], named: &[&str]) {
        let data = tempfile::tempdir().unwrap();
        let error = start(data.path(), pairs).err().unwrap().to_string();
        for word in named {
            assert!(error.contains(word), "{word} is not named: {error}");
        }
        for (_, secret) in pairs {
            assert!(!error.contains(secret), "a secret is shown: {error}");
        }
        assert!(!data.path().join("keys/signing").exists(), "no key was made on the way");
    }

    #[test]
    fn missing_short_and_predictable_keys_are_refused_by_name() {
        let [good, other] = [1, 2].map(|seed| STANDARD.encode(random_key(seed)));
        check_refused(
            &[],
            &[
                "MAMCRAWLER_ENCRYPTION_KEY is missing",
                "MAMCRAWLER_SIGNING_KEY is missing",
            ],
        );
        check_refused(&[(ENCRYPTION, &good)], &["MAMCRAWLER_SIGNING_KEY is missing"]);
        let short = STANDARD.encode(&random_key(3)[..31]);
        check_refused(
            &[(ENCRYPTION, &good), (SIGNING, &short)],
            &["MAMCRAWLER_SIGNING_KEY", "31 bytes"],
        );
        let counting: [u8; 32] = std::array::from_fn(|index| index.to_le_bytes()[0]);
        for (weak, why) in [
            ([9; 32], "it repeats itself"),
            (counting, "it counts"),
            (*b"abcdefghijklmnopqrstuvwxyz 01234", "it is text"),
        ] {
            let weak = STANDARD.encode(weak);
            check_refused(
                &[(ENCRYPTION, &good), (SIGNING, &weak)],
                &["MAMCRAWLER_SIGNING_KEY is not random", why],
            );
            let pairs = [
                (ENCRYPTION, good.as_str()),
                (SIGNING, &other),
                ("MAMCRAWLER_SIGNING_KEYS_OLD", &weak),
            ];
            check_refused(&pairs, &["MAMCRAWLER_SIGNING_KEYS_OLD is not random"]);
        }
        check_refused(&[(ENCRYPTION, &good), (SIGNING, &good)], &["are the same key"]);
        let data = tempfile::tempdir().unwrap();
        assert!(start(data.path(), &[(ENCRYPTION, &good), (SIGNING, &other)]).is_ok());
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("keys");
        fs::create_dir(&folder).unwrap();
        for (name, seed) in [("encryption", 1), ("signing", 2)] {
            fs::write(folder.join(name), STANDARD.encode(random_key(seed))).unwrap();
            fs::set_permissions(folder.join(name), PermissionsExt::from_mode(0o600)).unwrap();
        }
        assert!(start(data.path(), &[]).is_ok());
        fs::set_permissions(folder.join("signing"), PermissionsExt::from_mode(0o644)).unwrap();
        let error = start(data.path(), &[]).err().unwrap().to_string();
        assert!(error.contains("chmod 600") && error.contains("keys/signing"), "{error}");
    }

    #[test]
    fn a_default_or_short_database_password_is_refused() {
        for (url, is_refused) in [
            ("postgres://mamcrawler:mamcrawler@db/mamcrawler", true),
            ("postgres://anna:anna@db/mamcrawler", true),
            ("postgres://anna:Postgres@db/mamcrawler", true),
            ("postgres://anna:abc123@db/mamcrawler", true),
            ("postgres://anna:9b2c4e7d1f@db/mamcrawler", false),
            ("postgres://anna@db/mamcrawler", false),
            ("postgres://anna@db/mamcrawler?password=postgres", true),
            ("host=db user=anna password=postgres", true),
            ("host=db user=anna", false),
            ("postgres:///mamcrawler?host=/run/postgresql", false),
        ] {
            assert_eq!(find_password_fault(url).is_some(), is_refused, "{url}");
        }
        let [good, other] = [1, 2].map(|seed| STANDARD.encode(random_key(seed)));
        let url = ("DATABASE_URL", "postgres://anna:postgres@db/mamcrawler");
        check_refused(
            &[(ENCRYPTION, &good), (SIGNING, &other), url],
            &["DATABASE_URL has a default password"],
        );
    }
}
