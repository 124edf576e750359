//! Backups as people see them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::text_enum::text_enum;

text_enum! {
    /// What is known about a backup.
    BackupState {
        /// No test has looked at it.
        Untested => "untested",
        /// A test brought everything back from it.
        Restored => "restored",
        /// A test found that it is damaged or incomplete.
        Broken => "broken",
        /// Its file is not in the backup folder.
        Gone => "gone",
    }
}

/// A backup of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Backup {
    /// The file's, in the backup folder.
    pub name: String,
    pub made_at: DateTime<Utc>,
    pub size_bytes: u64,
    /// Absent when that is not noted, as for one from before the database was restored.
    pub is_encrypted: Option<bool>,
    pub state: BackupState,
    /// When a test last brought everything back from it.
    pub proven_at: Option<DateTime<Utc>>,
    /// Why the last test did not.
    pub fault: Option<String>,
}
