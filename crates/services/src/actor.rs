//! Who does something, and whether they may.

use types::access::Scope;
use types::people::{CurrentUser, Role};
use types::{ApiKeyId, SessionId, UserId};

use crate::error::ServiceError;

/// Where a request came from, for the audit log and the list of sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, after trusted proxies.
    pub address: Option<String>,
    pub user_agent: Option<String>,
    /// What the request proved itself with; set by `auth::identify`.
    pub credential: Credential,
}

impl Origin {
    /// The user agent as it is stored: not longer than it needs to be.
    pub(crate) fn short_user_agent(&self) -> Option<String> {
        let agent = self.user_agent.as_ref()?;
        Some(agent.chars().take(200).collect())
    }
}

/// What a request proved itself with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Credential {
    #[default]
    None,
    /// A sign-in, by access token or cookie.
    Session(SessionId),
    /// An API key.
    ApiKey {
        id: ApiKeyId,
        scope: Scope,
        /// The key's own limit; `None` = the limits of the actor's role.
        requests_per_minute: Option<u32>,
        /// It came with the secret from before the last rotation.
        is_retiring: bool,
    },
}

/// Who asks for a use case. Handlers, server functions and jobs all pass one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person. The role is the one that counts for this request: an API key's scope narrows it.
    User(CurrentUser, Origin),
    /// A job of the server, by its name.
    System(&'static str),
}

impl Actor {
    /// The user's id; `None` for jobs.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User(user, _) => Some(user.id),
            Self::System(_) => None,
        }
    }

    /// The user's name, or the job's.
    pub fn name(&self) -> &str {
        match self {
            Self::User(user, _) => &user.username,
            Self::System(job) => job,
        }
    }

    /// The same person, seen at this address.
    pub fn with_address(self, address: Option<String>) -> Self {
        match self {
            Self::User(user, origin) => Self::User(user, Origin { address, ..origin }),
            system => system,
        }
    }

    /// The same person with the same credential, seen from there.
    pub fn with_origin(self, seen: &Origin) -> Self {
        match self {
            Self::User(user, own) => Self::User(
                user,
                Origin {
                    credential: own.credential,
                    ..seen.clone()
                },
            ),
            system => system,
        }
    }

    /// What the request proved itself with.
    pub fn credential(&self) -> Credential {
        match self {
            Self::User(_, origin) => origin.credential,
            Self::System(_) => Credential::None,
        }
    }

    /// The sign-in of the request; `None` for API keys and jobs.
    pub fn session_id(&self) -> Option<SessionId> {
        match self.credential() {
            Credential::Session(id) => Some(id),
            Credential::None | Credential::ApiKey { .. } => None,
        }
    }

    /// The API key of the request.
    pub fn api_key_id(&self) -> Option<ApiKeyId> {
        match self.credential() {
            Credential::ApiKey { id, .. } => Some(id),
            Credential::None | Credential::Session(_) => None,
        }
    }

    /// Where the request came from.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::User(_, origin) => origin.address.as_deref(),
            Self::System(_) => None,
        }
    }
}

/// Refuses an actor whose role does not include `needed`. Jobs may do everything.
pub fn require(actor: &Actor, needed: Role) -> Result<(), ServiceError> {
    match actor {
        Actor::User(user, _) if !user.role.includes(needed) => Err(ServiceError::forbidden(match actor.credential() {
            Credential::ApiKey { scope, .. } if !scope.role().includes(needed) => format!(
                "This needs an API key of the scope \"{}\"; this one's is \"{scope}\".",
                Scope::widest_of(needed)
            ),
            _ => format!(
                "This needs the role \"{needed}\"; yours is \"{}\". Ask an admin.",
                user.role
            ),
        })),
        _ => Ok(()),
    }
}

/// The person behind the actor, for changes to sign-ins, passwords and API keys: what lets somebody in must not be
/// changed with less. Refuses API keys, but for those of the scope `admin` with their newest secret.
pub(crate) fn require_account_rights(actor: &Actor) -> Result<&CurrentUser, ServiceError> {
    let user = require_user(actor)?;
    match actor.credential() {
        Credential::ApiKey { is_retiring: true, .. } => Err(ServiceError::forbidden(
            "This API key was rotated. Use its new secret for changes to sign-ins, passwords and API keys.",
        )),
        Credential::ApiKey { scope, .. } if scope != Scope::Admin => Err(ServiceError::forbidden(
            "An API key may change sign-ins, passwords and API keys only if its scope is \"admin\". Sign in instead.",
        )),
        _ => Ok(user),
    }
}

/// The user whose things are asked for: the actor's own when nobody is named, somebody else's for admins only.
pub(crate) fn require_own_or_admin(actor: &Actor, named: Option<UserId>) -> Result<UserId, ServiceError> {
    match named {
        Some(id) if actor.user_id() != Some(id) => require(actor, Role::Admin).map(|()| id),
        Some(id) => Ok(id),
        None => Ok(require_user(actor)?.id),
    }
}

/// The person behind the actor, for what only people can do.
pub fn require_user(actor: &Actor) -> Result<&CurrentUser, ServiceError> {
    match actor {
        Actor::User(user, _) => Ok(user),
        Actor::System(_) => Err(ServiceError::forbidden("Only a signed-in person can do this.")),
    }
}
