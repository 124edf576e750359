//! One id for each request: in its answer, in its error and in every line that it logs.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use services::Services;
use tracing::Instrument;
use uuid::Uuid;

use super::edge::Edge;
use super::overload::TurnedAway;
use super::traced::RequestTrace;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST: usize = 64;

/// The id of a request: the caller's when it is sane, else a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id as text: 1 to 64 of letters, digits, `.`, `_` and `-`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id that somebody gave; `None` when it could forge a log line or flood it.
    pub fn given(text: &str) -> Option<Self> {
        let is_sane = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let is_id = (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_sane);
        is_id.then(|| Self(text.into()))
    }

    fn of(headers: &HeaderMap, services: &Services) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
        given
            .and_then(Self::given)
            .unwrap_or_else(|| Self(services.new_id::<Uuid>().to_string().into()))
    }

    fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an id is made of plain characters")
    }
}

/// Gives the request its id, answers with it, logs within it, and traces it.
pub async fn name_request(
    State(services): State<Services>,
    State(edge): State<Edge>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::of(request.headers(), &services);
    request.headers_mut().insert(HEADER, id.header());
    request.extensions_mut().insert(id.clone());
    // Without the query, which may hold a one-time code.
    let span =
        tracing::error_span!("request", id = id.as_str(), method = %request.method(), path = request.uri().path());
    let trace = RequestTrace::begin(&span, &request, &edge);
    let mut response = answer(request, next).instrument(span.clone()).await;
    trace.end(response.status());
    response.headers_mut().insert(HEADER, id.header());
    response
}

async fn answer(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let response = next.run(request).await;
    let (status, duration_ms) = (response.status().as_u16(), started.elapsed().as_millis());
    // `overload` tells of those it turned away, many at a time.
    let was_turned_away = response.extensions().get::<TurnedAway>().is_some();
    if response.status().is_server_error() && !was_turned_away {
        tracing::warn!(status, duration_ms, "answered {status}");
    } else {
        tracing::debug!(status, duration_ms, "answered {status}");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sane_id_is_taken() {
        let check = |text: &str, expected: bool| assert_eq!(RequestId::given(text).is_some(), expected, "{text:?}");
        check("a", true);
        check("0b1e.A_z-9", true);
        check(&"a".repeat(64), true);
        check(&"a".repeat(65), false);
        check("", false);
        check("a b", false);
        check("a\tb", false);
        check("é", false);
        check("a\"b", false);
    }
}
