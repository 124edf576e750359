//! Whether the process lives, and whether it can work.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use services::Services;

use super::AppState;

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/health/live", get(async || "live"))
        .route("/health/ready", get(get_ready))
}

/// 200 when the database answers, else 503.
async fn get_ready(State(services): State<Services>) -> (StatusCode, &'static str) {
    match services::health::check_database(&services).await {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer"),
    }
}
