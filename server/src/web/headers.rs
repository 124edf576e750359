//! What a browser is told about every answer: run only our code, show it nowhere else, keep nothing private.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::AppState;

/// On every answer. HSTS comes beside when people reach the server by https.
const FIXED: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];
const HSTS: &str = "max-age=31536000";
/// What is no page runs and loads nothing.
const INERT: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The nonce of the answer to this request: the scripts of the page bear it. On every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageNonce(pub String);

/// Sets the headers that a handler did not set for itself.
pub async fn harden(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let mut bytes = [0; 16];
    state.services.random().fill(&mut bytes);
    let nonce = URL_SAFE_NO_PAD.encode(bytes);
    request.extensions_mut().insert(PageNonce(nonce.clone()));
    let is_file = is_file(request.uri().path());
    let mut response = next.run(request).await;
    name_charset(response.headers_mut());
    let is_page = has_kind(response.headers(), "text/html");
    let mut set = |name: HeaderName, value: HeaderValue| {
        response.headers_mut().entry(name).or_insert(value);
    };
    for (name, value) in FIXED {
        set(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if state.cookies.secure {
        set(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    if is_page || !is_file {
        set(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let policy = if is_page {
        HeaderValue::try_from(page_policy(&nonce)).expect("a nonce is base64url")
    } else {
        HeaderValue::from_static(INERT)
    };
    set(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn page_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )
}

/// All text of ours is UTF-8, and says so: a browser must not have to guess (ASVS 14.4.1).
fn name_charset(headers: &mut HeaderMap) {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(kind) = kind.filter(|kind| is_text(kind) && !kind.contains(';')) else {
        return;
    };
    let named = HeaderValue::try_from(format!("{kind}; charset=utf-8")).expect("it was a header before");
    headers.insert(header::CONTENT_TYPE, named);
}

/// Of streams and JSON the standards say that they are UTF-8.
fn is_text(kind: &str) -> bool {
    let is_xml = kind.ends_with("/xml") || kind.ends_with("+xml");
    is_xml || (kind.starts_with("text/") && kind != "text/event-stream")
}

fn has_kind(headers: &HeaderMap, kind: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.starts_with(kind))
}

/// Files of the site are the same for everybody.
fn is_file(path: &str) -> bool {
    let is_data = ["/api/", "/sfn/", "/covers/"]
        .iter()
        .any(|start| path.starts_with(start));
    let name = path.rsplit('/').next().unwrap_or_default();
    !is_data && name.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_run_by_origin_or_nonce_alone() {
        let policy = page_policy("abc");
        assert!(policy.contains("script-src 'self' 'nonce-abc' 'wasm-unsafe-eval';"));
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'") && !policy.contains('*'));
    }

    #[test]
    fn text_names_its_characters() {
        let check = |kind: &'static str, expected: &str| {
            let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
            name_charset(&mut headers);
            assert_eq!(headers[header::CONTENT_TYPE], expected);
        };
        check("text/css", "text/css; charset=utf-8");
        check("text/javascript", "text/javascript; charset=utf-8");
        check("image/svg+xml", "image/svg+xml; charset=utf-8");
        check("text/html; charset=utf-8", "text/html; charset=utf-8");
        check("application/json", "application/json");
        check("application/wasm", "application/wasm");
        check("text/event-stream", "text/event-stream");
        let mut none = HeaderMap::new();
        name_charset(&mut none);
        assert!(none.is_empty());
    }

    #[test]
    fn only_files_may_be_kept() {
        let check = |path: &str, expected: bool| assert_eq!(is_file(path), expected, "{path}");
        check("/pkg/mamcrawler.js", true);
        check("/favicon.svg", true);
        check("/", false);
        check("/books/7", false);
        check("/api/openapi.json", false);
        check("/covers/7.jpg", false);
        check("/sfn/get_shell1.5", false);
    }
}
