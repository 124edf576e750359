//! Who did what: one line for each change that people may later ask about, and for each refusal.

mod changes;
mod export;
mod refusals;

use chrono::{DateTime, Utc};
use db::Connection;
use db::audit_log::{AuditRow, CredentialRow, NewAuditEntry, insert_audit_entry};
use serde_json::{Value, json};
use types::audit::{AuditChange, AuditCredential, AuditEntry, AuditFact, AuditFilter, CredentialKind};
use types::people::Role;
use types::{Page, PageRequest, UserId};
use uuid::Uuid;

pub(crate) use changes::{Changes, changes_between};
pub use export::{export_entries, write_csv_cell};
pub use refusals::{Refusal, begin_counting, record_refusal};
pub(crate) use refusals::{RefusalGate, WrongCredential, count_refusal, record_wrong_credential};

use crate::Services;
use crate::actor::{Actor, Credential, Origin, require};
use crate::error::Result;

/// Names and words of visitors are cut to this.
const MAX_CHARACTERS: usize = 200;

/// Adds a line in the caller's transaction. `detail` must hold no secret.
pub async fn record_action(
    conn: &mut Connection,
    services: &Services,
    actor: &Actor,
    action: &str,
    (subject, detail): (Option<String>, Value),
) -> Result<()> {
    let entry = NewAuditEntry {
        at: services.now(),
        user_id: actor.user_id().map(Uuid::from),
        actor: actor.name().into(),
        address: actor.address().map(ToOwned::to_owned),
        action: action.into(),
        subject,
        detail,
        credential: row_of(actor.credential()),
    };
    Ok(insert_audit_entry(conn, &entry).await?)
}

/// The same where nobody is signed in yet: sign-in, set-up, a stolen token. A flood of refusals is thinned out.
pub(crate) async fn record_visitor(
    conn: &mut Connection,
    services: &Services,
    origin: &Origin,
    action: &str,
    (user_id, name): (Option<UserId>, &str),
) -> Result<()> {
    let mut entry = NewAuditEntry {
        at: services.now(),
        user_id: user_id.map(Uuid::from),
        actor: printable(name).chars().take(64).collect(),
        address: origin.address.clone(),
        action: action.into(),
        subject: None,
        detail: json!({}),
        credential: row_of(origin.credential),
    };
    if action.ends_with("_refused") {
        let Some(thinned) = services.inner.refusals.thin_out(entry) else {
            return Ok(());
        };
        entry = thinned;
    }
    Ok(insert_audit_entry(conn, &entry).await?)
}

/// Lines that match, newest first. Admins only.
pub async fn list_entries(
    services: &Services,
    actor: &Actor,
    filter: AuditFilter,
    page: PageRequest,
) -> Result<Page<AuditEntry>> {
    require(actor, Role::Admin)?;
    let filter = clean_filter(filter);
    let found = db::audit_log::list_audit_entries(&mut *services.connection().await?, &filter, &page).await?;
    Ok(Page {
        items: found.items.into_iter().map(view_entry).collect(),
        next_cursor: found.next_cursor,
        total: found.total,
    })
}

/// An emptied field of a form does not narrow.
fn clean_filter(filter: AuditFilter) -> AuditFilter {
    let clean = |text: Option<String>| {
        let text = text.map(|text| text.trim().chars().take(MAX_CHARACTERS).collect::<String>());
        text.filter(|text| !text.is_empty())
    };
    // No line is older, and the database takes no year before 4713 BC.
    let since = |time: Option<DateTime<Utc>>| time.map(|time| time.max(DateTime::UNIX_EPOCH));
    AuditFilter {
        actor: clean(filter.actor),
        action: clean(filter.action),
        text: clean(filter.text),
        since: since(filter.since),
        until: since(filter.until),
        user_id: filter.user_id,
    }
}

fn view_entry(row: AuditRow) -> AuditEntry {
    let (mut changes, mut facts) = (Vec::new(), Vec::new());
    for (name, value) in row.detail.as_object().into_iter().flatten() {
        match value.as_object().filter(|_| name == "changes") {
            Some(fields) => changes.extend(fields.iter().map(|(field, change)| AuditChange {
                field: field.clone(),
                old: shown(&change["old"]),
                new: shown(&change["new"]),
            })),
            None => facts.extend(shown(value).map(|value| AuditFact {
                name: name.clone(),
                value,
            })),
        }
    }
    AuditEntry {
        id: row.id,
        at: row.at,
        user_id: row.user_id.map(UserId),
        actor: row.actor,
        address: row.address,
        credential: view_credential(row.credential),
        action: row.action,
        subject: row.subject,
        changes,
        facts,
    }
}

fn row_of(credential: Credential) -> CredentialRow {
    match credential {
        Credential::None => CredentialRow::default(),
        Credential::Session(id) => CredentialRow {
            session_id: Some(id.into()),
            ..CredentialRow::default()
        },
        Credential::ApiKey { id, .. } => CredentialRow {
            api_key_id: Some(id.into()),
            ..CredentialRow::default()
        },
    }
}

fn view_credential(row: CredentialRow) -> Option<AuditCredential> {
    let (kind, id) = match (row.api_key_id, row.session_id) {
        (Some(id), _) => (CredentialKind::ApiKey, id),
        (None, Some(id)) => (CredentialKind::Session, id),
        (None, None) => return None,
    };
    let name = row.api_key_name;
    Some(AuditCredential { kind, id, name })
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}
