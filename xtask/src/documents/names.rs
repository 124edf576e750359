//! Names in documents: paths, commands, settings, alerts, targets of `make`.

use super::is_alert;
use super::page::{Code, Page};
use super::project::Project;

/// What only text files of a checkout end in; a bare name with it is one of ours.
const ENDINGS: &[&str] = &[".rs", ".md", ".sh", ".sql", ".yaml", ".yml", ".mjs", ".ts", ".css"];
/// After these, `mamcrawler` is a service or a user, not the program.
const NOT_THE_PROGRAM: &[&str] = &[
    "exec", "up", "stop", "start", "restart", "status", "logs", "enable", "disable", "build", "pull", "-u", "-d", "-f",
    "-U", "-O", "-h", "--now", "user",
];

/// Everything that a page names and that is not there.
pub fn find_unknown_names(page: &Page, project: &Project) -> Vec<String> {
    let mut findings = Vec::new();
    for code in &page.code {
        findings.extend(find_unknown_paths(code, project));
        findings.extend(find_unknown_commands(&code.text, project));
    }
    for word in page
        .text
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
    {
        if word.starts_with("MAMCRAWLER_") && !is_setting(word, project) {
            findings.push(format!("{word} is no setting"));
        } else if is_alert(word) && !project.alerts.contains(word) {
            findings.push(format!("{word} is no alert"));
        }
    }
    let mut findings: Vec<String> = findings
        .into_iter()
        .map(|finding| format!("{}: {finding}", page.path))
        .collect();
    findings.dedup();
    findings
}

/// `MAMCRAWLER_RATE_` of `MAMCRAWLER_RATE_…` is the start of some.
fn is_setting(word: &str, project: &Project) -> bool {
    let base = word.strip_suffix("_FILE").unwrap_or(word);
    let is_known = project.settings.contains(word) || project.settings.contains(base);
    let is_start = word.ends_with('_') && project.settings.iter().any(|name| name.starts_with(word));
    is_known || is_start
}

fn find_unknown_paths(code: &Code, project: &Project) -> Vec<String> {
    let mut findings = Vec::new();
    for word in code.text.split_whitespace() {
        let word = word.trim_matches(|letter| matches!(letter, ',' | ';' | '"' | '\'' | '(' | ')' | '.'));
        let path = word.split('#').next().unwrap_or_default();
        let is_plain = !path.is_empty()
            && path
                .chars()
                .all(|letter| letter.is_alphanumeric() || "/._-".contains(letter));
        if !is_plain || path.starts_with('/') {
            continue;
        }
        let is_alone = code.is_span && !code.text.contains(' ');
        let is_from_root = path
            .split_once('/')
            .is_some_and(|(top, rest)| !rest.is_empty() && is_folder(top, project));
        let is_named = is_alone && ENDINGS.iter().any(|ending| path.ends_with(ending) && path != *ending);
        let ending = format!("/{path}");
        let is_there = project.has_path(path) || (is_named && project.files.iter().any(|file| file.ends_with(&ending)));
        if (is_from_root || is_named) && !is_there {
            findings.push(format!("there is no file {path}"));
        }
    }
    findings
}

fn is_folder(top: &str, project: &Project) -> bool {
    let start = format!("{top}/");
    project.files.iter().any(|file| file.starts_with(&start))
}

fn find_unknown_commands(text: &str, project: &Project) -> Vec<String> {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_end_matches([',', ';', ')']))
        .collect();
    let mut findings = Vec::new();
    for (place, pair) in words.windows(2).enumerate() {
        let before = place.checked_sub(1).map_or("", |place| words[place]);
        let (program, next) = (pair[0], pair[1]);
        let is_word = next.starts_with(|letter: char| letter.is_ascii_lowercase())
            && next
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '-' || letter == '_');
        if !is_word {
            continue;
        }
        let is_ours = program == "mamcrawler" || program.ends_with("bin/mamcrawler") || program == "/mamcrawler";
        if is_ours && next != "mamcrawler" && !NOT_THE_PROGRAM.contains(&before) {
            findings.extend(find_unknown_command(next, &words[place + 2..], project));
        } else if program == "make" && !project.make_targets.contains(next) {
            findings.push(format!("there is no `make {next}`"));
        } else if program == "xtask" && !project.xtask_commands.contains(next) {
            findings.push(format!("there is no `cargo xtask {next}`"));
        }
    }
    findings
}

fn find_unknown_command(name: &str, rest: &[&str], project: &Project) -> Vec<String> {
    let Some(options) = project.commands.get(name) else {
        return vec![format!("there is no `mamcrawler {name}`")];
    };
    let own = rest.iter().take_while(|word| !["|", "&&", ">", "||"].contains(word));
    let given = own.filter_map(|word| word.strip_prefix("--"));
    let unknown = given.map(|option| option.split('=').next().unwrap_or_default());
    let unknown = unknown.filter(|option| !options.contains(*option) && *option != "help");
    unknown
        .map(|option| format!("`mamcrawler {name}` has no --{option}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> Project {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Project {
            files: texts(&["Makefile", "compose.yaml", "ops/up.sh", "server/src/web/router.rs"]),
            commands: [("backup".to_owned(), texts(&["to"])), ("doctor".to_owned(), texts(&[]))].into(),
            settings: texts(&["MAMCRAWLER_LISTEN", "MAMCRAWLER_RATE_PAGE"]),
            alerts: texts(&["MamcrawlerDown"]),
            make_targets: texts(&["up"]),
            xtask_commands: texts(&["gates"]),
            sentences: Vec::new(),
        }
    }

    fn check(text: &str, expected: &[&str]) {
        let findings = find_unknown_names(&Page::read("X.md", text), &project());
        let expected: Vec<String> = expected.iter().map(|finding| format!("X.md: {finding}")).collect();
        assert_eq!(findings, expected, "{text}");
    }

    #[test]
    fn a_path_that_is_not_there_is_found() {
        check(
            "`ops/up.sh` `web/router.rs` `server/src` `compose.yaml` `crates/x/<noun>.rs` `/etc/x.sh` `keys/old`",
            &[],
        );
        check("`ops/gone.sh`", &["there is no file ops/gone.sh"]);
        check("`gone.rs`", &["there is no file gone.rs"]);
        check("```sh\nops/gone.sh --all\n```", &["there is no file ops/gone.sh"]);
    }

    #[test]
    fn a_command_that_is_not_there_is_found() {
        check(
            "`docker compose exec mamcrawler mamcrawler doctor` `docker compose logs mamcrawler`",
            &[],
        );
        check("`mamcrawler backup --to DIR`", &[]);
        check("`mamcrawler heal`", &["there is no `mamcrawler heal`"]);
        check(
            "```sh\nmamcrawler backup --into DIR\n```",
            &["`mamcrawler backup` has no --into"],
        );
        check("`make up` `make down`", &["there is no `make down`"]);
        check("`cargo xtask gate`", &["there is no `cargo xtask gate`"]);
    }

    #[test]
    fn a_setting_or_an_alert_that_is_not_there_is_found() {
        check("`MAMCRAWLER_LISTEN_FILE`, `MAMCRAWLER_RATE_…`, MamcrawlerDown", &[]);
        check("`MAMCRAWLER_LISTN`", &["MAMCRAWLER_LISTN is no setting"]);
        check("See MamcrawlerGone.", &["MamcrawlerGone is no alert"]);
    }
}
