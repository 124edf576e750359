//! The audit log as admins read it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::UserId;
use crate::text_enum::text_enum;

text_enum! {
    /// What an export of the audit log looks like.
    AuditFormat {
        /// A table for spreadsheets, with a heading.
        Csv => "csv",
        /// One JSON object a line.
        Ndjson => "ndjson",
    }
}

text_enum! {
    /// What kind of credential it was.
    CredentialKind {
        /// A sign-in.
        Session => "session",
        /// An API key.
        ApiKey => "api_key",
    }
}

impl AuditFormat {
    /// The media type of the export.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Grows with time; a page's cursor stands on it.
    pub id: i64,
    pub at: DateTime<Utc>,
    /// `None` = a job, or somebody who was not signed in.
    pub user_id: Option<UserId>,
    /// The user's name then, or the job's; for a refused sign-in the name that was entered.
    pub actor: String,
    /// The network address, after trusted proxies.
    pub address: Option<String>,
    /// `None` = a job, somebody who was not signed in, or a line from before this was noted.
    pub credential: Option<AuditCredential>,
    /// Such as "save_integration".
    pub action: String,
    /// What it was done to.
    pub subject: Option<String>,
    /// Fields before and after. Secrets show as "(secret)".
    pub changes: Vec<AuditChange>,
    /// What else is known.
    pub facts: Vec<AuditFact>,
}

/// What a request proved itself with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditCredential {
    pub kind: CredentialKind,
    /// Of the sign-in or the API key, as in the lists of them.
    pub id: Uuid,
    /// As the API key was called then.
    pub name: Option<String>,
}

/// A field before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditChange {
    pub field: String,
    /// `None` = there was none.
    pub old: Option<String>,
    /// `None` = there is none any more.
    pub new: Option<String>,
}

/// A named value of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditFact {
    pub name: String,
    pub value: String,
}

/// Which lines are asked for; what is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditFilter {
    /// The exact name of a user or job.
    #[serde(default)]
    pub actor: Option<String>,
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// The exact action.
    #[serde(default)]
    pub action: Option<String>,
    /// From this moment on.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
    /// Before this moment.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Words within actor, address, subject, credential or details; case does not matter.
    #[serde(default)]
    pub text: Option<String>,
}
