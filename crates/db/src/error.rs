//! What can go wrong with the database, as far as callers branch on it.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use types::downloads::DownloadState;
use types::error::UnknownWord;

/// Result of every query function.
pub type DbResult<T> = Result<T, DbError>;

/// A database failure.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection could be had.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    /// The row that was asked for is not there.
    #[error("there is no such row")]
    NotFound,
    /// A unique constraint spoke: somebody else was first.
    #[error("the row already exists ({constraint})")]
    Duplicate {
        /// Name of the constraint or unique index.
        constraint: String,
    },
    /// The download is not in a state that the caller expected.
    #[error("the download is {actual}, not in a state that allows this")]
    StateConflict { actual: DownloadState },
    /// The page cursor is not one of ours, or of another sort order.
    #[error("the page cursor is not valid")]
    BadCursor,
    /// A stored word is of a newer version.
    #[error(transparent)]
    UnknownWord(#[from] UnknownWord),
    /// A stored JSON value has not the expected shape.
    #[error("a stored JSON value can't be read: {0}")]
    BadJson(#[from] serde_json::Error),
    /// The database was migrated by a newer version.
    #[error(
        "the database was written by a newer version of mamcrawler (migration {0} is unknown here); \
         start that version, or restore a backup made before the update"
    )]
    NewerDatabase(String),
    /// What is in the database came from a restore that did not come to its end.
    #[error(
        "a restore into this database did not come to its end, or brought back something else than was backed up; make \
         the database empty, and restore again"
    )]
    UnfinishedRestore,
    /// A migration could not be applied.
    #[error("the database could not be migrated: {0}")]
    Migration(String),
    /// Anything else.
    #[error("a database query failed")]
    Query(#[source] DieselError),
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, ref information) => Self::Duplicate {
                constraint: information.constraint_name().unwrap_or_default().to_owned(),
            },
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, ref information) => {
                Self::Unreachable(information.message().to_owned())
            }
            other => Self::Query(other),
        }
    }
}

impl DbError {
    /// Whether the unique constraint or index `name` refused the row.
    pub fn is_duplicate_of(&self, name: &str) -> bool {
        matches!(self, Self::Duplicate { constraint } if constraint == name)
    }
}
