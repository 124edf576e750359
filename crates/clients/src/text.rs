//! Text that services send: entities, sizes, addresses, times.

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use url::Url;

/// Longest entity that is looked at: `&#x10FFFF;`.
const ENTITY_CHARACTERS: usize = 10;

/// Decodes HTML entities once. What is no entity stays as it is.
pub(crate) fn decode_entities(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        decoded.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest
            .char_indices()
            .take(ENTITY_CHARACTERS)
            .find(|(_, c)| *c == ';')
            .map(|(index, _)| index);
        match end.and_then(|end| Some((end, resolve_entity(&rest[1..end])?))) {
            Some((end, character)) => {
                decoded.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// The character of an entity's name: `amp`, `#039`, `#x27`.
pub(crate) fn resolve_entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| *c != '\0');
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        _ => return None,
    })
}

/// Bytes from "6324306932" or "5.9 GiB"; units are binary, thousands commas are allowed.
pub(crate) fn parse_size(text: &str) -> Option<i64> {
    let text = text.trim().replace(',', "");
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..split].parse().ok()?;
    let unit = text[split..].trim().to_ascii_lowercase();
    let power = match unit.as_str() {
        "" | "b" | "byte" | "bytes" => 0,
        _ => match unit.trim_end_matches('b').trim_end_matches('i') {
            "k" => 1,
            "m" => 2,
            "g" => 3,
            "t" => 4,
            "p" => 5,
            _ => return None,
        },
    };
    // A float cast saturates, so that an absurd size stays absurdly large instead of wrapping.
    Some((number * 1024f64.powi(power)).round() as i64)
}

/// "2018-03-15 12:34:56" as UTC.
pub(crate) fn parse_utc(text: &str) -> Option<DateTime<Utc>> {
    let time = NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%d %H:%M:%S").ok()?;
    Some(time.and_utc()).filter(is_plausible)
}

/// Of the years 1 to 9999. Others are mistakes, and one before 4713 BC is an error in the database, which would take
/// everything down that is stored along with it.
pub(crate) fn is_plausible(time: &DateTime<Utc>) -> bool {
    (1..=9999).contains(&time.year())
}

/// A link that may be shown and stored in the clear: a web address without anything that looks like a key.
pub(crate) fn page_url(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && !has_key(url.as_str());
    is_plain.then(|| url.to_string())
}

/// Whether an address carries a key of ours or of a tracker.
pub(crate) fn has_key(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    [
        "apikey",
        "api_key",
        "passkey",
        "torrent_pass",
        "authkey",
        "rsskey",
        "token=",
        "jackett_",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// A service's own words for a sentence: one line, at most 200 characters, addresses cut down to their host.
pub(crate) fn quote_words(text: &str) -> String {
    let mut line = String::new();
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        if line.chars().count() + word.chars().count() > 200 {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&cut_address(word));
    }
    line
}

/// "[https://tracker.example/dl?passkey=x]" becomes "tracker.example".
fn cut_address(word: &str) -> String {
    let Some((_, rest)) = word.split_once("://") else {
        return if has_key(word) { "…".into() } else { word.into() };
    };
    let authority = rest
        .split(['/', '?', '#', ']', ')', '"', '\'', ','])
        .next()
        .unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

/// The best audio file type in a list of file types or a title's tail, in lower case.
pub(crate) fn best_format(text: &str) -> Option<String> {
    const RANKED: [&str; 9] = ["m4b", "m4a", "mp3", "flac", "opus", "ogg", "aac", "wma", "wav"];
    let text = text.to_lowercase();
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    RANKED
        .iter()
        .find(|format| words.contains(*format))
        .map(|format| (*format).to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entities_are_decoded_once_and_the_rest_is_kept() {
        for (text, expected) in [
            ("Ender&#039;s Game &amp; more", "Ender's Game & more"),
            ("&#x41;&amp;amp;", "A&amp;"),
            (
                "AT&T; R&B & &unknown; &#xFFFFFFFF; &#0;",
                "AT&T; R&B & &unknown; &#xFFFFFFFF; &#0;",
            ),
            ("&Дюна;", "&Дюна;"),
        ] {
            assert_eq!(decode_entities(text), expected);
        }
    }

    #[test]
    fn sizes_are_bytes_or_binary_units() {
        for (text, expected) in [
            ("6324306932", Some(6_324_306_932)),
            ("5.9 GiB", Some(6_335_076_762)),
            ("1,024 KiB", Some(1_048_576)),
            ("700 MB", Some(734_003_200)),
            ("0", Some(0)),
            ("12 B", Some(12)),
            ("large", None),
            ("", None),
            ("1.2.3 GiB", None),
        ] {
            assert_eq!(parse_size(text), expected, "{text}");
        }
    }

    #[test]
    fn quoted_words_lose_addresses_and_keys() {
        let quoted = quote_words("failed [GET] at [https://me:pw@tracker.example/dl?passkey=s3cret]\n apikey=s3cret");
        assert!(quoted.contains("tracker.example"), "{quoted}");
        assert!(!quoted.contains("s3cret") && !quoted.contains("pw"), "{quoted}");
    }

    #[test]
    fn pages_are_web_addresses_without_keys() {
        assert!(page_url("https://www.myanonamouse.net/t/1").is_some());
        for text in [
            "javascript:alert(1)",
            "https://x.example/dl?apikey=1",
            "https://a:b@x.example/",
            "magnet:?xt=1",
            "",
        ] {
            assert_eq!(page_url(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_of_no_such_year_is_unknown() {
        assert!(parse_utc("9999-12-31 23:59:59").is_some() && parse_utc("0001-01-01 00:00:00").is_some());
        for text in ["-9999-01-01 00:00:00", "+10000-01-01 00:00:00", "0000-01-01 00:00:00"] {
            assert_eq!(parse_utc(text), None, "{text}");
        }
    }

    #[test]
    fn the_best_format_wins_whatever_the_order() {
        assert_eq!(best_format("mp3 m4b").as_deref(), Some("m4b"));
        assert_eq!(best_format("ENG / MP3").as_deref(), Some("mp3"));
        assert_eq!(best_format("epub pdf"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in "\\PC{0,60}") {
            let _ = (decode_entities(&text), parse_size(&text), parse_utc(&text), page_url(&text), quote_words(&text));
        }

        #[test]
        fn text_with_entity_marks_never_panics(text in "[&#;xa-z0-9 é一]{0,40}") {
            let _ = decode_entities(&text);
        }

        #[test]
        fn every_size_with_a_unit_is_read(number in 0u32..100_000, unit in "(|B|KB|KiB|MiB|GiB|TiB)") {
            let text = format!("{number} {unit}");
            prop_assert!(parse_size(&text).is_some());
        }
    }
}
