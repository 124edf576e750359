//! The outside services that an admin connects.

mod check;

use db::integrations::{IntegrationEdit, IntegrationRow};
use diesel_async::AsyncConnection;
use jobs::NewRun;
use secrecy::SecretString;
use serde_json::json;
use types::IntegrationId;
use types::events::LiveEvent;
use types::integrations::{Health, Integration, IntegrationForm, IntegrationKind, IntegrationOptions};
use types::jobs::JobKind;
use types::people::Role;

use crate::Services;
use crate::actor::{Actor, require};
use crate::audit::{Changes, changes_between, record_action};
use crate::breakers::{begin_anew, list_told, view_integration};
use crate::connect::secret_context;
use crate::error::{Result, ServiceError};
use crate::integration_form::check_form;
use crate::kept::keep_unknown;
use crate::request_queue::session_context;
use crate::seen::{Edited, Edition, Expected, Seen};
use crate::tested_session::take_tested_session;

pub use check::{check_integration, test_integration};
pub(crate) use check::{failed_outcome, record_outcome};

/// All integrations in the order in which they are asked, without secrets.
pub async fn list_integrations(services: &Services, actor: &Actor) -> Result<Vec<Integration>> {
    require(actor, Role::Manager)?;
    let mut conn = services.connection().await?;
    let rows = db::integrations::list_integrations(&mut conn).await?;
    let told = list_told(services, &mut conn).await?;
    rows.iter().map(|row| view_integration(services, row, &told)).collect()
}

/// One, without its secret.
pub async fn get_integration(services: &Services, actor: &Actor, id: IntegrationId) -> Result<Edited<Integration>> {
    require(actor, Role::Manager)?;
    let mut conn = services.connection().await?;
    let row = db::integrations::find_integration(&mut conn, id)
        .await?
        .ok_or_else(|| ServiceError::not_found("integration"))?;
    let told = list_told(services, &mut conn).await?;
    Ok(Edited {
        value: view_integration(services, &row, &told)?,
        edition: edition_of(&row),
    })
}

/// What an admin edits, not what checks find out. The revision stands for the secret.
fn edition_of(row: &IntegrationRow) -> Edition {
    Edition::of(&json!({
        "id": row.id, "name": row.name, "url": row.url, "is_enabled": row.is_enabled, "priority": row.priority,
        "options": row.options, "revision": row.revision,
    }))
}

/// The stored one in the expected edition; nobody edits it until the end of the transaction.
async fn take_integration(conn: &mut db::Connection, id: IntegrationId, expected: &Expected) -> Result<IntegrationRow> {
    let row = db::integrations::lock_integration(conn, id)
        .await?
        .ok_or_else(|| ServiceError::not_found("integration"))?;
    expected.check(&edition_of(&row))?;
    Ok(row)
}

/// Adds or edits one. An empty secret keeps the stored one.
pub async fn save_integration(
    services: &Services,
    actor: &Actor,
    form: impl Into<Seen<IntegrationForm>>,
) -> Result<IntegrationId> {
    store_form(services, actor, form.into(), false).await
}

/// The same for what the sandbox provides, which is labelled as such.
pub(crate) async fn store_form(
    services: &Services,
    actor: &Actor,
    form: Seen<IntegrationForm>,
    is_sandbox: bool,
) -> Result<IntegrationId> {
    require(actor, Role::Admin)?;
    let Seen { it: form, expected } = form;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let stored = match form.id {
            Some(id) => Some(check_kind(take_integration(conn, id, &expected).await?, &form)?),
            None => None,
        };
        let form = check_form(form, stored.as_ref().is_some_and(|row| row.secret.is_some()))?;
        let changes = describe_changes(stored.as_ref(), &form)?;
        let id = match stored {
            Some(row) => update_stored(conn, services, &row, &form).await?,
            None => insert_new(conn, services, &form, is_sandbox).await?,
        };
        if form.kind == IntegrationKind::Myanonamouse && !form.secret.is_empty() {
            adopt_tested_session(conn, services, id, &form).await?;
        }
        // A person acted, so a queue that was stopped for them goes on, and a service that was left alone is asked.
        db::request_budgets::clear_pause(conn, id).await?;
        begin_anew(services, id);
        if form.is_enabled {
            enqueue_first_jobs(conn, services, actor, form.kind).await?;
        }
        let about = (
            Some(form.name.clone()),
            json!({ "kind": form.kind, "changes": changes.into_value() }),
        );
        record_action(conn, services, actor, "save_integration", about).await?;
        crate::events::publish(conn, &LiveEvent::Integrations).await?;
        Ok(id)
    })
    .await
}

/// What an edit changes, or everything of a new one.
fn describe_changes(stored: Option<&IntegrationRow>, form: &IntegrationForm) -> Result<Changes> {
    let old = stored.map_or(
        serde_json::Value::Null,
        |row| json!({ "name": row.name, "url": row.url, "is_enabled": row.is_enabled, "priority": row.priority }),
    );
    let new = json!({ "name": form.name, "url": form.url, "is_enabled": form.is_enabled, "priority": form.priority });
    let mut changes = changes_between(&old, &new);
    let (old_options, new_options) = match stored {
        // With the defaults of this version: what another one did not store is no change.
        Some(row) => (to_json(&row.view()?.options)?, to_json(&form.options)?),
        None => (serde_json::Value::Null, to_json(&form.options)?),
    };
    changes.extend(changes_between(&old_options, &new_options));
    if !form.secret.is_empty() {
        changes.add_secret("secret", stored.is_some_and(|row| row.secret.is_some()));
    }
    Ok(changes)
}

fn check_kind(row: IntegrationRow, form: &IntegrationForm) -> Result<IntegrationRow> {
    if row.kind == form.kind.as_str() {
        return Ok(row);
    }
    Err(ServiceError::field(
        "kind",
        "The kind can't be changed. Add a new integration instead.",
    ))
}

async fn update_stored(
    conn: &mut db::Connection,
    services: &Services,
    row: &IntegrationRow,
    form: &IntegrationForm,
) -> Result<IntegrationId> {
    let id = IntegrationId(row.id);
    let edit = IntegrationEdit {
        name: form.name.clone(),
        url: form.url.clone(),
        is_enabled: form.is_enabled,
        priority: form.priority,
        options: keep_unknown(Some(&row.options), to_json(&form.options)?),
        secret: seal_secret(services, id, form),
        now: services.now(),
    };
    db::integrations::update_integration(conn, id, edit)
        .await
        .map_err(name_taken)?;
    Ok(id)
}

async fn insert_new(
    conn: &mut db::Connection,
    services: &Services,
    form: &IntegrationForm,
    is_sandbox: bool,
) -> Result<IntegrationId> {
    let id: IntegrationId = services.new_id();
    let now = services.now();
    let row = IntegrationRow {
        id: id.0,
        kind: form.kind.as_str().into(),
        name: form.name.clone(),
        url: form.url.clone(),
        is_enabled: form.is_enabled,
        priority: form.priority,
        options: to_json(&form.options)?,
        secret: seal_secret(services, id, form),
        session_secret: None,
        revision: 1,
        refused_revision: None,
        health: Health::Unknown.as_str().into(),
        health_sentence: None,
        checked_at: None,
        version: None,
        is_sandbox,
        created_at: now,
        updated_at: now,
    };
    db::integrations::insert_integration(conn, &row)
        .await
        .map_err(name_taken)?;
    Ok(id)
}

fn to_json(options: &IntegrationOptions) -> Result<serde_json::Value> {
    serde_json::to_value(options).map_err(ServiceError::internal)
}

fn seal_secret(services: &Services, id: IntegrationId, form: &IntegrationForm) -> Option<Vec<u8>> {
    let is_new = !form.secret.is_empty();
    is_new.then(|| services.secrets().seal(&secret_context(id), form.secret.as_bytes()))
}

fn name_taken(error: db::DbError) -> ServiceError {
    if error.is_duplicate_of("integrations_name_key") {
        return ServiceError::field("name", "Another integration has this name. Choose a different one.");
    }
    error.into()
}

/// The value that "Test" got for this `mam_id` is the living one.
async fn adopt_tested_session(
    conn: &mut db::Connection,
    services: &Services,
    id: IntegrationId,
    form: &IntegrationForm,
) -> Result<()> {
    let entered = SecretString::from(form.secret.clone());
    let Some(newest) = take_tested_session(conn, services, &entered).await? else {
        return Ok(());
    };
    let row = db::integrations::find_integration(conn, id)
        .await?
        .ok_or_else(|| ServiceError::not_found("integration"))?;
    let sealed = services.secrets().seal_text(&session_context(id), &newest);
    Ok(db::integrations::save_session_secret(conn, id, row.revision, Some(&sealed)).await?)
}

/// What a newcomer expects to happen after "Save".
async fn enqueue_first_jobs(
    conn: &mut db::Connection,
    services: &Services,
    actor: &Actor,
    kind: IntegrationKind,
) -> Result<()> {
    let first = match kind {
        IntegrationKind::Audiobookshelf => Some(JobKind::SyncLibraryFull),
        IntegrationKind::Myanonamouse => Some(JobKind::SnapshotAccount),
        _ => None,
    };
    for kind in first.into_iter().chain([JobKind::CheckIntegrations]) {
        jobs::enqueue(
            conn,
            NewRun::of(services.new_id(), kind, actor.name(), services.now()),
            services.now(),
        )
        .await?;
    }
    Ok(())
}

/// Removes one, with the books and releases that are known through it. Files and torrents stay.
pub async fn delete_integration(
    services: &Services,
    actor: &Actor,
    integration: impl Into<Seen<IntegrationId>>,
) -> Result<()> {
    let Seen { it: id, expected } = integration.into();
    require(actor, Role::Admin)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let row = take_integration(conn, id, &expected).await?;
        db::integrations::delete_integration(conn, id).await?;
        begin_anew(services, id);
        record_action(
            conn,
            services,
            actor,
            "delete_integration",
            (Some(row.name), json!({ "kind": row.kind })),
        )
        .await?;
        crate::events::publish(conn, &LiveEvent::Integrations).await
    })
    .await
}

/// Switches one on or off without forgetting it.
pub async fn set_integration_enabled(
    services: &Services,
    actor: &Actor,
    integration: impl Into<Seen<IntegrationId>>,
    is_enabled: bool,
) -> Result<()> {
    let Seen { it: id, expected } = integration.into();
    require(actor, Role::Admin)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let row = take_integration(conn, id, &expected).await?;
        db::integrations::set_integration_enabled(conn, id, is_enabled).await?;
        begin_anew(services, id);
        let mut changes = Changes::default();
        changes.add("is_enabled", row.is_enabled.into(), is_enabled.into());
        let about = (
            Some(row.name),
            json!({ "kind": row.kind, "changes": changes.into_value() }),
        );
        record_action(conn, services, actor, "set_integration_enabled", about).await?;
        crate::events::publish(conn, &LiveEvent::Integrations).await
    })
    .await
}
