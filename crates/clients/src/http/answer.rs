//! What a service answered.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde::de::DeserializeOwned;

use crate::error::{ClientError, Result};

/// Longest excerpt of an answer in a sentence, in characters.
const EXCERPT_CHARACTERS: usize = 120;

/// Status, headers and the whole body.
#[derive(Clone)]
pub struct Answer {
    service: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Headers and body may hold a session, a key or a torrent with one.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("service", &self.service)
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Answer {
    pub(super) fn new(service: &str, status: u16, headers: HeaderMap, body: Vec<u8>) -> Self {
        Self {
            service: service.into(),
            status,
            headers,
            body,
        }
    }

    /// Any 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's text, if it is there and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, with what is not UTF-8 replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON. The error never repeats values of the body: they may be secrets.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| self.unexpected(&self.json_fault(&error)))
    }

    /// A web page: a proxy's login, an error page, another service.
    pub fn is_html(&self) -> bool {
        let is_declared = self
            .header(CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("text/html"));
        is_declared || looks_like_html(&self.body)
    }

    /// How long to wait, from seconds or an HTTP date. A date that has passed gives zero.
    pub fn retry_after(&self, now: DateTime<Utc>) -> Option<Duration> {
        let text = self.header(RETRY_AFTER.as_str())?.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        let until = DateTime::parse_from_rfc2822(text).ok()?;
        Some((until.with_timezone(&Utc) - now).to_std().unwrap_or_default())
    }

    /// The start of the body on one line, for sentences. Not for answers that hold secrets.
    pub fn excerpt(&self) -> String {
        let text = self.text();
        let words = text
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty());
        let line = words.collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(EXCERPT_CHARACTERS) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }

    /// An error saying that this answer breaks the contract.
    pub fn unexpected(&self, detail: &str) -> ClientError {
        ClientError::UnexpectedAnswer {
            service: self.service.clone(),
            detail: format!("{detail} (HTTP {})", self.status),
        }
    }

    fn json_fault(&self, error: &serde_json::Error) -> String {
        if self.is_html() {
            return "a web page instead of data; the address may belong to another service or a login page".into();
        }
        let place = format!("line {}, column {}", error.line(), error.column());
        let text = error.to_string();
        match text.split(" at line ").next() {
            // Only this one message of serde's holds names and never values.
            Some(missing) if missing.starts_with("missing field") => format!("{missing} before {place}"),
            _ => format!("not the expected JSON at {place}"),
        }
    }
}

/// Whether bytes start like a web page; XML that is not HTML does not count.
pub(crate) fn looks_like_html(bytes: &[u8]) -> bool {
    let start: String = String::from_utf8_lossy(&bytes[..bytes.len().min(512)])
        .trim_start()
        .to_ascii_lowercase();
    let start = start.trim_start_matches('\u{feff}').trim_start();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer::new("Service", 200, map, body.into())
    }

    #[test]
    fn retry_after_reads_seconds_and_dates() {
        let now = DateTime::from_timestamp(1_445_412_450, 0).unwrap();
        let wait = |text| {
            answer(&[("retry-after", text)], "")
                .retry_after(now)
                .map(|wait| wait.as_secs())
        };
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(30));
        assert_eq!(wait("Wed, 21 Oct 2009 07:28:00 GMT"), Some(0));
        assert_eq!(wait("soon"), None);
        assert_eq!(answer(&[], "").retry_after(now), None);
    }

    #[test]
    fn excerpts_are_one_short_printable_line() {
        assert_eq!(answer(&[], " a\r\n\u{7}b ").excerpt(), "a b");
        assert_eq!(answer(&[], &"é".repeat(400)).excerpt().chars().count(), 121);
    }

    #[test]
    fn web_pages_are_told_from_xml_and_text() {
        assert!(answer(&[], "\n <!DOCTYPE html><p>").is_html());
        assert!(answer(&[("content-type", "text/html; charset=utf-8")], "Error").is_html());
        assert!(!answer(&[("content-type", "application/xml")], "<?xml version=\"1.0\"?><rss/>").is_html());
    }

    #[test]
    fn a_json_fault_names_the_missing_field_but_repeats_no_value() {
        #[derive(Debug, serde::Deserialize)]
        struct Token {
            #[expect(dead_code, reason = "only its parsing is looked at")]
            token: u32,
        }
        let fault = |body: &str| answer(&[], body).json::<Token>().unwrap_err().to_string();
        assert!(fault("{}").contains("missing field `token`"));
        assert!(!fault("{\"token\":\"hunter2\"}").contains("hunter2"));
        assert!(fault("<html>").contains("web page"));
    }

    #[test]
    fn debug_shows_neither_headers_nor_body() {
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", "mam_id=planted".parse().unwrap());
        let answer = Answer::new("The site", 200, headers.clone(), b"planted".to_vec());
        let error = answer.unexpected("it is a test");
        let shown = format!("{answer:?} {:?}", super::super::Broken { error, headers });
        assert!(shown.contains("The site") && !shown.contains("planted"), "{shown}");
        assert!(!shown.contains(&format!("{:?}", b"planted")), "{shown}");
    }
}
