//! Who did what.

use chrono::{DateTime, Utc};
use diesel::Insertable;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::audit_log;

/// A line of the log. Never put a secret into `detail`.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = audit_log)]
pub struct NewAuditEntry {
    pub at: DateTime<Utc>,
    pub user_id: Option<Uuid>,
    /// A user name, or "mamcrawler".
    pub actor: String,
    pub address: Option<String>,
    /// "login", "save_integration".
    pub action: String,
    pub subject: Option<String>,
    pub detail: Value,
}

/// Adds a line.
pub async fn insert_audit_entry(conn: &mut Connection, entry: &NewAuditEntry) -> DbResult<()> {
    diesel::insert_into(audit_log::table)
        .values(entry)
        .execute(conn)
        .await?;
    Ok(())
}
