//! Lists that show the newest first, by keyset pages.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use types::{Page, PageRequest};
use uuid::Uuid;

use crate::cursor::{SortValue, decode_cursor, encode_cursor};
use crate::error::{DbError, DbResult};
use crate::pool::Connection;

/// The end of the year 9999, after which PostgreSQL's text form changes; later than every row.
const LAST_SECOND: i64 = 253_402_300_799;

/// A list whose rows have one of some words in a column.
pub(crate) struct NewestFirst {
    /// Everything before the condition.
    pub(crate) select: &'static str,
    pub(crate) table: &'static str,
    /// What `select` calls the table.
    pub(crate) alias: &'static str,
    /// Where the words are.
    pub(crate) column: &'static str,
}

/// A row of such a list.
pub(crate) trait DatedRow: QueryableByName<Pg> + Send + 'static {
    /// When it was created, and its id.
    fn key(&self) -> (DateTime<Utc>, Uuid);
}

#[derive(QueryableByName)]
struct Total {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

impl NewestFirst {
    /// One page of the rows with one of `words`. `BadCursor` when the cursor is not ours.
    pub(crate) async fn load_page<Row: DatedRow>(
        &self,
        conn: &mut Connection,
        words: &[&str],
        page: &PageRequest,
    ) -> DbResult<Page<Row>> {
        let Self {
            select,
            table,
            alias,
            column,
        } = self;
        let (created_at, id) = match &page.cursor {
            Some(cursor) => read_cursor(table, cursor)?,
            None => (
                DateTime::from_timestamp(LAST_SECOND, 0).ok_or(DbError::BadCursor)?,
                Uuid::max(),
            ),
        };
        let total: Total = diesel::sql_query(format!(
            "SELECT count(*) AS total FROM {table} WHERE {column} = ANY($1)"
        ))
        .bind::<Array<Text>, _>(words)
        .get_result(conn)
        .await?;
        let rows: Vec<Row> = diesel::sql_query(format!(
            "{select} WHERE {alias}.{column} = ANY($1) AND ({alias}.created_at, {alias}.id) < ($2, $3)
             ORDER BY {alias}.created_at DESC, {alias}.id DESC LIMIT $4"
        ))
        .bind::<Array<Text>, _>(words)
        .bind::<Timestamptz, _>(created_at)
        .bind::<SqlUuid, _>(id)
        .bind::<BigInt, _>(i64::from(page.limit()) + 1)
        .load(conn)
        .await?;
        Ok(Page::cut(rows, page.limit(), total.total.unsigned_abs(), |row| {
            write_cursor(table, row.key())
        }))
    }
}

/// The cursor after a row of the list that is sorted like these.
pub(crate) fn write_cursor(list: &str, (created_at, id): (DateTime<Utc>, Uuid)) -> String {
    let time = created_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    encode_cursor(&order_of(list), &SortValue::Text(time), id)
}

/// What the cursor says. `BadCursor` when it is not one of this list.
pub(crate) fn read_cursor(list: &str, cursor: &str) -> DbResult<(DateTime<Utc>, Uuid)> {
    let (SortValue::Text(time), id) = decode_cursor(&order_of(list), cursor)? else {
        return Err(DbError::BadCursor);
    };
    let time = DateTime::parse_from_rfc3339(&time).map_err(|_| DbError::BadCursor)?;
    Ok((time.to_utc(), id))
}

fn order_of(list: &str) -> String {
    format!("-created {list}")
}
