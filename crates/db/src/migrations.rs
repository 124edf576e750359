//! Brings a database to the schema of this binary.

use std::collections::BTreeSet;

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::error::{DbError, DbResult};

/// The migrations of this binary.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Key of the advisory lock: "mamc" in ASCII.
const LOCK: i64 = 0x6d61_6d63;

/// Applies what is missing and answers how many migrations that were. Processes that start together take turns;
/// a database that holds migrations unknown to this binary is refused.
pub async fn migrate(url: &str) -> DbResult<usize> {
    let url = url.to_owned();
    // The harness blocks in place, which only a multi-thread runtime allows: it gets one of its own.
    let task = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| DbError::Migration(error.to_string()))?;
        runtime.block_on(migrate_locked(&url))
    });
    task.await.map_err(|error| DbError::Migration(error.to_string()))?
}

async fn migrate_locked(url: &str) -> DbResult<usize> {
    let mut conn = AsyncPgConnection::establish(url)
        .await
        .map_err(|error| DbError::Unreachable(error.to_string()))?;
    conn.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})")).await?;
    // The lock ends with the connection, which the harness owns from here on.
    let mut harness = AsyncMigrationHarness::new(conn);
    refuse_newer(&mut harness)?;
    let applied = harness
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| DbError::Migration(error.to_string()))?;
    Ok(applied.len())
}

fn refuse_newer(harness: &mut AsyncMigrationHarness<AsyncPgConnection>) -> DbResult<()> {
    let own: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS
        .migrations()
        .map_err(|error| DbError::Migration(error.to_string()))?;
    let known: BTreeSet<String> = own
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let applied = harness
        .applied_migrations()
        .map_err(|error| DbError::Migration(error.to_string()))?;
    match applied
        .iter()
        .map(ToString::to_string)
        .find(|version| !known.contains(version))
    {
        Some(version) => Err(DbError::NewerDatabase(version)),
        None => Ok(()),
    }
}
