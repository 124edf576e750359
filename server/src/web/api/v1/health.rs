//! Whether the server can work.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use services::Services;
use types::health::HealthReport;
use types::people::Role;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::{needs, open};
use crate::web::AppState;
use crate::web::auth::SignedInActor;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(open(routes!(get_health)))
        .routes(needs(Role::Manager, routes!(get_health_details)))
}

/// The server works.
#[derive(Debug, Serialize, ToSchema)]
struct HealthView {
    /// Always `ok`; otherwise the answer is an error.
    status: &'static str,
}

/// Check the server
///
/// For monitors: the database answers and has the schema of this program. `/health/live` says only that the process
/// lives; `/health/ready` says the same as this in plain text.
#[utoipa::path(get, path = "/health", tag = "health",
    responses((status = 200, description = "The server and its database work.", body = HealthView)))]
async fn get_health(State(services): State<Services>) -> ApiResult<Json<HealthView>> {
    services::health::check_ready(&services).await?;
    Ok(Json(HealthView { status: "ok" }))
}

/// Read how all of it stands
///
/// Each integration by its last authenticated call, the queue, the jobs, the disks and the versions, with a sentence
/// about each that says what to do. No outside service is asked for it. `mamcrawler doctor` prints the same.
#[utoipa::path(get, path = "/health/details", tag = "health",
    responses((status = 200, description = "How all of it stands.", body = HealthReport)))]
async fn get_health_details(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
) -> ApiResult<Json<HealthReport>> {
    Ok(Json(services::health::get_health(&services, &actor).await?))
}
