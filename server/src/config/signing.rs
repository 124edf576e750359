//! The keys that sign tokens: the newest one, and those of before, which keep people signed in after a change.
//!
//! From the environment (`MAMCRAWLER_SIGNING_KEY`, `MAMCRAWLER_SIGNING_KEYS_OLD`), or from `keys/signing` in the data
//! directory: one key a line, the newest first, with the time when it was made. A key whose successor is old enough is
//! left out: no token that it made can still be good.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretBox};

use super::Config;
use super::keys::{decode_key, load_key, make_key, make_key_text, write_private};

/// A sign-in lasts 30 days unused and gets its tokens from the newest key at each use; a day more for clocks that differ.
const NEEDED_AFTER_ITS_SUCCESSOR: TimeDelta = TimeDelta::days(31);
const NAME: &str = "MAMCRAWLER_SIGNING_KEY";
const OLD: &str = "MAMCRAWLER_SIGNING_KEYS_OLD";

/// Never empty; the newest first.
pub type SigningKeys = Vec<SecretBox<[u8; 32]>>;

/// All signing keys that still matter. A missing key file is made.
pub fn load_signing_keys(config: &Config, folder: &Path, now: DateTime<Utc>) -> Result<SigningKeys> {
    let file = folder.join("signing");
    let mut keys = match &config.signing_key {
        Some(given) => vec![load_key(NAME, Some(given), &file)?],
        None => read_file(&file, now)?,
    };
    keys.extend(read_old_signing_keys(config)?);
    Ok(keys)
}

/// Those that were given to read what was signed before.
pub fn read_old_signing_keys(config: &Config) -> Result<SigningKeys> {
    let old = config.old_signing_keys.as_ref().map(ExposeSecret::expose_secret);
    let texts = old.unwrap_or_default().split([',', '\n']).map(str::trim);
    texts
        .filter(|text| !text.is_empty())
        .map(|text| {
            decode_key(text).with_context(|| format!("{OLD} must hold keys of 32 bytes in base64, with commas"))
        })
        .collect()
}

/// Puts a new key before those of the data directory. It counts from the next start of each process on.
pub fn rotate_signing_key(config: &Config, now: DateTime<Utc>) -> Result<()> {
    if config.signing_key.is_some() {
        bail!(
            "the signing key comes from the environment: set {NAME} to a new key, put the present one first in {OLD}, \
             and restart. After 31 days the old one can go"
        );
    }
    let file = config.data_dir.join("keys").join("signing");
    if !file.exists() {
        return make_key(&file);
    }
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    write_private(&file, put_before(&make_key_text(), &text, now)?.as_bytes())
}

fn read_file(file: &Path, now: DateTime<Utc>) -> Result<SigningKeys> {
    if !file.exists() {
        make_key(file)?;
    }
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let lines = read_lines(&text, now).with_context(|| format!("reading {}", file.display()))?;
    let decoded: Result<SigningKeys> = lines.iter().map(|line| decode_key(line.key)).collect();
    let keys =
        decoded.with_context(|| format!("each line of {} must start with 32 bytes in base64", file.display()))?;
    ensure!(
        !keys.is_empty(),
        "{} is empty; remove it to have a new key made",
        file.display()
    );
    Ok(keys)
}

/// A line of the key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line<'a> {
    key: &'a str,
    /// A key from before there were dates has none.
    made_at: Option<DateTime<Utc>>,
}

/// The lines that still matter, as they stand.
fn read_lines(text: &str, now: DateTime<Utc>) -> Result<Vec<Line<'_>>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for written in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (key, date) = written
            .split_once(' ')
            .map_or((written, None), |(key, date)| (key, Some(date)));
        let made_at = date
            .map(|date| DateTime::parse_from_rfc3339(date.trim()).map(|at| at.to_utc()))
            .transpose()
            .context("after a key stands the time when it was made, such as 2026-11-22T12:00:00Z")?;
        let successor = lines.last().and_then(|line| line.made_at);
        if successor.is_some_and(|at| now - at > NEEDED_AFTER_ITS_SUCCESSOR) {
            break;
        }
        lines.push(Line { key, made_at });
    }
    Ok(lines)
}

fn put_before(newest: &str, text: &str, now: DateTime<Utc>) -> Result<String> {
    let mut written = vec![Line {
        key: newest,
        made_at: Some(now),
    }];
    written.extend(read_lines(text, now)?);
    let lines = written.iter().map(|line| match line.made_at {
        Some(at) => format!("{} {}\n", line.key, at.to_rfc3339_opts(SecondsFormat::Secs, true)),
        None => format!("{}\n", line.key),
    });
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800, 0).unwrap() + TimeDelta::days(day)
    }

    fn key(byte: u8) -> String {
        STANDARD.encode([byte; 32])
    }

    fn keys_of(text: &str, day: i64) -> Vec<String> {
        read_lines(text, at(day))
            .unwrap()
            .iter()
            .map(|line| line.key.to_owned())
            .collect()
    }

    #[test]
    fn a_new_key_comes_first_and_the_old_ones_stay_until_they_cannot_matter() {
        let one = key(1);
        let two = put_before(&key(2), &one, at(0)).unwrap();
        assert_eq!(two, format!("{} 2026-11-22T12:00:00Z\n{}\n", key(2), key(1)));
        assert_eq!(keys_of(&two, 31), [key(2), key(1)]);
        assert_eq!(keys_of(&two, 32), [key(2)]);
        let three = put_before(&key(3), &two, at(10)).unwrap();
        assert_eq!(keys_of(&three, 31), [key(3), key(2), key(1)]);
        assert_eq!(keys_of(&three, 32), [key(3), key(2)]);
        assert_eq!(keys_of(&three, 42), [key(3)]);
        assert_eq!(put_before(&key(4), &three, at(60)).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_line_with_a_broken_date_is_refused() {
        assert!(read_lines(&format!("{} yesterday", key(1)), at(0)).is_err());
    }

    #[test]
    fn keys_come_from_the_environment_or_the_file_and_a_rotation_keeps_the_old_one() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("keys");
        let config = |pairs: &[(&str, &str)]| {
            let mut variables: std::collections::BTreeMap<String, String> = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            variables.insert("MAMCRAWLER_DATA_DIR".into(), data.path().to_str().unwrap().into());
            Config::read(variables, None, false).unwrap()
        };
        let load = |config: &Config| -> Vec<[u8; 32]> {
            let keys = load_signing_keys(config, &folder, at(0)).unwrap();
            keys.iter().map(|key| *key.expose_secret()).collect()
        };
        let of_file = config(&[]);
        let first = load(&of_file);
        assert_eq!((first.len(), load(&of_file) == first), (1, true));
        rotate_signing_key(&of_file, at(0)).unwrap();
        let second = load(&of_file);
        assert_eq!((second.len(), second[1], second[0] != first[0]), (2, first[0], true));

        let old = format!("{}, {}", key(2), key(3));
        let given = config(&[(NAME, &key(1)), (OLD, &old)]);
        assert_eq!(load(&given), [[1; 32], [2; 32], [3; 32]]);
        assert!(rotate_signing_key(&given, at(0)).unwrap_err().to_string().contains(OLD));
    }
}
