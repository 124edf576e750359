//! The queue of background work: PostgreSQL rows, claimed by any number of processes.
//!
//! A run is enqueued in the caller's transaction (`enqueue`), claimed by one `Worker`, kept by a lease with a heartbeat,
//! and ends with a sentence. Work whose process died is run again, so a handler reconciles and assumes nothing.
//! Why it is our own: `docs/adr/0003-own-job-engine.md`.
//!
//! Invariant: knows nothing of ours but `types`; the tables `runs`, `run_log`, `job_definitions` and `failures` are written only here.

mod context;
mod definitions;
mod execute;
mod failures;
mod figures;
mod handler;
mod history;
mod lost;
mod pauses;
mod queue;
mod schedule;
mod store;
mod worker;

pub use context::RunContext;
pub use definitions::{
    Definition, JobSwitches, enqueue_due, ensure_definitions, hasten_job, lock_job, set_job_enabled, set_job_schedule,
    set_time_zone,
};
pub use failures::{
    Failed, FailureRow, count_failures, delete_failures_before, dismiss_failure, find_failure, forget_failures,
    list_failures, record_failure,
};
#[doc(hidden)]
pub use figures::READ_ENDS;
pub use figures::{JobFigures, QueueFigures, read_jobs, read_queue};
pub use handler::{Complaint, Handler, JobError, Outcome};
pub use history::{
    delete_idle_runs_before, delete_runs_before, find_run, is_run_cursor, list_active_runs, list_jobs, list_runs,
};
#[doc(hidden)]
pub use history::{read_run_cursor, write_run_cursor};
pub use queue::{Cancelled, NewRun, cancel_run, enqueue, find_queued_run, has_live_run};
pub use schedule::{Schedule, ScheduleError, TimeZone};
pub use worker::{Options, Worker};

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool;

/// Result of the engine's own database work.
pub type Result<T> = std::result::Result<T, diesel::result::Error>;

/// Where the engine takes the time from.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The pool that a worker borrows connections from.
pub type Pool = deadpool::Pool<AsyncPgConnection>;

/// The clocks of two machines that keep their time differ by less; what lies further ahead was dated by a wrong one.
pub(crate) const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

/// Channel that wakes workers: an empty payload for new work, `cancel:<run id>` for a cancellation.
pub(crate) const WAKE_CHANNEL: &str = "mamcrawler_jobs";

/// Channel of `types::events::LiveEvent` for open pages.
pub(crate) const EVENT_CHANNEL: &str = "mamcrawler_events";
