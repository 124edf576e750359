//! Backups: made, kept in number, brought back, and proven by bringing them back beside the real database.
//!
//! A backup is one file (`archive.rs`) in the backup folder. It gets its name only when it is whole and on the disk.

mod archive;
mod facts;
mod folder;
mod list;
mod make;
mod notes;
mod prove;
mod restore;
mod seal;

pub use archive::{Header, Manifest};
pub(crate) use facts::{judge_pg_dump, read_backup_facts};
pub use list::list_backups;
pub use make::{MadeBackup, make_backup};
pub use prove::{Proven, clear_given_up, prove_newest_backup};
pub use restore::{Restored, restore_backup};
pub use seal::BackupKey;

use db::DbError;
use db::dumps::DumpError;

use crate::error::ServiceError;

/// Why a backup was not made, not brought back or not proven, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "{place} can't be used for backups: {source}. Free space there and check that it can be written, or set MAMCRAWLER_BACKUP_DIR to another folder."
    )]
    Write { place: String, source: std::io::Error },
    #[error("{file} can't be read: {source}.")]
    Read { file: String, source: std::io::Error },
    #[error(
        "The database holds no tables of mamcrawler, so there is nothing to back up. Check that DATABASE_URL (or, for the \
         embedded database, MAMCRAWLER_DATA_DIR) names the one that `mamcrawler serve` uses."
    )]
    NoSchema,
    #[error("{0} is no backup of mamcrawler.")]
    Foreign(String),
    #[error("{0} was made by a newer mamcrawler. Restore it with that version.")]
    NewerFormat(String),
    #[error("{0} is damaged or cut off: its checksum does not fit. Use another backup.")]
    Damaged(String),
    #[error("{0} is encrypted. Set MAMCRAWLER_BACKUP_KEY to the key that it was made with.")]
    KeyMissing(String),
    #[error("{0} was encrypted with another key than MAMCRAWLER_BACKUP_KEY. Give the key that it was made with.")]
    OtherKey(String),
    #[error(
        "{file} was made by a newer mamcrawler (version {program}, schema {schema}), which this version can't use. \
         Restore it with version {program} or newer."
    )]
    NewerSchema {
        file: String,
        program: String,
        schema: String,
    },
    #[error(
        "{file} is of PostgreSQL {made_by}, but the database is PostgreSQL {server}. Restore it into PostgreSQL \
         {made_by} or newer."
    )]
    OlderServer { file: String, made_by: u32, server: u32 },
    #[error(
        "The database is not empty, and a backup is restored into an empty one only. Make a new database and name it in \
         DATABASE_URL (or choose a new MAMCRAWLER_DATA_DIR), then restore again."
    )]
    NotEmpty,
    #[error("{file} was restored, but this is not as it was: {}.", .differences.join("; "))]
    Different { file: String, differences: Vec<String> },
    #[error("There is no backup in {0} to test. Make one first: run the job \"Back up the database\".")]
    NoneThere(String),
    #[error(transparent)]
    Dump(#[from] DumpError),
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl BackupError {
    /// Whether it is the file that is at fault, so that no other try could bring it back.
    pub fn condemns_file(&self) -> bool {
        matches!(self, Self::Foreign(_) | Self::Damaged(_) | Self::Different { .. })
    }
}

impl From<DbError> for BackupError {
    fn from(error: DbError) -> Self {
        Self::Dump(error.into())
    }
}
