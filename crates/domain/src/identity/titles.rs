//! Comparing titles by their keys, with and without the parts that shops add.

use super::WorkIdentity;
use super::places::series_key;
use crate::normalise::{name_key, similarity, title_key};

/// What the titles of two works say.
pub(super) struct TitleLikeness {
    /// 0.0..=1.0, of the best reading.
    pub similarity: f64,
    /// Numbers or parts in both titles contradict each other: "Part 1", "Part 2".
    pub is_volume_conflict: bool,
    /// One title has a number that the other lacks.
    pub is_number_apart: bool,
    /// Equal but for a subtitle on one side. Containment is no evidence, so a person decides.
    pub is_subtitle_apart: bool,
}

pub(super) fn compare_titles(a: &WorkIdentity, b: &WorkIdentity) -> TitleLikeness {
    let known = known_additions(a, b);
    let (ours, theirs) = (title_readings(&a.title, &known), title_readings(&b.title, &known));
    let mut best: Option<(&str, &str, f64)> = None;
    for our in &ours {
        for their in &theirs {
            let likeness = similarity(our, their);
            if best.is_none_or(|(_, _, known)| likeness > known) {
                best = Some((our, their, likeness));
            }
        }
    }
    let (our, their, similarity) = best.unwrap_or(("", "", 0.0));
    let (our_numbers, their_numbers) = (numbers_of(our), numbers_of(their));
    let is_apart = our_numbers != their_numbers;
    TitleLikeness {
        similarity: if our.is_empty() { 0.0 } else { similarity },
        is_volume_conflict: is_apart && !our_numbers.is_empty() && !their_numbers.is_empty(),
        is_number_apart: is_apart,
        is_subtitle_apart: similarity < 1.0 && has_subtitle_apart(&a.title, &b.title),
    }
}

/// Keys that may stand in a title beside it: series and authors of either side, and "a novel".
fn known_additions(a: &WorkIdentity, b: &WorkIdentity) -> Vec<String> {
    let series = a.series.iter().chain(&b.series).map(|(name, _)| series_key(name));
    let authors = a.authors.iter().chain(&b.authors).map(|name| name_key(name));
    let phrases = [
        "novel",
        "thriller",
        "memoir",
        "mystery",
        "roman",
        "romance",
        "novella",
        "romanzo",
        "novela",
        "роман",
    ];
    let mut known: Vec<String> = series.chain(authors).chain(phrases.map(str::to_owned)).collect();
    known.retain(|key| !key.is_empty());
    known
}

/// The key of the whole title, and of each half whose other half is a known addition.
fn title_readings(title: &str, known: &[String]) -> Vec<String> {
    let mut readings = vec![title_key(title).key];
    for (head, tail) in split_title(title) {
        for (kept, dropped) in [(head, tail), (tail, head)] {
            let is_addition = [series_key(dropped), name_key(dropped)]
                .iter()
                .any(|key| known.contains(key));
            let reading = title_key(kept).key;
            if is_addition && !reading.is_empty() && !readings.contains(&reading) {
                readings.push(reading);
            }
        }
    }
    readings
}

/// Every way to cut a title in two at a separator; the first few are enough, and no real title is longer than 400 bytes.
fn split_title(title: &str) -> Vec<(&str, &str)> {
    if title.len() > 400 {
        return Vec::new();
    }
    const SEPARATORS: [&str; 9] = [": ", " - ", " – ", " — ", ", ", "; ", " | ", "：", ". "];
    let mut cuts: Vec<(usize, usize)> = SEPARATORS
        .iter()
        .flat_map(|mark| title.match_indices(mark).map(|(at, mark)| (at, mark.len())).take(4))
        .collect();
    cuts.sort_unstable();
    cuts.iter()
        .take(6)
        .map(|(at, length)| (title[..*at].trim(), title[at + length..].trim()))
        .collect()
}

fn has_subtitle_apart(a: &str, b: &str) -> bool {
    let is_head = |long: &str, short: &str| {
        let short = title_key(short).key;
        split_title(long)
            .iter()
            .any(|(head, tail)| title_key(head).key == short && title_key(tail).key != short)
    };
    is_head(a, b) || is_head(b, a)
}

/// Digits and the words that count volumes in Japanese and Chinese titles, sorted.
fn numbers_of(key: &str) -> Vec<&str> {
    let mut numbers: Vec<&str> = key
        .split(' ')
        .filter(|word| {
            word.starts_with(|letter: char| letter.is_ascii_digit())
                || matches!(
                    *word,
                    "上" | "中" | "下" | "前編" | "後編" | "前篇" | "後篇" | "上巻" | "中巻" | "下巻"
                )
        })
        .collect();
    numbers.sort_unstable();
    numbers
}
