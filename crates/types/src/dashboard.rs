//! The first page: what runs, what waits and why, what came in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::downloads::DownloadSummary;
use crate::ids::IntegrationId;
use crate::integrations::{Health, IntegrationKind};
use crate::jobs::RunSummary;
use crate::library::{BookSummary, LibraryCounts};

/// One line of the health strip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceHealth {
    pub kind: IntegrationKind,
    pub name: String,
    pub health: Health,
    pub sentence: String,
    pub checked_at: Option<DateTime<Utc>>,
    /// A stand-in of the sandbox, not the real service.
    pub is_sandbox: bool,
}

/// What the tracker said of the member's account, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountView {
    pub integration: String,
    pub username: Option<String>,
    pub class: Option<String>,
    pub ratio: Option<f64>,
    pub unsatisfied_count: Option<i64>,
    pub unsatisfied_limit: Option<i64>,
    pub points: Option<i64>,
    pub wedges: Option<i64>,
    pub vip_until: Option<DateTime<Utc>>,
    pub requests_today: i64,
    pub requests_limit: i64,
    pub taken_at: DateTime<Utc>,
    /// Too old to act on, so paid grabs wait.
    pub is_stale: bool,
}

/// One reading of the member's account, as it was then. What the tracker did not say is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountSnapshot {
    pub integration_id: IntegrationId,
    pub taken_at: DateTime<Utc>,
    pub username: Option<String>,
    pub class: Option<String>,
    pub ratio: Option<f64>,
    pub uploaded_bytes: Option<i64>,
    pub downloaded_bytes: Option<i64>,
    pub points: Option<i64>,
    pub wedges: Option<i64>,
    pub vip_until: Option<DateTime<Utc>>,
    pub unsatisfied_count: Option<i64>,
    pub unsatisfied_limit: Option<i64>,
}

/// Everything on the first page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dashboard {
    pub counts: LibraryCounts,
    pub active: Vec<DownloadSummary>,
    pub waiting: Vec<DownloadSummary>,
    pub problems: Vec<DownloadSummary>,
    pub arrived: Vec<BookSummary>,
    pub runs: Vec<RunSummary>,
    pub services: Vec<ServiceHealth>,
    pub accounts: Vec<AccountView>,
    /// What jobs could not do, as many as are listed; absent for those who do not see jobs.
    pub failures: Option<u64>,
    /// What automation is stopped, and why; empty when all is well.
    pub alerts: Vec<String>,
}
