//! Versions of what is read: `ETag` on reads, `If-None-Match` against sending the same twice, `If-Match` on edits.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use services::seen::{Edited, Edition, Expected, Seen};
use sha2::{Digest, Sha256};

use crate::web::error::JsonError;

/// No answer comes near: lists have at most 200 rows, covers a few hundred KiB.
const ANSWER_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// Between the edition and the rest of a tag.
const BETWEEN: char = '.';

/// Tags what a read answers, JSON or a picture, and answers 304 when the program has it already.
pub async fn answer_unchanged(request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let known = list_tags(request.headers(), header::IF_NONE_MATCH);
    let response = next.run(request).await;
    if response.status() != StatusCode::OK || !has_version(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, ANSWER_LIMIT_BYTES).await else {
        return JsonError::from_status(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    };
    let tag = tag_of(&bytes, parts.extensions.get());
    let is_known = known.iter().any(|known| known == "*" || *known == tag);
    let value = HeaderValue::from_str(&tag).expect("a tag is quoted hex");
    parts.headers.insert(header::ETAG, value);
    if is_known {
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.status = StatusCode::NOT_MODIFIED;
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// What can be edited: its tag also names its edition, which an edit is compared with.
pub struct Editable<T>(pub Edited<T>);

impl<T: Serialize> IntoResponse for Editable<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.0.value).into_response();
        response.extensions_mut().insert(self.0.edition);
        response
    }
}

/// The editions that a program is ready to overwrite; without the header, any.
pub struct IfMatch(Expected);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = JsonError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, JsonError> {
        Ok(Self(read_expected(&parts.headers)))
    }
}

impl IfMatch {
    /// What is to be edited, as the program has seen it. The use case refuses with 412 when it was edited since.
    pub fn seen<T>(self, it: T) -> Seen<T> {
        Seen { it, expected: self.0 }
    }
}

fn read_expected(headers: &HeaderMap) -> Expected {
    let tags = list_tags(headers, header::IF_MATCH);
    if !headers.contains_key(header::IF_MATCH) || tags.iter().any(|tag| tag == "*") {
        return Expected::Anything;
    }
    let editions = tags.iter().filter_map(|tag| {
        let (edition, _) = tag.trim_matches('"').split_once(BETWEEN)?;
        Some(edition.to_owned())
    });
    Expected::OneOf(editions.collect())
}

/// The same bytes, the same tag. Of what can be edited, it begins with the edition.
fn tag_of(bytes: &[u8], edition: Option<&Edition>) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    match edition {
        Some(edition) => format!("\"{}{BETWEEN}{hex}\"", edition.as_str()),
        None => format!("\"{hex}\""),
    }
}

/// A proxy that compresses may have made a tag weak on the way; it still names the same version.
fn list_tags(headers: &HeaderMap, name: header::HeaderName) -> Vec<String> {
    let values = headers.get_all(name);
    let lines = values.iter().filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/").to_owned())
        .filter(|tag| !tag.is_empty())
        .collect()
}

/// Exports and streams are not held back to be compared.
fn has_version(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/json") || kind.starts_with(b"image/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_from_lists_weak_ones_too() {
        let mut headers = HeaderMap::new();
        headers.append(header::IF_MATCH, HeaderValue::from_static(r#""a", W/"b""#));
        headers.append(header::IF_MATCH, HeaderValue::from_static(" * "));
        assert_eq!(list_tags(&headers, header::IF_MATCH), [r#""a""#, r#""b""#, "*"]);
        assert_eq!(tag_of(b"{}", None), tag_of(b"{}", None));
        assert_ne!(tag_of(b"{}", None), tag_of(b"[]", None));
    }

    #[test]
    fn if_match_names_editions_and_a_tag_without_one_matches_nothing() {
        let read = |line: &'static str| {
            read_expected(&HeaderMap::from_iter([(
                header::IF_MATCH,
                HeaderValue::from_static(line),
            )]))
        };
        let edition = Edition::of(&serde_json::json!(1));
        let (tag, later) = (tag_of(b"{}", Some(&edition)), tag_of(b"[]", Some(&edition)));
        assert_ne!(tag, later);
        assert_eq!(read(tag.leak()), Expected::OneOf(vec![edition.as_str().into()]));
        assert_eq!(read(later.leak()), Expected::OneOf(vec![edition.as_str().into()]));
        assert_eq!(read("\"abc\""), Expected::OneOf(Vec::new()));
        assert_eq!(read(""), Expected::OneOf(Vec::new()));
        assert_eq!(read("*"), Expected::Anything);
        assert_eq!(read_expected(&HeaderMap::new()), Expected::Anything);
    }
}
