//! Versions of what is read: `ETag` on reads, `If-None-Match` against sending the same twice, `If-Match` on edits.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, MutexGuard};

use super::ApiResult;
use crate::web::error::JsonError;

/// No JSON answer comes near; lists have at most 200 rows.
const ANSWER_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// Between the look at the present version and the edit nobody else edits by this process.
static EDITS: Mutex<()> = Mutex::const_new(());

/// Tags every JSON answer to a read, and answers 304 when the program has it already.
pub async fn answer_unchanged(request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let known = list_tags(request.headers(), header::IF_NONE_MATCH);
    let response = next.run(request).await;
    if response.status() != StatusCode::OK || !is_json(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, ANSWER_LIMIT_BYTES).await else {
        return JsonError::from_status(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    };
    let tag = tag_of(&bytes);
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

/// The versions that a program is ready to overwrite; without the header, any.
pub struct IfMatch(Vec<String>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = JsonError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, JsonError> {
        Ok(Self(list_tags(&parts.headers, header::IF_MATCH)))
    }
}

impl IfMatch {
    /// The turn to edit, held until the edit is done. 412 when what there is now is not what the program read.
    ///
    /// `read` gives the present representation, the one that a read of the same address answers.
    pub async fn begin_edit<T: Serialize>(
        &self,
        read: impl Future<Output = ApiResult<T>>,
    ) -> ApiResult<MutexGuard<'static, ()>> {
        let turn = EDITS.lock().await;
        if !self.0.is_empty() {
            let bytes = serde_json::to_vec(&read.await?).expect("a representation is plain JSON");
            let tag = tag_of(&bytes);
            if !self.0.iter().any(|wanted| wanted == "*" || *wanted == tag) {
                return Err(JsonError::from_status(StatusCode::PRECONDITION_FAILED));
            }
        }
        Ok(turn)
    }
}

/// The same bytes, the same tag.
fn tag_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
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

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
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
        assert_eq!(tag_of(b"{}"), tag_of(b"{}"));
        assert_ne!(tag_of(b"{}"), tag_of(b"[]"));
    }
}
