//! Single sign-on by OpenID Connect: what an admin sets up.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::people::Role;

/// Members of this group at the provider get this role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupRole {
    /// As the provider writes it; compared exactly.
    pub group: String,
    pub role: Role,
}

/// What an admin chooses, without the client secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OidcSettings {
    /// Shows the button and accepts sign-ins.
    pub is_enabled: bool,
    /// Exactly as the provider writes it, with or without a slash at the end.
    pub issuer: String,
    pub client_id: String,
    /// Asked for beside "openid".
    pub scopes: Vec<String>,
    /// On the sign-in page: "Sign in with <display name>".
    pub display_name: String,
    /// Where people open mamcrawler, such as "https://books.example.com". The redirect address is built from it.
    pub public_url: String,
    /// Name of the claim with the groups; dots lead into nested ones ("realm_access.roles").
    pub groups_claim: String,
    /// Empty: roles are given here and the provider changes none.
    pub group_roles: Vec<GroupRole>,
    /// For people in none of the groups. `None` refuses them. Never admin.
    pub default_role: Option<Role>,
    /// Whether a verified e-mail address leads to the account that has it here.
    pub links_by_verified_email: bool,
    /// Whether somebody unknown gets an account at the first sign-in.
    pub creates_users: bool,
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            is_enabled: false,
            issuer: String::new(),
            client_id: String::new(),
            scopes: vec!["profile".into(), "email".into()],
            display_name: "single sign-on".into(),
            public_url: String::new(),
            groups_claim: "groups".into(),
            group_roles: Vec::new(),
            default_role: None,
            links_by_verified_email: false,
            creates_users: false,
        }
    }
}

/// The settings as an admin sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OidcConfig {
    pub settings: OidcSettings,
    pub has_client_secret: bool,
    /// To be registered at the provider, letter by letter; `None` until the public address is known.
    pub redirect_uri: Option<String>,
}

/// Input of an edit or a test.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OidcForm {
    pub settings: OidcSettings,
    /// Empty keeps the stored one.
    #[serde(default)]
    pub client_secret: String,
    /// Forgets the stored secret: a public client needs none.
    #[serde(default)]
    pub has_no_secret: bool,
}

/// Somebody at a provider who is a user here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Identity {
    pub id: Uuid,
    pub issuer: String,
    /// The provider's own id of the person.
    pub subject: String,
    pub email: Option<String>,
    pub created_at: DateTime<Utc>,
    pub last_login_at: Option<DateTime<Utc>>,
}

/// How a user can be found by a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserIdentities {
    /// Entered by an admin, or verified by the provider when it made the account.
    pub email: Option<String>,
    pub identities: Vec<Identity>,
}
