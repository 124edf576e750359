//! Searching indexers, and what was thought of each release.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{CandidateId, DownloadId, IntegrationId, ReleaseId, SearchId, WantId};
use crate::text_enum::text_enum;

/// What somebody looks for. Only the title is needed; each further field narrows the identity gate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchForm {
    pub title: String,
    #[serde(default)]
    pub author: String,
    #[serde(default)]
    pub series: String,
    #[serde(default)]
    pub sequence: String,
    #[serde(default)]
    pub narrator: String,
    #[serde(default)]
    pub asin: String,
    /// ISO 639 name or code; empty = preferred languages of the settings.
    #[serde(default)]
    pub language: String,
    /// Expected runtime in minutes; 0 = unknown.
    #[serde(default)]
    pub runtime_minutes: u32,
}

text_enum! {
    /// How one indexer did in a search.
    IndexerStatus {
        Searching => "searching",
        Found => "found",
        Empty => "empty",
        /// Answered, but some of what it stands for did not: a Prowlarr indexer is switched off.
        Partial => "partial",
        Failed => "failed",
    }
}

/// One indexer's part in a search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IndexerOutcome {
    pub integration_id: IntegrationId,
    pub name: String,
    pub status: IndexerStatus,
    pub releases: u32,
    pub duration_ms: u64,
    /// What happened, in words: "3 releases", "refused the API key. Check it under Integrations."
    pub sentence: String,
    /// The queries that were sent, in order.
    pub queries: Vec<String>,
}

text_enum! {
    /// How sure we are that a release is the recording that is wanted. Later is better.
    IdentityBand {
        Different => "different",
        Doubtful => "doubtful",
        SameWork => "same_work",
        SameRecording => "same_recording",
    }
}

text_enum! {
    /// What may be done with a candidate.
    Decision {
        /// Passed every gate: can be grabbed automatically.
        Accepted => "accepted",
        /// A person decides.
        Review => "review",
        Rejected => "rejected",
    }
}

text_enum! {
    /// A gate of the choice, in the order in which they are shown.
    Gate {
        Category => "category",
        Language => "language",
        Identity => "identity",
        Derivative => "derivative",
        Abridged => "abridged",
        Bitrate => "bitrate",
        Size => "size",
        Seeders => "seeders",
        Blocklist => "blocklist",
        Snatched => "snatched",
        Owned => "owned",
        Budget => "budget",
    }
}

/// One reason, for or against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateFinding {
    pub gate: Gate,
    pub decision: Decision,
    /// "Abridged; an unabridged release was found."
    pub sentence: String,
}

/// What was decided about a release and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verdict {
    pub decision: Decision,
    pub band: IdentityBand,
    /// "Same performance (Scott Brick, 21 h 02), unabridged, 64 kbit/s, free for VIP".
    pub summary: String,
    /// Findings that speak against it; empty when accepted.
    pub findings: Vec<GateFinding>,
    /// Why it stands where it stands: one clause a criterion, in order of weight.
    pub ranking: Vec<String>,
}

/// A series named by an indexer, with the number as it was written ("1", "01-16, 13.5").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeriesClaim {
    pub name: String,
    #[serde(default)]
    pub sequence: Option<String>,
}

/// What an indexer says of a release. What it did not say is `None`, never a guess.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ReleaseFacts {
    /// As the indexer wrote it, entities decoded, its own decorations removed.
    pub title: String,
    pub authors: Vec<String>,
    pub narrators: Vec<String>,
    pub series: Vec<SeriesClaim>,
    /// English name of the language: "English", "German", "Japanese".
    pub language: Option<String>,
    /// Best file type of the release in lower case: "m4b", "m4a", "mp3", "flac".
    pub format: Option<String>,
    /// kbit/s as the indexer states it; `domain` derives one from size and runtime otherwise.
    pub bitrate_kbps: Option<u32>,
    pub runtime_seconds: Option<i64>,
    pub is_abridged: Option<bool>,
    pub has_chapters: Option<bool>,
    pub asin: Option<String>,
    pub isbn: Option<String>,
    pub size_bytes: Option<i64>,
    pub files: Option<i32>,
    pub seeders: Option<i32>,
    pub leechers: Option<i32>,
    /// Costs this member no ratio (freeleech, personal freeleech, VIP-free for a VIP member).
    pub is_free: Option<bool>,
    /// It is free because the member is VIP.
    pub is_vip_free: bool,
    /// Marked VIP by the site; may be closed to members who are not.
    pub is_vip: bool,
    /// This member had it before.
    pub is_snatched: bool,
    /// In an audiobook category; `None` when the indexer did not say.
    pub is_audiobook: Option<bool>,
    pub category: Option<String>,
    pub tags: String,
    /// Page for people; never a download address.
    pub info_url: Option<String>,
    pub published_at: Option<DateTime<Utc>>,
}

/// A stored release. Download addresses stay on the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Release {
    pub id: ReleaseId,
    pub integration_id: IntegrationId,
    pub indexer: String,
    pub facts: ReleaseFacts,
}

/// A release judged against what is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Candidate {
    pub id: CandidateId,
    /// 1 is the choice.
    pub rank: u32,
    pub release: Release,
    pub verdict: Verdict,
    /// Set once it was grabbed.
    pub download_id: Option<DownloadId>,
}

text_enum! {
    SearchStatus {
        Running => "running",
        Done => "done",
        Failed => "failed",
    }
}

/// A search with everything it found, best first, rejected ones last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchResult {
    pub id: SearchId,
    pub form: SearchForm,
    pub want_id: Option<WantId>,
    pub status: SearchStatus,
    pub indexers: Vec<IndexerOutcome>,
    pub candidates: Vec<Candidate>,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// "2 of 9 releases can be grabbed; the best is …", or why there is none.
    pub sentence: String,
}
