//! A call in the traces of the process. Where nobody traces, there is no span.

use reqwest::Request;
use tracing::Span;
use tracing::field::Empty;

use super::count::{name_outcome, name_service};
use super::{Answer, Broken};

/// The span of a call: labels and figures, no path, no query, no header.
///
/// Nothing of it is sent along. Outside services are strangers: a `traceparent` would tell them which of our requests
/// belong together, and nobody here could read what they make of it.
pub(super) fn open_span(service: &str, request: &Request) -> Span {
    tracing::trace_span!(
        "call",
        service = name_service(service),
        method = %request.method(),
        host = request.url().host_str().unwrap_or_default(),
        status = Empty,
        outcome = Empty,
    )
}

/// What came of it; the span ends when it is dropped.
pub(super) fn close_span(span: &Span, answer: &Result<Answer, Broken>) {
    if let Ok(Answer { status, .. }) = answer {
        span.record("status", status);
    }
    span.record("outcome", name_outcome(answer));
}
