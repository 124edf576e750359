//! A book's values as they are written into folder names, with the substitutions that `naming` lists.

use super::BookNames;
use super::safe::{MAX_COMPONENT_BYTES, clean_text, cut_bytes, trim_ends};
use super::template::Field;
use crate::abs_folder::is_asin;

/// Bytes for narrators, and for a subtitle: a full cast must leave room for the title.
const MAX_SIDE_BYTES: usize = 80;

/// The written values; a missing one is empty.
#[derive(Debug, Clone)]
pub(super) struct Values {
    authors: Vec<String>,
    title: String,
    title_wrap: (String, String),
    subtitle: String,
    series: String,
    sequence: String,
    year: String,
    narrators: Vec<String>,
    asin: String,
}

impl Values {
    pub(super) fn new(names: &BookNames) -> Self {
        let mut authors = people(&names.authors);
        if authors.is_empty() {
            // Without an author folder Audiobookshelf would take the series for the author.
            authors.push("Unknown Author".to_owned());
        }
        let series = folder_text(names.series.as_deref().unwrap_or_default());
        let sequence = names
            .sequence
            .as_deref()
            .filter(|_| !series.is_empty())
            .and_then(readable_sequence);
        let mut values = Self {
            authors,
            title: title_text(&names.title),
            title_wrap: Default::default(),
            subtitle: title_text(names.subtitle.as_deref().unwrap_or_default()),
            series,
            sequence: sequence.unwrap_or_default(),
            year: names.year.as_deref().and_then(readable_year).unwrap_or_default(),
            narrators: people(&names.narrators),
            asin: names.asin.as_deref().and_then(readable_asin).unwrap_or_default(),
        };
        values.shorten(Field::Author, MAX_COMPONENT_BYTES);
        values.shorten(Field::Narrator, MAX_SIDE_BYTES);
        values.shorten(Field::Subtitle, MAX_SIDE_BYTES);
        values
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.text(field).is_some()
    }

    /// The value as it is written, if there is one.
    pub(super) fn text(&self, field: Field) -> Option<String> {
        let text = match field {
            Field::Author => self.authors.join(" & "),
            Field::Title if self.title.is_empty() => String::new(),
            Field::Title => format!("{}{}{}", self.title_wrap.0, self.title, self.title_wrap.1),
            Field::Subtitle => self.subtitle.clone(),
            Field::Series => self.series.clone(),
            Field::Sequence => self.sequence.clone(),
            Field::Year => self.year.clone(),
            Field::Narrator => self.narrators.join(" & "),
            Field::Asin => self.asin.clone(),
        };
        Some(text).filter(|text| !text.is_empty())
    }

    pub(super) fn length(&self, field: Field) -> usize {
        self.text(field).map_or(0, |text| text.len())
    }

    /// Puts text around the title that stays when the title is cut.
    pub(super) fn wrap_title(&mut self, before: &str, after: &str) {
        self.title_wrap.0.insert_str(0, before);
        self.title_wrap.1.insert_str(0, after);
    }

    /// Makes the value fit: of people the last ones go, then the text is cut between two characters.
    pub(super) fn shorten(&mut self, field: Field, limit: usize) {
        match field {
            Field::Author => shorten_people(&mut self.authors, limit),
            Field::Narrator => shorten_people(&mut self.narrators, limit),
            Field::Title => {
                let wrap = self.title_wrap.0.len() + self.title_wrap.1.len();
                cut_in_place(&mut self.title, limit.saturating_sub(wrap));
            }
            Field::Subtitle => cut_in_place(&mut self.subtitle, limit),
            Field::Series => cut_in_place(&mut self.series, limit),
            // Never longer than ten bytes.
            Field::Sequence | Field::Year | Field::Asin => {}
        }
    }
}

fn cut_in_place(text: &mut String, limit: usize) {
    if text.len() > limit {
        *text = cut_bytes(text, limit).trim_end().to_owned();
    }
}

fn shorten_people(people: &mut Vec<String>, limit: usize) {
    while people.len() > 1 && people.join(" & ").len() > limit {
        people.pop();
    }
    if let [only] = people.as_mut_slice() {
        cut_in_place(only, limit);
    }
}

fn folder_text(text: &str) -> String {
    trim_ends(&clean_text(text)).to_owned()
}

/// Braces and brackets would be read as narrators and ASIN, and " - " as a border between parts.
fn title_text(text: &str) -> String {
    let unbraced = clean_text(text).replace(['{', '['], "(").replace(['}', ']'], ")");
    let dashed = unbraced.replace(" -", " –");
    // A title of dots alone is none; dots around a title are only taken away at the ends of the folder name.
    if trim_ends(&dashed).is_empty() {
        String::new()
    } else {
        dashed
    }
}

fn people(names: &[String]) -> Vec<String> {
    let mut people: Vec<String> = Vec::new();
    for person in names.iter().map(|name| person_text(name)) {
        if !person.is_empty() && !people.contains(&person) {
            people.push(person);
        }
    }
    people
}

/// A name without anything that Audiobookshelf takes for a border between people, or for a nickname.
fn person_text(name: &str) -> String {
    let joined = name.replace('&', " And ").replace([',', ';', '；'], " ");
    let bare = joined.replace(['(', ')', '[', ']', '{', '}', '<', '>', '"', '“', '”'], " ");
    let words = clean_text(&bare);
    let words: Vec<&str> = words
        .split(' ')
        .map(unquote_word)
        .filter(|word| !word.is_empty())
        .collect();
    let name = words.join(" ").replace(" and ", " And ");
    name.trim_start_matches('.').trim().to_owned()
}

/// 'Doc' → Doc; but "O'Brien", and an apostrophe at one end alone, stay.
fn unquote_word(word: &str) -> &str {
    const QUOTES: [char; 3] = ['\'', '‘', '’'];
    match word.strip_prefix(QUOTES) {
        Some(inner) => inner.strip_suffix(QUOTES).unwrap_or(word),
        None => word,
    }
}

/// What Audiobookshelf reads back as a sequence: up to three digits, up to two decimals.
fn readable_sequence(text: &str) -> Option<String> {
    let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let is_number = [whole, decimals]
        .iter()
        .all(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let whole = if whole.is_empty() && decimals.is_empty() {
        None
    } else {
        Some(whole.trim_start_matches('0'))
    }?;
    let decimals = decimals.trim_end_matches('0');
    if !is_number || whole.len() > 3 || decimals.len() > 2 {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if decimals.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{decimals}")
    })
}

fn readable_year(text: &str) -> Option<String> {
    let text = text.trim();
    let year = text
        .get(..4)
        .filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?;
    let is_whole = !text[4..].starts_with(|c: char| c.is_ascii_digit());
    is_whole.then(|| year.to_owned())
}

fn readable_asin(text: &str) -> Option<String> {
    let code = text.trim().to_ascii_uppercase();
    is_asin(&code).then_some(code)
}
