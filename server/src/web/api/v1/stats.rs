//! Figures about everything.

use axum::Json;
use axum::extract::State;
use services::Services;
use types::dashboard::Dashboard;
use types::people::Role;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use crate::web::AppState;
use crate::web::auth::SignedInActor;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(needs(Role::Viewer, routes!(get_stats)))
}

/// Read the overview
///
/// Sizes of the library, what runs, what waits and why, what came in, the health of what is connected.
#[utoipa::path(get, path = "/stats", tag = "stats",
    responses((status = 200, description = "The overview.", body = Dashboard)))]
async fn get_stats(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
) -> ApiResult<Json<Dashboard>> {
    Ok(Json(services::dashboard::get_dashboard(&services, &actor).await?))
}
