//! The TOML file with settings: `listen = "0.0.0.0:3000"`. It holds nothing that the table does not know.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use toml::Value;

use super::settings::{CONFIG, Kind, Setting, settings};
use super::source::suggest;

/// Its values, as a variable would hold them.
pub struct SettingsFile {
    path: PathBuf,
    values: BTreeMap<String, String>,
    has_secret: bool,
}

impl SettingsFile {
    /// Reads it; an unknown key and a value of another kind are errors that name the key.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("the settings file {shown} can't be read"))?;
        let table: toml::Table = toml::from_str(&text).map_err(|error| describe_fault(path, &text, &error))?;
        let mut file = Self {
            path: path.to_path_buf(),
            values: BTreeMap::new(),
            has_secret: false,
        };
        for (key, value) in &table {
            let setting = find_by_key(key).with_context(|| format!("the settings file {shown} does not hold"))?;
            file.has_secret |= setting.kind == Kind::Secret;
            let value =
                read_value(setting, value).with_context(|| format!("the settings file {shown} does not hold"))?;
            file.values.insert(key.clone(), value);
        }
        Ok(file)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Refuses secrets in a file that everybody on the machine may read. A group may: services are often given one.
    pub fn refuse_open_secrets(&self) -> Result<()> {
        let shown = self.path.display();
        let facts = std::fs::metadata(&self.path).with_context(|| format!("looking at {shown}"))?;
        let mode = facts.permissions().mode() & 0o777;
        ensure!(
            !self.has_secret || mode & 0o007 == 0,
            "{shown} holds a secret and has the mode {mode:o}, so everybody may read it. Run: chmod o= {shown}"
        );
        Ok(())
    }
}

/// The line and what is wrong with it, without its text: it may hold a secret.
fn describe_fault(path: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    anyhow!(
        "the settings file {} is not TOML, at line {line}: {}",
        path.display(),
        error.message()
    )
}

fn find_by_key(key: &str) -> Result<&'static Setting> {
    let mut known = settings().filter(|setting| setting.name != CONFIG);
    if let Some(setting) = known.find(|setting| setting.key() == key) {
        return Ok(setting);
    }
    let keys = settings().filter(|setting| setting.name != CONFIG).map(Setting::key);
    let nearest = suggest(key, keys);
    bail!("\"{key}\" is not a setting of mamcrawler{nearest}; docs/CONFIGURATION.md lists what there is")
}

fn read_value(setting: &Setting, value: &Value) -> Result<String> {
    let read = match (setting.kind, value) {
        (Kind::Text | Kind::Secret, Value::String(text)) => Some(text.clone()),
        (Kind::Number, Value::Integer(number)) if *number >= 0 => Some(number.to_string()),
        (Kind::Switch, Value::Boolean(is_on)) => Some(is_on.to_string()),
        (Kind::List, Value::Array(entries)) => {
            let texts: Option<Vec<&str>> = entries.iter().map(Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    };
    read.with_context(|| format!("\"{}\" must be {}", setting.key(), setting.kind.in_toml()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SettingsFile> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        SettingsFile::read(file.path())
    }

    #[test]
    fn each_kind_of_value_is_read_as_a_variable_would_hold_it() {
        let file = read(
            "listen = \"0.0.0.0:80\"\nworker_slots = 3\nsecure_cookies = true\n\
             allowed_hosts = [\"books.example\", \"shelf.example\"]\nrate_public = \"5/min\"\n\
             database_url = \"postgres:///books\"\n",
        )
        .unwrap();
        for (key, value) in [
            ("listen", "0.0.0.0:80"),
            ("worker_slots", "3"),
            ("secure_cookies", "true"),
            ("allowed_hosts", "books.example,shelf.example"),
            ("rate_public", "5/min"),
            ("database_url", "postgres:///books"),
        ] {
            assert_eq!(file.get(key), Some(value));
        }
        assert_eq!(file.get("log"), None);
    }

    #[test]
    fn what_does_not_hold_names_the_key_and_what_it_should_be() {
        for (text, words) in [
            (
                "listn = \"x\"",
                "\"listn\" is not a setting of mamcrawler (did you mean listen?)",
            ),
            ("MAMCRAWLER_LISTEN = \"x\"", "(did you mean listen?)"),
            ("rate_publik = \"1/min\"", "(did you mean rate_public?)"),
            ("config = \"other.toml\"", "\"config\" is not a setting"),
            ("[rate]\npublic = \"1/min\"", "\"rate\" is not a setting"),
            ("listen = 3000", "\"listen\" must be text in quotes"),
            ("worker_slots = \"3\"", "\"worker_slots\" must be a whole number"),
            ("worker_slots = -3", "\"worker_slots\" must be a whole number"),
            ("worker_slots = 2.5", "\"worker_slots\" must be a whole number"),
            ("secure_cookies = \"yes\"", "\"secure_cookies\" must be true or false"),
            ("allowed_hosts = \"books.example\"", "\"allowed_hosts\" must be a list"),
            ("allowed_hosts = [1]", "\"allowed_hosts\" must be a list"),
            ("signing_key = [1]", "\"signing_key\" must be text"),
            ("listen = \"a\"\nlog = \"b\"\nlog = \"c\"", "at line 3"),
        ] {
            let error = format!("{:#}", read(text).err().unwrap());
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn a_broken_line_with_a_secret_is_not_shown() {
        let error = format!("{:#}", read("log = \"info\"\nsigning_key = \"planted\n").err().unwrap());
        assert!(error.contains("at line 2") && !error.contains("planted"), "{error}");
    }

    #[test]
    fn a_secret_that_everybody_may_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let check = |text: &str, mode: u32| {
            std::fs::write(file.path(), text).unwrap();
            std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).unwrap();
            SettingsFile::read(file.path()).unwrap().refuse_open_secrets().is_ok()
        };
        assert!(!check("signing_key = \"planted\"", 0o644));
        assert!(check("signing_key = \"planted\"", 0o640));
        assert!(check("log = \"info\"", 0o644));
    }
}
