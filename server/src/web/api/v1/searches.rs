//! Searching the indexers.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use services::Services;
use types::SearchId;
use types::people::Role;
use types::search::{SearchForm, SearchResult};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use super::super::answers::Created;
use super::super::once::{NewIn, OnceKey};
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::{ApiJson, ApiPath};

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::User, routes!(start_search)))
        .routes(needs(Role::Viewer, routes!(get_search)))
}

/// Start a search
///
/// Asks all indexers at once. The answer comes before theirs: read the search until its status is not `running`, or
/// follow the event stream.
#[utoipa::path(post, path = "/searches", tag = "searches", request_body = SearchForm,
    responses((status = 201, description = "The search runs.", body = Created),
        (status = 409, description = "The Idempotency-Key was used for another request.")))]
async fn start_search(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    once: OnceKey,
    ApiJson(form): ApiJson<SearchForm>,
) -> ApiResult<Response> {
    let new = NewIn::collection("searches", &form, Role::User);
    let (house, who, asked) = (services.clone(), actor.clone(), form.clone());
    let work = async move {
        let id = services::searches::start_search(&house, &who, asked).await?;
        Ok(id.0)
    };
    once.create((&services, &actor), new, work).await
}

/// Read a search
///
/// Everything it found so far, best first, with what speaks for and against each release.
#[utoipa::path(get, path = "/searches/{id}", tag = "searches",
    params(("id" = Uuid, Path, description = "Id of the search.")),
    responses((status = 200, description = "The search with its candidates.", body = SearchResult)))]
async fn get_search(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<SearchId>,
) -> ApiResult<Json<SearchResult>> {
    Ok(Json(services::searches::get_search(&services, &actor, id).await?))
}
