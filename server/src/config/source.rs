//! Where a setting's value is looked for: its variable, the file that `<NAME>_FILE` names, the TOML file, the default.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use secrecy::SecretString;

use super::file::SettingsFile;
use super::settings::{CONFIG, PREFIX, find_setting, settings, to_key};

/// Read when it is there and no other is named.
pub const DEFAULT_FILE: &str = "/etc/mamcrawler/mamcrawler.toml";
/// compose.yaml reads it, and hands the whole `.env` in which it stands to the program.
const OF_COMPOSE: &str = "MAMCRAWLER_IMAGE";
/// Less alike than this is no slip of the finger.
const LEAST_LIKENESS: f64 = 0.6;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The TOML file.
    File(PathBuf),
    Environment,
    /// The file that `<NAME>_FILE` names.
    NamedFile,
}

/// A value and where it came from.
pub struct Found {
    pub text: String,
    pub origin: Origin,
}

/// Everything that settings are read from.
pub struct Source {
    variables: BTreeMap<String, String>,
    file: Option<SettingsFile>,
}

impl Source {
    /// Reads the TOML file that `MAMCRAWLER_CONFIG` names, else `default_file` when it is there. Unknown names are errors,
    /// as they are mostly typos.
    pub fn read(variables: BTreeMap<String, String>, default_file: Option<&Path>) -> Result<Self> {
        refuse_unknown(&variables)?;
        let mut source = Self { variables, file: None };
        let named = source.text(CONFIG)?;
        source.file = match (named, default_file) {
            (Some(path), _) => Some(SettingsFile::read(Path::new(&path))?),
            (None, Some(path)) if path.exists() => Some(SettingsFile::read(path)?),
            (None, _) => None,
        };
        Ok(source)
    }

    /// The TOML file that is read.
    pub fn file(&self) -> Option<&SettingsFile> {
        self.file.as_ref()
    }

    /// The value, unless it is the default. Empty counts as unset, but for a file of its own: one that is empty lost what it
    /// should hold.
    pub fn find(&self, name: &str) -> Result<Option<Found>> {
        let found = |text: String, origin| (!text.is_empty()).then_some(Found { text, origin });
        if let Some(text) = self.variables.get(name).filter(|text| !text.is_empty()) {
            return Ok(found(text.clone(), Origin::Environment));
        }
        let by_file = format!("{name}_FILE");
        // MAMCRAWLER_LOG_FILE names no file with a value of MAMCRAWLER_LOG: it is a setting of its own.
        let path = self
            .variables
            .get(&by_file)
            .filter(|path| !path.is_empty() && find_setting(&by_file).is_none());
        if let Some(path) = path {
            let text = std::fs::read_to_string(path).with_context(|| format!("{by_file} names {path}"))?;
            ensure!(
                !text.trim().is_empty(),
                "{by_file} names {path}, which is empty. Write the value into it, or leave {by_file} out"
            );
            return Ok(found(text.trim_end().to_owned(), Origin::NamedFile));
        }
        Ok(self.file.as_ref().and_then(|file| {
            let text = file.get(&to_key(name))?;
            found(text.to_owned(), Origin::File(file.path().to_path_buf()))
        }))
    }

    /// The value's text, unless it is the default.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        Ok(self.find(name)?.map(|found| found.text))
    }

    /// The value of one that is shown nowhere.
    pub fn secret(&self, name: &str) -> Result<Option<SecretString>> {
        debug_assert!(is_secret(name), "{name} is marked as a secret in the table");
        Ok(self.text(name)?.map(SecretString::from))
    }

    /// What stands between commas.
    pub fn list(&self, name: &str) -> Result<Vec<String>> {
        let text = self.text(name)?.unwrap_or_default();
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Ok(entries.map(str::to_owned).collect())
    }

    /// The value or the default.
    pub fn parsed<T: FromStr>(&self, name: &str) -> Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let setting = find_setting(name).expect("every setting is in the table");
        let text = self.text(name)?.unwrap_or_else(|| setting.default.to_owned());
        text.parse()
            .with_context(|| format!("{name} is \"{text}\", which is not a valid value"))
    }
}

impl Source {
    /// Refuses numbers with which nothing would work.
    pub fn check_numbers(&self) -> Result<()> {
        for setting in settings().filter(|setting| setting.least > 0) {
            let Some(text) = self.text(setting.name)? else { continue };
            // What is no number is told by who reads it.
            let is_enough = text.parse::<u64>().map_or(true, |number| number >= setting.least);
            ensure!(is_enough, "{} is {text}; the least is {}", setting.name, setting.least);
        }
        Ok(())
    }
}

fn is_secret(name: &str) -> bool {
    find_setting(name).is_some_and(|setting| setting.kind == super::settings::Kind::Secret)
}

fn refuse_unknown(variables: &BTreeMap<String, String>) -> Result<()> {
    let ours = |name: &&String| name.starts_with(PREFIX) && name.as_str() != OF_COMPOSE;
    for name in variables.keys().filter(ours) {
        let base = name.strip_suffix("_FILE").unwrap_or(name);
        if find_setting(base).is_none() && find_setting(name).is_none() {
            let names = settings().flat_map(|setting| [setting.name.to_owned(), format!("{}_FILE", setting.name)]);
            let nearest = suggest(name, names);
            bail!("{name} is not a setting of mamcrawler{nearest}; docs/CONFIGURATION.md lists what there is");
        }
    }
    Ok(())
}

/// The known name that is most like this one, as a question; empty when none is.
pub fn suggest(unknown: &str, known: impl Iterator<Item = String>) -> String {
    let bare = to_key(unknown);
    let measured = known.map(|name| (strsim::normalized_damerau_levenshtein(&bare, &to_key(&name)), name));
    let nearest = measured.max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest {
        Some((likeness, name)) if likeness >= LEAST_LIKENESS => format!(" (did you mean {name}?)"),
        _ => String::new(),
    }
}

#[cfg(test)]
impl Source {
    /// Variables alone.
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        let variables = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self::read(variables.collect(), None).expect("known names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Source> {
        let variables = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Source::read(variables.collect(), None)
    }

    #[test]
    fn a_typo_in_a_variable_is_named_with_what_was_meant() {
        for (typo, meant) in [
            ("MAMCRAWLER_LISTN", "(did you mean MAMCRAWLER_LISTEN?)"),
            ("MAMCRAWLER_RATES_PUBLIC", "(did you mean MAMCRAWLER_RATE_PUBLIC?)"),
            ("MAMCRAWLER_DATABASE_URL", "(did you mean DATABASE_URL?)"),
            (
                "MAMCRAWLER_SIGNIN_KEY_FILE",
                "(did you mean MAMCRAWLER_SIGNING_KEY_FILE?)",
            ),
            ("MAMCRAWLER_XYZZY", "MAMCRAWLER_XYZZY is not a setting of mamcrawler;"),
            ("MAMCRAWLER_IMAGES", "MAMCRAWLER_IMAGES is not a setting of mamcrawler"),
        ] {
            let error = read(&[(typo, "1")]).err().unwrap().to_string();
            assert!(error.contains(typo) && error.contains(meant), "{error}");
        }
        assert!(read(&[("HOME", "/root"), ("MAMCRAWLER_LISTEN_FILE", "/dev/null")]).is_ok());
        assert!(read(&[("MAMCRAWLER_IMAGE", "mamcrawler:1.2.0")]).is_ok());
    }

    #[test]
    fn a_value_is_taken_from_the_most_particular_place() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let toml = place("settings.toml", "log = \"toml\"\n");
        let named = place("named", "named\n");
        let config = (CONFIG, toml.as_str());
        // Its own setting beside: never taken for the file of a value.
        let log_file = ("MAMCRAWLER_LOG_FILE", "/nowhere/mamcrawler.log");
        let in_file = || Origin::File(PathBuf::from(&toml));
        for (pairs, expected) in [
            (vec![], None),
            (vec![config], Some(("toml", in_file()))),
            (vec![config, log_file], Some(("toml", in_file()))),
            (vec![config, ("MAMCRAWLER_LOG", "")], Some(("toml", in_file()))),
            (
                vec![config, ("MAMCRAWLER_LOG", "own")],
                Some(("own", Origin::Environment)),
            ),
        ] {
            let found = read(&pairs).unwrap().find("MAMCRAWLER_LOG").unwrap();
            let found = found.map(|found| (found.text, found.origin));
            let expected = expected.map(|(text, origin)| (text.to_owned(), origin));
            assert_eq!(found, expected, "{pairs:?}");
        }
        let by_file = ("MAMCRAWLER_LISTEN_FILE", named.as_str());
        let found = |pairs: &[(&str, &str)]| read(pairs).unwrap().find("MAMCRAWLER_LISTEN").unwrap().unwrap();
        assert_eq!(found(&[by_file]).text, "named");
        assert_eq!(found(&[by_file]).origin, Origin::NamedFile);
        assert_eq!(found(&[by_file, ("MAMCRAWLER_LISTEN", "own")]).text, "own");
    }

    #[test]
    fn the_file_of_the_system_is_read_when_it_is_there_and_no_other_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let [system, other] = ["system.toml", "other.toml"].map(|name| dir.path().join(name));
        let level = |pairs: &[(&str, &str)]| {
            let variables = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let source = Source::read(variables.collect(), Some(&system))?;
            source.text("MAMCRAWLER_LOG")
        };
        assert_eq!(level(&[]).unwrap(), None);
        std::fs::write(&system, "log = \"system\"").unwrap();
        std::fs::write(&other, "log = \"other\"").unwrap();
        assert_eq!(level(&[]).unwrap().as_deref(), Some("system"));
        assert_eq!(
            level(&[(CONFIG, other.to_str().unwrap())]).unwrap().as_deref(),
            Some("other")
        );
        let error = format!("{:#}", level(&[(CONFIG, "/nowhere/at.toml")]).err().unwrap());
        assert!(error.contains("/nowhere/at.toml"), "{error}");
    }
}
