//! Works that somebody would like to have.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use services::Services;
use types::people::Role;
use types::search::SearchForm;
use types::wants::{Want, WantReason, WantStatus};
use types::{Page, PageRequest, WantId};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use super::super::answers::Created;
use super::super::once::{NewIn, OnceKey};
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::{ApiJson, ApiPath, ApiQuery};

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Viewer, routes!(list_wants)))
        .routes(needs(Role::User, routes!(create_want)))
        .routes(needs(Role::Viewer, routes!(get_want)))
        .routes(needs(Role::User, routes!(cancel_want)))
        .routes(needs(Role::Manager, routes!(search_now)))
}

/// Which wants.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WantParams {
    /// Only wants of this status.
    #[param(inline)]
    status: Option<WantStatus>,
    /// Rows per page; 60 when absent. More than 200 counts as 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<String>,
}

/// List wants
///
/// Newest first.
#[utoipa::path(get, path = "/wants", tag = "wants", params(WantParams),
    responses((status = 200, description = "One page of wants.", body = Page<Want>)))]
async fn list_wants(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<WantParams>,
) -> ApiResult<Json<Page<Want>>> {
    let page = PageRequest {
        limit: params.limit,
        cursor: params.cursor,
    };
    Ok(Json(
        services::wants::list_wants(&services, &actor, params.status, page).await?,
    ))
}

/// Want a work
///
/// Keeps looking until it is there. An open want of the same work is joined. A manager's want is searched for at once,
/// anybody else's waits for approval.
#[utoipa::path(post, path = "/wants", tag = "wants", request_body = SearchForm,
    responses((status = 201, description = "The want is open.", body = Created),
        (status = 409, description = "The library has the work, or the Idempotency-Key was used for another request.")))]
async fn create_want(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    once: OnceKey,
    ApiJson(form): ApiJson<SearchForm>,
) -> ApiResult<Response> {
    let new = NewIn::collection("wants", &form, Role::User);
    let (house, who, wanted) = (services.clone(), actor.clone(), form.clone());
    let work = async move {
        let id = services::wants::create_want(&house, &who, wanted, WantReason::Request).await?;
        Ok(id.0)
    };
    once.create((&services, &actor), new, work).await
}

/// Read a want
#[utoipa::path(get, path = "/wants/{id}", tag = "wants", params(("id" = Uuid, Path, description = "Id of the want.")),
    responses((status = 200, description = "The want and where it stands.", body = Want)))]
async fn get_want(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<WantId>,
) -> ApiResult<Json<Want>> {
    Ok(Json(services::wants::get_want(&services, &actor, id).await?))
}

/// Stop wanting
///
/// Ends the want and what is on its way for it, unless the client has finished it. Only a manager ends what others want.
#[utoipa::path(post, path = "/wants/{id}/cancel", tag = "wants",
    params(("id" = Uuid, Path, description = "Id of the want.")),
    responses((status = 204, description = "The want has ended."),
        (status = 409, description = "The want had ended already.")))]
async fn cancel_want(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<WantId>,
) -> ApiResult<StatusCode> {
    services::wants::cancel_want(&services, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Search for a want now
///
/// Whatever it waits for. This also approves it.
#[utoipa::path(post, path = "/wants/{id}/search", tag = "wants",
    params(("id" = Uuid, Path, description = "Id of the want.")),
    responses((status = 204, description = "The search is queued."),
        (status = 409, description = "The want has ended, or is on its way already.")))]
async fn search_now(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<WantId>,
) -> ApiResult<StatusCode> {
    services::wants::search_now(&services, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
