//! Single sign-on: its one record of settings, and the sign-ins that are on their way.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use types::UserId;
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::{oidc_logins, oidc_settings};
use crate::text::storable_json;

const ONLY: i16 = 1;

/// The stored settings. Holds a sealed secret, so it does not print.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = oidc_settings, check_for_backend(Pg))]
pub struct OidcSettingsRow {
    pub settings: Value,
    pub client_secret: Option<Vec<u8>>,
}

/// A sign-in on its way through the provider.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oidc_logins, check_for_backend(Pg))]
pub struct OidcLoginRow {
    pub state_hash: Vec<u8>,
    pub browser_hash: Vec<u8>,
    pub sealed: Vec<u8>,
    pub issuer: String,
    pub client_id: String,
    pub return_to: String,
    pub linked_session_id: Option<Uuid>,
    /// Whose room it takes: an address group or a user.
    pub started_by: String,
    pub expires_at: DateTime<Utc>,
}

/// The settings, once somebody saved them.
pub async fn read_oidc_settings(conn: &mut Connection) -> DbResult<Option<OidcSettingsRow>> {
    let query = oidc_settings::table.find(ONLY).select(OidcSettingsRow::as_select());
    Ok(query.first(conn).await.optional()?)
}

/// The settings until the end of the transaction: nobody edits them meanwhile.
pub async fn lock_oidc_settings(conn: &mut Connection) -> DbResult<Option<OidcSettingsRow>> {
    // Not the row, which need not be there yet.
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('mamcrawler single sign-on settings'))")
        .execute(conn)
        .await?;
    read_oidc_settings(conn).await
}

/// Stores or replaces the settings, which the caller has locked.
pub async fn write_oidc_settings(
    conn: &mut Connection,
    row: &OidcSettingsRow,
    updated_by: Option<UserId>,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let values = (
        oidc_settings::settings.eq(storable_json(&row.settings)),
        oidc_settings::client_secret.eq(&row.client_secret),
        oidc_settings::updated_at.eq(now),
        oidc_settings::updated_by.eq(updated_by.map(Uuid::from)),
    );
    diesel::insert_into(oidc_settings::table)
        .values((oidc_settings::id.eq(ONLY), values.clone()))
        .on_conflict(oidc_settings::id)
        .do_update()
        .set(values)
        .execute(conn)
        .await?;
    Ok(())
}

/// Stores a sign-in that begins.
pub async fn insert_oidc_login(conn: &mut Connection, login: &OidcLoginRow) -> DbResult<()> {
    diesel::insert_into(oidc_logins::table)
        .values(login)
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes a sign-in out, so that its state counts once, whichever process gets it. `None` for another browser's.
pub async fn take_oidc_login(
    conn: &mut Connection,
    state_hash: &[u8],
    browser_hash: &[u8],
) -> DbResult<Option<OidcLoginRow>> {
    let own = oidc_logins::table
        .filter(oidc_logins::state_hash.eq(state_hash))
        .filter(oidc_logins::browser_hash.eq(browser_hash));
    let taken = diesel::delete(own).returning(OidcLoginRow::as_returning());
    Ok(taken.get_result(conn).await.optional()?)
}

/// Forgets sign-ins that nobody finished in time.
pub async fn delete_expired_oidc_logins(conn: &mut Connection, now: DateTime<Utc>) -> DbResult<usize> {
    let expired = oidc_logins::table.filter(oidc_logins::expires_at.le(now));
    Ok(diesel::delete(expired).execute(conn).await?)
}

/// Makes those who begin a sign-in take turns until the end of the transaction, so that none slips by the count.
pub async fn lock_oidc_logins(conn: &mut Connection) -> DbResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('mamcrawler single sign-on'))")
        .execute(conn)
        .await?;
    Ok(())
}

/// How many sign-ins are on their way: those that were started by somebody, and all.
pub async fn count_oidc_logins(conn: &mut Connection, started_by: &str) -> DbResult<(i64, i64)> {
    let own = oidc_logins::table.filter(oidc_logins::started_by.eq(started_by));
    Ok((
        own.count().get_result(conn).await?,
        oidc_logins::table.count().get_result(conn).await?,
    ))
}

/// Forgets the oldest `count` sign-ins that were started by somebody.
pub async fn delete_oldest_oidc_logins(conn: &mut Connection, started_by: &str, count: i64) -> DbResult<()> {
    let leaving: Vec<Vec<u8>> = oidc_logins::table
        .filter(oidc_logins::started_by.eq(started_by))
        .order((oidc_logins::expires_at, oidc_logins::state_hash))
        .limit(count)
        .select(oidc_logins::state_hash)
        .load(conn)
        .await?;
    diesel::delete(oidc_logins::table.filter(oidc_logins::state_hash.eq_any(leaving)))
        .execute(conn)
        .await?;
    Ok(())
}
