//! Settings as people read them: what counts now, and the page that lists them all.

use std::fmt::Write;

use anyhow::Result;

use super::settings::{Kind, SECTIONS, Setting, settings};
use super::source::{DEFAULT_FILE, Origin, Source};
use super::{Config, check_secrets};

const HEAD: &str = "# Configuration

This page is printed by `mamcrawler config --reference`; a test holds it to the program.

A setting's value is, in this order, the first that there is:

1. the environment variable of its name;
2. the content of the file that `<NAME>_FILE` names, as Docker and systemd hand over secrets;
3. its key in the TOML file: the one that `MAMCRAWLER_CONFIG` names, else `";

const TAIL: &str = "` when it exists;
4. its default.

Empty counts as unset, but a file of `<NAME>_FILE` must not be empty. A name that is unknown stops the start, as does a value of
another kind or a number that is too small; each is named, a wrong name with what was probably meant. A change counts from the next start. `mamcrawler config` prints what counts and where it came from, with secrets
masked, and fails when the start would.

```toml
listen = \"0.0.0.0:3000\"
worker_slots = 4
secure_cookies = true
allowed_hosts = [\"books.example\"]
rate_public = \"10/min\"
```

A secret in the TOML file counts in production only where the file is closed to others (`chmod o=`). Services, naming and limits of
the library are no settings of the process: they are set in the web app, or once by `MAMCRAWLER_PROVISION`.
";

/// docs/CONFIGURATION.md.
pub fn render_reference() -> String {
    let mut page = format!("{HEAD}{DEFAULT_FILE}{TAIL}");
    for section in SECTIONS {
        let title = section.title;
        page +=
            &format!("\n## {title}\n\n| Setting | In the file | Kind | Default | Meaning |\n|---|---|---|---|---|\n");
        for setting in section.settings {
            let (name, kind, meaning) = (setting.name, shown_kind(setting), setting.meaning);
            let (key, default) = (shown_key(setting), shown_default(setting));
            writeln!(page, "| `{name}` | {key} | {kind} | {default} | {meaning} |").expect("memory takes any text");
        }
    }
    page
}

fn shown_kind(setting: &Setting) -> String {
    match setting.least {
        0 => setting.kind.as_str().to_owned(),
        least => format!("{} from {least}", setting.kind.as_str()),
    }
}

fn shown_key(setting: &Setting) -> String {
    match setting.name {
        super::settings::CONFIG => String::new(),
        _ => format!("`{}`", setting.key()),
    }
}

fn shown_default(setting: &Setting) -> String {
    match setting.default {
        "" => String::new(),
        default => format!("`{default}`"),
    }
}

/// Every setting with its value and where that came from, a line each. An error is why the start would fail.
pub fn describe_settings(source: &Source, config: &Config) -> Result<String> {
    check_secrets(config)?;
    let mut lines = String::new();
    for setting in settings() {
        let (value, origin) = match source.find(setting.name)? {
            Some(found) => (show_value(setting, &found.text), name_origin(setting, &found.origin)),
            None => (show_default(setting, config), "default".to_owned()),
        };
        writeln!(lines, "{} = {value}  ({origin})", setting.name)?;
    }
    Ok(lines)
}

fn show_value(setting: &Setting, text: &str) -> String {
    match setting.kind {
        Kind::Secret => "***".to_owned(),
        Kind::Text | Kind::Number | Kind::Switch | Kind::List => text.to_owned(),
    }
}

fn show_default(setting: &Setting, config: &Config) -> String {
    match setting.name {
        "MAMCRAWLER_DATA_DIR" => config.data_dir.display().to_string(),
        "MAMCRAWLER_BACKUP_DIR" => config.backup_dir.display().to_string(),
        _ if setting.default.is_empty() => "unset".to_owned(),
        _ => setting.default.to_owned(),
    }
}

fn name_origin(setting: &Setting, origin: &Origin) -> String {
    match origin {
        Origin::File(path) => path.display().to_string(),
        Origin::NamedFile => format!("{}_FILE", setting.name),
        Origin::Environment => "environment".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read_document(path: &str) -> String {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
    }

    #[test]
    fn the_reference_page_is_what_the_program_prints() {
        let is_same = read_document("docs/CONFIGURATION.md") == render_reference();
        assert!(is_same, "run: mamcrawler config --reference > docs/CONFIGURATION.md");
    }

    #[test]
    fn the_readme_shows_the_ten_most_needed_settings() {
        let readme = read_document("README.md");
        let shown: Vec<&str> = readme
            .lines()
            .filter(|line| line.starts_with("| `MAMCRAWLER_") || line.starts_with("| `DATABASE_URL`"))
            .collect();
        let row = |setting: &Setting| {
            format!(
                "| `{}` | {} | {} |",
                setting.name,
                shown_default(setting),
                setting.meaning
            )
        };
        let expected: Vec<String> = settings().filter(|setting| setting.is_basic).map(row).collect();
        assert_eq!(shown, expected);
        assert_eq!(expected.len(), 10);
        assert!(readme.contains("(docs/CONFIGURATION.md)"));
    }

    #[test]
    fn what_counts_is_shown_with_where_it_came_from_and_secrets_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let [toml, key] = ["settings.toml", "key"].map(|name| dir.path().join(name));
        std::fs::write(
            &toml,
            "worker_slots = 3\nbackup_key = \"planted/1/+/in+base64/of+32+bytes0000000000=\"\nlog = \"warn\"\n",
        )
        .unwrap();
        std::fs::write(&key, "planted/2/+/in+base64/of+32+bytes0000000000=\n").unwrap();
        let [toml, key] = [toml, key].map(|path| path.to_str().unwrap().to_owned());
        let mut source = vec![
            ("MAMCRAWLER_CONFIG", toml.as_str()),
            ("MAMCRAWLER_LOG", "debug"),
            ("MAMCRAWLER_SIGNING_KEY_FILE", key.as_str()),
            ("DATABASE_URL", "postgres://planted-3@db/books"),
            ("MAMCRAWLER_DATA_DIR", "/srv/data"),
        ];
        for secret in settings().filter(|setting| setting.kind == Kind::Secret) {
            let is_set = source.iter().any(|(name, _)| name.starts_with(secret.name));
            if !is_set && secret.name != "MAMCRAWLER_BACKUP_KEY" {
                source.push((secret.name, "planted/and/+/in+base64/of+32+bytes00000000="));
            }
        }
        let source = Source::of(&source);
        let config = Config::from_source(&source, None, false).unwrap();
        let text = describe_settings(&source, &config).unwrap();
        for line in [
            "MAMCRAWLER_LISTEN = 127.0.0.1:3000  (default)",
            &format!("MAMCRAWLER_WORKER_SLOTS = 3  ({toml})"),
            &format!("MAMCRAWLER_BACKUP_KEY = ***  ({toml})"),
            "MAMCRAWLER_LOG = debug  (environment)",
            "MAMCRAWLER_LOG_FILE = unset  (default)",
            "MAMCRAWLER_SIGNING_KEY = ***  (MAMCRAWLER_SIGNING_KEY_FILE)",
            "DATABASE_URL = ***  (environment)",
            "MAMCRAWLER_BACKUP_DIR = /srv/data/backups  (default)",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n---\n{text}");
        }
        assert_eq!(text.lines().count(), settings().count());
        assert!(!text.contains("planted"), "{text}");
        assert!(!format!("{config:?}").contains("planted"), "{config:?}");
    }
}
