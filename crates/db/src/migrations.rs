//! Brings a database to the schema of this binary.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::dumps::refuse_unfinished_restore;
use crate::error::{DbError, DbResult};

/// The migrations of this binary.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Key of the advisory lock: "mamc" in ASCII.
const LOCK: i64 = 0x6d61_6d63;
const REACH_WITHIN: Duration = Duration::from_secs(10);

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

/// A machine that is not there answers nothing at all.
async fn reach(url: &str) -> DbResult<AsyncPgConnection> {
    match tokio::time::timeout(REACH_WITHIN, AsyncPgConnection::establish(url)).await {
        Ok(reached) => reached.map_err(|error| DbError::Unreachable(error.to_string())),
        Err(_) => Err(DbError::Unreachable(format!(
            "no answer within {} s",
            REACH_WITHIN.as_secs()
        ))),
    }
}

async fn migrate_locked(url: &str) -> DbResult<usize> {
    let mut conn = reach(url).await?;
    conn.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})")).await?;
    refuse_unfinished_restore(&mut conn, url).await?;
    // The lock ends with the connection, which the harness owns from here on.
    let mut harness = AsyncMigrationHarness::new(conn);
    refuse_newer(&mut harness)?;
    let applied = harness
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| DbError::Migration(error.to_string()))?;
    Ok(applied.len())
}

/// Whether this binary has the migration of this version, such as `20261122000014`.
pub fn is_known_migration(version: &str) -> DbResult<bool> {
    Ok(known_versions()?.contains(version))
}

fn known_versions() -> DbResult<BTreeSet<String>> {
    let own: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS
        .migrations()
        .map_err(|error| DbError::Migration(error.to_string()))?;
    Ok(own
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect())
}

fn refuse_newer(harness: &mut AsyncMigrationHarness<AsyncPgConnection>) -> DbResult<()> {
    let known = known_versions()?;
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

/// How a database's schema stands to this binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// The same; the newest migration.
    Current(String),
    /// It lacks so many migrations.
    Behind(usize),
    /// It holds a migration that this binary does not know.
    Ahead(String),
}

#[derive(diesel::QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
}

#[derive(diesel::QueryableByName)]
struct IsThere {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    is_there: bool,
}

/// Compares the schema with this binary's, without changing anything.
pub async fn read_schema_state(conn: &mut AsyncPgConnection) -> DbResult<SchemaState> {
    let known = known_versions()?;
    let applied = list_applied(conn).await?;
    if let Some(unknown) = applied.difference(&known).last() {
        return Ok(SchemaState::Ahead(unknown.clone()));
    }
    let missing = known.difference(&applied).count();
    Ok(match applied.into_iter().next_back() {
        Some(newest) if missing == 0 => SchemaState::Current(newest),
        _ => SchemaState::Behind(missing),
    })
}

/// None in a database that was never migrated.
async fn list_applied(conn: &mut AsyncPgConnection) -> DbResult<BTreeSet<String>> {
    let table: IsThere = diesel::sql_query("SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS is_there")
        .get_result(conn)
        .await?;
    if !table.is_there {
        return Ok(BTreeSet::new());
    }
    let rows: Vec<VersionRow> = diesel::sql_query("SELECT version::text AS version FROM __diesel_schema_migrations")
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}
