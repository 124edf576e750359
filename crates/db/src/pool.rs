//! Connections to PostgreSQL.

use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, deadpool as pooled};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::FutureExt;

use crate::error::{DbError, DbResult};

/// One connection; what every query function takes.
pub type Connection = AsyncPgConnection;
/// A pool that hands out connections; cheap to clone.
pub type Pool = pooled::Pool<AsyncPgConnection>;
/// A connection that goes back to its pool when dropped. Dereferences to [`Connection`].
pub type PooledConnection = pooled::Object<AsyncPgConnection>;

const WAIT: Duration = Duration::from_secs(10);
/// PostgreSQL gives up a statement of a pool that takes longer, waits for locks included. The slowest of ours take about
/// a second at 50,000 books. Migrations and holds on the encryption key come by connections of their own.
const BOUND_STATEMENTS: &str = "SET statement_timeout = '60s'";
const UNBOUND_STATEMENTS: &str = "SET statement_timeout = 0";

/// Makes a pool of at most `max_size` connections. It connects on first use, waiting at most 10 s. A statement may take 60 s.
pub fn connect(url: &str, max_size: usize) -> DbResult<Pool> {
    let mut config = ManagerConfig::default();
    config.custom_setup = Box::new(|url| establish_bounded(url).boxed());
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(url, config);
    Pool::builder(manager)
        .max_size(max_size)
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(WAIT))
        .recycle_timeout(Some(WAIT))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(|error| DbError::Unreachable(error.to_string()))
}

async fn establish_bounded(url: &str) -> ConnectionResult<AsyncPgConnection> {
    let mut conn = AsyncPgConnection::establish(url).await?;
    let bounded = conn.batch_execute(BOUND_STATEMENTS).await;
    bounded.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// Lets the statements of this connection take as long as they do. It must not go back to its pool.
pub(crate) async fn unbound_statements(conn: &mut Connection) -> DbResult<()> {
    Ok(conn.batch_execute(UNBOUND_STATEMENTS).await?)
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
