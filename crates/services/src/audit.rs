//! Who did what: one line for each change that people may later ask about.

use db::Connection;
use db::audit_log::{NewAuditEntry, insert_audit_entry};
use serde_json::Value;
use types::UserId;
use uuid::Uuid;

use crate::Services;
use crate::actor::{Actor, Origin};
use crate::error::Result;

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
    };
    Ok(insert_audit_entry(conn, &entry).await?)
}

/// The same where nobody is signed in yet: sign-in, set-up, a stolen token.
pub(crate) async fn record_visitor(
    conn: &mut Connection,
    services: &Services,
    origin: &Origin,
    action: &str,
    (user_id, name): (Option<UserId>, &str),
) -> Result<()> {
    let entry = NewAuditEntry {
        at: services.now(),
        user_id: user_id.map(Uuid::from),
        // A wrong name may be anything, even a password typed into the wrong field; it is cut short.
        actor: name
            .chars()
            .filter(|character| !character.is_control())
            .take(64)
            .collect(),
        address: origin.address.clone(),
        action: action.into(),
        subject: None,
        detail: Value::Object(serde_json::Map::new()),
    };
    Ok(insert_audit_entry(conn, &entry).await?)
}
