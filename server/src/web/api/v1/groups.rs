//! Authors and series of the library.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use services::Services;
use types::library::{BookGroup, GroupQuery, GroupSort};
use types::people::Role;
use types::{Page, PageRequest, PersonId, SeriesId};
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
        .routes(needs(Role::Viewer, routes!(list_authors)))
        .routes(needs(Role::Viewer, routes!(get_author)))
        .routes(needs(Role::Viewer, routes!(list_series)))
        .routes(needs(Role::Viewer, routes!(get_series)))
}

/// Which authors or series, their order and page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GroupParams {
    /// Words in the name; each must occur.
    text: Option<String>,
    /// Order; `name` when absent, `-books` = those with most books first.
    #[param(inline)]
    sort: Option<GroupSort>,
    /// Rows per page; 60 when absent. More than 200 counts as 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<String>,
}

impl From<GroupParams> for GroupQuery {
    fn from(params: GroupParams) -> Self {
        Self {
            text: params.text,
            sort: params.sort,
            page: PageRequest {
                limit: params.limit,
                cursor: params.cursor,
            },
        }
    }
}

/// List authors
///
/// Authors of the library's books. Their books: `/books?author=<id>`.
#[utoipa::path(get, path = "/authors", tag = "authors", params(GroupParams),
    responses((status = 200, description = "One page of authors.", body = Page<BookGroup>)))]
async fn list_authors(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<GroupParams>,
) -> ApiResult<Json<Page<BookGroup>>> {
    Ok(Json(
        services::library::list_authors(&services, &actor, params.into()).await?,
    ))
}

/// Read an author
#[utoipa::path(get, path = "/authors/{id}", tag = "authors",
    params(("id" = Uuid, Path, description = "Id of the author.")),
    responses((status = 200, description = "The author and how many books there are.", body = BookGroup)))]
async fn get_author(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<PersonId>,
) -> ApiResult<Json<BookGroup>> {
    Ok(Json(services::library::get_author(&services, &actor, id).await?))
}

/// List series
///
/// Series of the library's books. Their books: `/books?series=<id>`.
#[utoipa::path(get, path = "/series", tag = "series", params(GroupParams),
    responses((status = 200, description = "One page of series.", body = Page<BookGroup>)))]
async fn list_series(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<GroupParams>,
) -> ApiResult<Json<Page<BookGroup>>> {
    Ok(Json(
        services::library::list_series(&services, &actor, params.into()).await?,
    ))
}

/// Read a series
#[utoipa::path(get, path = "/series/{id}", tag = "series",
    params(("id" = Uuid, Path, description = "Id of the series.")),
    responses((status = 200, description = "The series and how many books there are.", body = BookGroup)))]
async fn get_series(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<SeriesId>,
) -> ApiResult<Json<BookGroup>> {
    Ok(Json(services::library::get_series(&services, &actor, id).await?))
}
