//! Background jobs and their runs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use services::Services;
use services::runs::JobChange;
use types::jobs::{JobKind, JobSummary, RunDetail, RunSummary};
use types::people::Role;
use types::{Page, PageRequest, RunId};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use super::super::answers::{Created, created};
use super::super::etag::{Editable, IfMatch};
use super::super::short_lists::page_of;
use super::params::PageParams;
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::{ApiJson, ApiPath, ApiQuery};

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Manager, routes!(list_jobs)))
        .routes(needs(Role::Manager, routes!(get_job)))
        .routes(needs(Role::Admin, routes!(change_job)))
        .routes(needs(Role::Admin, routes!(run_job)))
        .routes(needs(Role::Manager, routes!(list_runs)))
        .routes(needs(Role::Manager, routes!(get_run)))
        .routes(needs(Role::Admin, routes!(cancel_run)))
}

/// List jobs
///
/// What runs by a schedule, and when next.
#[utoipa::path(get, path = "/jobs", tag = "jobs", params(PageParams),
    responses((status = 200, description = "The scheduled jobs.", body = Page<JobSummary>)))]
async fn list_jobs(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(page): ApiQuery<PageParams>,
) -> ApiResult<Json<Page<JobSummary>>> {
    let jobs = services::runs::list_jobs(&services, &actor).await?;
    Ok(Json(page_of("jobs", jobs, &page.into(), |job| job.kind.to_string())?))
}

/// Read a job
#[utoipa::path(get, path = "/jobs/{kind}", tag = "jobs",
    params(("kind" = inline(JobKind), Path, description = "Kind of the job.")),
    responses((status = 200, description = "The job with its schedule and its last run.", body = JobSummary)))]
async fn get_job(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(kind): ApiPath<JobKind>,
) -> ApiResult<Editable<JobSummary>> {
    Ok(Editable(services::runs::get_job(&services, &actor, kind).await?))
}

/// What is to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
struct JobForm {
    /// Whether it runs by its schedule.
    is_enabled: Option<bool>,
    /// "every 30 minutes", or a cron expression of five fields in the product's time zone; "default" = the program's own.
    #[schema(max_length = 100)]
    schedule: Option<String>,
}

/// Change a job
///
/// Switches it on or off, and gives it a schedule. It starts a minute later at most, and once however often it was missed.
#[utoipa::path(patch, path = "/jobs/{kind}", tag = "jobs",
    params(("kind" = inline(JobKind), Path, description = "Kind of the job.")), request_body = JobForm,
    responses((status = 204, description = "It is as asked.")))]
async fn change_job(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(kind): ApiPath<JobKind>,
    if_match: IfMatch,
    ApiJson(form): ApiJson<JobForm>,
) -> ApiResult<StatusCode> {
    let change = JobChange {
        is_enabled: form.is_enabled,
        schedule: form.schedule,
    };
    services::runs::change_job(&services, &actor, if_match.seen(kind), change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Run a job now
///
/// If it is queued already, that run is moved forward and answered.
#[utoipa::path(post, path = "/jobs/{kind}/runs", tag = "jobs",
    params(("kind" = inline(JobKind), Path, description = "Kind of the job.")),
    responses((status = 201, description = "The run is queued.", body = Created),
        (status = 409, description = "This kind belongs to one want or download and can't be started alone.")))]
async fn run_job(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(kind): ApiPath<JobKind>,
) -> ApiResult<Response> {
    let run = services::runs::run_now(&services, &actor, kind).await?;
    Ok(created("runs", run))
}

/// Which runs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RunParams {
    /// Only runs of this kind.
    #[param(inline)]
    kind: Option<JobKind>,
    /// Rows per page; 60 when absent. More than 200 counts as 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<String>,
}

/// List runs
///
/// Newest first.
#[utoipa::path(get, path = "/runs", tag = "runs", params(RunParams),
    responses((status = 200, description = "One page of runs.", body = Page<RunSummary>)))]
async fn list_runs(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<RunParams>,
) -> ApiResult<Json<Page<RunSummary>>> {
    let page = PageRequest {
        limit: params.limit,
        cursor: params.cursor,
    };
    Ok(Json(
        services::runs::list_runs(&services, &actor, params.kind, page).await?,
    ))
}

/// Read a run
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", params(("id" = Uuid, Path, description = "Id of the run.")),
    responses((status = 200, description = "The run with its log and figures.", body = RunDetail)))]
async fn get_run(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<RunId>,
) -> ApiResult<Json<RunDetail>> {
    Ok(Json(services::runs::get_run(&services, &actor, id).await?))
}

/// Cancel a run
#[utoipa::path(post, path = "/runs/{id}/cancel", tag = "runs",
    params(("id" = Uuid, Path, description = "Id of the run.")),
    responses((status = 204, description = "It was asked to stop."),
        (status = 409, description = "It has ended already.")))]
async fn cancel_run(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<RunId>,
) -> ApiResult<StatusCode> {
    services::runs::cancel_run(&services, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
