//! Who does something, and whether they may.

use types::people::{CurrentUser, Role};
use types::{SessionId, UserId};

use crate::error::ServiceError;

/// Where a request came from, for the audit log and the list of sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, after trusted proxies.
    pub address: Option<String>,
    pub user_agent: Option<String>,
    /// The sign-in that the request belongs to; set by `auth::authenticate`.
    pub session_id: Option<SessionId>,
}

/// Who asks for a use case. Handlers, server functions and jobs all pass one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person.
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

    /// The sign-in of the request.
    pub fn session_id(&self) -> Option<SessionId> {
        match self {
            Self::User(_, origin) => origin.session_id,
            Self::System(_) => None,
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
        Actor::User(user, _) if !user.role.includes(needed) => Err(ServiceError::forbidden(format!(
            "This needs the role \"{needed}\"; yours is \"{}\". Ask an admin.",
            user.role
        ))),
        _ => Ok(()),
    }
}

/// The person behind the actor, for what only people can do.
pub fn require_user(actor: &Actor) -> Result<&CurrentUser, ServiceError> {
    match actor {
        Actor::User(user, _) => Ok(user),
        Actor::System(_) => Err(ServiceError::forbidden("Only a signed-in person can do this.")),
    }
}
