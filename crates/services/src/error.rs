//! The one error of the use cases, ready to be shown.

use std::collections::BTreeMap;

use clients::ClientError;
use db::DbError;
use types::{ApiError, ErrorCode};

use crate::secrets::Unreadable;

/// Result of a use case.
pub type Result<T> = std::result::Result<T, ServiceError>;

/// Why a use case did not happen: a sentence for people. The cause was logged where this was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    pub code: ErrorCode,
    pub message: String,
    /// Field name → what is wrong with it.
    pub context: BTreeMap<String, String>,
}

impl ServiceError {
    /// An error without field errors.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            context: BTreeMap::new(),
        }
    }

    /// What was asked for is not there: `not_found("download")`.
    pub fn not_found(noun: &str) -> Self {
        Self::new(
            ErrorCode::NotFound,
            format!("There is no such {noun}; it may have been removed meanwhile."),
        )
    }

    /// The sign-in is missing or over.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unauthorized, message)
    }

    /// The actor may not do this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Forbidden, message)
    }

    /// It does not go with the present state.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Conflict, message)
    }

    /// Too often; `context["retry_after"]` holds the seconds to wait, for the `Retry-After` header.
    pub fn rate_limited(retry_after: u64, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorCode::RateLimitExceeded, message);
        error.context.insert("retry_after".into(), retry_after.to_string());
        error
    }

    /// One wrong field of a form.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        let mut errors = FieldErrors::default();
        errors.add(field, message);
        errors.into_error()
    }

    /// The server could not do it, whatever was asked: nothing was learnt about the request.
    pub(crate) fn is_ours(&self) -> bool {
        self.code.status() >= 500
    }

    /// A defect or a broken installation; `error` goes to the log, not to the person.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!("internal error: {error:#}");
        Self::new(
            ErrorCode::InternalError,
            "Something went wrong inside mamcrawler. The server's log says what.",
        )
    }
}

/// Collects what is wrong with a form, so that a person sees all of it at once.
#[derive(Debug, Default)]
pub struct FieldErrors {
    errors: BTreeMap<String, String>,
}

impl FieldErrors {
    /// Notes an error; the first one of a field stays.
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        self.errors.entry(field.to_owned()).or_insert_with(|| message.into());
    }

    /// Ok if nothing was noted.
    pub fn into_result(self) -> Result<()> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(self.into_error())
        }
    }

    fn into_error(self) -> ServiceError {
        let message = self.errors.values().cloned().collect::<Vec<_>>().join(" ");
        ServiceError {
            code: ErrorCode::ValidationError,
            message,
            context: self.errors,
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            context: error.context,
        }
    }
}

impl From<DbError> for ServiceError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NotFound => Self::not_found("entry"),
            DbError::Duplicate { .. } => {
                Self::conflict("That exists already; somebody may have been faster. Reload the page.")
            }
            DbError::StateConflict { actual } => Self::conflict(format!(
                "The download is \"{actual}\" meanwhile. Reload the page and choose again."
            )),
            DbError::BadCursor => Self::field(
                "cursor",
                "This page of the list can't be found. Start at the first page.",
            ),
            DbError::Unreachable(detail) => {
                tracing::error!("the database can't be reached: {detail}");
                Self::new(
                    ErrorCode::ServiceUnavailable,
                    "The database can't be reached. Try again in a moment.",
                )
            }
            other => {
                tracing::error!("database error: {:#}", anyhow::Error::from(other));
                Self::new(
                    ErrorCode::DatabaseError,
                    "The database refused this. The server's log says why.",
                )
            }
        }
    }
}

impl From<diesel_async::pooled_connection::deadpool::PoolError> for ServiceError {
    fn from(error: diesel_async::pooled_connection::deadpool::PoolError) -> Self {
        DbError::Unreachable(error.to_string()).into()
    }
}

impl From<ClientError> for ServiceError {
    fn from(error: ClientError) -> Self {
        let code = match error {
            ClientError::NotFound { .. } => ErrorCode::NotFound,
            ClientError::Paused { .. } => ErrorCode::ServiceUnavailable,
            _ => ErrorCode::ExternalApiError,
        };
        Self::new(code, error.to_string())
    }
}

impl From<Unreadable> for ServiceError {
    fn from(error: Unreadable) -> Self {
        Self::conflict(format!("{error}."))
    }
}

impl From<diesel::result::Error> for ServiceError {
    fn from(error: diesel::result::Error) -> Self {
        DbError::from(error).into()
    }
}
