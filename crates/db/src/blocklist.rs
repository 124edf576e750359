//! Never again: by release, or by the content it turned out to have.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::ReleaseId;
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::blocklist;
use crate::text::storable;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = blocklist, check_for_backend(Pg))]
pub struct BlocklistEntry {
    pub release_id: Option<Uuid>,
    pub info_hash: Option<String>,
    pub reason: String,
    pub created_at: DateTime<Utc>,
}

/// Adds an entry; it needs a release or a hash.
pub async fn insert_blocklist_entry(conn: &mut Connection, entry: &BlocklistEntry) -> DbResult<()> {
    let entry = BlocklistEntry {
        reason: storable(&entry.reason),
        ..entry.clone()
    };
    diesel::insert_into(blocklist::table)
        .values(entry)
        .execute(conn)
        .await?;
    Ok(())
}

/// Entries that speak against one of the releases or hashes.
pub async fn list_blocklist_entries(
    conn: &mut Connection,
    releases: &[ReleaseId],
    hashes: &[String],
) -> DbResult<Vec<BlocklistEntry>> {
    let releases: Vec<Uuid> = releases.iter().map(|id| id.0).collect();
    let query = blocklist::table
        .filter(
            blocklist::release_id
                .eq_any(releases)
                .or(blocklist::info_hash.eq_any(hashes)),
        )
        .order(blocklist::id);
    Ok(query.select(BlocklistEntry::as_select()).load(conn).await?)
}
