//! Covers: fetched from the library once, kept on disk, never hot-linked.

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use services::Services;
use types::{BookId, ErrorCode};

use super::auth::SignedInActor;
use super::error::JsonError;

#[derive(Deserialize)]
pub struct CoverQuery {
    /// Pixels; the service keeps it within what it offers.
    #[serde(default = "default_width")]
    w: u32,
}

fn default_width() -> u32 {
    400
}

/// `GET /covers/{book_id}?w=400&v=<cover_version>`: an address with a version never changes its picture.
pub async fn get_cover(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    Path(book_id): Path<BookId>,
    Query(query): Query<CoverQuery>,
) -> Result<Response, JsonError> {
    let Some(cover) = services::library::fetch_cover(&services, &actor, book_id, query.w).await? else {
        return Err(ErrorCode::NotFound.into());
    };
    let headers = [
        (header::CONTENT_TYPE, cover.content_type),
        (header::CACHE_CONTROL, "private, max-age=604800, immutable".to_owned()),
        // The picture comes from elsewhere; should it be an SVG, its scripts stay dead.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; sandbox".to_owned(),
        ),
    ];
    Ok((headers, cover.bytes).into_response())
}
