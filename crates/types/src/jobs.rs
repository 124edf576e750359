//! Background work as people see it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{FailureId, RunId};
use crate::text_enum::text_enum;

text_enum! {
    /// The kinds of background work.
    JobKind {
        SyncLibraryFull => "sync_library_full",
        SyncLibraryIncremental => "sync_library_incremental",
        SearchWant => "search_want",
        SearchWanted => "search_wanted",
        AdvanceDownload => "advance_download",
        PollClients => "poll_clients",
        ImportDownload => "import_download",
        CheckImports => "check_imports",
        RetryDue => "retry_due",
        SnapshotAccount => "snapshot_account",
        CheckIntegrations => "check_integrations",
        CleanUp => "clean_up",
        Backup => "backup",
        TestRestore => "test_restore",
        BackUpLibrary => "back_up_library",
    }
}

impl JobKind {
    /// What it does, as a title.
    pub const fn label(self) -> &'static str {
        match self {
            Self::SyncLibraryFull => "Sync the whole library",
            Self::SyncLibraryIncremental => "Sync library changes",
            Self::SearchWant => "Search for one want",
            Self::SearchWanted => "Search for all open wants",
            Self::AdvanceDownload => "Send a download to the client",
            Self::PollClients => "Read the torrent clients",
            Self::ImportDownload => "Verify and import",
            Self::CheckImports => "Look for unfinished imports",
            Self::RetryDue => "Retry what is due",
            Self::SnapshotAccount => "Read the tracker account",
            Self::CheckIntegrations => "Check the integrations",
            Self::CleanUp => "Remove old records",
            Self::Backup => "Back up the database",
            Self::TestRestore => "Test the newest backup",
            Self::BackUpLibrary => "Back up Audiobookshelf",
        }
    }

    /// A person can start it from the Jobs page; the others belong to one want or download.
    pub const fn is_runnable_by_hand(self) -> bool {
        !matches!(self, Self::SearchWant | Self::AdvanceDownload | Self::ImportDownload)
    }
}

text_enum! {
    RunStatus {
        Queued => "queued",
        Running => "running",
        Succeeded => "succeeded",
        /// Ended without an error and without anything to do.
        NothingToDo => "nothing_to_do",
        Failed => "failed",
        Cancelled => "cancelled",
        /// The process that ran it died; it is run again.
        Lost => "lost",
    }
}

text_enum! {
    LogLevel {
        Info => "info",
        Warning => "warning",
        Error => "error",
    }
}

/// One execution of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunSummary {
    pub id: RunId,
    pub kind: JobKind,
    pub status: RunStatus,
    /// What it did, in words, with figures.
    pub sentence: String,
    pub started_by: String,
    pub queued_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub progress_done: u64,
    /// 0 = unknown.
    pub progress_total: u64,
    pub attempt: u32,
}

/// One line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunLogLine {
    pub at: DateTime<Utc>,
    pub level: LogLevel,
    pub sentence: String,
}

/// A named figure of a run: "read" 1605.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Counter {
    pub name: String,
    pub value: i64,
}

/// A run with its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunDetail {
    pub summary: RunSummary,
    pub log: Vec<RunLogLine>,
    pub counters: Vec<Counter>,
    pub can_cancel: bool,
}

text_enum! {
    /// What a failure is about, besides its job.
    FailedItemKind {
        Download => "download",
        Integration => "integration",
        /// It is gone.
        Gone => "gone",
    }
}

/// The thing that a job failed at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailedItem {
    pub kind: FailedItemKind,
    pub id: uuid::Uuid,
    /// A title or a name; empty when it is gone.
    pub name: String,
}

/// Something that a job could not do, counted by job, thing and code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failure {
    pub id: FailureId,
    pub kind: JobKind,
    /// Absent when the job failed as a whole.
    pub item: Option<FailedItem>,
    /// A word for the sort of failure.
    pub code: String,
    /// What happened last, and what to do.
    pub sentence: String,
    /// How often since it worked last.
    pub count: u64,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    /// Absent once the run was removed.
    pub last_run: Option<RunId>,
    /// When somebody dismissed it last, more than an hour ago; it happened again since. Absent when nobody has.
    pub dismissed_at: Option<DateTime<Utc>>,
    /// How often it happened since then; absent when nobody dismissed it.
    pub count_since_dismissal: Option<u64>,
}

/// A scheduled kind of job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobSummary {
    pub kind: JobKind,
    pub is_enabled: bool,
    /// "every 15 minutes", "daily at 03:00 (Europe/Berlin)".
    pub schedule: String,
    /// The same as one edits it: "every 15 minutes", "0 3 * * *"; empty = only on demand.
    pub schedule_text: String,
    /// It is an admin's own.
    pub is_custom: bool,
    /// What the program says, as one edits it; empty = only on demand.
    pub default_schedule: String,
    pub next_at: Option<DateTime<Utc>>,
    /// The same by the product's clock: "Mon 23 Nov 2026, 03:00 CET".
    pub next_local: Option<String>,
    pub last_run: Option<RunSummary>,
}
