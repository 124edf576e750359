//! A gate on new migrations: processes of the version before must be able to work on the schema after them.
//!
//! During an update, and until it is rolled back or finished, servers and workers of two versions share one database
//! (docs/DEVELOPMENT.md, "Expand, then contract"). A statement that takes away what the version before uses is refused,
//! unless the line before it says `-- contract:` and since which version nothing uses it.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

/// The newest migration from before this rule.
const BEFORE: &str = "2026-11-22-000019";
const MARK: &str = "-- contract:";

/// What takes something away, by words that stand in a row; `*` is one word whatever it is.
const DESTRUCTIVE: &[(&[&str], &str)] = &[
    (&["DROP", "TABLE"], "the version before may read it"),
    (&["DROP", "SCHEMA"], "the version before may read it"),
    (&["DROP", "VIEW"], "the version before may read it"),
    (&["DROP", "TYPE"], "the version before may use it"),
    (&["DROP", "FUNCTION"], "the version before may call it"),
    (&["DROP", "COLUMN"], "the version before reads it"),
    (&["RENAME", "TO"], "the version before knows the old name"),
    (&["RENAME", "*", "TO"], "the version before knows the old name"),
    (&["RENAME", "COLUMN"], "the version before knows the old name"),
    (&["RENAME", "CONSTRAINT"], "the version before knows the old name"),
    (&["SET", "NOT", "NULL"], "the version before may write NULL"),
    (&["SET", "DATA", "TYPE"], "the version before reads the old type"),
    (
        &["ALTER", "COLUMN", "*", "TYPE"],
        "the version before reads the old type",
    ),
    (&["DROP", "DEFAULT"], "the version before may leave it to the default"),
    (&["ADD", "CONSTRAINT"], "the version before may write what it refuses"),
    (&["ADD", "CHECK"], "the version before may write what it refuses"),
    (&["ADD", "UNIQUE"], "the version before may write what it refuses"),
];

/// Every destructive statement of new migrations that says no reason.
pub fn find_destructive_migrations(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut looked_at = 0;
    let mut folders: Vec<_> = fs::read_dir(root.join("migrations"))?.collect::<std::io::Result<_>>()?;
    folders.sort_by_key(fs::DirEntry::file_name);
    for folder in folders {
        let name = folder.file_name().to_string_lossy().into_owned();
        if name.as_str() > BEFORE && !name.starts_with(BEFORE) {
            looked_at += 1;
            let sql = fs::read_to_string(folder.path().join("up.sql"))?;
            let found = check_migration(&sql);
            findings.extend(
                found
                    .into_iter()
                    .map(|finding| format!("migrations/{name}/up.sql: {finding}")),
            );
        }
    }
    ensure!(looked_at > 0, "migrations holds none that is newer than {BEFORE}");
    Ok(findings)
}

fn check_migration(sql: &str) -> Vec<String> {
    let statements = split_statements(sql);
    // What this migration makes, nobody uses yet.
    let made: Vec<String> = statements
        .iter()
        .filter_map(|statement| made_table(&statement.words))
        .collect();
    let mut findings = Vec::new();
    for statement in &statements {
        let is_own = altered_table(&statement.words).is_some_and(|table| made.contains(&table));
        if statement.has_reason || is_own {
            continue;
        }
        for fault in find_faults(&statement.words) {
            let start = statement.words.iter().take(6).cloned().collect::<Vec<_>>().join(" ");
            findings.push(format!(
                "\"{start} …\": {fault}; say why it may with \"{MARK} …\" on the line before"
            ));
        }
    }
    findings
}

fn find_faults(words: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    for (pattern, why) in DESTRUCTIVE {
        let fits = |row: &[String]| {
            row.iter()
                .zip(*pattern)
                .all(|(word, wanted)| *wanted == "*" || word == wanted)
        };
        if words.windows(pattern.len()).any(fits) {
            faults.push(format!("{}: {why}", pattern.join(" ")));
        }
    }
    let changes_all = match words.first().map(String::as_str) {
        Some("TRUNCATE") => true,
        Some("DELETE" | "UPDATE") => !words.iter().any(|word| word == "WHERE"),
        _ => false,
    };
    if changes_all {
        faults.push("every row is changed or lost at once".to_owned());
    }
    // ADD [COLUMN] [IF NOT EXISTS] name type … NOT NULL without a default.
    if words.first().is_some_and(|word| word == "ALTER") {
        for clause in words.split(|word| word == ",") {
            let adds = clause.iter().position(|word| word == "ADD");
            let has = |row: &[&str]| {
                clause
                    .windows(row.len())
                    .any(|found| found.iter().zip(row).all(|(a, b)| a == b))
            };
            if adds.is_some() && has(&["NOT", "NULL"]) && !has(&["DEFAULT"]) && !has(&["GENERATED"]) {
                faults.push("ADD … NOT NULL without DEFAULT: the version before does not write it".to_owned());
            }
        }
    }
    faults
}

fn made_table(words: &[String]) -> Option<String> {
    let place = words
        .windows(2)
        .position(|pair| pair[0] == "CREATE" && pair[1] == "TABLE")?;
    let name = words[place + 2..]
        .iter()
        .find(|word| !["IF", "NOT", "EXISTS"].contains(&word.as_str()))?;
    Some(name.clone())
}

fn altered_table(words: &[String]) -> Option<String> {
    let [alter, table, rest @ ..] = words else { return None };
    let name = rest
        .iter()
        .find(|word| !["IF", "EXISTS", "ONLY"].contains(&word.as_str()))?;
    (alter == "ALTER" && table == "TABLE").then(|| name.clone())
}

struct Statement {
    /// In capitals; texts and bodies of functions are left out.
    words: Vec<String>,
    /// A comment before or in it says that it may.
    has_reason: bool,
}

/// Takes SQL apart as far as needed: comments, quoted texts and $$ bodies don't count as statements.
fn split_statements(sql: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut words = Vec::new();
    let mut has_reason = false;
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        if let Some(body) = rest.strip_prefix("--") {
            let (line, after) = body.split_once('\n').unwrap_or((body, ""));
            has_reason |= format!("--{line}").starts_with(MARK) && line.len() > MARK.len();
            rest = after;
        } else if let Some(body) = rest.strip_prefix("/*") {
            rest = body.split_once("*/").map_or("", |(_, after)| after);
        } else if let Some(body) = rest.strip_prefix("$$") {
            rest = body.split_once("$$").map_or("", |(_, after)| after);
        } else if let Some(body) = rest.strip_prefix('\'') {
            rest = body.split_once('\'').map_or("", |(_, after)| after);
        } else if first == ';' {
            statements.push(Statement {
                words: std::mem::take(&mut words),
                has_reason: std::mem::take(&mut has_reason),
            });
            rest = &rest[1..];
        } else if is_word(first) {
            let end = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
            words.push(rest[..end].to_uppercase());
            rest = &rest[end..];
        } else {
            if first == ',' {
                words.push(",".to_owned());
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    statements.push(Statement { words, has_reason });
    statements.retain(|statement| !statement.words.is_empty());
    statements
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '"' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &[&str]) {
        let findings = check_migration(sql);
        assert_eq!(findings.len(), expected.len(), "{sql}: {findings:?}");
        for (finding, words) in findings.iter().zip(expected) {
            assert!(finding.contains(words), "{finding}");
        }
    }

    #[test]
    fn what_takes_something_away_is_refused() {
        check("DROP TABLE wants;", &["DROP TABLE"]);
        check("alter table wants drop column reason", &["DROP COLUMN"]);
        check("ALTER TABLE wants RENAME TO wishes;", &["RENAME TO"]);
        check("ALTER TABLE wants RENAME COLUMN reason TO cause;", &["RENAME COLUMN"]);
        check("ALTER TABLE wants RENAME reason TO cause;", &["RENAME * TO"]);
        check("ALTER TABLE wants ALTER COLUMN reason SET NOT NULL;", &["SET NOT NULL"]);
        check("ALTER TABLE wants ALTER COLUMN reason TYPE INTEGER;", &["TYPE"]);
        check(
            "ALTER TABLE wants ADD COLUMN cause TEXT NOT NULL;",
            &["without DEFAULT"],
        );
        check(
            "ALTER TABLE wants ADD COLUMN a TEXT NOT NULL DEFAULT '', ADD b TEXT NOT NULL;",
            &["without DEFAULT"],
        );
        check(
            "ALTER TABLE wants ADD CONSTRAINT positive CHECK (n > 0);",
            &["ADD CONSTRAINT"],
        );
        check("TRUNCATE runs;", &["every row"]);
        check("DELETE FROM runs;", &["every row"]);
    }

    #[test]
    fn what_only_adds_is_fine() {
        check("CREATE TABLE a (n INTEGER NOT NULL); CREATE INDEX b ON a (n);", &[]);
        check(
            "ALTER TABLE wants ADD COLUMN cause TEXT, ADD COLUMN n INTEGER NOT NULL DEFAULT 0;",
            &[],
        );
        check(
            "CREATE TABLE a (n INTEGER); ALTER TABLE a ADD CONSTRAINT positive CHECK (n > 0);",
            &[],
        );
        check(
            "CREATE TRIGGER t BEFORE TRUNCATE ON a FOR EACH STATEMENT EXECUTE FUNCTION f();",
            &[],
        );
        check("DROP INDEX runs_newest; DELETE FROM runs WHERE kind = 'gone';", &[]);
        check(
            "-- We DROP TABLE nothing; really\nINSERT INTO a VALUES ('DROP TABLE b;');",
            &[],
        );
        check(
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM runs; END $$;",
            &[],
        );
    }

    #[test]
    fn a_reason_lets_one_statement_pass() {
        let reason = "-- contract: nothing has read it since 0.3.\n";
        check(&format!("{reason}DROP TABLE wants;"), &[]);
        check(&format!("{reason}DROP TABLE wants; DROP TABLE works;"), &["DROP TABLE"]);
        check("-- contract:\nDROP TABLE wants;", &["DROP TABLE"]);
    }
}
