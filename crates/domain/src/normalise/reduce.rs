//! The words of a title without noise, volume and article, numbers as digits.

use super::tokens::BREAK;
use crate::numbers::{parse_ordinal, parse_roman, parse_roman_letters, parse_spelled};
use crate::sequence::Sequence;

/// Applies every rule until none changes a thing. The first volume found goes to `sequence`, if that is empty.
pub(super) fn reduce_tokens(tokens: Vec<String>, sequence: &mut Option<Sequence>) -> Vec<String> {
    let mut words = settle(tokens, sequence);
    // Again without the breaks: a key holds none, and it must be its own key.
    while words.iter().any(|word| word == BREAK || word == "#") {
        words.retain(|word| word != BREAK && word != "#");
        words = settle(words, sequence);
    }
    words
}

/// Drops "unabridged", "audiobook", "mp3", "64 kbps" and their like.
pub(super) fn remove_noise(words: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let length = noise_length(&words[at..]);
        if length == 0 {
            kept.push(words[at].clone());
        }
        at += length.max(1);
    }
    kept
}

/// An article that a title of its language may begin with. Left out, since they begin titles in another language as words
/// of their own: Italian "i" ("I, Robot"), German "den" and "des", Portuguese "as".
pub(super) fn is_article(word: &str) -> bool {
    matches!(
        word,
        "the"
            | "a"
            | "an"
            | "der"
            | "die"
            | "das"
            | "ein"
            | "eine"
            | "einer"
            | "le"
            | "la"
            | "les"
            | "l"
            | "un"
            | "une"
            | "el"
            | "los"
            | "las"
            | "una"
            | "unos"
            | "unas"
            | "il"
            | "lo"
            | "gli"
            | "de"
            | "het"
            | "een"
            | "o"
            | "os"
            | "um"
            | "uma"
    )
}

fn settle(mut words: Vec<String>, sequence: &mut Option<Sequence>) -> Vec<String> {
    loop {
        let before = words.clone();
        words = remove_noise(words);
        words = remove_volumes(words, sequence);
        words = write_digits(words);
        words = remove_articles(words);
        if words == before {
            return words;
        }
    }
}

fn noise_length(words: &[String]) -> usize {
    let [word, rest @ ..] = words else { return 0 };
    let is_noise = matches!(
        word.as_str(),
        "unabridged"
            | "audiobook"
            | "audiobooks"
            | "mp3"
            | "m4b"
            | "m4a"
            | "flac"
            | "ungekurzt"
            | "horbuch"
            | "audiolibro"
            | "аудиокнига"
            | "オーディオブック"
    );
    if is_noise || is_bitrate(word) {
        return 1;
    }
    let is_number = word.chars().all(|letter| letter.is_ascii_digit());
    match rest {
        [unit, slash, second, ..]
            if is_number && matches!(unit.as_str(), "kbit" | "kb") && slash == BREAK && second == "s" =>
        {
            4
        }
        [unit, second, ..] if is_number && matches!(unit.as_str(), "kbit" | "kb") && second == "s" => 3,
        [unit, ..] if is_number && is_bitrate_unit(unit) => 2,
        _ => 0,
    }
}

fn is_bitrate_unit(word: &str) -> bool {
    matches!(word, "kbps" | "kbit" | "kbits" | "kbs")
}

/// "64kbps" in one word.
fn is_bitrate(word: &str) -> bool {
    let unit = word.trim_start_matches(|letter: char| letter.is_ascii_digit());
    unit.len() < word.len() && is_bitrate_unit(unit)
}

fn remove_volumes(words: Vec<String>, sequence: &mut Option<Sequence>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        match read_volume(&words[at..]) {
            Some((found, length)) => {
                sequence.get_or_insert(found);
                kept.push(BREAK.to_owned());
                at += length;
            }
            None => {
                kept.push(words[at].clone());
                at += 1;
            }
        }
    }
    // A break at the edge would come and go with each pass.
    let start = kept.iter().take_while(|word| *word == BREAK).count();
    let end = kept.iter().rev().take_while(|word| *word == BREAK).count();
    if start == kept.len() {
        Vec::new()
    } else {
        kept[start..kept.len() - end].to_vec()
    }
}

/// A volume at the start of `words`, with the number of words that name it: "book 3", "vol3", "# 3", "book 1 of 5".
fn read_volume(words: &[String]) -> Option<(Sequence, usize)> {
    let word = words.first()?.as_str();
    let marker = word.trim_end_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '-'));
    if !is_volume_word(marker) {
        return None;
    }
    if marker.len() < word.len() {
        return Some((word[marker.len()..].parse().ok()?, 1));
    }
    let skipped = usize::from(words.get(1).is_some_and(|next| next == BREAK));
    let number = words.get(1 + skipped..)?;
    let (sequence, length) = read_number(number)?;
    let of_total = match number.get(length..) {
        Some([of, total, ..]) if matches!(of.as_str(), "of" | "von" | "из") && total.parse::<u32>().is_ok() => 2,
        _ => 0,
    };
    Some((sequence, 1 + skipped + length + of_total))
}

fn read_number(words: &[String]) -> Option<(Sequence, usize)> {
    let word = words.first()?.as_str();
    if word.starts_with(|letter: char| letter.is_ascii_digit()) {
        return Some((word.parse().ok()?, 1));
    }
    if let Some((number, length)) = parse_spelled(words) {
        return Some((number.to_string().parse().ok()?, length));
    }
    // "The Book I Read": a single letter is a number only where the phrase ends.
    let is_end = words.get(1).is_none_or(|next| next == BREAK);
    let roman = parse_roman(word).or_else(|| parse_roman_letters(word).filter(|_| is_end));
    Some((roman.or_else(|| parse_ordinal(word))?.to_string().parse().ok()?, 1))
}

fn is_volume_word(word: &str) -> bool {
    matches!(
        word,
        "#" | "book"
            | "books"
            | "bk"
            | "vol"
            | "vols"
            | "volume"
            | "volumes"
            | "band"
            | "bd"
            | "buch"
            | "tome"
            | "livre"
            | "libro"
            | "volumen"
            | "livro"
            | "boek"
            | "deel"
            | "tom"
            | "kniha"
            | "nr"
            | "том"
            | "книга"
            | "кн"
            | "книги"
            | "الجزء"
            | "الكتاب"
            | "المجلد"
    )
}

/// Roman and spelled numbers to digits. A single v counts at the end of a phrase only: "Henry V".
fn write_digits(words: Vec<String>) -> Vec<String> {
    let mut written: Vec<String> = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        if let Some((number, length)) = parse_spelled(&words[at..]) {
            written.push(number.to_string());
            at += length;
            continue;
        }
        let word = words[at].as_str();
        let is_last_of_several = at > 0 && words.get(at + 1).is_none_or(|next| next == BREAK);
        let roman = parse_roman(word).or_else(|| (word == "v" && is_last_of_several).then_some(5));
        written.push(roman.map_or_else(|| word.to_owned(), |number| number.to_string()));
        at += 1;
    }
    written
}

/// "The A Team" → "team"; "Hobbit, The" → "hobbit"; "The" stays.
fn remove_articles(mut words: Vec<String>) -> Vec<String> {
    let is_filler = |word: &String| word == BREAK;
    while words.len() > 1 && (is_filler(&words[0]) || is_article(&words[0])) {
        let has_other_word = words[1..].iter().any(|word| !is_filler(word));
        if !has_other_word {
            break;
        }
        words.remove(0);
    }
    if let [.., previous, last] = words.as_slice()
        && words.len() > 2
        && previous == BREAK
        && is_article(last)
    {
        words.truncate(words.len() - 2);
    }
    words
}
