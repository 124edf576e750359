//! First start.

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use services::{Origin, Services};
use types::people::{SetupForm, TokenPair};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::open;
use crate::web::AppState;
use crate::web::extract::ApiJson;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(open(routes!(get_setup)))
        .routes(open(routes!(complete_setup)))
}

/// Whether the server waits for its first admin.
#[derive(Debug, Serialize, ToSchema)]
struct SetupState {
    is_needed: bool,
}

/// Ask whether setup is needed
#[utoipa::path(get, path = "/setup", tag = "setup",
    responses((status = 200, description = "Whether the admin still has to be made.", body = SetupState)))]
async fn get_setup(State(services): State<Services>) -> ApiResult<Json<SetupState>> {
    Ok(Json(SetupState {
        is_needed: services::setup::is_setup_needed(&services).await?,
    }))
}

/// Make the admin
///
/// Needs the one-time token that the server's log shows, and signs in.
#[utoipa::path(post, path = "/setup", tag = "setup", request_body = SetupForm,
    responses((status = 200, description = "The admin exists and is signed in.", body = TokenPair),
        (status = 409, description = "There is an admin already.")))]
async fn complete_setup(
    State(services): State<Services>,
    Extension(origin): Extension<Origin>,
    ApiJson(form): ApiJson<SetupForm>,
) -> ApiResult<Json<TokenPair>> {
    Ok(Json(
        services::setup::complete_setup(&services, form, origin).await?.tokens,
    ))
}
