//! Databases for one test of a backup, beside the real one and gone after it.

use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::DumpError;
use super::address::with_database;
use super::contents::connect;
use crate::error::{DbError, DbResult};
use crate::pool::Connection;

const PREFIX: &str = "mamcrawler_restore_test_";

#[derive(diesel::QueryableByName)]
struct Own {
    #[diesel(sql_type = BigInt)]
    oid: i64,
    #[diesel(sql_type = Text)]
    user: String,
    #[diesel(sql_type = Bool)]
    may_create: bool,
}

#[derive(diesel::QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Makes an empty database beside the one of `url`, and gives its URL. `id`: letters and digits.
pub async fn create_scratch(url: &str, id: &str) -> Result<String, DumpError> {
    let mut conn = connect(url).await?;
    let own = read_own(&mut conn).await?;
    if !own.may_create {
        return Err(DumpError::NoRightToCreate { user: own.user });
    }
    let name = scratch_name(&own, id);
    let scratch = with_database(url, &name).ok_or_else(|| DbError::Unreachable("its address is no URL".into()))?;
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
    conn.batch_execute(&sql).await?;
    Ok(scratch)
}

/// Removes a database of [`create_scratch`], and throws out who uses it.
pub async fn drop_scratch(url: &str, id: &str) -> DbResult<()> {
    let mut conn = connect(url).await?;
    let name = scratch_name(&read_own(&mut conn).await?, id);
    Ok(conn
        .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        .await?)
}

/// Removes what tests of before left behind when they died. Nobody else may be testing this database's backups.
pub async fn drop_scratches(url: &str) -> DbResult<usize> {
    let mut conn = connect(url).await?;
    let own = read_own(&mut conn).await?;
    let names: Vec<Name> = diesel::sql_query(
        "SELECT datname::text AS name FROM pg_database
         WHERE starts_with(datname::text, $1) AND datdba = current_user::regrole",
    )
    .bind::<Text, _>(scratch_name(&own, ""))
    .load(&mut conn)
    .await?;
    for Name { name } in &names {
        let sql = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", name.replace('"', "\"\""));
        conn.batch_execute(&sql).await?;
    }
    Ok(names.len())
}

/// Holds the number of our own database, as others on the same server may be tested at the same time.
fn scratch_name(own: &Own, id: &str) -> String {
    let id: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{PREFIX}{}_{id}", own.oid)
}

async fn read_own(conn: &mut Connection) -> DbResult<Own> {
    let sql = "SELECT d.oid::bigint AS oid, r.rolname::text AS user, r.rolcreatedb OR r.rolsuper AS may_create
        FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user";
    Ok(diesel::sql_query(sql).get_result(conn).await?)
}
