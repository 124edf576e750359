//! The one shape in which an error leaves: JSON for programs and the app's code, a plain page for people.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use serde::Serialize;
use services::Services;
use types::{BasePath, ErrorCode};

use super::error::JsonError;
use super::form_errors::SentForm;
use super::request_id::RequestId;

/// The body of every error of the JSON API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ErrorEnvelope {
    pub code: ErrorCode,
    /// A sentence for people, free of internals.
    pub message: String,
    pub status_code: u16,
    /// Field name → what is wrong with it.
    pub context: BTreeMap<String, String>,
    pub timestamp: DateTime<Utc>,
    /// The request's id, as in `X-Request-ID` and in the server's log.
    pub request_id: String,
    /// Seconds until another try makes sense, as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// Writes every refusal in the one shape: those of handlers, of layers, of the router itself, and of a panic.
pub async fn write_errors(
    State(services): State<Services>,
    State(base): State<BasePath>,
    Extension(id): Extension<RequestId>,
    request: Request,
    next: Next,
) -> Response {
    let door = Door::of(&request);
    let form = SentForm::of(&request, base).filter(|_| door == Door::Page);
    // A handler that panics answers 500 instead of dropping the connection; the panic hook has logged it.
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| JsonError::from(ErrorCode::InternalError).into_response());
    let Some(error) = find_error(door, &mut response) else {
        return response;
    };
    let (mut parts, _) = response.into_parts();
    for stale in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        parts.headers.remove(stale);
    }
    // The rest of the body is not read, so that nothing can follow on this connection; the client should know.
    if matches!(
        error.status,
        StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE
    ) {
        parts
            .headers
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let body = match form {
        Some(form) => form.lead_back(&error),
        None if door == Door::Page => write_page(&error, &id, base).into_response(),
        None => Json(envelope(error, &id, services.now())).into_response(),
    };
    let (written, body) = body.into_parts();
    if written.status.is_redirection() {
        parts.status = written.status;
    }
    parts.headers.extend(written.headers);
    Response::from_parts(parts, body)
}

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Api,
    ServerFunction,
    Page,
}

impl Door {
    fn of(request: &Request) -> Self {
        let path = request.uri().path();
        if path == "/api" || path.starts_with("/api/") {
            Self::Api
        } else if wants_html(request.headers()) {
            Self::Page
        } else {
            Self::ServerFunction
        }
    }
}

fn wants_html(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepts.is_some_and(|value| value.contains("text/html"))
}

fn find_error(door: Door, response: &mut Response) -> Option<JsonError> {
    if let Some(error) = response.extensions_mut().remove::<JsonError>() {
        return Some(error);
    }
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    is_bare(door, response).then(|| JsonError::from_status(status))
}

/// Not written by us: the router's own refusals, a layer's, a library's sentence.
fn is_bare(door: Door, response: &Response<Body>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    match door {
        Door::Api => !kind.is_some_and(|kind| kind.starts_with(b"application/json")),
        _ if response.headers().contains_key("serverfnerror") => false,
        _ => response.body().size_hint().exact() == Some(0) || kind.is_none_or(|kind| kind.starts_with(b"text/plain")),
    }
}

fn envelope(error: JsonError, id: &RequestId, now: DateTime<Utc>) -> ErrorEnvelope {
    ErrorEnvelope {
        code: error.error.code,
        message: error.error.message,
        status_code: error.status.as_u16(),
        context: error.error.context,
        timestamp: now,
        request_id: id.as_str().to_owned(),
        retry_after: error.retry_after,
    }
}

/// A page that needs nothing of the app: it also stands when the app is what failed.
fn write_page(error: &JsonError, id: &RequestId, base: BasePath) -> Html<String> {
    let heading = match error.status {
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::TOO_MANY_REQUESTS => "Slow down a little",
        StatusCode::SERVICE_UNAVAILABLE => "Not right now",
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => "Not allowed",
        status if status.is_server_error() => "That did not work",
        _ => "The request was refused",
    };
    let message = escape(&error.error.message);
    let (status, id, base) = (error.status.as_u16(), escape(id.as_str()), base.as_str());
    Html(format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{heading} · mamcrawler</title>
<link rel="icon" href="{base}/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{base}/pkg/mamcrawler.css">
</head>
<body>
<main class="lone-page">
<h1>{heading}</h1>
<p>{message}</p>
<p><a href="{base}/">Go to the start page</a></p>
<p><small>Status {status}. When you report this, name the request <code>{id}</code>.</small></p>
</main>
</body>
</html>
"#
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_page_shows_the_id_and_runs_nothing() {
        let error = JsonError::new(ErrorCode::InternalError, "<script>alert(1)</script>");
        let id = RequestId::given("abc-1").expect("a sane id");
        let Html(page) = write_page(&error, &id, "/apps/books".parse().unwrap());
        assert!(page.contains(r#"<a href="/apps/books/">"#));
        assert!(page.contains("<code>abc-1</code>"));
        assert!(page.contains("&lt;script&gt;"));
        assert!(!page.contains("<script") && !page.contains("style="));
    }
}
