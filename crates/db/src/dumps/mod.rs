//! Whole copies of a database by PostgreSQL's own programs: out by `pg_dump`, back by `pg_restore`.
//!
//! What a copy must hold is read in the very snapshot that is dumped, so that a restore can be compared with it.

mod address;
mod contents;
mod mark;
mod programs;
mod run;
mod scratch;
mod snapshot;

pub use contents::{DatabaseContents, TableContents, is_empty, read_contents};
pub(crate) use mark::refuse_unfinished_restore;
pub use mark::{mark_restore, unmark_restore};
pub use programs::{Program, find_pg_dump, find_pg_restore};
pub use run::Running;
pub use scratch::{create_scratch, drop_scratch, drop_scratches};
pub use snapshot::Snapshot;

use crate::error::DbError;

/// Why a copy was not made or not brought back, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    #[error(
        "No {program} of PostgreSQL {wanted} or newer was found{found}. Install it (Debian, Ubuntu: \
         `apt-get install postgresql-client-{wanted}`), or set MAMCRAWLER_POSTGRES_BIN to the directory that holds it."
    )]
    NoProgram {
        program: &'static str,
        wanted: u32,
        /// " (only of 14)", or nothing.
        found: String,
    },
    // Not the client of the server's version for what there is: it does not read a newer one's dump.
    #[error(
        "What pg_dump of PostgreSQL {program} wrote needs its pg_restore, which can't write into PostgreSQL {server}. Restore \
         it into PostgreSQL {least} or newer. Install postgresql-client-{server}, and backups from then on can be restored \
         into PostgreSQL {server}.",
        least = programs::TRANSACTION_TIMEOUT
    )]
    TooNew { program: u32, server: u32 },
    #[error("{program} failed: {said}")]
    Failed { program: &'static str, said: String },
    #[error("{program} could not be started: {source}")]
    Start {
        program: &'static str,
        source: std::io::Error,
    },
    #[error(
        "The database user may not make databases, which the test needs. Give it the right with \
         `ALTER ROLE {user} CREATEDB`."
    )]
    NoRightToCreate { user: String },
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<diesel::result::Error> for DumpError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}
