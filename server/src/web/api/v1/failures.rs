//! What jobs could not do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use services::Services;
use types::jobs::{Failure, JobKind};
use types::people::Role;
use types::{FailureId, Page, PageRequest};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::{ApiPath, ApiQuery};

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Manager, routes!(list_failures)))
        .routes(needs(Role::Manager, routes!(retry_failure)))
        .routes(needs(Role::Manager, routes!(dismiss_failure)))
}

/// Which failures.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FailureParams {
    /// Only failures of this kind of job.
    #[param(inline)]
    kind: Option<JobKind>,
    /// Rows per page; 60 when absent. More than 200 counts as 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<String>,
}

/// List failures
///
/// What jobs could not do, counted by job, thing and code, newest first. What worked since is not listed; what was dismissed is only
/// when it happened again since, and not within an hour.
#[utoipa::path(get, path = "/failures", tag = "failures", params(FailureParams),
    responses((status = 200, description = "One page of failures.", body = Page<Failure>)))]
async fn list_failures(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<FailureParams>,
) -> ApiResult<Json<Page<Failure>>> {
    let page = PageRequest {
        limit: params.limit,
        cursor: params.cursor,
    };
    let failures = services::failures::list_failures(&services, &actor, params.kind, page).await?;
    Ok(Json(failures))
}

/// Retry a failure
///
/// Does again what failed. The failure is listed until that worked. A job is started again by who may start it: an admin.
#[utoipa::path(post, path = "/failures/{id}/retry", tag = "failures",
    params(("id" = Uuid, Path, description = "Id of the failure.")),
    responses((status = 204, description = "It is queued."),
        (status = 409, description = "What it failed at is gone, or is being tried already.")))]
async fn retry_failure(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<FailureId>,
) -> ApiResult<StatusCode> {
    services::failures::retry_failure(&services, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Dismiss a failure
///
/// It is not listed for an hour. After that it is, with its count since it was dismissed, if it happened again; one that worked
/// once is new when it fails.
#[utoipa::path(post, path = "/failures/{id}/dismiss", tag = "failures",
    params(("id" = Uuid, Path, description = "Id of the failure.")),
    responses((status = 204, description = "It is not listed any more.")))]
async fn dismiss_failure(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<FailureId>,
) -> ApiResult<StatusCode> {
    services::failures::dismiss_failure(&services, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
