//! Which process leaves which integration alone for now. Each writes its own rows, for the others to show.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use types::IntegrationId;
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::breaker_rests;

/// A row of `breaker_rests`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = breaker_rests, check_for_backend(Pg))]
pub struct BreakerRestRow {
    pub integration_id: Uuid,
    pub process_id: Uuid,
    pub process: String,
    pub revision: i32,
    pub failures: i32,
    pub rests_until: DateTime<Utc>,
    pub reason: String,
}

/// Says it in place of what this process said of this integration before.
pub async fn save_rest(conn: &mut Connection, rest: &BreakerRestRow) -> DbResult<()> {
    diesel::insert_into(breaker_rests::table)
        .values(rest)
        .on_conflict((breaker_rests::integration_id, breaker_rests::process_id))
        .do_update()
        .set((
            breaker_rests::process.eq(excluded(breaker_rests::process)),
            breaker_rests::revision.eq(excluded(breaker_rests::revision)),
            breaker_rests::failures.eq(excluded(breaker_rests::failures)),
            breaker_rests::rests_until.eq(excluded(breaker_rests::rests_until)),
            breaker_rests::reason.eq(excluded(breaker_rests::reason)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether this process had said anything of this integration.
pub async fn delete_rest(conn: &mut Connection, id: IntegrationId, process_id: Uuid) -> DbResult<bool> {
    Ok(diesel::delete(breaker_rests::table.find((id.0, process_id)))
        .execute(conn)
        .await?
        > 0)
}

/// Those that last at this time, by integration and name of the process.
pub async fn list_rests(conn: &mut Connection, now: DateTime<Utc>) -> DbResult<Vec<BreakerRestRow>> {
    let lasting = breaker_rests::table
        .filter(breaker_rests::rests_until.gt(now))
        .order((
            breaker_rests::integration_id,
            breaker_rests::process,
            breaker_rests::process_id,
        ))
        .select(BreakerRestRow::as_select());
    Ok(lasting.load(conn).await?)
}

/// Forgets those that ended before `before`; answers how many.
pub async fn delete_rests_before(conn: &mut Connection, before: DateTime<Utc>) -> DbResult<usize> {
    let old = breaker_rests::table.filter(breaker_rests::rests_until.lt(before));
    Ok(diesel::delete(old).execute(conn).await?)
}
