//! Titles of indexers that name no author apart: "Dune by Frank Herbert [ENG / M4B]", "Frank Herbert - Dune (1965)".

use types::search::ReleaseFacts;

use crate::identity::WorkIdentity;
use crate::normalise::title_key;

/// What the release may be, the most literal reading first.
pub(super) fn read_release(facts: &ReleaseFacts) -> Vec<WorkIdentity> {
    let literal = WorkIdentity {
        title: facts.title.clone(),
        authors: facts
            .authors
            .iter()
            .filter(|author| !author.trim().is_empty())
            .cloned()
            .collect(),
        series: facts
            .series
            .iter()
            .map(|claim| (claim.name.clone(), claim.sequence.clone()))
            .collect(),
        sequence: None,
        external_ids: external_ids(facts),
    };
    if !literal.authors.is_empty() {
        return vec![literal];
    }
    let text = read_title(&facts.title);
    let place = title_key(&text).sequence.map(|sequence| sequence.text);
    let readings = split_author(&text).into_iter().map(|(title, authors)| WorkIdentity {
        title,
        authors,
        sequence: place.clone(),
        ..literal.clone()
    });
    let plain = WorkIdentity {
        title: text.clone(),
        ..literal.clone()
    };
    [literal.clone(), plain].into_iter().chain(readings).collect()
}

fn external_ids(facts: &ReleaseFacts) -> Vec<(String, String)> {
    let id = |kind: &str, value: &Option<String>| value.clone().map(|value| (kind.to_owned(), value));
    id("asin", &facts.asin)
        .into_iter()
        .chain(id("isbn", &facts.isbn))
        .collect()
}

/// Scene names to words, without the tail of year and format.
fn read_title(title: &str) -> String {
    let title = if title.contains(' ') {
        title.to_owned()
    } else {
        title.replace(['.', '_'], " ")
    };
    let outside = drop_brackets(&title);
    let mut words: Vec<&str> = outside.split_whitespace().collect();
    while words.len() > 1 && words.last().is_some_and(|word| is_tail(word)) {
        words.pop();
    }
    words.join(" ")
}

/// A bracket that opens and never closes is text.
fn drop_brackets(title: &str) -> String {
    let mut kept = String::new();
    let mut rest = title;
    while let Some(start) = rest.find(['[', '(', '{']) {
        let closing = match rest.as_bytes()[start] {
            b'[' => ']',
            b'(' => ')',
            _ => '}',
        };
        let Some(length) = rest[start..].find(closing) else {
            break;
        };
        // The volume is often only there: "Dune (Dune Chronicles, Book 1)".
        let content = &rest[start + 1..start + length];
        kept.push_str(&rest[..start]);
        if let Some(sequence) = title_key(content).sequence {
            kept.push_str(&format!(" Book {sequence} "));
        }
        rest = &rest[start + length + 1..];
    }
    kept + rest
}

fn is_tail(word: &str) -> bool {
    let word = word
        .trim_matches(|letter: char| !letter.is_alphanumeric())
        .to_lowercase();
    let is_year = word.len() == 4 && (word.starts_with("19") || word.starts_with("20")) && word.parse::<u32>().is_ok();
    let is_rate = word
        .strip_suffix("kbps")
        .or(word.strip_suffix('k'))
        .is_some_and(|rate| rate.parse::<u32>().is_ok());
    is_year
        || is_rate
        || matches!(
            word.as_str(),
            "" | "mp3"
                | "m4b"
                | "m4a"
                | "flac"
                | "opus"
                | "ogg"
                | "aac"
                | "kbps"
                | "audiobook"
                | "unabridged"
                | "abridged"
                | "retail"
                | "eng"
                | "english"
        )
}

/// Every way to read a title and authors out of one line. Wrong ones do no harm: the author must match what is wanted.
fn split_author(text: &str) -> Vec<(String, Vec<String>)> {
    let mut readings = Vec::new();
    for by in [" by ", " von ", " par ", " di ", " por "] {
        for (at, _) in text.match_indices(by).take(4) {
            readings.push((text[..at].to_owned(), split_names(&text[at + by.len()..])));
        }
    }
    let dashed = text.replace(" – ", " - ").replace(" — ", " - ");
    let parts: Vec<&str> = dashed
        .split(" - ")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .take(6)
        .collect();
    if let [first, middle @ .., last] = parts.as_slice() {
        readings.push((last.to_string(), split_names(first)));
        readings.push((first.to_string(), split_names(last)));
        if !middle.is_empty() {
            readings.push(([middle, &[*last]].concat().join(" - "), split_names(first)));
            readings.push(([&[*first], middle].concat().join(" - "), split_names(last)));
            readings.push((middle.join(" - "), split_names(first)));
        }
    }
    readings.retain(|(title, authors)| !title.trim().is_empty() && !authors.is_empty());
    readings
}

fn split_names(text: &str) -> Vec<String> {
    let names = text
        .split([';', '&'])
        .flat_map(|names| names.split(" and "))
        .map(str::trim);
    let mut names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    // "Neil Gaiman, Terry Pratchett", or "Herbert, Frank" if each side is one word.
    if text.contains(',') {
        names.extend(
            text.split(',')
                .map(|name| name.trim().to_owned())
                .filter(|name| name.contains(' ')),
        );
    }
    names
}
