//! One moment of a database, held as long as it takes to count it and to dump it.

use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::contents::{DatabaseContents, connect, read_all};
use super::run::Running;
use super::{DumpError, Program};
use crate::error::DbResult;
use crate::pool::Connection;

/// A moment of the database. `pg_dump` sees just this one.
pub struct Snapshot {
    /// What the database held then.
    pub contents: DatabaseContents,
    id: String,
    url: String,
    // Holds the transaction that the snapshot lives in.
    _conn: Connection,
}

impl Snapshot {
    /// Takes the present moment and reads what the database holds.
    pub async fn take(url: &str) -> DbResult<Self> {
        #[derive(diesel::QueryableByName)]
        struct Exported {
            #[diesel(sql_type = Text)]
            id: String,
        }
        let mut conn = connect(url).await?;
        conn.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        let sql = "SELECT pg_export_snapshot() AS id";
        let Exported { id } = diesel::sql_query(sql).get_result(&mut conn).await?;
        Ok(Self {
            contents: read_all(&mut conn).await?,
            id,
            url: url.to_owned(),
            _conn: conn,
        })
    }

    /// Starts `pg_dump` on this moment; the dump comes by [`Running::read`].
    pub fn start_dump(&self, pg_dump: &Program) -> Result<Running, DumpError> {
        let snapshot = format!("--snapshot={}", self.id);
        let arguments = [
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            // We write none; that of an extension could be set by its owner only.
            "--no-comments",
            "--no-password",
            "--lock-wait-timeout=60s",
            &snapshot,
        ];
        Running::start(pg_dump, &arguments, &self.url)
    }
}
