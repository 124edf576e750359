//! What to ask an indexer, in order, until a release is acceptable (`rules.md` 4.1).

use types::search::SearchForm;

use crate::normalise::search_key;
use crate::numbers::{format_roman, parse_roman_letters, parse_spelled};

/// A query longer than this finds nothing anywhere.
const LONGEST: usize = 200;

/// Title; title and author; punctuation dropped; numbers dropped; roman ↔ arabic; series and number; the compact form.
pub fn search_queries(form: &SearchForm) -> Vec<String> {
    let (title, author, series) = (clean(&form.title), clean(&form.author), clean(&form.series));
    let plain = drop_punctuation(&title);
    let mut queries = vec![title.clone()];
    if !author.is_empty() && !title.is_empty() {
        queries.push(format!("{title} {author}"));
    }
    queries.extend([plain.clone(), drop_numbers(&plain), swap_numerals(&plain)]);
    if !series.is_empty() && !clean(&form.sequence).is_empty() {
        queries.push(format!("{} {}", drop_punctuation(&series), clean(&form.sequence)));
    }
    queries.push(plain.replace(' ', ""));
    drop_doubles(queries)
}

fn clean(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let mut cleaned = String::new();
    for word in text.split_whitespace() {
        if cleaned.chars().count() + word.chars().count() >= LONGEST {
            break;
        }
        if !cleaned.is_empty() {
            cleaned.push(' ');
        }
        cleaned.push_str(word);
    }
    if cleaned.is_empty() {
        text.trim().chars().take(LONGEST).collect()
    } else {
        cleaned
    }
}

/// Letters keep their accents and case: the indexer folds as it sees fit.
fn drop_punctuation(text: &str) -> String {
    let spaced: String = text
        .chars()
        .filter(|letter| !crate::fold::is_apostrophe(*letter))
        .map(|letter| {
            if crate::fold::is_word_character(letter) {
                letter
            } else {
                ' '
            }
        })
        .collect();
    clean(&spaced)
}

fn drop_numbers(plain: &str) -> String {
    let words: Vec<&str> = plain.split(' ').collect();
    let is_number = |at: usize| number_of(words[at], at + 1 == words.len()).is_some();
    let kept: Vec<&str> = (0..words.len())
        .filter(|at| !is_number(*at))
        .map(|at| words[at])
        .collect();
    // "Dune Book 2" without its number asks for "Dune", not for "Dune Book".
    let is_volume = |word: &str| {
        matches!(
            search_key(word).as_str(),
            "book" | "vol" | "volume" | "band" | "tome" | "том"
        )
    };
    match kept.as_slice() {
        [rest @ .., last] if kept.len() < words.len() && !rest.is_empty() && is_volume(last) => rest.join(" "),
        kept => kept.join(" "),
    }
}

/// "Henry V" ↔ "Henry 5", "Part Two" → "Part 2".
fn swap_numerals(plain: &str) -> String {
    let words: Vec<&str> = plain.split(' ').collect();
    let swap = |(at, word): (usize, &&str)| {
        let Some(number) = number_of(word, at + 1 == words.len()) else {
            return word.to_string();
        };
        let is_arabic = word.starts_with(|letter: char| letter.is_ascii_digit());
        // Nobody writes a year in roman.
        if is_arabic && (1..40).contains(&number) {
            format_roman(number).to_uppercase()
        } else {
            number.to_string()
        }
    };
    words.iter().enumerate().map(swap).collect::<Vec<_>>().join(" ")
}

/// A number in digits, in roman capitals ("V", not "v"; one letter only as the last word, and never "I") or spelled.
fn number_of(word: &str, is_last: bool) -> Option<u32> {
    if word.starts_with(|letter: char| letter.is_ascii_digit()) {
        return word.parse().ok();
    }
    let folded = search_key(word);
    let is_roman = word.chars().all(char::is_uppercase) && (folded.len() > 1 || is_last && word != "I");
    let roman = is_roman.then(|| parse_roman_letters(&folded)).flatten();
    roman.or_else(|| parse_spelled(&[folded]).map(|(number, _)| number))
}

fn drop_doubles(queries: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for query in queries {
        let is_double = kept.iter().any(|known| known.to_lowercase() == query.to_lowercase());
        if !query.is_empty() && !is_double {
            kept.push(query);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(title: &str, author: &str, series: (&str, &str), expected: &[&str]) {
        let form = SearchForm {
            title: title.into(),
            author: author.into(),
            series: series.0.into(),
            sequence: series.1.into(),
            ..SearchForm::default()
        };
        assert_eq!(search_queries(&form), expected);
    }

    #[test]
    fn queries_come_in_the_order_of_the_rules_without_doubles() {
        check("Dune", "Frank Herbert", ("", ""), &["Dune", "Dune Frank Herbert"]);
        check(
            "The X-Men: Part 2",
            "A. Author",
            ("X Saga", "2"),
            &[
                "The X-Men: Part 2",
                "The X-Men: Part 2 A. Author",
                "The X Men Part 2",
                "The X Men Part",
                "The X Men Part II",
                "X Saga 2",
                "TheXMenPart2",
            ],
        );
        check("Henry V", "", ("", ""), &["Henry V", "Henry", "Henry 5", "HenryV"]);
        check(
            "Catch Twenty",
            "",
            ("", ""),
            &["Catch Twenty", "Catch", "Catch 20", "CatchTwenty"],
        );
        check(
            "Dune Book 2",
            "",
            ("", ""),
            &["Dune Book 2", "Dune", "Dune Book II", "DuneBook2"],
        );
        check("1984", "George Orwell", ("", ""), &["1984", "1984 George Orwell"]);
        check("I, Robot", "", ("", ""), &["I, Robot", "I Robot", "IRobot"]);
        check(
            "Ender's Game",
            "",
            ("Ender", ""),
            &["Ender's Game", "Enders Game", "EndersGame"],
        );
        check(
            "Мастер и Маргарита",
            "",
            ("", ""),
            &["Мастер и Маргарита", "МастериМаргарита"],
        );
        check(
            "海辺のカフカ",
            "村上春樹",
            ("", ""),
            &["海辺のカフカ", "海辺のカフカ 村上春樹"],
        );
        check(" \u{0} ", "Somebody", ("", ""), &[]);
        check("", "", ("Dune", "1"), &["Dune 1"]);
    }

    proptest! {
        #[test]
        fn any_form_gives_short_clean_queries(title in "[\\s\\S]{0,400}", author in "\\PC{0,20}") {
            let form = SearchForm { title: title.repeat(10), author, ..SearchForm::default() };
            for query in search_queries(&form) {
                prop_assert!(!query.is_empty() && query.chars().count() <= 2 * LONGEST + 1);
                prop_assert!(!query.chars().any(char::is_control));
            }
        }
    }
}
