//! Which books a pack holds: the names of each part, and which part is the wanted work.
//!
//! What a release says of itself (authors, series, narrators) holds for each of its books; a part's own folder or file
//! name adds title, place in the series, year and ASIN.

use crate::abs_folder::parse_relative_folder;
use crate::identity::{WorkIdentity, WorkMatch, match_works, series_key, shorten};
use crate::naming::BookNames;
use crate::normalise::{name_key, title_key};

/// Which parts of a pack are the wanted work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Part(usize),
    /// The want is for the whole set.
    Whole,
    /// Two recordings of it, or volumes of one title.
    Several(Vec<usize>),
    Nowhere,
}

impl Wanted {
    /// Whether the part at this index is what was wanted. In a pack without the wanted book none is.
    pub fn includes(&self, index: usize) -> bool {
        match self {
            Self::Part(part) => *part == index,
            Self::Several(parts) => parts.contains(&index),
            Self::Whole => true,
            Self::Nowhere => false,
        }
    }
}

/// Finds the wanted work among the parts; the set as a whole is asked last, as a first book often lends it its title.
pub fn find_wanted(wanted: &WorkIdentity, pack: &WorkIdentity, parts: &[WorkIdentity]) -> Wanted {
    let is_same = |part: &WorkIdentity| matches!(match_works(wanted, part), WorkMatch::Same(_));
    let found: Vec<usize> = (0..parts.len()).filter(|index| is_same(&parts[*index])).collect();
    match found.as_slice() {
        [part] => Wanted::Part(*part),
        [] if is_same(pack) => Wanted::Whole,
        [] => Wanted::Nowhere,
        _ => Wanted::Several(found),
    }
}

/// Why a person has to look before the pack is split, as sentences; `None` when it may be split without asking.
///
/// `unsure` are sentences about parts of which it is not sure whether they are owned.
pub fn find_doubt(is_certain: bool, wanted: &Wanted, unsure: &[String]) -> Option<String> {
    let mut doubts = Vec::new();
    if !is_certain {
        doubts.push("It is not certain that each of them is a book of its own.".to_owned());
    }
    match wanted {
        Wanted::Part(_) | Wanted::Whole => {}
        Wanted::Several(parts) => doubts.push(format!("{} of them could be the wanted book.", parts.len())),
        Wanted::Nowhere => doubts.push("None of them is surely the wanted book.".to_owned()),
    }
    doubts.extend_from_slice(unsure);
    (!doubts.is_empty()).then(|| doubts.join(" "))
}

/// What is known of a part, for matching.
pub fn identity_of_part(names: &BookNames) -> WorkIdentity {
    let series = names.series.iter().map(|name| (name.clone(), names.sequence.clone()));
    WorkIdentity {
        title: names.title.clone(),
        authors: names.authors.clone(),
        series: series.collect(),
        sequence: names.sequence.clone(),
        external_ids: names
            .asin
            .iter()
            .map(|asin| ("asin".to_owned(), asin.clone()))
            .collect(),
    }
}

/// The names of a part by its folder's or file's name and by what is true of the whole pack.
pub fn read_part(hint: &str, pack: &BookNames) -> BookNames {
    let hint = if hint.contains(' ') {
        hint.to_owned()
    } else {
        hint.replace('_', " ")
    };
    let (rest, from_series) = drop_known(&hint, pack);
    let (rest, from_brackets) = drop_brackets(&rest, pack);
    // Audiobookshelf reads a number only below a series.
    let parsed = parse_relative_folder(&format!("author/series/{rest}"));
    let (title, from_track) = drop_track(&parsed.title);
    let sequence = parsed
        .sequence
        .or(from_series)
        .or(from_brackets.sequence)
        .or_else(|| title_key(&title).sequence.map(|sequence| sequence.text))
        .or(from_track);
    BookNames {
        authors: pack.authors.clone(),
        title: Some(title)
            .filter(|title| !title_key(title).key.is_empty())
            .unwrap_or_else(|| hint.trim().to_owned()),
        subtitle: None,
        // Without a series the number only orders the files.
        sequence: sequence.filter(|_| pack.series.is_some()),
        series: pack.series.clone(),
        year: parsed.published_year.or(from_brackets.year),
        narrators: Some(parsed.narrators)
            .filter(|names| !names.is_empty())
            .unwrap_or_else(|| pack.narrators.clone()),
        asin: parsed.asin,
    }
}

/// "N. K. Jemisin - The Broken Earth 1 - The Fifth Season" without author and series, with the number in the series.
fn drop_known(hint: &str, pack: &BookNames) -> (String, Option<String>) {
    let authors: Vec<String> = pack.authors.iter().map(|name| name_key(name)).collect();
    let mut sequence = None;
    let mut kept: Vec<&str> = Vec::new();
    let pieces: Vec<&str> = hint.split(" - ").collect();
    for (index, piece) in pieces.iter().enumerate() {
        let is_last = index + 1 == pieces.len() && kept.is_empty();
        let in_series = read_series(piece, pack);
        if !is_last && authors.contains(&name_key(piece)) {
            continue;
        }
        match in_series {
            Some(place) if !is_last => sequence = sequence.or(place),
            _ => kept.push(piece),
        }
    }
    (kept.join(" - "), sequence)
}

/// Whether a text names the pack's series, and the place in it: "The Broken Earth", "Broken Earth 1", "Broken Earth, Book 2".
fn read_series(text: &str, pack: &BookNames) -> Option<Option<String>> {
    let ours = series_key(pack.series.as_deref()?);
    let key = title_key(text);
    if series_key(text) == ours {
        return Some(key.sequence.map(|sequence| sequence.text));
    }
    let place = key.key.strip_prefix(&ours)?.strip_prefix(' ')?;
    let is_number = !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_number.then(|| Some(plain_number(place)))
}

#[derive(Default)]
struct Brackets {
    year: Option<String>,
    sequence: Option<String>,
}

/// Brackets at the end that hold a year, the series or noise: "The Fifth Season (2015) (Unabridged)". Others stay.
fn drop_brackets(text: &str, pack: &BookNames) -> (String, Brackets) {
    let mut found = Brackets::default();
    let mut rest = text.trim();
    loop {
        let open = match rest.chars().last() {
            Some(')') => rest.rfind('('),
            Some(']') => rest.rfind('['),
            _ => None,
        };
        let Some(open) = open.filter(|open| *open > 0) else {
            break;
        };
        let inner = &rest[open + 1..rest.len() - 1];
        if inner.len() == 4 && inner.bytes().all(|byte| byte.is_ascii_digit()) {
            found.year.get_or_insert_with(|| inner.to_owned());
        } else if let Some(place) = read_series(inner, pack) {
            found.sequence = found.sequence.or(place);
        } else if !is_noise(inner) {
            break;
        }
        rest = rest[..open].trim_end();
    }
    (rest.to_owned(), found)
}

fn is_noise(text: &str) -> bool {
    matches!(
        text.to_lowercase().as_str(),
        "unabridged" | "audiobook" | "m4b" | "m4a" | "mp3" | "flac" | "ungekürzt"
    )
}

/// "01 The Fifth Season" and "01. The Fifth Season": a number with a leading zero orders files and is no title.
fn drop_track(title: &str) -> (String, Option<String>) {
    let digits = title.len() - title.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = title.split_at(digits);
    let rest = rest.trim_start_matches(['.', ' ', '-', '_']);
    if number.starts_with('0') && number.len() <= 3 && !rest.is_empty() {
        (rest.to_owned(), Some(plain_number(number)))
    } else {
        (title.to_owned(), None)
    }
}

fn plain_number(number: &str) -> String {
    let plain = number.trim_start_matches('0');
    if plain.is_empty() || plain.starts_with('.') {
        format!("0{plain}")
    } else {
        plain.to_owned()
    }
}

/// For sentences: "The Fifth Season (1 file), The Obelisk Gate (1 file)".
pub fn tell_parts<'a>(parts: impl Iterator<Item = (&'a str, usize)>) -> String {
    let told: Vec<String> = parts
        .map(|(title, files)| match files {
            1 => format!("{} (1 file)", shorten(title)),
            _ => format!("{} ({files} files)", shorten(title)),
        })
        .collect();
    told.join(", ")
}

#[cfg(test)]
mod tests;
