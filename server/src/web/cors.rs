//! Other sites' scripts at the API: only the configured ones, and only with a token, never with cookies.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::edge::Edge;

const PREFLIGHT_COUNTS: Duration = Duration::from_secs(600);

/// Answers preflights and marks answers of the API for the configured origins. Nothing is marked without any.
pub async fn share_api(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let origins = &edge.config.cors_origins;
    if origins.is_empty() || !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let inner = service_fn(move |request| {
        let next = next.clone();
        async move { Ok::<Response, Infallible>(next.run(request).await) }
    });
    let Ok(response) = cors(AllowOrigin::list(origins.iter().cloned()))
        .layer(inner)
        .oneshot(request)
        .await;
    response
}

fn cors(origins: AllowOrigin) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static("x-request-id"),
        ])
        .expose_headers([
            header::ETAG,
            header::LINK,
            header::LOCATION,
            header::RETRY_AFTER,
            HeaderName::from_static("x-request-id"),
        ])
        .max_age(PREFLIGHT_COUNTS)
}
