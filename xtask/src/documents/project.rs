//! What there is in the project for documents to name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::sentences::read_sentences;

/// Everything that a name in a document is looked up in.
#[derive(Default)]
pub struct Project {
    /// Files of the checkout, from the root.
    pub files: BTreeSet<String>,
    /// Commands of `mamcrawler`, each with its options.
    pub commands: BTreeMap<String, BTreeSet<String>>,
    pub settings: BTreeSet<String>,
    pub alerts: BTreeSet<String>,
    pub make_targets: BTreeSet<String>,
    pub xtask_commands: BTreeSet<String>,
    /// Texts of the programs, with `…` in place of what they fill in.
    pub sentences: Vec<String>,
}

impl Project {
    pub fn read(root: &Path) -> Result<Self> {
        let files = list_files(root)?;
        let read = |path: &str| fs::read_to_string(root.join(path)).with_context(|| path.to_owned());
        let mut project = Self {
            commands: read_commands(&read("server/src/main.rs")?),
            make_targets: read_make_targets(&read("Makefile")?),
            xtask_commands: read_xtask_commands(&read("xtask/src/main.rs")?),
            ..Self::default()
        };
        for path in &files {
            if path.starts_with("server/src/config/") {
                project.settings.extend(read_settings(&read(path)?));
            } else if path.starts_with("ops/prometheus/") && path.ends_with(".rules.yml") {
                project.alerts.extend(read_alerts(&read(path)?));
            }
            if is_of_a_program(path) {
                project.sentences.extend(read_sentences(&read(path)?));
            }
        }
        project.files = files;
        for (what, count) in [
            ("command", project.commands.len()),
            ("setting", project.settings.len()),
            ("alert", project.alerts.len()),
            ("make target", project.make_targets.len()),
            ("xtask command", project.xtask_commands.len()),
            ("sentence", project.sentences.len()),
        ] {
            ensure!(
                count > 0,
                "no {what} was found; the place where this gate looks has changed"
            );
        }
        Ok(project)
    }

    /// Whether a file or a folder of this path, from the root, is there.
    pub fn has_path(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains(path) || self.files.iter().any(|file| file.starts_with(&folder)) || folder == "./"
    }
}

/// What is committed, or about to be.
fn list_files(root: &Path) -> Result<BTreeSet<String>> {
    let output = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .output()?;
    ensure!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let listed = String::from_utf8(output.stdout)?;
    let there = listed
        .split('\0')
        .filter(|path| !path.is_empty() && root.join(path).exists());
    Ok(there.map(str::to_owned).collect())
}

/// Where sentences that people see are written.
fn is_of_a_program(path: &str) -> bool {
    let is_source = path.ends_with(".rs") && path.contains("src/") && !path.ends_with("tests.rs");
    let is_ours = ["crates/", "server/", "app/"].iter().any(|top| path.starts_with(top));
    (is_source && is_ours && !path.starts_with("crates/testing/")) || path == "ops/container/entrypoint.sh"
}

/// The variants of `enum Command` as clap names them; fields with `#[arg(long)]` are options.
pub fn read_commands(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut commands: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let body = source.split_once("enum Command {").map_or("", |(_, after)| after);
    let mut last = String::new();
    let mut is_option = false;
    for line in body.lines().take_while(|line| *line != "}") {
        let word = |text: &str| text.split(|letter: char| !is_name(letter)).next().map(str::to_owned);
        if let Some(variant) = line
            .strip_prefix("    ")
            .filter(|rest| rest.starts_with(char::is_uppercase))
        {
            last = to_kebab(&word(variant).unwrap_or_default());
            commands.entry(last.clone()).or_default();
        } else if line.trim().starts_with("#[arg(long") {
            is_option = true;
        } else if let Some(field) = line
            .strip_prefix("        ")
            .filter(|rest| rest.starts_with(char::is_lowercase))
        {
            let name = word(field).unwrap_or_default().replace('_', "-");
            if std::mem::take(&mut is_option) {
                commands.entry(last.clone()).or_default().insert(name);
            }
        }
    }
    commands
}

fn to_kebab(variant: &str) -> String {
    let mut name = String::new();
    for letter in variant.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Names that stand alone in quotation marks; those of tests may be wrong on purpose.
fn read_settings(source: &str) -> Vec<String> {
    let product = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let words = product.split('"').filter(|word| word.starts_with("MAMCRAWLER_"));
    words
        .filter(|word| word.chars().all(is_name) && !word.ends_with('_'))
        .map(str::to_owned)
        .collect()
}

fn read_alerts(rules: &str) -> Vec<String> {
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    names.map(|name| name.trim().to_owned()).collect()
}

fn read_make_targets(makefile: &str) -> BTreeSet<String> {
    let targets = makefile.lines().filter_map(|line| line.split_once(':'));
    let names = targets.map(|(name, _)| name).filter(|name| {
        !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '-' || letter == '_')
    });
    names.map(str::to_owned).collect()
}

/// The arms of xtask's `match`.
fn read_xtask_commands(source: &str) -> BTreeSet<String> {
    let arms = source.lines().filter_map(|line| line.trim().strip_prefix("[\""));
    arms.filter_map(|arm| arm.split('"').next())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_named_as_clap_names_them() {
        let source = "enum Command {\n    /// Doc.\n    Serve,\n    RotateKey {\n        #[arg(long)]\n        forget_unreadable: bool,\n        file: PathBuf,\n    },\n}\n";
        let commands = read_commands(source);
        assert_eq!(commands.keys().collect::<Vec<_>>(), ["rotate-key", "serve"]);
        assert_eq!(commands["rotate-key"], ["forget-unreadable".to_owned()].into());
    }

    #[test]
    fn settings_of_tests_are_none() {
        let source = "(\"MAMCRAWLER_LISTEN\", \"\")\n#[cfg(test)]\nmod tests {\n\"MAMCRAWLER_LISTN\"";
        assert_eq!(read_settings(source), ["MAMCRAWLER_LISTEN"]);
    }
}
