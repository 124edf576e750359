//! The books of a pack: what was decided about each, and what it became.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::{BookId, DownloadId};
use uuid::Uuid;

use crate::error::DbResult;
use crate::imports::ImportStatus;
use crate::pool::Connection;
use crate::schema::{download_parts, imports};
use crate::text::storable;

/// A row of `download_parts`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = download_parts, check_for_backend(Pg))]
pub struct DownloadPartRow {
    pub download_id: Uuid,
    pub position: i32,
    pub hint: String,
    pub work_id: Uuid,
    pub is_wanted: bool,
    pub skipped: Option<String>,
    pub book_id: Option<Uuid>,
}

/// The parts of a download in order; none for a single book.
pub async fn list_parts(conn: &mut Connection, id: DownloadId) -> DbResult<Vec<DownloadPartRow>> {
    let query = download_parts::table
        .filter(download_parts::download_id.eq(id.0))
        .order(download_parts::position);
    Ok(query.select(DownloadPartRow::as_select()).load(conn).await?)
}

/// Replaces what was decided, but for parts whose import has begun: those stay as they are.
pub async fn replace_unbegun_parts(conn: &mut Connection, id: DownloadId, parts: Vec<DownloadPartRow>) -> DbResult<()> {
    let begun = imports::table
        .filter(imports::download_id.eq(id.0))
        .filter(imports::is_former.eq(false))
        .filter(imports::status.ne(ImportStatus::Undone.as_str()))
        .select(imports::part);
    let begun: Vec<i32> = begun.load(conn).await?;
    let unbegun = download_parts::table
        .filter(download_parts::download_id.eq(id.0))
        .filter(download_parts::position.ne_all(begun));
    diesel::delete(unbegun).execute(conn).await?;
    let parts = parts.into_iter().map(|part| DownloadPartRow {
        hint: storable(&part.hint),
        skipped: part.skipped.map(|sentence| storable(&sentence)),
        ..part
    });
    diesel::insert_into(download_parts::table)
        .values(parts.collect::<Vec<_>>())
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets what was decided: the download gets another release.
pub async fn delete_parts(conn: &mut Connection, id: DownloadId) -> DbResult<()> {
    let parts = download_parts::table.filter(download_parts::download_id.eq(id.0));
    diesel::delete(parts).execute(conn).await?;
    Ok(())
}

/// Notes the book that a part became.
pub async fn set_part_book(conn: &mut Connection, id: DownloadId, position: i32, book: BookId) -> DbResult<()> {
    diesel::update(download_parts::table.find((id.0, position)))
        .set(download_parts::book_id.eq(book.0))
        .execute(conn)
        .await?;
    Ok(())
}
