//! Every place where an encrypted value is stored, for the change of the key. A test finds columns that are missing here.

use std::error::Error;
use std::time::Duration;

use diesel::sql_types::{Array, Binary, Text};
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::RunQueryDsl;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls};

use crate::error::{DbError, DbResult};
use crate::pool::Connection;

/// Values that are read at once; a .torrent may have 10 MB.
const BATCH: usize = 20;
/// Advisory lock of who uses or changes the encryption key; the number has no meaning.
const KEY_LOCK: i64 = 0x6d61_6d6b_6579;
/// How often a lock's connection is tried, and how long it may take to answer.
const PING: Duration = Duration::from_secs(10);

/// A place for encrypted values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedPlace {
    IntegrationSecret,
    IntegrationSession,
    DownloadRef,
    Torrent,
    OidcLogin,
    OidcClientSecret,
    /// Settings of the shape `{"sealed": base64}`.
    Setting,
}

/// Byte columns that hold hashes, which no key opens.
pub const HASHES: &[(&str, &str)] = &[
    ("api_keys", "previous_secret_hash"),
    ("api_keys", "secret_hash"),
    ("idempotency_keys", "request_hash"),
    ("oidc_logins", "browser_hash"),
    ("oidc_logins", "state_hash"),
    ("sessions", "previous_refresh_hash"),
    ("sessions", "refresh_hash"),
];

/// How a place is read and written. Constants of this file only: nothing from outside gets into the SQL.
struct Sql {
    table: &'static str,
    /// The column, where it is one of bytes.
    column: &'static str,
    /// The row's key.
    key: &'static str,
    /// What the value is bound to, besides the place.
    names: &'static str,
    read: &'static str,
    /// Stores `$3`.
    write: &'static str,
    /// What becomes of a row whose value no key opens.
    forget: &'static str,
}

impl SealedPlace {
    /// Every place.
    pub const ALL: &'static [Self] = &[
        Self::IntegrationSecret,
        Self::IntegrationSession,
        Self::DownloadRef,
        Self::Torrent,
        Self::OidcLogin,
        Self::OidcClientSecret,
        Self::Setting,
    ];

    /// Table and column; the column of [`SealedPlace::Setting`] is JSON.
    pub fn column(self) -> (&'static str, &'static str) {
        let sql = self.sql();
        (sql.table, sql.column)
    }

    const fn sql(self) -> Sql {
        match self {
            Self::IntegrationSecret => Sql {
                table: "integrations",
                column: "secret",
                key: "id",
                names: "ARRAY[id::text]",
                read: "secret",
                write: "secret = $3",
                forget: "UPDATE integrations SET secret = NULL",
            },
            Self::IntegrationSession => Sql {
                table: "integrations",
                column: "session_secret",
                key: "id",
                names: "ARRAY[id::text]",
                read: "session_secret",
                write: "session_secret = $3",
                forget: "UPDATE integrations SET session_secret = NULL",
            },
            Self::DownloadRef => Sql {
                table: "releases",
                column: "download_ref",
                key: "id",
                names: "ARRAY[integration_id::text, external_id]",
                read: "download_ref",
                write: "download_ref = $3",
                // Empty opens with no key: the download says so, and the next search stores the address anew.
                forget: "UPDATE releases SET download_ref = ''",
            },
            Self::Torrent => Sql {
                table: "download_torrents",
                column: "torrent",
                key: "download_id",
                names: "ARRAY[download_id::text]",
                read: "torrent",
                write: "torrent = $3",
                forget: "DELETE FROM download_torrents",
            },
            Self::OidcLogin => Sql {
                table: "oidc_logins",
                column: "sealed",
                key: "encode(state_hash, 'hex')",
                names: "ARRAY[encode(state_hash, 'hex')]",
                read: "sealed",
                write: "sealed = $3",
                forget: "DELETE FROM oidc_logins",
            },
            Self::OidcClientSecret => Sql {
                table: "oidc_settings",
                column: "client_secret",
                key: "id",
                names: "ARRAY[]::text[]",
                read: "client_secret",
                write: "client_secret = $3",
                forget: "UPDATE oidc_settings SET client_secret = NULL",
            },
            Self::Setting => Sql {
                table: "settings",
                column: "value",
                key: "name",
                names: "ARRAY[name]",
                read: "decode(value->>'sealed', 'base64')",
                // `encode` breaks lines, as mail does.
                write: "value = jsonb_set(value, '{sealed}', to_jsonb(replace(encode($3, 'base64'), E'\\n', '')))",
                forget: "DELETE FROM settings",
            },
        }
    }
}

/// An encrypted value where it lies.
#[derive(Debug, Clone, QueryableByName)]
pub struct SealedRow {
    #[diesel(sql_type = Text)]
    pub key: String,
    /// What the value is bound to, besides the place.
    #[diesel(sql_type = Array<Text>)]
    pub names: Vec<String>,
    #[diesel(sql_type = Binary)]
    pub sealed: Vec<u8>,
}

/// The next values of a place, by key after `after`, that don't start with `prefix`; empty = there are no more.
pub async fn list_sealed(
    conn: &mut Connection,
    place: SealedPlace,
    after: &str,
    prefix: &[u8],
) -> DbResult<Vec<SealedRow>> {
    let Sql {
        table,
        key,
        names,
        read,
        ..
    } = place.sql();
    let query = diesel::sql_query(format!(
        "SELECT ({key})::text AS key, {names} AS names, {read} AS sealed FROM {table}
         WHERE length({read}) > 0 AND ({key})::text > $1 AND substring({read} FROM 1 FOR length($2)) <> $2
         ORDER BY ({key})::text LIMIT {BATCH}"
    ));
    let query = query.bind::<Text, _>(after).bind::<Binary, _>(prefix);
    Ok(query.load(conn).await?)
}

/// Any one encrypted value, to try a key on.
pub async fn find_sealed(conn: &mut Connection, place: SealedPlace) -> DbResult<Option<SealedRow>> {
    let Sql {
        table,
        key,
        names,
        read,
        ..
    } = place.sql();
    let query = diesel::sql_query(format!(
        "SELECT ({key})::text AS key, {names} AS names, {read} AS sealed FROM {table} WHERE length({read}) > 0 LIMIT 1"
    ));
    Ok(query.get_result(conn).await.optional()?)
}

/// Replaces a value unless somebody else has meanwhile; whether it did.
pub async fn replace_sealed(
    conn: &mut Connection,
    place: SealedPlace,
    row: &SealedRow,
    fresh: &[u8],
) -> DbResult<bool> {
    let Sql {
        table,
        key,
        read,
        write,
        ..
    } = place.sql();
    let query = diesel::sql_query(format!(
        "UPDATE {table} SET {write} WHERE ({key})::text = $1 AND {read} = $2"
    ));
    let query = query.bind::<Text, _>(&row.key).bind::<Binary, _>(&row.sealed);
    Ok(query.bind::<Binary, _>(fresh).execute(conn).await? > 0)
}

/// Gives a value up that no key opens.
pub async fn forget_sealed(conn: &mut Connection, place: SealedPlace, row: &SealedRow) -> DbResult<()> {
    let Sql { key, read, forget, .. } = place.sql();
    let query = diesel::sql_query(format!("{forget} WHERE ({key})::text = $1 AND {read} = $2"));
    query
        .bind::<Text, _>(&row.key)
        .bind::<Binary, _>(&row.sealed)
        .execute(conn)
        .await?;
    Ok(())
}

/// A hold on the key or a claim to it, for as long as its connection lives: not longer than the value, the process, or
/// PostgreSQL's own life.
pub struct KeyLock {
    client: Client,
    connection: JoinHandle<()>,
}

impl KeyLock {
    /// Returns when the lock may be gone: the connection ended, or says nothing any more.
    pub async fn wait_for_loss(&mut self) {
        loop {
            tokio::select! {
                _ = &mut self.connection => return,
                () = sleep(PING) => {}
            }
            if !matches!(timeout(PING, self.client.simple_query("")).await, Ok(Ok(_))) {
                return;
            }
        }
    }
}

impl Drop for KeyLock {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// Notes that this process uses the key; `None` = the key is being changed.
pub async fn hold_key(url: &str) -> DbResult<Option<KeyLock>> {
    lock(url, "pg_try_advisory_lock_shared").await
}

/// Claims the key for a change; `None` = some process uses it.
pub async fn claim_key(url: &str) -> DbResult<Option<KeyLock>> {
    lock(url, "pg_try_advisory_lock").await
}

async fn lock(url: &str, function: &str) -> DbResult<Option<KeyLock>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(unreachable)?;
    let connection = tokio::spawn(async move {
        // Why it ended makes no difference: the lock is gone.
        let _ = connection.await;
    });
    let held = KeyLock { client, connection };
    let query = format!("SELECT {function}({KEY_LOCK})");
    let row = held.client.query_one(&query, &[]).await.map_err(unreachable)?;
    Ok(row.get::<_, bool>(0).then_some(held))
}

fn unreachable(error: tokio_postgres::Error) -> DbError {
    match error.source() {
        Some(cause) => DbError::Unreachable(format!("{error}: {cause}")),
        None => DbError::Unreachable(error.to_string()),
    }
}
