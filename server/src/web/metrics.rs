//! What monitoring reads at the server's own address, and how requests are counted for it.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use leptos::server_fn::axum::server_fn_paths;
use services::Services;
use types::ErrorCode;

use super::AppState;
use super::error::JsonError;
use super::refusals::tell_method;
use crate::metrics::{Metrics, answer_with, is_token};

pub fn routes() -> Router<AppState> {
    Router::new().route("/metrics", get(get_metrics))
}

/// For whom shows the token. Without one in the settings there is nothing here.
async fn get_metrics(
    State(metrics): State<Metrics>,
    State(services): State<Services>,
    headers: HeaderMap,
) -> Result<Response, JsonError> {
    let token = metrics.token().ok_or(ErrorCode::NotFound)?;
    if !is_token(token, &headers) {
        return Err(ErrorCode::Unauthorized.into());
    }
    Ok(answer_with(&metrics, &services).await)
}

/// Counts each answer, those of layers too. Must be outside of all layers that answer by themselves.
pub async fn count_request(request: Request, next: Next) -> Response {
    let route = name_route(&request);
    let method = tell_method(request.method()).to_owned();
    let began = Instant::now();
    let response = next.run(request).await;
    let (took, status) = (began.elapsed(), name_class(response.status().as_u16()));
    metrics::histogram!("mamcrawler_http_request_duration_seconds", "route" => route.clone(), "method" => method.clone())
        .record(took);
    metrics::counter!("mamcrawler_http_requests_total", "route" => route, "method" => method, "status" => status)
        .increment(1);
    response
}

/// The pattern of the route or the name of the server function, of which there are so many and no more. Files and what
/// does not exist are one.
pub(super) fn name_route(request: &Request) -> String {
    let path = request.uri().path();
    if path.starts_with("/sfn/") {
        let known = server_fn_paths().any(|(known, _)| known == path);
        return if known { path } else { "other" }.to_owned();
    }
    let matched = request.extensions().get::<MatchedPath>();
    matched.map_or("other", MatchedPath::as_str).to_owned()
}

fn name_class(status: u16) -> &'static str {
    match status {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}
