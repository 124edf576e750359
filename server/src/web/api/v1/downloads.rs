//! Downloads: what was grabbed, and what can be done with it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use services::Services;
use services::grab::GrabOptions;
use types::downloads::{DownloadDetail, DownloadScope, DownloadSummary, ImportAttempt};
use types::people::Role;
use types::{CandidateId, DownloadId, Page, PageRequest};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use super::super::answers::Created;
use super::super::once::{NewIn, OnceKey};
use super::super::short_lists::page_of;
use super::params::PageParams;
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::{ApiJson, ApiPath, ApiQuery};

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Viewer, routes!(list_downloads)))
        .routes(needs(Role::Manager, routes!(grab_candidate)))
        .routes(needs(Role::Viewer, routes!(get_download)))
        .routes(needs(Role::Viewer, routes!(list_imports)))
        .routes(needs(Role::Manager, routes!(retry_download)))
        .routes(needs(Role::Manager, routes!(cancel_download)))
        .routes(needs(Role::Manager, routes!(choose_another)))
        .routes(needs(Role::Manager, routes!(confirm_split)))
}

/// Which downloads.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DownloadParams {
    /// `all` when absent.
    #[param(inline)]
    scope: Option<DownloadScope>,
    /// Rows per page; 60 when absent. More than 200 counts as 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<String>,
}

/// List downloads
///
/// Newest first.
#[utoipa::path(get, path = "/downloads", tag = "downloads", params(DownloadParams),
    responses((status = 200, description = "One page of downloads.", body = Page<DownloadSummary>)))]
async fn list_downloads(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<DownloadParams>,
) -> ApiResult<Json<Page<DownloadSummary>>> {
    let scope = params.scope.unwrap_or_default();
    let page = PageRequest {
        limit: params.limit,
        cursor: params.cursor,
    };
    Ok(Json(
        services::downloads::list_downloads(&services, &actor, scope, page).await?,
    ))
}

/// Which release to take.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
struct GrabForm {
    /// A candidate of a search.
    candidate_id: CandidateId,
    /// Take it although its verdict or the library speaks against it.
    #[serde(default)]
    is_forced: bool,
}

/// Grab a release
///
/// Takes a candidate of a search. The work's ownership is settled in the same transaction; a release that is on its way
/// already is not doubled.
#[utoipa::path(post, path = "/downloads", tag = "downloads", request_body = GrabForm,
    responses((status = 201, description = "The download is queued, or was already on its way.", body = Created),
        (status = 404, description = "There is no such candidate."),
        (status = 409, description = "The release was refused, the work is owned or on its way by another release, \
            or the Idempotency-Key was used for another request.")))]
async fn grab_candidate(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    once: OnceKey,
    ApiJson(form): ApiJson<GrabForm>,
) -> ApiResult<Response> {
    let new = NewIn::collection("downloads", &form, Role::Manager);
    let options = GrabOptions {
        is_forced: form.is_forced,
        // Keys of programs are their own; this one would be shared by all.
        idempotency_key: None,
    };
    let (house, who, candidate) = (services.clone(), actor.clone(), form.candidate_id);
    let work = async move {
        let id = services::grab::grab_candidate(&house, &who, candidate, options).await?;
        Ok(id.0)
    };
    once.create((&services, &actor), new, work).await
}

/// Read a download
#[utoipa::path(get, path = "/downloads/{id}", tag = "downloads",
    params(("id" = Uuid, Path, description = "Id of the download.")),
    responses((status = 200, description = "The download with its history and files.", body = DownloadDetail)))]
async fn get_download(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<DownloadId>,
) -> ApiResult<Json<DownloadDetail>> {
    Ok(Json(services::downloads::get_download(&services, &actor, id).await?))
}

/// List a download's imports
///
/// Every attempt to bring its files into the library, oldest first.
#[utoipa::path(get, path = "/downloads/{id}/imports", tag = "imports",
    params(("id" = Uuid, Path, description = "Id of the download."), PageParams),
    responses((status = 200, description = "One page of attempts.", body = Page<ImportAttempt>)))]
async fn list_imports(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<DownloadId>,
    ApiQuery(page): ApiQuery<PageParams>,
) -> ApiResult<Json<Page<ImportAttempt>>> {
    let attempts = services::downloads::list_imports(&services, &actor, id).await?;
    // Ids sort by the time they were made.
    Ok(Json(page_of(
        &format!("imports {id}"),
        attempts,
        &page.into(),
        |attempt| attempt.id.to_string(),
    )?))
}

/// Retry a download
///
/// Goes on with its release if it has one, else with a new search.
#[utoipa::path(post, path = "/downloads/{id}/retry", tag = "downloads",
    params(("id" = Uuid, Path, description = "Id of the download.")),
    responses((status = 204, description = "It goes on."),
        (status = 409, description = "Its state has nothing to retry.")))]
async fn retry_download(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<DownloadId>,
) -> ApiResult<StatusCode> {
    services::downloads::retry_download(&services, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Cancel a download
#[utoipa::path(post, path = "/downloads/{id}/cancel", tag = "downloads",
    params(("id" = Uuid, Path, description = "Id of the download.")),
    responses((status = 204, description = "It is cancelled."),
        (status = 409, description = "It has ended already.")))]
async fn cancel_download(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<DownloadId>,
) -> ApiResult<StatusCode> {
    services::downloads::cancel_download(&services, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Choose another release
///
/// Searches again for the same work; what is grabbed from that search takes this download's place.
#[utoipa::path(post, path = "/downloads/{id}/choose-another", tag = "downloads",
    params(("id" = Uuid, Path, description = "Id of the download.")),
    responses((status = 201, description = "The search runs.", body = Created),
        (status = 409, description = "Its state does not allow another choice, or the Idempotency-Key was used for \
            another request.")))]
async fn choose_another(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    once: OnceKey,
    ApiPath(id): ApiPath<DownloadId>,
) -> ApiResult<Response> {
    let new = NewIn {
        route: "downloads/choose-another",
        collection: "searches",
        form: &id,
        needed: Role::Manager,
    };
    let (house, who) = (services.clone(), actor.clone());
    let work = async move {
        let search = services::downloads::choose_another(&house, &who, id).await?;
        Ok(search.0)
    };
    once.create((&services, &actor), new, work).await
}

/// Confirm a pack's split
///
/// Imports the proposed parts of a pack that waits for a person's word as books of their own.
#[utoipa::path(post, path = "/downloads/{id}/confirm-split", tag = "downloads",
    params(("id" = Uuid, Path, description = "Id of the download.")),
    responses((status = 204, description = "Its parts are imported."),
        (status = 409, description = "It is no pack that waits for this.")))]
async fn confirm_split(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<DownloadId>,
) -> ApiResult<StatusCode> {
    services::downloads::confirm_split(&services, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
