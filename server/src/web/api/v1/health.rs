//! Whether the server can work.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use services::Services;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::open;
use crate::web::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(open(routes!(get_health)))
}

/// The server works.
#[derive(Debug, Serialize, ToSchema)]
struct HealthView {
    /// Always `ok`; otherwise the answer is an error.
    status: &'static str,
}

/// Check the server
///
/// For monitors: the database answers. `/health/live` and `/health/ready` say the same in plain text.
#[utoipa::path(get, path = "/health", tag = "health",
    responses((status = 200, description = "The server and its database work.", body = HealthView)))]
async fn get_health(State(services): State<Services>) -> ApiResult<Json<HealthView>> {
    services::health::check_database(&services).await?;
    Ok(Json(HealthView { status: "ok" }))
}
