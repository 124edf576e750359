//! Keys under which two spellings of a title or a name are the same (`rules.md` 2.2).
//!
//! Invariants: every key is a fixed point (the key of a key is itself) and no text with a letter in it has an empty key.

mod reduce;
mod tokens;

use unicode_normalization::UnicodeNormalization;

use crate::fold::{fold_text, is_apostrophe, is_word_character};
use crate::sequence::Sequence;
use reduce::{reduce_tokens, remove_noise};
use tokens::{BREAK, split_brackets, split_tokens};

/// A title without what differs from shop to shop, and the place in a series that stood in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleKey {
    pub key: String,
    /// From "Book 3", "Vol. 3", "#3", "Band 3", "Tome 3", "Том 3", "第3巻".
    pub sequence: Option<Sequence>,
}

/// The key of a title: folded, without brackets, noise words, leading article and volume, numbers as digits.
///
/// What would leave nothing ("It", "The", "Book 3") is kept.
pub fn title_key(title: &str) -> TitleKey {
    let mut sequence = None;
    let mut key = reduce_title(title, &mut sequence);
    // What was kept because nothing else was left may reduce further once its punctuation is gone.
    loop {
        let next = reduce_title(&key, &mut sequence);
        if next == key {
            return TitleKey { key, sequence };
        }
        key = next;
    }
}

fn reduce_title(title: &str, sequence: &mut Option<Sequence>) -> String {
    let folded = fold_text(title);
    let (outside, inside) = split_brackets(&folded);
    let words = reduce_tokens(split_tokens(&outside), sequence);
    for bracket in &inside {
        reduce_tokens(split_tokens(bracket), sequence);
    }
    first_filled(words, &outside, &folded)
}

/// A person's name: "Last, First" turned round, initials joined, brackets dropped.
pub fn name_key(name: &str) -> String {
    let words = name_words(name);
    let mut key: Vec<String> = Vec::new();
    let mut is_after_initial = false;
    for word in words {
        // Scripts without case write whole names in one letter, so only a cased letter is an initial.
        let is_initial = word.chars().count() == 1 && word.chars().all(char::is_lowercase);
        match key.last_mut() {
            Some(last) if is_initial && is_after_initial => last.push_str(&word),
            _ => key.push(word),
        }
        is_after_initial = is_initial;
    }
    key.join(" ")
}

/// Words of a name in the order first to last, initials apart.
pub(crate) fn name_words(name: &str) -> Vec<String> {
    let folded = fold_text(name);
    let (outside, _) = split_brackets(&folded);
    let words = search_words(&turn_name(&outside));
    if words.is_empty() { search_words(&folded) } else { words }
}

/// For substring search: folded, punctuation to spaces, white space collapsed. Keeps all words and every script.
pub fn search_key(text: &str) -> String {
    search_words(&fold_text(text)).join(" ")
}

/// For order in lists: [`search_key`] with the leading article moved to the end.
pub fn sort_key(title: &str) -> String {
    let mut words = search_words(&fold_text(title));
    if words.len() > 1 && reduce::is_article(&words[0]) {
        words.rotate_left(1);
    }
    words.join(" ")
}

/// 0.0..=1.0 for two keys; blind to where words are joined ("x men", "xmen").
pub fn similarity(a: &str, b: &str) -> f64 {
    /// A longer text is no title, and comparing grows with the square of the length.
    const LONGEST: usize = 256;
    if a == b {
        return 1.0;
    }
    let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
    let compact = |text: &str| {
        text.chars()
            .filter(|letter| *letter != ' ')
            .take(LONGEST)
            .collect::<String>()
    };
    let best =
        strsim::normalized_levenshtein(&cut(a), &cut(b)).max(strsim::normalized_levenshtein(&compact(a), &compact(b)));
    let is_cut = a.chars().nth(LONGEST).is_some() || b.chars().nth(LONGEST).is_some();
    // Equal beginnings of long texts are containment, which is no evidence.
    if is_cut { best.min(0.8) } else { best }
}

/// The first of these that holds a word: all rules; volume kept; brackets kept; everything; the bare text ("???").
fn first_filled(words: Vec<String>, outside: &str, folded: &str) -> String {
    let all = split_tokens(folded);
    let words = Some(words)
        .filter(|words| !words.is_empty())
        .or_else(|| filled(remove_noise(split_tokens(outside))))
        .or_else(|| filled(reduce_tokens(all.clone(), &mut None)))
        .or_else(|| filled(remove_noise(all.clone())))
        .unwrap_or(all);
    let key = plain_words(words).join(" ");
    if key.is_empty() {
        folded.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        key
    }
}

fn filled(words: Vec<String>) -> Option<Vec<String>> {
    Some(plain_words(words)).filter(|words| !words.is_empty())
}

fn plain_words(words: Vec<String>) -> Vec<String> {
    words.into_iter().filter(|word| word != BREAK && word != "#").collect()
}

fn search_words(folded: &str) -> Vec<String> {
    let spaced: String = folded
        .chars()
        .filter(|letter| !is_apostrophe(*letter))
        .map(|letter| if is_word_character(letter) { letter } else { ' ' })
        // Where an apostrophe went, marks of two letters may have met.
        .nfc()
        .collect();
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// "tolkien, j.r.r." → "j.r.r. tolkien"; "king, jr." stays, for what follows is no first name.
fn turn_name(folded: &str) -> String {
    let mut parts = folded.split([',', '،', '、']);
    let (Some(last), Some(first), None) = (parts.next(), parts.next(), parts.next()) else {
        return folded.to_owned();
    };
    let suffix = first.trim().trim_end_matches('.');
    if matches!(
        suffix,
        "" | "jr" | "sr" | "phd" | "ph.d" | "md" | "m.d" | "esq" | "ii" | "iii" | "iv"
    ) {
        return folded.to_owned();
    }
    format!("{first} {last}")
}

#[cfg(test)]
mod tests;
