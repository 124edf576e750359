//! Trying integrations out, saved or not.

use clients::ClientError;
use db::integrations::IntegrationRow;
use diesel_async::AsyncConnection;
use secrecy::SecretString;
use serde_json::json;
use types::IntegrationId;
use types::events::LiveEvent;
use types::integrations::{Health, Integration, IntegrationForm, IntegrationKind, TestOutcome};
use types::people::Role;

use super::check_kind;
use crate::Services;
use crate::actor::{Actor, require};
use crate::audit::record_action;
use crate::connect::{connect_stored, connect_unsaved, has_myanonamouse, open_secret};
use crate::error::{Result, ServiceError};
use crate::integration_form::check_form;
use crate::latch::record_refusal;

/// Tries a form as it is, saved or not; an existing one with an empty secret uses the stored secret.
pub async fn test_integration(services: &Services, actor: &Actor, form: IntegrationForm) -> Result<TestOutcome> {
    require(actor, Role::Admin)?;
    let mut conn = services.connection().await?;
    let stored = find_stored(&mut conn, &form).await?;
    let form = check_form(form, stored.as_ref().is_some_and(|row| row.secret.is_some()))?;
    let skip_myanonamouse = has_myanonamouse(&db::integrations::list_integrations(&mut conn).await?);
    // It brings a secret to an address that somebody typed.
    let about = (Some(form.name.clone()), json!({ "kind": form.kind, "url": form.url }));
    if let Some(row) = &stored
        && is_unchanged(row, &form)?
    {
        begin_test(&mut conn, services, actor, ("test_integration", row.id.into(), about)).await?;
        drop(conn);
        return check_row(services, row, skip_myanonamouse).await;
    }
    record_action(&mut conn, services, actor, "test_integration", about).await?;
    drop(conn);
    let secret = match (&stored, form.secret.is_empty()) {
        (Some(row), true) => open_secret(services, row)?,
        _ => SecretString::from(form.secret.clone()),
    };
    let integration = preview(stored.as_ref(), &form);
    let tested = match connect_unsaved(services, &integration, secret, skip_myanonamouse) {
        Ok(client) => client.test().await,
        Err(error) => Err(error),
    };
    Ok(tested.unwrap_or_else(|error| failed_outcome(&error)))
}

async fn find_stored(conn: &mut db::Connection, form: &IntegrationForm) -> Result<Option<IntegrationRow>> {
    let Some(id) = form.id else { return Ok(None) };
    let row = db::integrations::find_integration(conn, id)
        .await?
        .ok_or_else(|| ServiceError::not_found("integration"))?;
    check_kind(row, form).map(Some)
}

/// A person presses it, so a stopped queue goes on.
async fn begin_test(
    conn: &mut db::Connection,
    services: &Services,
    actor: &Actor,
    (action, id, about): (&str, IntegrationId, (Option<String>, serde_json::Value)),
) -> Result<()> {
    conn.transaction::<_, ServiceError, _>(async |conn| {
        db::request_budgets::clear_pause(conn, id).await?;
        record_action(conn, services, actor, action, about).await
    })
    .await
}

/// The form differs from the row in nothing that a login depends on.
fn is_unchanged(row: &IntegrationRow, form: &IntegrationForm) -> Result<bool> {
    // MyAnonamouse's login depends on no option, and its stored session must be the one that is used. Options are
    // compared as this version reads them: what another one stored besides, or did not store, is no difference.
    let are_options_same = form.kind == IntegrationKind::Myanonamouse || row.view()?.options == form.options;
    Ok(form.secret.is_empty() && row.url == form.url && are_options_same)
}

fn preview(stored: Option<&IntegrationRow>, form: &IntegrationForm) -> Integration {
    Integration {
        id: stored.map_or(IntegrationId(uuid::Uuid::nil()), |row| row.id.into()),
        kind: form.kind,
        name: form.name.clone(),
        url: form.url.clone(),
        is_enabled: form.is_enabled,
        priority: form.priority,
        options: form.options.clone(),
        has_secret: true,
        health: Health::Unknown,
        health_sentence: None,
        checked_at: None,
        version: None,
        is_sandbox: false,
    }
}

/// Tries a stored one and keeps what was found. Jobs call it too.
pub async fn check_integration(services: &Services, actor: &Actor, id: IntegrationId) -> Result<TestOutcome> {
    require(actor, Role::Admin)?;
    let mut conn = services.connection().await?;
    let rows = db::integrations::list_integrations(&mut conn).await?;
    let row = rows
        .iter()
        .find(|row| row.id == id.0)
        .ok_or_else(|| ServiceError::not_found("integration"))?;
    if actor.user_id().is_some() {
        let about = (Some(row.name.clone()), json!({ "kind": row.kind }));
        begin_test(&mut conn, services, actor, ("check_integration", id, about)).await?;
    }
    drop(conn);
    check_row(services, row, has_myanonamouse(&rows)).await
}

async fn check_row(services: &Services, row: &IntegrationRow, skip_myanonamouse: bool) -> Result<TestOutcome> {
    let integration = row.view()?;
    let tested = match connect_stored(services, row, &integration, skip_myanonamouse) {
        Ok(client) => client.test().await,
        Err(error) => Err(error),
    };
    if let Err(error @ ClientError::CredentialsRefused { .. }) = &tested
        && !row.is_refused()
    {
        record_refusal(services, integration.id, row.revision, error).await;
    }
    let outcome = tested.unwrap_or_else(|error| failed_outcome(&error));
    record_outcome(services, integration.id, &outcome).await?;
    Ok(outcome)
}

/// Keeps what was found and tells open pages.
pub(crate) async fn record_outcome(services: &Services, id: IntegrationId, outcome: &TestOutcome) -> Result<()> {
    let mut conn = services.connection().await?;
    db::integrations::record_health(&mut conn, id, outcome, services.now()).await?;
    crate::events::publish(&mut conn, &LiveEvent::Integrations).await
}

/// A failed call as what "Test" found.
pub(crate) fn failed_outcome(error: &ClientError) -> TestOutcome {
    TestOutcome {
        health: Health::Failing,
        sentence: error.to_string(),
        facts: Vec::new(),
        version: None,
    }
}
