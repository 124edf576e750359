//! The library's books.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use services::Services;
use types::library::{BookDetail, BookFilter, BookQuery, BookSort, BookSummary, Facets, LibraryCounts, MissingField};
use types::people::Role;
use types::{BookId, ErrorCode, Page, PageRequest, PersonId, SeriesId};
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
        .routes(needs(Role::Viewer, routes!(list_books)))
        .routes(needs(Role::Viewer, routes!(get_facets)))
        .routes(needs(Role::Viewer, routes!(get_counts)))
        .routes(needs(Role::Viewer, routes!(get_book)))
        .routes(needs(Role::Viewer, routes!(get_cover)))
}

/// What a list of books is narrowed to, its order and its page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BookParams {
    /// Words in title, author, narrator or series, in any script; each must occur.
    text: Option<String>,
    /// Id of an author.
    #[param(value_type = Option<Uuid>)]
    author: Option<PersonId>,
    /// Id of a narrator.
    #[param(value_type = Option<Uuid>)]
    narrator: Option<PersonId>,
    /// Id of a series.
    #[param(value_type = Option<Uuid>)]
    series: Option<SeriesId>,
    /// English name of a language, as the facets list it.
    language: Option<String>,
    /// Only books that lack this.
    #[param(inline)]
    missing: Option<MissingField>,
    /// Order; `-` = descending. `title` when absent. Unknown values come last.
    #[param(inline)]
    sort: Option<BookSort>,
    /// Rows per page; 60 when absent. More than 200 counts as 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<String>,
}

impl From<BookParams> for BookQuery {
    fn from(params: BookParams) -> Self {
        Self {
            filter: BookFilter {
                text: params.text,
                author: params.author,
                narrator: params.narrator,
                series: params.series,
                language: params.language,
                missing: params.missing,
            },
            sort: params.sort,
            page: PageRequest {
                limit: params.limit,
                cursor: params.cursor,
            },
        }
    }
}

/// List books
///
/// One page of the books that match every filter.
#[utoipa::path(get, path = "/books", tag = "books", params(BookParams),
    responses((status = 200, description = "One page of books.", body = Page<BookSummary>)))]
async fn list_books(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<BookParams>,
) -> ApiResult<Json<Page<BookSummary>>> {
    Ok(Json(
        services::library::list_books(&services, &actor, params.into()).await?,
    ))
}

/// What books can be narrowed to.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FacetParams {
    /// Words in title, author, narrator or series, in any script; each must occur.
    text: Option<String>,
    /// Id of an author.
    #[param(value_type = Option<Uuid>)]
    author: Option<PersonId>,
    /// Id of a narrator.
    #[param(value_type = Option<Uuid>)]
    narrator: Option<PersonId>,
    /// Id of a series.
    #[param(value_type = Option<Uuid>)]
    series: Option<SeriesId>,
    /// English name of a language.
    language: Option<String>,
    /// Only books that lack this.
    #[param(inline)]
    missing: Option<MissingField>,
}

/// Choices for filters
///
/// Authors, narrators, series, languages and gaps of the books that match, each with its number of books. At most 200
/// of a kind, the largest first.
#[utoipa::path(get, path = "/books/facets", tag = "books", params(FacetParams),
    responses((status = 200, description = "The choices.", body = Facets)))]
async fn get_facets(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<FacetParams>,
) -> ApiResult<Json<Facets>> {
    let filter = BookFilter {
        text: params.text,
        author: params.author,
        narrator: params.narrator,
        series: params.series,
        language: params.language,
        missing: params.missing,
    };
    Ok(Json(services::library::get_facets(&services, &actor, filter).await?))
}

/// Sizes of the library
#[utoipa::path(get, path = "/books/counts", tag = "books",
    responses((status = 200, description = "How much there is.", body = LibraryCounts)))]
async fn get_counts(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
) -> ApiResult<Json<LibraryCounts>> {
    Ok(Json(services::library::get_counts(&services, &actor).await?))
}

/// Read a book
#[utoipa::path(get, path = "/books/{id}", tag = "books", params(("id" = Uuid, Path, description = "Id of the book.")),
    responses((status = 200, description = "Everything known about the book.", body = BookDetail)))]
async fn get_book(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<BookId>,
) -> ApiResult<Json<BookDetail>> {
    Ok(Json(services::library::get_book(&services, &actor, id).await?))
}

/// How large a cover is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CoverParams {
    /// Width in pixels; 400 when absent. Kept within what the server offers.
    width: Option<u32>,
}

/// Read a book's cover
#[utoipa::path(get, path = "/books/{id}/cover", tag = "books",
    params(("id" = Uuid, Path, description = "Id of the book."), CoverParams),
    responses((status = 200, description = "The picture, of the kind that its Content-Type says.",
        body = Vec<u8>, content_type = "image/*"),
        (status = 502, description = "The library did not give it, and none is kept.")))]
async fn get_cover(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<BookId>,
    ApiQuery(params): ApiQuery<CoverParams>,
) -> ApiResult<Response> {
    let width = params.width.unwrap_or(400);
    let Some(cover) = services::library::fetch_cover(&services, &actor, id, width).await? else {
        return Err(ErrorCode::NotFound.into());
    };
    let headers = [
        (header::CONTENT_TYPE, cover.content_type),
        // The picture comes from elsewhere; should it be an SVG, its scripts stay dead.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox".to_owned(),
        ),
    ];
    Ok((headers, cover.bytes).into_response())
}
