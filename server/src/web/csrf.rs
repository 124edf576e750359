//! Writes that a browser makes with cookies must come from our own pages.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use types::{ApiError, ErrorCode};

use super::error::JsonError;

/// Refuses a cookie-borne write from another site. Bearer calls carry no cookies and are not concerned.
pub async fn require_same_origin(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_read || is_same_origin(request.headers()) {
        return next.run(request).await;
    }
    let message = "This request came from another site and was refused. Use mamcrawler's own pages.";
    JsonError(ApiError::new(ErrorCode::Forbidden, message)).into_response()
}

/// A program sends neither header; a browser always sends one of them with a write.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &axum::http::HeaderValue| value.to_str().ok())
    };
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN) else {
        return true;
    };
    let Some(host) = text(header::HOST) else { return false };
    origin
        .split_once("://")
        .is_some_and(|(_, origin_host)| origin_host.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], expected: bool) {
        let map = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        assert_eq!(is_same_origin(&map), expected, "{headers:?}");
    }

    #[test]
    fn only_our_own_pages_and_programs_write() {
        check(&[], true);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "none")], true);
        check(&[("sec-fetch-site", "same-site")], false);
        check(
            &[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")],
            false,
        );
        check(
            &[("origin", "http://books.example:3000"), ("host", "books.example:3000")],
            true,
        );
        check(&[("origin", "http://evil.example"), ("host", "books.example")], false);
        check(&[("origin", "null"), ("host", "books.example")], false);
    }
}
