//! How the system stands, as monitors and `mamcrawler doctor` tell it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::integrations::{Health, IntegrationKind};
use crate::jobs::{JobKind, RunStatus};
use crate::text_enum::text_enum;

/// Everything that a person who looks after the system asks first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HealthReport {
    /// The worst of the checks.
    pub health: Health,
    pub checked_at: DateTime<Utc>,
    pub versions: Versions,
    /// One for each thing that was looked at, with what to do.
    pub checks: Vec<HealthCheck>,
    pub integrations: Vec<IntegrationHealth>,
    /// Kinds of jobs with work in the queue.
    pub queue: Vec<QueueHealth>,
    /// The jobs that start by themselves.
    pub jobs: Vec<JobHealth>,
    pub disks: Vec<DiskHealth>,
}

/// What runs here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Versions {
    pub program: String,
    /// The newest migration of the database.
    pub schema: String,
    /// "15.8".
    pub postgresql: String,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HealthCheck {
    /// "database", "integration qBittorrent".
    pub name: String,
    pub health: Health,
    /// What is, and what to do unless it is well.
    pub sentence: String,
}

/// An enabled integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IntegrationHealth {
    pub kind: IntegrationKind,
    pub name: String,
    /// Of the last authenticated call.
    pub health: Health,
    pub sentence: Option<String>,
    /// When that was.
    pub checked_at: Option<DateTime<Utc>>,
    /// Why nothing is sent to it now: its credentials were refused, it asked for a pause, or a budget is used up.
    pub stopped: Option<String>,
    /// How the process that answers stands to it; absent when it has not called it yet.
    pub breaker: Option<BreakerView>,
    /// The processes that leave it alone now, the one that answers included.
    pub left_alone_by: Vec<BreakerRest>,
    pub version: Option<String>,
}

text_enum! {
    /// Whether calls go out to a service.
    BreakerState {
        Closed => "closed",
        /// One goes out, to see whether it answers again.
        HalfOpen => "half_open",
        /// It failed time and again, and is left alone for a while.
        Open => "open",
        /// That while is over, and nobody has called it since: the next call goes out.
        Due => "due",
    }
}

/// What keeps a process from asking a service that does not answer, over and over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BreakerView {
    pub state: BreakerState,
    /// Calls in a row that were not answered; absent while it is closed.
    pub failures: Option<u32>,
    /// Nothing is sent before; absent unless it is `open` or `half_open`.
    pub asked_again_at: Option<DateTime<Utc>>,
    /// Since when the next call may go out and nobody had one to make; absent unless it is `due`.
    pub due_since: Option<DateTime<Utc>>,
    /// Why the last call failed; absent while it is closed.
    pub sentence: Option<String>,
}

/// A process that leaves a service alone, as its calls failed time and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BreakerRest {
    /// "worker on attic (process 71)".
    pub process: String,
    /// Calls in a row that were not answered.
    pub failures: u32,
    /// It sends nothing before.
    pub asked_again_at: DateTime<Utc>,
    /// Why the last call failed.
    pub sentence: String,
}

/// Work of one kind in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueHealth {
    pub kind: JobKind,
    pub running: u64,
    /// Waiting, those that are not due yet included.
    pub queued: u64,
    /// Waiting, and due.
    pub due: u64,
    /// How long the oldest that is due waits, in seconds; absent when none is due.
    pub lag_seconds: Option<u64>,
}

/// A job that starts by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobHealth {
    pub kind: JobKind,
    pub is_enabled: bool,
    /// The longest pause that its schedule leaves, in seconds; absent without a schedule.
    pub longest_pause_seconds: Option<u64>,
    /// From when on it counts as late, unless it succeeds before; absent while it is off or has no schedule.
    pub late_from: Option<DateTime<Utc>>,
    pub next_at: Option<DateTime<Utc>>,
    /// Its last end without an error, should it even have found nothing to do.
    pub last_success_at: Option<DateTime<Utc>>,
    /// How its last ended run ended.
    pub last_status: Option<RunStatus>,
    pub last_sentence: Option<String>,
}

/// A file system that the product writes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiskHealth {
    /// "data", "library", "downloads".
    pub place: String,
    pub path: String,
    /// Absent when the path can't be seen from here.
    pub free_bytes: Option<u64>,
    pub size_bytes: Option<u64>,
}
