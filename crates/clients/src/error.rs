//! What can go wrong with an outside service, by what we do about it.

use std::time::Duration;

/// Result of a call to an outside service.
pub type Result<T> = std::result::Result<T, ClientError>;

/// A failed call. `Display` is the sentence for people: what happened and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No connection, or it broke. Retryable.
    #[error("{service} can't be reached at {address}: {detail}. Check that it runs and that the address is right.")]
    Unreachable {
        service: String,
        address: String,
        detail: String,
    },
    /// No answer in time. Retryable.
    #[error("{service} did not answer within {seconds} s. It may be busy; it is tried again.")]
    TimedOut { service: String, seconds: u64 },
    /// The credentials were refused. Not tried again until they change.
    #[error("{service} refused the {credential}. {advice}")]
    CredentialsRefused {
        service: String,
        credential: String,
        advice: String,
    },
    /// We are locked out for a while.
    #[error("{service} has banned this address after failed logins. {advice}")]
    Banned { service: String, advice: String },
    /// It knows us but does not allow this, or its host or origin check refused us.
    #[error("{service} refused the request: {advice}")]
    Forbidden { service: String, advice: String },
    /// It asks for a pause.
    #[error("{service} asks for a pause ({}).", pause_text(.retry_after))]
    RateLimited {
        service: String,
        retry_after: Option<Duration>,
    },
    /// Our own budget for it is used up, or its queue is stopped until a person acts.
    #[error("{service} is paused: {reason}")]
    Paused { service: String, reason: String },
    /// It failed time and again, so nothing was sent. Retryable.
    #[error("{last} As it failed time and again, it is asked less often for now.")]
    Resting { last: Box<ClientError> },
    /// What we asked for is gone or was never there.
    #[error("{service} no longer has it: {what}")]
    NotFound { service: String, what: String },
    /// It answered in a way that its contract does not know.
    #[error("{service} gave an answer that can't be used: {detail}")]
    UnexpectedAnswer { service: String, detail: String },
    /// Larger than we accept.
    #[error("{service} sent more than {limit_bytes} bytes, which is refused.")]
    TooLarge { service: String, limit_bytes: u64 },
}

impl ClientError {
    /// What is wrong: the same whether it was just seen or the service is left alone because of it.
    pub fn trouble(&self) -> &Self {
        match self {
            Self::Resting { last } => last.trouble(),
            other => other,
        }
    }

    /// Whether the same call may work later without a person doing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::RateLimited { .. } | Self::Resting { .. }
        )
    }
}

fn pause_text(retry_after: &Option<Duration>) -> String {
    match retry_after {
        Some(pause) => format!("{} s", pause.as_secs()),
        None => "no length given".into(),
    }
}
