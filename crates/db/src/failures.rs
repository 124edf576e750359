//! What keeps failing: a tally by job, item and code.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::failures;
use crate::text::storable;

/// A row of `failures`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = failures, check_for_backend(Pg))]
pub struct FailureRow {
    pub kind: String,
    pub item: String,
    pub code: String,
    pub count: i32,
    pub sentence: String,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
}

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewFailure<'a> {
    /// The job.
    pub kind: &'a str,
    pub item: &'a str,
    pub code: &'a str,
    pub sentence: &'a str,
}

/// Adds one to the tally and answers the new count.
pub async fn record_failure(conn: &mut Connection, failure: NewFailure<'_>, now: DateTime<Utc>) -> DbResult<i32> {
    let sentence = storable(failure.sentence);
    let count = diesel::insert_into(failures::table)
        .values((
            failures::kind.eq(failure.kind),
            failures::item.eq(failure.item),
            failures::code.eq(failure.code),
            failures::sentence.eq(&sentence),
            failures::first_at.eq(now),
            failures::last_at.eq(now),
        ))
        .on_conflict((failures::kind, failures::item, failures::code))
        .do_update()
        .set((
            failures::count.eq(failures::count + 1),
            failures::sentence.eq(&sentence),
            failures::last_at.eq(now),
        ))
        .returning(failures::count)
        .get_result(conn)
        .await?;
    Ok(count)
}

/// The item works again.
pub async fn clear_failures(conn: &mut Connection, kind: &str, item: &str) -> DbResult<()> {
    let failed = failures::table
        .filter(failures::kind.eq(kind))
        .filter(failures::item.eq(item));
    diesel::delete(failed).execute(conn).await?;
    Ok(())
}

/// The tally, newest failure first.
pub async fn list_failures(conn: &mut Connection, limit: i64) -> DbResult<Vec<FailureRow>> {
    let query = failures::table
        .order(failures::last_at.desc())
        .limit(limit)
        .select(FailureRow::as_select());
    Ok(query.load(conn).await?)
}
