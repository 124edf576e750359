//! Every route and the layers around them.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use super::{AppState, api, auth, covers, csrf, error, events, health, pages};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Forms and JSON bodies; nothing that a person sends is larger.
const BODY_LIMIT_BYTES: usize = 1024 * 1024;
/// Event streams are outside of it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// The whole server as one service.
pub fn build_router(state: AppState) -> Router {
    let timed = Router::new()
        .nest("/api", api::routes())
        .route("/covers/{book_id}", get(covers::get_cover))
        .merge(pages::routes(&state))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            REQUEST_TIMEOUT,
        ));
    let guarded = timed
        .route("/events", get(events::stream_events))
        .fallback(pages::serve_file_or_not_found)
        .layer(from_fn_with_state(state.clone(), auth::identify))
        .layer(from_fn(csrf::require_same_origin));
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(TraceLayer::new_for_http())
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(CompressionLayer::new())
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("referrer-policy", "same-origin"))
        .layer(header("x-frame-options", "DENY"))
        .layer(from_fn(error::catch_panics))
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES));
    guarded.merge(health::routes()).layer(layers).with_state(state)
}

fn header(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<axum::http::HeaderValue> {
    SetResponseHeaderLayer::if_not_present(
        HeaderName::from_static(name),
        axum::http::HeaderValue::from_static(value),
    )
}
