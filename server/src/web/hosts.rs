//! Which host names the server answers to: a page of another name must not reach it by DNS tricks.

use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HOST};
use axum::http::uri::Authority;
use axum::http::{StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::edge::Edge;
use super::error::JsonError;

/// Refuses a request without a sane `Host`, or for a host that is not ours. Monitors may pass.
pub async fn require_host(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let allowed = &edge.config.allowed_hosts;
    match read_hosts(&request) {
        // Whoever is unclear about the host may be unclear about where the request ends, too.
        None => ([(CONNECTION, "close")], JsonError::from_status(StatusCode::BAD_REQUEST)).into_response(),
        Some(hosts) => {
            let is_ours = allowed.is_empty() || hosts.iter().all(|host| is_allowed(host, allowed));
            if is_ours || is_for_monitors(request.uri().path()) {
                return next.run(request).await;
            }
            JsonError::from_status(StatusCode::MISDIRECTED_REQUEST).into_response()
        }
    }
}

/// Monitors go by address, also where the server is below a path. What `/metrics` tells is for whom shows its token, which no page of another site has.
pub fn is_for_monitors(path: &str) -> bool {
    path.starts_with("/health/") || path == "/metrics"
}

/// Every name that the request gives its host; `None` when it has none, several `Host` headers or a broken one.
fn read_hosts(request: &Request) -> Option<Vec<Authority>> {
    let mut hosts = Vec::new();
    let mut headers = request.headers().get_all(HOST).iter();
    match (headers.next(), headers.next()) {
        (_, Some(_)) => return None,
        (Some(value), None) => hosts.push(Authority::try_from(value.as_bytes()).ok()?),
        (None, None) if request.version() >= Version::HTTP_11 => return None,
        (None, None) => {}
    }
    hosts.extend(request.uri().authority().cloned());
    let is_plain = hosts.iter().all(|host| !host.as_str().contains('@'));
    is_plain.then_some(hosts)
}

/// An entry without a port allows every port.
fn is_allowed(host: &Authority, allowed: &[String]) -> bool {
    let mut entries = allowed.iter();
    entries.any(|entry| entry.eq_ignore_ascii_case(host.as_str()) || entry.eq_ignore_ascii_case(host.host()))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn only_our_names_are_answered_to() {
        let allowed = [
            "books.example".to_owned(),
            "127.0.0.1:3000".to_owned(),
            "[::1]".to_owned(),
        ];
        let check = |host: &str, expected: bool| {
            let host = Authority::try_from(host).unwrap();
            assert_eq!(is_allowed(&host, &allowed), expected, "{host}");
        };
        check("books.example", true);
        check("Books.Example:8443", true);
        check("127.0.0.1:3000", true);
        check("127.0.0.1:3001", false);
        check("[::1]:3000", true);
        check("evil.example", false);
        check("books.example.evil.example", false);
    }

    #[test]
    fn a_request_names_its_host_once() {
        let check = |hosts: &[&str], expected: bool| {
            let mut request = Request::builder().uri("/");
            for host in hosts {
                request = request.header(HOST, *host);
            }
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(read_hosts(&request).is_some(), expected, "{hosts:?}");
        };
        check(&["books.example"], true);
        check(&[], false);
        check(&["books.example", "books.example"], false);
        check(&["books.example/path"], false);
        check(&["user@books.example"], false);
        check(&[""], false);
    }
}
