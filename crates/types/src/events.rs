//! What is pushed to open pages. An event says what changed; the page fetches what it shows.

use serde::{Deserialize, Serialize};

use crate::ids::{DownloadId, RunId, SearchId};

/// A change somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "topic", content = "id", rename_all = "snake_case")]
pub enum LiveEvent {
    Download(DownloadId),
    Run(RunId),
    Search(SearchId),
    Wants,
    Library,
    Integrations,
    Account,
    /// What jobs could not do.
    Failures,
    /// Changes that nobody can be told any more: whatever is shown may be old.
    Missed,
}
