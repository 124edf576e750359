//! Outside services that the admin connected. Secrets are stored as the caller encrypted them.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use types::IntegrationId;
use types::integrations::{Health, Integration, IntegrationOptions, TestOutcome};
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::integrations;

/// A row of `integrations`. Holds (encrypted) secrets, so it does not print.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = integrations, check_for_backend(Pg))]
pub struct IntegrationRow {
    pub id: Uuid,
    pub kind: String,
    pub name: String,
    pub url: String,
    pub is_enabled: bool,
    pub priority: i32,
    pub options: Value,
    pub secret: Option<Vec<u8>>,
    pub session_secret: Option<Vec<u8>>,
    pub revision: i32,
    pub refused_revision: Option<i32>,
    pub health: String,
    pub health_sentence: Option<String>,
    pub checked_at: Option<DateTime<Utc>>,
    pub version: Option<String>,
    pub is_sandbox: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl IntegrationRow {
    /// As pages see it, without secrets.
    pub fn view(&self) -> DbResult<Integration> {
        Ok(Integration {
            id: self.id.into(),
            kind: self.kind.parse()?,
            name: self.name.clone(),
            url: self.url.clone(),
            is_enabled: self.is_enabled,
            priority: self.priority,
            options: read_options(&self.options)?,
            has_secret: self.secret.is_some(),
            health: self.health.parse()?,
            health_sentence: self.health_sentence.clone(),
            checked_at: self.checked_at,
            version: self.version.clone(),
            is_sandbox: self.is_sandbox,
        })
    }

    /// The service refused this very address and secret: no login is tried until one of them changes.
    pub fn is_refused(&self) -> bool {
        self.refused_revision == Some(self.revision)
    }
}

/// With this version's defaults for what another one did not store, and without what only another one knows.
fn read_options(stored: &Value) -> DbResult<IntegrationOptions> {
    Ok(serde_json::from_value(stored.clone())?)
}

/// What an admin edits. `secret: None` keeps the stored one.
#[derive(Clone)]
pub struct IntegrationEdit {
    pub name: String,
    pub url: String,
    pub is_enabled: bool,
    pub priority: i32,
    pub options: Value,
    pub secret: Option<Vec<u8>>,
    pub now: DateTime<Utc>,
}

/// `Duplicate { "integrations_name_key" }` when the name is taken.
pub async fn insert_integration(conn: &mut Connection, integration: &IntegrationRow) -> DbResult<()> {
    diesel::insert_into(integrations::table)
        .values(integration)
        .execute(conn)
        .await?;
    Ok(())
}

/// Saves an edit. A new address or secret, or changed options, start a new revision, which forgets the refusal; a new
/// address or secret also forgets the session.
pub async fn update_integration(conn: &mut Connection, id: IntegrationId, edit: IntegrationEdit) -> DbResult<()> {
    let row: IntegrationRow = integrations::table
        .find(id.0)
        .select(IntegrationRow::as_select())
        .for_update()
        .first(conn)
        .await?;
    let is_new_login = edit.url != row.url || edit.secret.is_some();
    let is_new_revision = is_new_login || read_options(&edit.options)? != read_options(&row.options)?;
    // A rotating session outlives a changed option: the secret it came from may be dead already.
    let session_secret = if is_new_login { None } else { row.session_secret };
    diesel::update(integrations::table.find(id.0))
        .set((
            integrations::name.eq(edit.name),
            integrations::url.eq(edit.url),
            integrations::is_enabled.eq(edit.is_enabled),
            integrations::priority.eq(edit.priority),
            integrations::options.eq(edit.options),
            integrations::secret.eq(edit.secret.or(row.secret)),
            integrations::session_secret.eq(session_secret),
            integrations::revision.eq(row.revision + i32::from(is_new_revision)),
            integrations::updated_at.eq(edit.now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether there was one. Its books and releases go with it.
pub async fn delete_integration(conn: &mut Connection, id: IntegrationId) -> DbResult<bool> {
    Ok(diesel::delete(integrations::table.find(id.0)).execute(conn).await? > 0)
}

/// Whether there was one.
pub async fn set_integration_enabled(conn: &mut Connection, id: IntegrationId, is_enabled: bool) -> DbResult<bool> {
    let update = diesel::update(integrations::table.find(id.0)).set(integrations::is_enabled.eq(is_enabled));
    Ok(update.execute(conn).await? > 0)
}

/// The integration with this id.
pub async fn find_integration(conn: &mut Connection, id: IntegrationId) -> DbResult<Option<IntegrationRow>> {
    Ok(integrations::table
        .find(id.0)
        .select(IntegrationRow::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// The integration with this id, kept as it is until the end of the transaction.
pub async fn lock_integration(conn: &mut Connection, id: IntegrationId) -> DbResult<Option<IntegrationRow>> {
    let query = integrations::table.find(id.0).select(IntegrationRow::as_select());
    Ok(query.for_update().first(conn).await.optional()?)
}

/// The integration of this name.
pub async fn find_integration_by_name(conn: &mut Connection, name: &str) -> DbResult<Option<IntegrationRow>> {
    let query = integrations::table
        .filter(integrations::name.eq(name))
        .select(IntegrationRow::as_select());
    Ok(query.first(conn).await.optional()?)
}

/// All of them in the order in which they are asked.
pub async fn list_integrations(conn: &mut Connection) -> DbResult<Vec<IntegrationRow>> {
    let order = (integrations::priority, integrations::name);
    Ok(integrations::table
        .order(order)
        .select(IntegrationRow::as_select())
        .load(conn)
        .await?)
}

/// Stores what a check found.
pub async fn record_health(
    conn: &mut Connection,
    id: IntegrationId,
    outcome: &TestOutcome,
    now: DateTime<Utc>,
) -> DbResult<()> {
    diesel::update(integrations::table.find(id.0))
        .set((
            integrations::health.eq(outcome.health.as_str()),
            integrations::health_sentence.eq(&outcome.sentence),
            integrations::checked_at.eq(now),
            outcome
                .version
                .as_ref()
                .map(|version| integrations::version.eq(version)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Stores that one that failed works; what a check found beyond that, a warning, stays. Whether anything changed.
pub async fn record_recovery(
    conn: &mut Connection,
    id: IntegrationId,
    sentence: &str,
    now: DateTime<Utc>,
) -> DbResult<bool> {
    let failing = integrations::table
        .find(id.0)
        .filter(integrations::health.eq(Health::Failing.as_str()));
    let changed = diesel::update(failing)
        .set((
            integrations::health.eq(Health::Ok.as_str()),
            integrations::health_sentence.eq(sentence),
            integrations::checked_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(changed > 0)
}

/// Stores the rotated session for the revision that it belongs to; an edit in between wins.
pub async fn save_session_secret(
    conn: &mut Connection,
    id: IntegrationId,
    revision: i32,
    session_secret: Option<&[u8]>,
) -> DbResult<()> {
    let current = integrations::table
        .find(id.0)
        .filter(integrations::revision.eq(revision));
    diesel::update(current)
        .set(integrations::session_secret.eq(session_secret))
        .execute(conn)
        .await?;
    Ok(())
}

/// The service refused the secret of this revision.
pub async fn record_refusal(
    conn: &mut Connection,
    id: IntegrationId,
    revision: i32,
    sentence: &str,
    now: DateTime<Utc>,
) -> DbResult<()> {
    diesel::update(
        integrations::table
            .find(id.0)
            .filter(integrations::revision.eq(revision)),
    )
    .set((
        integrations::refused_revision.eq(revision),
        integrations::health.eq(Health::Failing.as_str()),
        integrations::health_sentence.eq(sentence),
        integrations::checked_at.eq(now),
    ))
    .execute(conn)
    .await?;
    Ok(())
}
