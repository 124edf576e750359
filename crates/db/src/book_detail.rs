//! One book with everything.

use chrono::DateTime;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::BookId;
use types::integrations::IntegrationKind;
use types::library::BookDetail;
use uuid::Uuid;

use crate::book_list::find_book_summary;
use crate::books::{find_book_description, find_book_row, list_book_files};
use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::{downloads, integrations};

/// Everything about a book, for its page.
pub async fn find_book_detail(conn: &mut Connection, id: BookId) -> DbResult<Option<BookDetail>> {
    let (Some(summary), Some(row)) = (find_book_summary(conn, id).await?, find_book_row(conn, id).await?) else {
        return Ok(None);
    };
    let (kind, name, url): (String, String, String) = integrations::table
        .find(row.integration_id)
        .select((integrations::kind, integrations::name, integrations::url))
        .first(conn)
        .await?;
    let download_id: Option<Uuid> = downloads::table
        .filter(downloads::book_id.eq(id.0))
        .order(downloads::created_at.desc())
        .select(downloads::id)
        .first(conn)
        .await
        .optional()?;
    Ok(Some(BookDetail {
        summary,
        description: find_book_description(conn, id).await?,
        publisher: row.publisher,
        published_date: row.published_date,
        isbn: row.isbn,
        asin: row.asin,
        genres: row.genres,
        tags: row.tags,
        is_abridged: row.is_abridged,
        is_explicit: row.is_explicit,
        chapters_count: row.chapters_count,
        path: row.path,
        files: list_book_files(conn, id).await?,
        source: format!("{} ({name})", kind.parse::<IntegrationKind>()?.label()),
        source_url: Some(format!("{}/item/{}", url.trim_end_matches('/'), row.external_id)),
        source_updated_at: DateTime::from_timestamp_millis(row.source_updated_ms),
        synced_at: row.synced_at,
        download_id: download_id.map(Into::into),
    }))
}
