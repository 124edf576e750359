//! Small named values of the installation.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use types::UserId;
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::settings;
use crate::text::storable_json;

/// The stored value.
pub async fn read_setting(conn: &mut Connection, name: &str) -> DbResult<Option<Value>> {
    Ok(settings::table
        .find(name)
        .select(settings::value)
        .first(conn)
        .await
        .optional()?)
}

/// The stored value; others who lock it wait until the end of the transaction.
pub async fn lock_setting(conn: &mut Connection, name: &str) -> DbResult<Option<Value>> {
    // Not the row, which need not be there yet.
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('mamcrawler setting ' || $1))")
        .bind::<Text, _>(name)
        .execute(conn)
        .await?;
    read_setting(conn, name).await
}

/// Stores or replaces a value.
pub async fn write_setting(
    conn: &mut Connection,
    name: &str,
    value: &Value,
    updated_by: Option<UserId>,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let values = (
        settings::value.eq(storable_json(value)),
        settings::updated_at.eq(now),
        settings::updated_by.eq(updated_by.map(Uuid::from)),
    );
    diesel::insert_into(settings::table)
        .values((settings::name.eq(name), values.clone()))
        .on_conflict(settings::name)
        .do_update()
        .set(values)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets a value.
pub async fn delete_setting(conn: &mut Connection, name: &str) -> DbResult<()> {
    diesel::delete(settings::table.find(name)).execute(conn).await?;
    Ok(())
}
