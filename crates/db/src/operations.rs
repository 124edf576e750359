//! Counts for those who look after the system: what is where, and what the database itself is.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use types::IntegrationId;

use crate::error::DbResult;
use crate::pool::Connection;

/// A word and how many rows have it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct WordCount {
    #[diesel(sql_type = Text)]
    pub word: String,
    #[diesel(sql_type = BigInt)]
    pub count: i64,
}

/// The database server and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct DatabaseFacts {
    /// "15.8 (Debian 15.8-0+deb12u1)".
    #[diesel(sql_type = Text)]
    pub version: String,
    #[diesel(sql_type = BigInt)]
    pub size_bytes: i64,
    /// Open to this database, ours and others'.
    #[diesel(sql_type = BigInt)]
    pub connections: i64,
}

#[derive(QueryableByName)]
struct PathRow {
    #[diesel(sql_type = Text)]
    path: String,
}

/// What the database server says of itself.
pub async fn read_database_facts(conn: &mut Connection) -> DbResult<DatabaseFacts> {
    let sql = "SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS size_bytes,
        (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections";
    Ok(diesel::sql_query(sql).get_result(conn).await?)
}

/// Downloads by state.
pub async fn count_downloads(conn: &mut Connection) -> DbResult<Vec<WordCount>> {
    count(
        conn,
        "SELECT state AS word, count(*) AS count FROM downloads GROUP BY state",
    )
    .await
}

/// Downloads that are held, by reason.
pub async fn count_held_downloads(conn: &mut Connection) -> DbResult<Vec<WordCount>> {
    let sql = "SELECT hold_reason AS word, count(*) AS count FROM downloads
        WHERE state = 'hold' AND hold_reason IS NOT NULL GROUP BY hold_reason";
    count(conn, sql).await
}

/// Imports by status; what a later import of the same download replaced is not counted.
pub async fn count_imports(conn: &mut Connection) -> DbResult<Vec<WordCount>> {
    let sql = "SELECT status AS word, count(*) AS count FROM imports WHERE NOT is_former GROUP BY status";
    count(conn, sql).await
}

/// How often imports and what leads to them ended so, over all downloads that there are.
pub async fn count_import_events(conn: &mut Connection) -> DbResult<Vec<WordCount>> {
    let sql = "SELECT code AS word, count(*) AS count FROM download_events
        WHERE code IN ('imported', 'import_failed', 'verify_failed', 'not_seen_by_library') GROUP BY code";
    count(conn, sql).await
}

/// Books whose files are there, by what their record lacks.
pub async fn count_lacking_books(conn: &mut Connection) -> DbResult<Vec<WordCount>> {
    let sql = "SELECT word, count(*) AS count FROM books, unnest(lacks) AS word
        WHERE missing_since IS NULL GROUP BY word";
    count(conn, sql).await
}

/// Wants by status.
pub async fn count_wants(conn: &mut Connection) -> DbResult<Vec<WordCount>> {
    count(
        conn,
        "SELECT status AS word, count(*) AS count FROM wants GROUP BY status",
    )
    .await
}

async fn count(conn: &mut Connection, sql: &str) -> DbResult<Vec<WordCount>> {
    Ok(diesel::sql_query(sql).load(conn).await?)
}

/// Where some book of this library lies, as the library says.
pub async fn find_book_path(conn: &mut Connection, id: IntegrationId) -> DbResult<Option<String>> {
    let sql = "SELECT path FROM books WHERE integration_id = $1 AND missing_since IS NULL ORDER BY path LIMIT 1";
    let rows: Vec<PathRow> = diesel::sql_query(sql)
        .bind::<diesel::sql_types::Uuid, _>(id.0)
        .load(conn)
        .await?;
    Ok(rows.into_iter().next().map(|row| row.path))
}
