//! What a tracker said of the member's account, and when.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::IntegrationId;
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::account_snapshots;

/// A snapshot. What the site did not say is `None`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = account_snapshots, check_for_backend(Pg))]
pub struct AccountSnapshotRow {
    pub integration_id: Uuid,
    pub taken_at: DateTime<Utc>,
    pub username: Option<String>,
    pub class: Option<String>,
    pub ratio: Option<f64>,
    pub uploaded_bytes: Option<i64>,
    pub downloaded_bytes: Option<i64>,
    pub points: Option<i64>,
    pub wedges: Option<i64>,
    pub vip_until: Option<DateTime<Utc>>,
    pub unsatisfied_count: Option<i64>,
    pub unsatisfied_limit: Option<i64>,
    pub connectable: Option<String>,
}

/// Stores a snapshot.
pub async fn insert_snapshot(conn: &mut Connection, snapshot: &AccountSnapshotRow) -> DbResult<()> {
    diesel::insert_into(account_snapshots::table)
        .values(snapshot)
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest snapshot of a service, however old.
pub async fn find_newest_snapshot(conn: &mut Connection, id: IntegrationId) -> DbResult<Option<AccountSnapshotRow>> {
    let query = account_snapshots::table
        .filter(account_snapshots::integration_id.eq(id.0))
        .order((account_snapshots::taken_at.desc(), account_snapshots::id.desc()))
        .select(AccountSnapshotRow::as_select());
    Ok(query.first(conn).await.optional()?)
}

/// Forgets snapshots taken before `before`.
pub async fn delete_snapshots_before(conn: &mut Connection, before: DateTime<Utc>) -> DbResult<usize> {
    let old = account_snapshots::table.filter(account_snapshots::taken_at.lt(before));
    Ok(diesel::delete(old).execute(conn).await?)
}
