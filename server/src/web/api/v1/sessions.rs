//! Sign-ins.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use services::Services;
use types::access::SessionView;
use types::people::Role;
use types::{Page, PageRequest, SessionId, UserId};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::{needs, needs_account_rights};
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::{ApiPath, ApiQuery};

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Viewer, routes!(list_sessions)))
        .routes(needs_account_rights(routes!(end_other_sessions)))
        .routes(needs_account_rights(routes!(end_session)))
}

/// Whose sign-ins.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SessionParams {
    /// Id of a user; one's own when absent. Somebody else's only for admins.
    #[param(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// Rows per page; 60 when absent. More than 200 counts as 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<String>,
}

/// List sign-ins
#[utoipa::path(get, path = "/sessions", tag = "sessions", params(SessionParams),
    responses((status = 200, description = "One page of live sign-ins.", body = Page<SessionView>),
        (status = 404, description = "There is no such user.")))]
async fn list_sessions(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<SessionParams>,
) -> ApiResult<Json<Page<SessionView>>> {
    let page = PageRequest {
        limit: params.limit,
        cursor: params.cursor,
    };
    let user = params.user_id;
    Ok(Json(
        services::sessions::list_sessions(&services, &actor, user, page).await?,
    ))
}

/// End one's other sign-ins
///
/// All but the one that asks.
#[utoipa::path(delete, path = "/sessions", tag = "sessions",
    responses((status = 204, description = "They have ended.")))]
async fn end_other_sessions(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
) -> ApiResult<StatusCode> {
    services::sessions::end_other_sessions(&services, &actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End a sign-in
///
/// One's own; anybody's for admins.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions",
    params(("id" = Uuid, Path, description = "Id of the sign-in.")),
    responses((status = 204, description = "It has ended.")))]
async fn end_session(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<SessionId>,
) -> ApiResult<StatusCode> {
    services::sessions::end_session(&services, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
