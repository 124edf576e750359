//! Writes that a browser makes with cookies must come from our own pages.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use types::ErrorCode;

use super::AppState;
use super::auth::find_credential;
use super::edge::Edge;
use super::error::JsonError;
use super::refusals::Reason;

/// Refuses a cookie-borne write from another site. Calls with a token don't use cookies and are not concerned.
pub async fn require_same_origin(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_read || may_write(&request, &state) {
        return next.run(request).await;
    }
    let message = "This request came from another site and was refused. Use mamcrawler's own pages.";
    let mut response = JsonError::new(ErrorCode::Forbidden, message).into_response();
    response.extensions_mut().insert(Reason("another_site"));
    response
}

fn may_write(request: &Request, state: &AppState) -> bool {
    let (headers, cookies) = (request.headers(), state.cookies);
    let has_cookies = cookies.access_token(headers).is_some() || cookies.refresh_token(headers).is_some();
    match find_source(headers, cookies.secure) {
        Source::Ours => true,
        // Browsers send one of the two headers with a write; who sends neither is a program, which needs no cookies.
        Source::Unknown => !has_cookies,
        // Only our own scripts, and those of configured origins, can send a credential in a header.
        Source::Foreign if is_api(request) => {
            find_credential(headers).is_some() || (!has_cookies && is_shared_with(request, &state.edge))
        }
        Source::Foreign => false,
    }
}

fn is_api(request: &Request) -> bool {
    request.uri().path().starts_with("/api/")
}

fn is_shared_with(request: &Request, edge: &Edge) -> bool {
    let origin = request.headers().get(header::ORIGIN);
    origin.is_some_and(|origin| edge.config.cors_origins.contains(origin))
}

/// Whose page made a browser send the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Ours,
    Foreign,
    Unknown,
}

fn find_source(headers: &HeaderMap, is_secure: bool) -> Source {
    if let Some(site) = text(headers, HeaderName::from_static("sec-fetch-site")) {
        return match site {
            "same-origin" | "none" => Source::Ours,
            _ => Source::Foreign,
        };
    }
    let Some(origin) = text(headers, header::ORIGIN) else {
        return Source::Unknown;
    };
    let host = text(headers, header::HOST).unwrap_or_default();
    match origin.split_once("://") {
        Some((scheme, origin_host)) if origin_host.eq_ignore_ascii_case(host) && (scheme == "https" || !is_secure) => {
            Source::Ours
        }
        _ => Source::Foreign,
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], is_secure: bool, expected: Source) {
        let map = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        assert_eq!(find_source(&map, is_secure), expected, "{headers:?}");
    }

    #[test]
    fn our_own_pages_are_told_from_others() {
        check(&[], false, Source::Unknown);
        check(&[("sec-fetch-site", "same-origin")], false, Source::Ours);
        check(&[("sec-fetch-site", "none")], false, Source::Ours);
        check(&[("sec-fetch-site", "same-site")], false, Source::Foreign);
        check(
            &[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")],
            false,
            Source::Foreign,
        );
        let ours = [("origin", "http://books.example:3000"), ("host", "books.example:3000")];
        check(&ours, false, Source::Ours);
        check(&ours, true, Source::Foreign);
        check(
            &[("origin", "https://books.example"), ("host", "books.example")],
            true,
            Source::Ours,
        );
        check(
            &[("origin", "http://evil.example"), ("host", "books.example")],
            false,
            Source::Foreign,
        );
        check(&[("origin", "null"), ("host", "books.example")], false, Source::Foreign);
    }
}
