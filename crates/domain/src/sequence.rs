//! The place of a book in its series: "1", "1.5", "0", "1-3".

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::fold::fold_text;
use crate::numbers::{parse_han, parse_ordinal, parse_roman_letters, parse_spelled};

/// A sequence as text, with its first number for order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// Without leading zeros: "1", "1.5", "1-3", "1-16, 13.5".
    pub text: String,
    /// First number times 100; 0..=999,999, as numeric(6,2) holds it.
    pub hundredths: i32,
}

/// The text names no place in a series.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("“{0}” is not a place in a series; write a number such as 1, 1.5 or 1-3")]
pub struct InvalidSequence(String);

impl Sequence {
    /// "1.50", for SQL's numeric.
    pub fn numeric_text(&self) -> String {
        format!("{}.{:02}", self.hundredths / 100, self.hundredths % 100)
    }

    /// Names several places: a pack, an omnibus.
    pub fn is_range(&self) -> bool {
        self.text.contains(['-', ','])
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for Sequence {
    type Err = InvalidSequence;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_sequence(text).ok_or_else(|| InvalidSequence(text.chars().take(40).collect()))
    }
}

fn parse_sequence(text: &str) -> Option<Sequence> {
    let folded = fold_text(text).replace(['–', '—', '−', '~', '〜'], "-");
    let folded = folded.trim().trim_start_matches('#').trim();
    if folded.len() > 80 {
        return None;
    }
    let pieces: Vec<String> = split_list(folded)
        .iter()
        .map(|piece| parse_piece(piece))
        .collect::<Option<_>>()?;
    let first = pieces.first()?.split('-').next()?;
    Some(Sequence {
        hundredths: parse_hundredths(first)?,
        text: pieces.join(", "),
    })
}

/// "1, 3" is a list; "1,5" is how half of Europe writes 1.5.
fn split_list(text: &str) -> Vec<String> {
    let is_decimal_comma = text.matches(',').count() == 1
        && text
            .split(',')
            .all(|part| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_digit()));
    if is_decimal_comma {
        return vec![text.replace(',', ".")];
    }
    text.split([',', '&', ';', '、'])
        .map(|piece| piece.trim().to_owned())
        .collect()
}

fn parse_piece(piece: &str) -> Option<String> {
    let bounds: Vec<&str> = piece.split('-').map(str::trim).collect();
    match bounds.as_slice() {
        [single] => parse_number(single),
        [first, last] => Some(format!("{}-{}", parse_number(first)?, parse_number(last)?)),
        _ => None,
    }
}

/// One number in canonical text.
fn parse_number(text: &str) -> Option<String> {
    if text.chars().next().is_some_and(|letter| letter.is_ascii_digit()) {
        return parse_hundredths(text).map(format_hundredths);
    }
    let words: Vec<&str> = text.split([' ']).filter(|word| !word.is_empty()).collect();
    let spelled = parse_spelled(&words)
        .filter(|(_, used)| *used == words.len())
        .map(|(number, _)| number);
    spelled
        .or_else(|| parse_roman_letters(text))
        .or_else(|| parse_ordinal(text))
        .or_else(|| parse_han(text))
        .filter(|number| *number < 10_000)
        .map(|number| number.to_string())
}

/// A decimal number of at most four digits before and two after the point.
fn parse_hundredths(text: &str) -> Option<i32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = [whole, fraction]
        .iter()
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()));
    let fraction = fraction.trim_end_matches('0');
    if !are_digits || fraction.len() > 2 {
        return None;
    }
    let whole: i32 = whole.parse().ok().filter(|whole| *whole < 10_000)?;
    let fraction: i32 = format!("{fraction:0<2}").parse().ok()?;
    Some(whole * 100 + fraction)
}

fn format_hundredths(hundredths: i32) -> String {
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str, numeric: &str) {
        let sequence: Sequence = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (sequence.to_string().as_str(), sequence.numeric_text().as_str()),
            (expected, numeric),
            "{text}"
        );
    }

    #[test]
    fn every_way_of_writing_a_sequence_is_read() {
        check("1", "1", "1.00");
        check("1.5", "1.5", "1.50");
        check("1,5", "1.5", "1.50");
        check("0", "0", "0.00");
        check("0.25", "0.25", "0.25");
        check("01", "1", "1.00");
        check("10.50", "10.5", "10.50");
        check("100", "100", "100.00");
        check("1-3", "1-3", "1.00");
        check("1 – 3", "1-3", "1.00");
        check("01-16, 13.5", "1-16, 13.5", "1.00");
        check("1, 3", "1, 3", "1.00");
        check("#7", "7", "7.00");
        check("IV", "4", "4.00");
        check("X", "10", "10.00");
        check("Twenty One", "21", "21.00");
        check("третья", "3", "3.00");
        check("十二", "12", "12.00");
        check("٣", "3", "3.00");
        check("３", "3", "3.00");
        check("9999.99", "9999.99", "9999.99");
    }

    #[test]
    fn what_is_no_sequence_is_refused_with_an_example() {
        for text in [
            "",
            " ",
            "abc",
            "-1",
            "1-2-3",
            "1.555",
            "10000",
            "1.",
            ".5",
            "1-",
            "Book",
            "1,,2",
            &"9".repeat(90),
        ] {
            assert!(text.parse::<Sequence>().is_err(), "{text}");
        }
        let error = "abc".parse::<Sequence>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "“abc” is not a place in a series; write a number such as 1, 1.5 or 1-3"
        );
    }

    #[test]
    fn a_range_and_a_list_name_several_places() {
        for (text, expected) in [("1-3", true), ("1, 3", true), ("1.5", false)] {
            assert_eq!(text.parse::<Sequence>().unwrap().is_range(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_not_and_canonical_text_stays(text in "\\PC{0,30}") {
            if let Ok(sequence) = text.parse::<Sequence>() {
                prop_assert_eq!(sequence.text.parse::<Sequence>(), Ok(sequence.clone()));
            }
        }

        #[test]
        fn numbers_keep_their_order(a in 0i32..=999_999, b in 0i32..=999_999) {
            let parse = |number: i32| format_hundredths(number).parse::<Sequence>().unwrap().hundredths;
            prop_assert_eq!((parse(a), parse(b)), (a, b));
        }
    }
}
