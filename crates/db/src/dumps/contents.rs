//! What a database holds, told so that two databases can be compared: rows and a checksum of each table.

use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::error::{DbError, DbResult};
use crate::pool::Connection;

/// The text of a row depends on these.
const SETTINGS: &str = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres';
    SET extra_float_digits = 1; SET bytea_output = 'hex'; SET search_path = public;
    SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableContents {
    pub name: String,
    pub rows: i64,
    /// The sum of 64 bits of each row's SHA-256, whatever order the rows are in.
    pub checksum: String,
}

/// A database at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseContents {
    /// 15 for "15.14".
    pub server_major: u32,
    pub server_version: String,
    /// The newest migration; `None` = there was none.
    pub schema: Option<String>,
    /// By name.
    pub tables: Vec<TableContents>,
}

#[derive(diesel::QueryableByName)]
struct Version {
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    text: String,
}

#[derive(diesel::QueryableByName)]
struct OneText {
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
}

#[derive(diesel::QueryableByName)]
struct Sum {
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Text)]
    checksum: String,
}

#[derive(diesel::QueryableByName)]
struct Claim {
    #[diesel(sql_type = Bool)]
    holds: bool,
}

pub(super) async fn connect(url: &str) -> DbResult<Connection> {
    let conn = Connection::establish(url).await;
    let mut conn = conn.map_err(|error| DbError::Unreachable(error.to_string()))?;
    conn.batch_execute(SETTINGS).await?;
    Ok(conn)
}

/// Reads the whole of a database.
pub async fn read_contents(url: &str) -> DbResult<DatabaseContents> {
    read_all(&mut connect(url).await?).await
}

/// The same on a connection of [`connect`].
pub(super) async fn read_all(conn: &mut Connection) -> DbResult<DatabaseContents> {
    let version: Version = diesel::sql_query(
        "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text",
    )
    .get_result(conn)
    .await?;
    let names: Vec<OneText> = diesel::sql_query(
        "SELECT relname::text AS text FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname::text COLLATE \"C\"",
    )
    .load(conn)
    .await?;
    let names: Vec<String> = names.into_iter().filter_map(|row| row.text).collect();
    let schema = match names.iter().any(|name| name == "__diesel_schema_migrations") {
        true => read_schema(conn).await?,
        false => None,
    };
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        tables.push(read_table(conn, name).await?);
    }
    Ok(DatabaseContents {
        server_major: version.number.unsigned_abs() / 10_000,
        // "15.14 (Debian 15.14-0+deb12u1)"
        server_version: version.text.split(' ').next().unwrap_or_default().to_owned(),
        schema,
        tables,
    })
}

async fn read_schema(conn: &mut Connection) -> DbResult<Option<String>> {
    let sql = "SELECT max(version)::text AS text FROM __diesel_schema_migrations";
    let row: OneText = diesel::sql_query(sql).get_result(conn).await?;
    Ok(row.text)
}

async fn read_table(conn: &mut Connection, name: String) -> DbResult<TableContents> {
    let quoted = name.replace('"', "\"\"");
    let sum: Sum = diesel::sql_query(format!(
        "SELECT count(*) AS rows, coalesce(sum(('x' || encode(substring(
             sha256(convert_to(whole_row::text, 'UTF8')) FROM 1 FOR 8), 'hex'))::bit(64)::bigint), 0)::text AS checksum
         FROM ONLY public.\"{quoted}\" AS whole_row"
    ))
    .get_result(conn)
    .await?;
    Ok(TableContents {
        name,
        rows: sum.rows,
        checksum: sum.checksum,
    })
}

/// Whether nobody has put anything into the database; what extensions bring doesn't count.
pub async fn is_empty(url: &str) -> DbResult<bool> {
    let row: Claim = diesel::sql_query(
        "SELECT NOT EXISTS (
             SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND NOT EXISTS (
                 SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
         ) AS holds",
    )
    .get_result(&mut connect(url).await?)
    .await?;
    Ok(row.holds)
}
