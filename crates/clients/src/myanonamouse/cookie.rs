//! The `mam_id` cookie: as people paste it, and as the site renews it.

use http::HeaderMap;
use http::header::SET_COOKIE;
use secrecy::SecretString;

const NAME: &str = "mam_id";

/// The bare value from what was entered: with or without `mam_id=`, a `Cookie:` prefix, quotes, spaces, `;` or other
/// cookies after it. Escapes are kept, as the site compares bytes. `None` when nothing usable is left.
pub fn clean_entered(text: &str) -> Option<SecretString> {
    let text = text.trim_matches(is_wrapping);
    // The last one with a value: another cookie's name may begin like it.
    let after_name = text
        .rmatch_indices(NAME)
        .find_map(|(start, name)| text[start + name.len()..].trim_start().strip_prefix('='));
    let value = after_name.unwrap_or(text);
    let value = value
        .trim_start_matches(is_wrapping)
        .split(';')
        .next()
        .unwrap_or_default()
        .trim_matches(is_wrapping);
    is_sendable(value).then(|| value.into())
}

/// The newest value that an answer sets; `None` when it sets none or only deletes it.
pub fn renewed_value(headers: &HeaderMap) -> Option<SecretString> {
    headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|header| set_value(header.to_str().ok()?))
        .next_back()
}

fn set_value(header: &str) -> Option<SecretString> {
    let mut parts = header.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let value = value.trim().trim_matches('"');
    let is_deletion =
        value.eq_ignore_ascii_case("deleted") || parts.any(|part| part.trim().eq_ignore_ascii_case("max-age=0"));
    (name.trim() == NAME && is_sendable(value) && !is_deletion).then(|| value.into())
}

fn is_wrapping(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ';')
}

/// Whether a value can stand in a `Cookie` header.
fn is_sendable(value: &str) -> bool {
    !value.is_empty()
        && value
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"'))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn clean(text: &str) -> Option<String> {
        clean_entered(text).map(|value| value.expose_secret().to_owned())
    }

    fn renewed(headers: &[&str]) -> Option<String> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(SET_COOKIE, HeaderValue::from_str(header).unwrap());
        }
        renewed_value(&map).map(|value| value.expose_secret().to_owned())
    }

    #[test]
    fn pasted_values_are_cleaned() {
        for text in [
            "ab%2Fc",
            " ab%2Fc ",
            "mam_id=ab%2Fc",
            "\"mam_id=ab%2Fc\"",
            "mam_id = ab%2Fc",
            "mam_id=\"ab%2Fc\";",
            "Cookie: uid=1; mam_id=ab%2Fc; x=2",
            "'ab%2Fc';",
        ] {
            assert_eq!(clean(text).as_deref(), Some("ab%2Fc"), "{text}");
        }
        assert_eq!(clean("mam_id="), None);
        assert_eq!(clean("two words"), None);
    }

    #[test]
    fn another_cookie_whose_name_begins_alike_hides_nothing() {
        let value = clean_entered("mam_id=abc; uid=7; mam_idtwo").unwrap();
        assert_eq!(value.expose_secret(), "abc");
    }

    #[test]
    fn the_last_renewed_value_counts_and_a_deletion_does_not() {
        assert_eq!(
            renewed(&[
                "uid=7; path=/",
                "mam_id=one; Max-Age=1296000; domain=.myanonamouse.net; secure",
                "mam_id=two"
            ]),
            Some("two".into())
        );
        assert_eq!(
            renewed(&["mam_id=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT"]),
            None
        );
        assert_eq!(
            renewed(&["mam_id=; Max-Age=9", "other=1", "mam_id=old; Max-Age=0"]),
            None
        );
    }

    proptest! {
        #[test]
        fn whatever_is_entered_gives_a_sendable_value_or_none(text in "\\PC{0,80}") {
            if let Some(value) = clean(&text) {
                let header = format!("mam_id={value}");
                prop_assert!(HeaderValue::from_str(&header).is_ok());
            }
        }

        #[test]
        fn a_value_is_found_in_every_wrapping(value in "[!#-+.-:<-~]{1,60}", before in "[ \"';`]{0,4}", after in "[ \"';`]{0,4}") {
            prop_assume!(!value.contains(NAME) && !value.starts_with(is_wrapping) && !value.ends_with(is_wrapping));
            for entered in [format!("{before}{value}{after}"), format!("uid=1; mam_id={before}{value}{after}")] {
                prop_assert_eq!(clean(&entered), Some(value.clone()), "{}", entered);
            }
        }

        #[test]
        fn a_damaged_header_gives_a_sendable_value_or_none(
            header in testing::damage::damaged_text("mam_id=ab%2Fc; Max-Age=1296000; domain=.example; secure")
        ) {
            let Ok(written) = HeaderValue::from_str(&header) else { return Ok(()) };
            let mut headers = HeaderMap::new();
            headers.append(SET_COOKIE, written);
            prop_assert!(renewed_value(&headers).is_none_or(|value| is_sendable(value.expose_secret())));
        }

        #[test]
        fn no_header_makes_reading_panic(text in "[ -~]{0,80}") {
            let _ = renewed(&[&text, &format!("mam_id={text}")]);
        }
    }
}
