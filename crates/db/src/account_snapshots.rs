//! What a tracker said of the member's account, and when.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::{IntegrationId, Page, PageRequest};
use uuid::Uuid;

use crate::cursor::{SortValue, decode_cursor, encode_cursor};
use crate::error::{DbError, DbResult};
use crate::pool::Connection;
use crate::schema::account_snapshots;

const ORDER: &str = "-taken account_snapshots";

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

/// The snapshot of a service that was stored last, however old: one that a clock that was ahead dated later is older.
pub async fn find_newest_snapshot(conn: &mut Connection, id: IntegrationId) -> DbResult<Option<AccountSnapshotRow>> {
    let query = account_snapshots::table
        .filter(account_snapshots::integration_id.eq(id.0))
        .order(account_snapshots::id.desc())
        .select(AccountSnapshotRow::as_select());
    Ok(query.first(conn).await.optional()?)
}

/// Snapshots of every service, newest first. `BadCursor` when the cursor is not ours.
pub async fn list_snapshots(conn: &mut Connection, page: &PageRequest) -> DbResult<Page<AccountSnapshotRow>> {
    let limit = page.limit() as usize;
    let total: i64 = account_snapshots::table.count().get_result(conn).await?;
    let mut query = account_snapshots::table
        .order((account_snapshots::taken_at.desc(), account_snapshots::id.desc()))
        .limit(i64::from(page.limit()) + 1)
        .select((account_snapshots::id, AccountSnapshotRow::as_select()))
        .into_boxed();
    if let Some(cursor) = &page.cursor {
        let (taken_at, id) = read_cursor(cursor)?;
        let same_moment = account_snapshots::taken_at
            .eq(taken_at)
            .and(account_snapshots::id.lt(id));
        query = query.filter(account_snapshots::taken_at.lt(taken_at).or(same_moment));
    }
    let mut rows: Vec<(i64, AccountSnapshotRow)> = query.load(conn).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows
        .last()
        .filter(|_| has_more)
        .map(|(id, row)| write_cursor(row.taken_at, *id));
    Ok(Page {
        items: rows.into_iter().map(|(_, row)| row).collect(),
        next_cursor,
        total: total.unsigned_abs(),
    })
}

fn write_cursor(taken_at: DateTime<Utc>, id: i64) -> String {
    let value = SortValue::Text(format!(
        "{} {id}",
        taken_at.to_rfc3339_opts(SecondsFormat::Micros, true)
    ));
    encode_cursor(ORDER, &value, Uuid::nil())
}

fn read_cursor(cursor: &str) -> DbResult<(DateTime<Utc>, i64)> {
    let (SortValue::Text(text), _) = decode_cursor(ORDER, cursor)? else {
        return Err(DbError::BadCursor);
    };
    let (time, id) = text.split_once(' ').ok_or(DbError::BadCursor)?;
    let time = DateTime::parse_from_rfc3339(time).map_err(|_| DbError::BadCursor)?;
    Ok((time.to_utc(), id.parse().map_err(|_| DbError::BadCursor)?))
}

/// Forgets snapshots taken before `before`.
pub async fn delete_snapshots_before(conn: &mut Connection, before: DateTime<Utc>) -> DbResult<usize> {
    let old = account_snapshots::table.filter(account_snapshots::taken_at.lt(before));
    Ok(diesel::delete(old).execute(conn).await?)
}
