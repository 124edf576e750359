//! The life of a download, from want to shelf.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{BookId, CandidateId, DownloadId, ImportId, IntegrationId, SearchId, WantId, WorkId};
use crate::text_enum::text_enum;

text_enum! {
    /// Where a download is in its life. Transitions are guarded by `domain::download_life`.
    DownloadState {
        Wanted => "wanted",
        Searching => "searching",
        Hold => "hold",
        Review => "review",
        NotFound => "not_found",
        Queued => "queued",
        Sent => "sent",
        Downloading => "downloading",
        Downloaded => "downloaded",
        Verifying => "verifying",
        Importing => "importing",
        Imported => "imported",
        Failed => "failed",
        Cancelled => "cancelled",
        Abandoned => "abandoned",
        Superseded => "superseded",
        RemovedFromTracker => "removed_from_tracker",
    }
}

impl DownloadState {
    /// Still on its way: counts as "one download of this work".
    pub const fn is_active(self) -> bool {
        !self.is_terminal() && !matches!(self, Self::Imported)
    }

    /// Ended; only a person's Retry or Choose another goes on from here.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Cancelled | Self::Abandoned | Self::Superseded | Self::RemovedFromTracker
        )
    }

    /// Waits for a person or for something to change.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Hold | Self::Review | Self::NotFound)
    }

    /// The torrent client has it, or had it.
    pub const fn is_in_client(self) -> bool {
        matches!(
            self,
            Self::Sent | Self::Downloading | Self::Downloaded | Self::Verifying | Self::Importing | Self::Imported
        )
    }
}

text_enum! {
    /// Why a download waits in `hold`.
    HoldReason {
        VipRisk => "vip_risk",
        Ratio => "ratio",
        UnsatisfiedSlots => "unsatisfied_slots",
        Points => "points",
        NoSeeders => "no_seeders",
        ClientDown => "client_down",
        DiskLow => "disk_low",
        Quota => "quota",
        Approval => "approval",
        LibraryUnreadable => "library_unreadable",
        /// The tracker's account could not be read, so its budget is unknown.
        AccountUnknown => "account_unknown",
        /// The indexer refused, timed out or asked for a pause.
        IndexerDown => "indexer_down",
    }
}

text_enum! {
    /// Machine-readable reason of an event.
    EventCode {
        Created => "created",
        SearchStarted => "search_started",
        SearchFailed => "search_failed",
        NothingFound => "nothing_found",
        NeedsReview => "needs_review",
        Chosen => "chosen",
        Joined => "joined",
        Held => "held",
        Released => "released",
        TorrentFetched => "torrent_fetched",
        TorrentRefused => "torrent_refused",
        AlreadyInClient => "already_in_client",
        Sent => "sent",
        Settled => "settled",
        ClientRefused => "client_refused",
        Progress => "progress",
        Stalled => "stalled",
        Reannounced => "reannounced",
        Rechecked => "rechecked",
        TrackerMessage => "tracker_message",
        GoneFromClient => "gone_from_client",
        Completed => "completed",
        VerifyStarted => "verify_started",
        Verified => "verified",
        VerifyFailed => "verify_failed",
        ImportStarted => "import_started",
        ImportFailed => "import_failed",
        FilesImported => "files_imported",
        ScanRequested => "scan_requested",
        Linked => "linked",
        NotSeenByLibrary => "not_seen_by_library",
        Imported => "imported",
        Blocklisted => "blocklisted",
        NextCandidate => "next_candidate",
        RetryScheduled => "retry_scheduled",
        Retried => "retried",
        Cancelled => "cancelled",
        /// Nobody wants it any more, and the torrent client could not be told.
        NotStopped => "not_stopped",
        Abandoned => "abandoned",
        AlreadyOwned => "already_owned",
        SplitConfirmed => "split_confirmed",
        PartSkipped => "part_skipped",
    }
}

/// A download in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadSummary {
    pub id: DownloadId,
    pub want_id: WantId,
    pub work_id: WorkId,
    pub title: String,
    pub authors: Vec<String>,
    pub release_title: Option<String>,
    pub indexer: Option<String>,
    pub state: DownloadState,
    pub hold_reason: Option<HoldReason>,
    /// What it does or waits for, and what comes next.
    pub sentence: String,
    /// 0.0..=1.0; absent before the client has it.
    pub progress: Option<f64>,
    pub speed_bytes_per_second: Option<i64>,
    pub eta_seconds: Option<i64>,
    pub size_bytes: Option<i64>,
    pub seeders: Option<i32>,
    /// The client's own word for the torrent's state.
    pub client_state: Option<String>,
    pub info_hash: Option<String>,
    pub next_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// One append-only line of a download's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadEvent {
    pub at: DateTime<Utc>,
    /// A user name, or "mamcrawler".
    pub actor: String,
    pub from_state: Option<DownloadState>,
    pub to_state: DownloadState,
    pub code: EventCode,
    pub sentence: String,
}

/// A file that entered the library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportedFile {
    pub source: String,
    pub target: String,
    pub size_bytes: i64,
    /// "hardlink", "reflink" or "copy".
    pub method: String,
}

/// An attempt to bring a download's files into the library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportAttempt {
    pub id: ImportId,
    /// "planned", "linked", "undone" or "done".
    pub status: String,
    /// The folder, as this server sees it.
    pub target_path: String,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub files: Vec<PlannedFile>,
}

/// A file of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlannedFile {
    pub source: String,
    pub target: String,
    pub size_bytes: i64,
    /// "hardlink", "reflink" or "copy"; absent while it is not there yet.
    pub method: Option<String>,
}

/// Which of a download's actions make sense now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadActions {
    pub can_retry: bool,
    pub can_choose_another: bool,
    pub can_cancel: bool,
    /// It is a pack, and a person may say that its parts are right.
    pub can_confirm_split: bool,
}

/// One book of a download that holds several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadPart {
    pub title: String,
    /// As in the torrent's file list.
    pub files: Vec<String>,
    pub is_wanted: bool,
    /// In the library already, so it is not imported again.
    pub is_owned: bool,
    /// Why it is not imported, or why a person should look; empty when there is nothing to say.
    pub sentence: String,
    /// What it became in the library.
    pub book_id: Option<BookId>,
}

/// Everything about a download.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadDetail {
    pub summary: DownloadSummary,
    pub client: Option<String>,
    pub client_id: Option<IntegrationId>,
    pub verdict_summary: Option<String>,
    pub candidate_id: Option<CandidateId>,
    pub search_id: Option<SearchId>,
    pub book_id: Option<BookId>,
    pub attempts: u32,
    /// Newest last.
    pub events: Vec<DownloadEvent>,
    pub files: Vec<ImportedFile>,
    /// Of a pack: its books, proposed or imported. Empty for a single book.
    pub parts: Vec<DownloadPart>,
    pub actions: DownloadActions,
}

/// Which downloads a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DownloadScope {
    #[default]
    All,
    Active,
    Waiting,
    Finished,
    Problems,
}
