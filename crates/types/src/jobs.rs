//! Background work as people see it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::RunId;
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

/// A scheduled kind of job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobSummary {
    pub kind: JobKind,
    pub is_enabled: bool,
    /// "every 15 minutes", "daily at 03:00".
    pub schedule: String,
    pub next_at: Option<DateTime<Utc>>,
    pub last_run: Option<RunSummary>,
}
