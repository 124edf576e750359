//! The walk through OWASP ASVS 4.0.3, level 2: `docs/asvs.csv` names what meets each requirement, and this looks for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Crc;

const TABLE: &str = "docs/asvs.csv";
const SUMMARY: &str = "docs/SECURITY.md";
const HEADING: &str = "id,status,where,note";
/// In the order of the summary.
const STATUSES: [&str; 4] = ["met", "not_applicable", "not_met", "operator"];
/// Requirements of level 2 in version 4.0.3.
const REQUIREMENTS: usize = 259;
/// CRC-32 of their ids, in the standard's order, with a line feed between two: none can be missing, doubled or made up.
const IDS_CRC: u32 = 2_702_824_656;

/// A line of the table: `id,status,where,"note"`. No `where` holds a comma and no note a quotation mark.
struct Row<'a> {
    id: &'a str,
    status: &'a str,
    /// `path#word` places, with semicolons.
    places: &'a str,
    note: &'a str,
}

/// Rows that are missing, malformed or unproven, and a summary that counts otherwise.
pub fn find_asvs_gaps(root: &Path) -> Result<Vec<String>> {
    let read = |path: &str| fs::read_to_string(root.join(path)).with_context(|| path.to_owned());
    let (table, summary) = (read(TABLE)?, read(SUMMARY)?);
    let mut findings = Vec::new();
    let mut rows = Vec::new();
    for (number, line) in table.lines().enumerate() {
        match read_row(line) {
            _ if number == 0 && line == HEADING => {}
            Some(row) if number > 0 => rows.push(row),
            _ => findings.push(format!("{TABLE}:{} is not like `{HEADING}`", number + 1)),
        }
    }
    findings.extend(check_ids(&rows));
    let counts = count_line(&rows);
    if !summary.lines().any(|line| line == counts) {
        findings.push(format!("{SUMMARY} does not hold the line `{counts}`"));
    }
    for row in &rows {
        let flaws = check_row(root, row);
        findings.extend(flaws.into_iter().map(|flaw| format!("{TABLE} {}: {flaw}", row.id)));
    }
    Ok(findings)
}

fn read_row(line: &str) -> Option<Row<'_>> {
    let mut cells = line.splitn(4, ',');
    let (id, status, places, note) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    let note = note.strip_prefix('"')?.strip_suffix('"')?;
    let is_whole = STATUSES.contains(&status) && !note.contains('"');
    is_whole.then_some(Row {
        id,
        status,
        places,
        note,
    })
}

fn check_ids(rows: &[Row]) -> Option<String> {
    let ids: Vec<&str> = rows.iter().map(|row| row.id).collect();
    let mut crc = Crc::new();
    crc.update(ids.join("\n").as_bytes());
    let is_right = ids.len() == REQUIREMENTS && crc.sum() == IDS_CRC;
    let held = ids.len();
    (!is_right).then(|| format!("{TABLE} holds {held} ids, which are not the {REQUIREMENTS} of level 2 in their order"))
}

fn count_line(rows: &[Row]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row.status).or_default() += 1;
    }
    let count = |status| format!("{} {status}", counts.get(status).copied().unwrap_or_default());
    format!("ASVS: {}.", STATUSES.map(count).join(", "))
}

fn check_row(root: &Path, row: &Row) -> Vec<String> {
    let mut flaws = Vec::new();
    if row.status == "met" && row.places.is_empty() {
        flaws.push("it is met, but nothing shows where".into());
    }
    if row.status != "met" && row.note.trim().is_empty() {
        flaws.push("it needs a note that says why".into());
    }
    let places = row.places.split(';').filter(|place| !place.is_empty());
    flaws.extend(places.filter_map(|place| find_flaw(root, place)));
    flaws
}

/// What is wrong with a cited place.
fn find_flaw(root: &Path, place: &str) -> Option<String> {
    let Some((path, word)) = place.split_once('#').filter(|(_, word)| !word.is_empty()) else {
        return Some(format!("{place} is no `path#word`"));
    };
    match fs::read_to_string(root.join(path)) {
        Err(error) => Some(format!("{path} can't be read: {error}")),
        Ok(text) if !has_word(&text, word) => Some(format!("{path} no longer holds `{word}`")),
        Ok(_) => None,
    }
}

/// Whole words only: a name that became part of a longer one is gone.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |edge: Option<char>| edge.is_some_and(|edge| edge.is_alphanumeric() || edge == '_');
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        let is_joined_before = is_part(before) && is_part(word.chars().next());
        let is_joined_after = is_part(after) && is_part(word.chars().next_back());
        !is_joined_before && !is_joined_after
    })
}
