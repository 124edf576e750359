//! What is noted about backups: when they were made, and whether a test brought everything back from them.

use chrono::{DateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::backups;

/// A backup as it was made, and as tests found it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = backups)]
pub struct BackupRow {
    pub name: String,
    pub made_at: DateTime<Utc>,
    pub size_bytes: i64,
    pub is_encrypted: bool,
    /// When everything was last brought back from it.
    pub proven_at: Option<DateTime<Utc>>,
    /// Why the last test did not bring everything back.
    pub fault: Option<String>,
}

#[derive(QueryableByName)]
struct Presence {
    #[diesel(sql_type = Bool)]
    is_there: bool,
}

/// Notes a backup. `false` = the database is of an older version, which keeps no notes.
pub async fn record_backup(conn: &mut Connection, row: &BackupRow) -> DbResult<bool> {
    let sql = "SELECT to_regclass('public.backups') IS NOT NULL AS is_there";
    let Presence { is_there } = diesel::sql_query(sql).get_result(conn).await?;
    if is_there {
        diesel::insert_into(backups::table)
            .values(row)
            .on_conflict(backups::name)
            .do_update()
            .set((
                backups::made_at.eq(row.made_at),
                backups::size_bytes.eq(row.size_bytes),
                backups::is_encrypted.eq(row.is_encrypted),
                backups::proven_at.eq(row.proven_at),
                backups::fault.eq(&row.fault),
            ))
            .execute(conn)
            .await?;
    }
    Ok(is_there)
}

/// Notes that a test brought everything back, or why it did not.
pub async fn record_proof(conn: &mut Connection, name: &str, found: Result<DateTime<Utc>, &str>) -> DbResult<()> {
    diesel::update(backups::table.find(name))
        .set((backups::proven_at.eq(found.ok()), backups::fault.eq(found.err())))
        .execute(conn)
        .await?;
    Ok(())
}

/// Everything that is noted, newest first.
pub async fn list_backups(conn: &mut Connection) -> DbResult<Vec<BackupRow>> {
    let rows = backups::table.order((backups::made_at.desc(), backups::name.desc()));
    Ok(rows.select(BackupRow::as_select()).load(conn).await?)
}

/// Forgets a backup whose file is gone.
pub async fn delete_backup(conn: &mut Connection, name: &str) -> DbResult<()> {
    diesel::delete(backups::table.find(name)).execute(conn).await?;
    Ok(())
}

/// When a test last brought everything back; `None` = there was never one that did.
pub async fn last_proof(conn: &mut Connection) -> DbResult<Option<DateTime<Utc>>> {
    Ok(backups::table.select(max(backups::proven_at)).first(conn).await?)
}
