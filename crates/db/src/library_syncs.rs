//! How far a library was read, and whether it can be.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::IntegrationId;
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::library_syncs;
use crate::text::storable;

/// A row of `library_syncs`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = library_syncs, check_for_backend(Pg))]
pub struct LibrarySyncRow {
    pub integration_id: Uuid,
    pub last_full_at: Option<DateTime<Utc>>,
    pub last_success_at: Option<DateTime<Utc>>,
    pub newest_updated_ms: i64,
    pub unreadable_since: Option<DateTime<Utc>>,
    pub unreadable_sentence: Option<String>,
}

/// How a sync ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncSuccess {
    pub is_full: bool,
    pub newest_updated_ms: i64,
    pub now: DateTime<Utc>,
}

/// Absent before the first sync.
pub async fn find_library_sync(conn: &mut Connection, id: IntegrationId) -> DbResult<Option<LibrarySyncRow>> {
    Ok(library_syncs::table
        .find(id.0)
        .select(LibrarySyncRow::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// The library was read to the end.
pub async fn record_sync_success(conn: &mut Connection, id: IntegrationId, success: SyncSuccess) -> DbResult<()> {
    let values = (
        success.is_full.then(|| library_syncs::last_full_at.eq(success.now)),
        library_syncs::last_success_at.eq(success.now),
        library_syncs::newest_updated_ms.eq(success.newest_updated_ms),
        library_syncs::unreadable_since.eq(None::<DateTime<Utc>>),
        library_syncs::unreadable_sentence.eq(None::<String>),
    );
    diesel::insert_into(library_syncs::table)
        .values((library_syncs::integration_id.eq(id.0), values.clone()))
        .on_conflict(library_syncs::integration_id)
        .do_update()
        .set(values)
        .execute(conn)
        .await?;
    Ok(())
}

/// The library can't be read; the first time of a row of failures is kept.
pub async fn record_unreadable_library(
    conn: &mut Connection,
    id: IntegrationId,
    sentence: &str,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let sentence = storable(sentence);
    diesel::insert_into(library_syncs::table)
        .values((
            library_syncs::integration_id.eq(id.0),
            library_syncs::unreadable_since.eq(now),
            library_syncs::unreadable_sentence.eq(&sentence),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let row = library_syncs::table.find(id.0);
    diesel::update(row.filter(library_syncs::unreadable_since.is_null()))
        .set(library_syncs::unreadable_since.eq(now))
        .execute(conn)
        .await?;
    diesel::update(row)
        .set(library_syncs::unreadable_sentence.eq(&sentence))
        .execute(conn)
        .await?;
    Ok(())
}
