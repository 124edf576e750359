//! The mark of a database that a restore fills: until what it brought was compared, nothing may start on it.

use diesel::QueryableByName;
use diesel::sql_types::Bool;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::contents::{connect, is_empty};
use crate::error::{DbError, DbResult};
use crate::pool::Connection;

/// An empty schema: no dump brings it back, and a database that holds nothing else counts as empty.
const MARK: &str = "mamcrawler_restore_unfinished";

/// Marks the database until [`unmark_restore`].
pub async fn mark_restore(url: &str) -> DbResult<()> {
    run(url, &format!("CREATE SCHEMA IF NOT EXISTS {MARK}")).await
}

/// Takes the mark away.
pub async fn unmark_restore(url: &str) -> DbResult<()> {
    run(url, &format!("DROP SCHEMA IF EXISTS {MARK}")).await
}

/// Refuses a database that a restore filled without coming to its end. One that it left empty is as good as any.
pub(crate) async fn refuse_unfinished_restore(conn: &mut Connection, url: &str) -> DbResult<()> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Bool)]
        is_marked: bool,
    }
    let query = format!("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = '{MARK}') AS is_marked");
    let Found { is_marked } = diesel::sql_query(query).get_result(conn).await?;
    match is_marked {
        false => Ok(()),
        true if is_empty(url).await? => unmark_restore(url).await,
        true => Err(DbError::UnfinishedRestore),
    }
}

async fn run(url: &str, sql: &str) -> DbResult<()> {
    Ok(connect(url).await?.batch_execute(sql).await?)
}
