//! Connections to PostgreSQL.

use std::time::Duration;

use diesel_async::pooled_connection::{AsyncDieselConnectionManager, deadpool as pooled};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::{DbError, DbResult};

/// One connection; what every query function takes.
pub type Connection = AsyncPgConnection;
/// A pool that hands out connections; cheap to clone.
pub type Pool = pooled::Pool<AsyncPgConnection>;
/// A connection that goes back to its pool when dropped. Dereferences to [`Connection`].
pub type PooledConnection = pooled::Object<AsyncPgConnection>;

const WAIT: Duration = Duration::from_secs(10);

/// Makes a pool of at most `max_size` connections. It connects on first use, waiting at most 10 s.
pub fn connect(url: &str, max_size: usize) -> DbResult<Pool> {
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(url);
    Pool::builder(manager)
        .max_size(max_size)
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(WAIT))
        .recycle_timeout(Some(WAIT))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(|error| DbError::Unreachable(error.to_string()))
}

/// A connection from the pool.
pub async fn get(pool: &Pool) -> DbResult<PooledConnection> {
    pool.get()
        .await
        .map_err(|error| DbError::Unreachable(error.to_string()))
}

/// Whether the database answers a query.
pub async fn ping(conn: &mut Connection) -> DbResult<()> {
    diesel::sql_query("SELECT 1").execute(conn).await?;
    Ok(())
}
