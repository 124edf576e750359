//! Whether the process lives, and whether it can work.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use services::Services;

use super::AppState;
use super::error::JsonError;

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/health/live", get(async || "live"))
        .route("/health/ready", get(get_ready))
}

/// 200 when the database answers and has this program's schema, else 503 with the sentence why.
async fn get_ready(State(services): State<Services>) -> Result<&'static str, JsonError> {
    services::health::check_ready(&services).await?;
    Ok("ready")
}
