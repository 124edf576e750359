//! Sign-ins and API keys, as their owners and admins see them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{ApiKeyId, SessionId, UserId};
use crate::people::Role;
use crate::text_enum::text_enum;

text_enum! {
    /// The most that an API key may do, from least to most. Its owner's role limits it further.
    Scope {
        /// Reads, as a viewer does.
        Read => "read",
        /// Searches and requests, as a user does.
        Request => "request",
        /// Approves, grabs and edits, as a manager does.
        Manage => "manage",
        /// Everything, sign-ins and API keys included, as an admin does.
        Admin => "admin",
    }
}

impl Scope {
    /// The role that a key of this scope acts with at most.
    pub const fn role(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::Request => Role::User,
            Self::Manage => Role::Manager,
            Self::Admin => Role::Admin,
        }
    }

    /// The widest scope that somebody of this role can give.
    pub const fn widest_of(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Read,
            Role::User => Self::Request,
            Role::Manager => Self::Manage,
            Role::Admin => Self::Admin,
        }
    }
}

/// One sign-in: a browser or program that stays signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionView {
    pub id: SessionId,
    pub user_id: UserId,
    pub username: String,
    pub created_at: DateTime<Utc>,
    /// When its tokens were last renewed: at most 15 minutes before its last request.
    pub last_used_at: DateTime<Utc>,
    /// When it ends if it is not used.
    pub expires_at: DateTime<Utc>,
    /// Where it was signed in from.
    pub address: Option<String>,
    pub user_agent: Option<String>,
    /// It is the one that asks.
    pub is_current: bool,
}

/// An API key without its secret, which nobody can see again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKeyView {
    pub id: ApiKeyId,
    pub user_id: UserId,
    pub username: String,
    pub name: String,
    pub scope: Scope,
    /// Requests that it may make in a minute; absent = the limits of its owner's role.
    pub requests_per_minute: Option<u32>,
    pub created_at: DateTime<Utc>,
    /// Absent = it does not expire.
    pub expires_at: Option<DateTime<Utc>>,
    pub is_expired: bool,
    /// Exact to the minute; absent = never used.
    pub last_used_at: Option<DateTime<Utc>>,
    pub last_used_address: Option<String>,
    pub rotated_at: Option<DateTime<Utc>>,
    /// The secret from before the rotation is good until then; absent = only the newest is.
    pub old_secret_until: Option<DateTime<Utc>>,
}

/// Input for a new API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewApiKeyForm {
    pub name: String,
    pub scope: Scope,
    /// Absent = as long as the server allows.
    #[serde(default)]
    pub expires_in_days: Option<u32>,
    /// 1 to 10,000; absent = the limits of its owner's role.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
}

/// Input of a rotation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RotateApiKeyForm {
    /// Hours that the old secret stays good, 0 to 168; absent = 24. 0 ends it at once.
    #[serde(default)]
    pub grace_hours: Option<u32>,
}

/// A new or rotated API key, with the secret that is shown this once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IssuedApiKey {
    pub key: ApiKeyView,
    /// The whole key as a program sends it: `mamc_<id>_<secret>`.
    pub secret: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_and_roles_are_the_same_four_steps() {
        for (scope, role) in Scope::ALL.iter().zip(Role::ALL) {
            assert_eq!((scope.role(), Scope::widest_of(*role)), (*role, *scope));
        }
    }
}
