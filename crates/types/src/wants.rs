//! Wants: works that somebody would like to have.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::downloads::DownloadState;
use crate::ids::{DownloadId, SearchId, WantId, WorkId};
use crate::text_enum::text_enum;

text_enum! {
    WantReason {
        Request => "request",
        SeriesGap => "series_gap",
        AuthorGap => "author_gap",
        List => "list",
        Upgrade => "upgrade",
        Manual => "manual",
    }
}

text_enum! {
    WantStatus {
        Open => "open",
        Fulfilled => "fulfilled",
        Cancelled => "cancelled",
    }
}

/// A want in a list, with where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Want {
    pub id: WantId,
    pub work_id: WorkId,
    pub title: String,
    pub authors: Vec<String>,
    pub series: Option<String>,
    pub sequence: Option<String>,
    /// A recording is asked for by its narrator.
    pub narrator: Option<String>,
    pub reason: WantReason,
    pub status: WantStatus,
    /// Everybody who wants it, first asker first.
    pub wanted_by: Vec<String>,
    pub state: Option<DownloadState>,
    pub download_id: Option<DownloadId>,
    pub search_id: Option<SearchId>,
    /// Why it is where it is, and what comes next.
    pub sentence: String,
    /// When something happens by itself.
    pub next_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}
