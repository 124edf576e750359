//! Bodies: how large they may be, and how slowly they may come.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::timeout::TimeoutBody;

use super::edge::Edge;
use super::error::JsonError;

/// Forms and JSON bodies; nothing that a person sends is larger.
pub const LARGEST_BYTES: usize = 1024 * 1024;

/// Refuses a body that says it is too large before any of it is read, and gives up on one that stops coming.
pub async fn limit_body(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > LARGEST_BYTES as u64) {
        return JsonError::from_status(StatusCode::PAYLOAD_TOO_LARGE).into_response();
    }
    let silence = edge.config.read_timeout;
    next.run(request.map(|body| Body::new(TimeoutBody::new(silence, body))))
        .await
}
