//! Attempts to bring a book's files into the library: all files or none. A pack has one for each of its books.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use types::downloads::ImportedFile;
use types::{DownloadId, ImportId};
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::{import_files, imports};

/// How far an import is. Only `Undone` frees its download and target for another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportStatus {
    /// Written down, nothing touched for certain.
    Planned,
    /// Every file is in the library.
    Linked,
    /// Every file of it was taken back.
    Undone,
    /// The library shows the book.
    Done,
}

impl ImportStatus {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Linked => "linked",
            Self::Undone => "undone",
            Self::Done => "done",
        }
    }
}

/// A row of `imports`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = imports, check_for_backend(Pg))]
pub struct ImportRow {
    pub id: Uuid,
    pub download_id: Uuid,
    /// Position of the part of a pack; 0 for a single book.
    pub part: i32,
    pub status: String,
    pub target_path: String,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// A row of `import_files`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = import_files, check_for_backend(Pg))]
pub struct ImportFileRow {
    pub import_id: Uuid,
    pub position: i32,
    pub source: String,
    pub target: String,
    pub size_bytes: i64,
    pub method: Option<String>,
}

/// Writes an import down before a file is touched. `Duplicate` names `imports_one_live_per_part` or
/// `imports_one_live_per_target` when another one is under way.
pub async fn insert_import(conn: &mut Connection, import: &ImportRow, files: &[ImportFileRow]) -> DbResult<()> {
    conn.transaction(async |conn| {
        diesel::insert_into(imports::table).values(import).execute(conn).await?;
        // A statement takes at most 65,535 values.
        for chunk in files.chunks(1000) {
            diesel::insert_into(import_files::table)
                .values(chunk)
                .execute(conn)
                .await?;
        }
        Ok(())
    })
    .await
}

/// Notes how a file entered the library.
pub async fn record_file_method(conn: &mut Connection, id: ImportId, position: i32, method: &str) -> DbResult<()> {
    let file = import_files::table.find((id.0, position));
    diesel::update(file)
        .set(import_files::method.eq(method))
        .execute(conn)
        .await?;
    Ok(())
}

/// Moves an import on; `Undone` and `Done` also end it.
pub async fn set_import_status(
    conn: &mut Connection,
    id: ImportId,
    status: ImportStatus,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let is_end = matches!(status, ImportStatus::Undone | ImportStatus::Done);
    diesel::update(imports::table.find(id.0))
        .set((
            imports::status.eq(status.as_str()),
            imports::finished_at.eq(is_end.then_some(now)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The import of a part (0 for a single book) of the download's present release that was not undone.
pub async fn find_live_import(conn: &mut Connection, id: DownloadId, part: i32) -> DbResult<Option<ImportRow>> {
    let query = imports::table
        .filter(imports::download_id.eq(id.0))
        .filter(imports::part.eq(part))
        .filter(imports::is_former.eq(false))
        .filter(imports::status.ne(ImportStatus::Undone.as_str()));
    Ok(query.select(ImportRow::as_select()).first(conn).await.optional()?)
}

/// The download takes another release: what the one before brought stays, and is not taken for the new one's.
pub async fn set_imports_former(conn: &mut Connection, id: DownloadId) -> DbResult<()> {
    diesel::update(imports::table.filter(imports::download_id.eq(id.0)))
        .set(imports::is_former.eq(true))
        .execute(conn)
        .await?;
    Ok(())
}

/// What a download brought into the library.
pub async fn list_imported_files(conn: &mut Connection, id: DownloadId) -> DbResult<Vec<ImportedFile>> {
    let rows: Vec<ImportFileRow> = import_files::table
        .inner_join(imports::table)
        .filter(imports::download_id.eq(id.0))
        .filter(imports::status.ne(ImportStatus::Undone.as_str()))
        .order((imports::part, import_files::position))
        .select(ImportFileRow::as_select())
        .load(conn)
        .await?;
    let linked = rows.into_iter().filter_map(|row| {
        let method = row.method?;
        Some(ImportedFile {
            source: row.source,
            target: row.target,
            size_bytes: row.size_bytes,
            method,
        })
    });
    Ok(linked.collect())
}

/// Every attempt for a download with its files, oldest first.
pub async fn list_imports(conn: &mut Connection, id: DownloadId) -> DbResult<Vec<(ImportRow, Vec<ImportFileRow>)>> {
    let attempts: Vec<ImportRow> = imports::table
        .filter(imports::download_id.eq(id.0))
        .order((imports::created_at, imports::id))
        .select(ImportRow::as_select())
        .load(conn)
        .await?;
    let files: Vec<ImportFileRow> = import_files::table
        .filter(import_files::import_id.eq_any(attempts.iter().map(|attempt| attempt.id)))
        .order((import_files::import_id, import_files::position))
        .select(ImportFileRow::as_select())
        .load(conn)
        .await?;
    let with_files = attempts.into_iter().map(|attempt| {
        let own = files.iter().filter(|file| file.import_id == attempt.id).cloned();
        (attempt.clone(), own.collect())
    });
    Ok(with_files.collect())
}

/// Folders that an import has or had: no other one goes there.
pub async fn list_live_targets(conn: &mut Connection) -> DbResult<Vec<String>> {
    let live = imports::table.filter(imports::status.ne(ImportStatus::Undone.as_str()));
    Ok(live.select(imports::target_path).load(conn).await?)
}
