//! Users, roles and signing in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::text_enum::text_enum;

text_enum! {
    /// What a user may do, from least to most.
    Role {
        /// Reads.
        Viewer => "viewer",
        /// Browses, requests, keeps own wants.
        User => "user",
        /// Approves, grabs, edits.
        Manager => "manager",
        /// Users, settings, secrets, jobs.
        Admin => "admin",
    }
}

impl Role {
    /// Whether this role includes everything `needed` may do.
    pub fn includes(self, needed: Role) -> bool {
        self >= needed
    }
}

/// The signed-in person, as the pages need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CurrentUser {
    pub id: UserId,
    pub username: String,
    pub role: Role,
}

/// A user as an admin sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub role: Role,
    pub is_active: bool,
    pub created_at: DateTime<Utc>,
    pub last_login_at: Option<DateTime<Utc>>,
}

/// First start: makes the admin. The token is printed to the server's log.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetupForm {
    pub token: String,
    pub username: String,
    pub password: String,
}

/// Input of a sign-in.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginForm {
    pub username: String,
    pub password: String,
}

/// Answer to a sign-in or refresh over the API.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenPair {
    pub access_token: String,
    pub refresh_token: String,
    /// Always "Bearer".
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
}

/// Input of a password change.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangePasswordForm {
    pub current_password: String,
    pub new_password: String,
}

/// Input for a new user.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewUserForm {
    pub username: String,
    pub password: String,
    pub role: Role,
}

/// What changes about a user; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserChange {
    pub username: Option<String>,
    pub role: Option<Role>,
    /// `false` ends the person's sign-ins and stops their API keys.
    pub is_active: Option<bool>,
}

/// Input of an admin who gives somebody else a new password.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResetPasswordForm {
    pub new_password: String,
}
