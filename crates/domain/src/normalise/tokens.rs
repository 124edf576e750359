//! Folded text to words, with a mark where a phrase ends.

use crate::fold::{is_apostrophe, is_word_character};

/// Stands between two words where punctuation ended a phrase. Never a word: words hold no punctuation of this kind.
pub(super) const BREAK: &str = "|";

/// Words, [`BREAK`]s and `#` before a number. "1.5", "1-3" and "20,000" stay one word.
pub(super) fn split_tokens(folded: &str) -> Vec<String> {
    let folded = mark_han_volumes(folded);
    let letters: Vec<char> = folded.chars().collect();
    let mut tokens = Tokens::default();
    for (at, letter) in letters.iter().copied().enumerate() {
        if is_word_character(letter) {
            tokens.word.push(letter);
            continue;
        }
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(at + 1).copied();
        let is_in_number = [before, after]
            .iter()
            .all(|side| side.is_some_and(|side| side.is_ascii_digit()));
        match letter {
            '.' if is_in_number => tokens.word.push('.'),
            '-' | '–' | '−' if is_in_number => tokens.word.push('-'),
            ',' if is_in_number && is_thousands(&letters[at + 1..]) => {}
            // L'Étranger: an elided article is a word of its own.
            letter if is_apostrophe(letter) && tokens.word != "l" => {}
            '#' if letters[at + 1..]
                .iter()
                .find(|next| !next.is_whitespace())
                .is_some_and(char::is_ascii_digit) =>
            {
                tokens.push_word("#");
            }
            '#' if before.is_some_and(is_word_character) => tokens.push_word("sharp"),
            '&' => tokens.push_word("and"),
            '+' => tokens.push_word("plus"),
            '-' | '–' | '−' if !before.is_some_and(char::is_whitespace) => tokens.end_word(),
            letter if letter.is_whitespace() || matches!(letter, '.' | '・' | '·' | '_') => tokens.end_word(),
            letter if is_apostrophe(letter) => tokens.end_word(),
            _ => tokens.push_word(BREAK),
        }
    }
    tokens.end_word();
    tokens.done
}

/// The text outside brackets, and the content of each bracket. A bracket that tells parts apart ("(Part 2)", "（上）") is
/// no decoration and stays in the text.
pub(super) fn split_brackets(folded: &str) -> (String, Vec<String>) {
    let mut outside = String::with_capacity(folded.len());
    let mut inside = Vec::new();
    let mut rest = folded;
    while let Some(start) = rest.find(|letter| closing_of(letter).is_some()) {
        let opening = rest[start..].chars().next().expect("find gave the place of a letter");
        let content = &rest[start + opening.len_utf8()..];
        let Some(length) = closing_of(opening).and_then(|closing| find_closing(content, opening, closing)) else {
            // Never closed: it is text.
            outside.push_str(&rest[..start]);
            outside.push_str(" | ");
            rest = content;
            continue;
        };
        outside.push_str(&rest[..start]);
        outside.push_str(" | ");
        if is_part(&content[..length]) {
            outside.push_str(&content[..length]);
            outside.push_str(" | ");
        } else {
            inside.push(content[..length].to_owned());
        }
        rest = content[length..].trim_start_matches(|letter| Some(letter) == closing_of(opening));
    }
    outside.push_str(rest);
    (outside, inside)
}

#[derive(Default)]
struct Tokens {
    done: Vec<String>,
    word: String,
}

impl Tokens {
    fn end_word(&mut self) {
        if !self.word.is_empty() {
            self.done.push(std::mem::take(&mut self.word));
        }
    }

    fn push_word(&mut self, word: &str) {
        self.end_word();
        self.done.push(word.to_owned());
    }
}

/// Exactly three digits: the comma in "20,000".
fn is_thousands(after: &[char]) -> bool {
    after.iter().take_while(|letter| letter.is_ascii_digit()).count() == 3
}

fn closing_of(opening: char) -> Option<char> {
    Some(match opening {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '【' => '】',
        '〔' => '〕',
        '〈' => '〉',
        '《' => '》',
        _ => return None,
    })
}

/// Byte offset of the bracket that closes, over brackets of the same kind within.
fn find_closing(content: &str, opening: char, closing: char) -> Option<usize> {
    let mut depth = 0usize;
    for (at, letter) in content.char_indices() {
        if letter == closing && depth == 0 {
            return Some(at);
        }
        if letter == opening {
            depth += 1;
        } else if letter == closing {
            depth -= 1;
        }
    }
    None
}

fn is_part(content: &str) -> bool {
    let words: Vec<&str> = content
        .split(|letter| !is_word_character(letter))
        .filter(|word| !word.is_empty())
        .collect();
    match words.as_slice() {
        ["上" | "中" | "下" | "前編" | "後編" | "前篇" | "後篇" | "上巻" | "中巻" | "下巻"] => true,
        [
            "part" | "pt" | "teil" | "partie" | "parte" | "deel" | "часть" | "part.",
            ..,
        ] => words.len() <= 4,
        [part, "of" | "von" | "de" | "из", total] => [part, total]
            .iter()
            .all(|word| word.chars().all(|letter| letter.is_ascii_digit())),
        _ => false,
    }
}

/// 第3巻, 第三巻, 3巻, 제3권: set apart as "# 3", for these scripts write no spaces.
fn mark_han_volumes(folded: &str) -> String {
    const COUNTERS: [char; 4] = ['巻', '卷', '冊', '권'];
    if !folded.contains(COUNTERS) {
        return folded.to_owned();
    }
    let letters: Vec<char> = folded.chars().collect();
    let mut marked = String::with_capacity(folded.len() + 8);
    let mut at = 0;
    while at < letters.len() {
        match read_han_volume(&letters[at..], &COUNTERS) {
            Some((number, length)) => {
                marked.push_str(&format!(" # {number} "));
                at += length;
            }
            None => {
                marked.push(letters[at]);
                at += 1;
            }
        }
    }
    marked
}

fn read_han_volume(letters: &[char], counters: &[char]) -> Option<(String, usize)> {
    let has_prefix = matches!(letters.first(), Some('第' | '제'));
    let start = usize::from(has_prefix);
    let is_number =
        |letter: &&char| letter.is_ascii_digit() || (has_prefix && "一二三四五六七八九十".contains(**letter));
    let number: String = letters[start..].iter().take_while(is_number).collect();
    let length = start + number.chars().count();
    if number.is_empty() || number.len() > 12 || !letters.get(length).is_some_and(|next| counters.contains(next)) {
        return None;
    }
    let number = if number.starts_with(|letter: char| letter.is_ascii_digit()) {
        number
    } else {
        crate::numbers::parse_han(&number)?.to_string()
    };
    Some((number, length + 1))
}
