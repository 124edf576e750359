//! What the database says, as gauges, and how this process stands to integrations. What is unknown has no series: never a
//! zero in its place.

use chrono::{DateTime, TimeDelta, Utc};
use metrics::{counter, describe_counter, describe_gauge, gauge};
use services::health::Readings;
use types::dashboard::AccountView;
use types::health::{BreakerState, BreakerView, DiskHealth, IntegrationHealth, JobHealth, QueueHealth};
use types::integrations::{Health, IntegrationKind};
use types::jobs::RunStatus;

use super::write_moment;

/// Integrations, and so accounts, that have series of their own: as many as anybody connects, and an end to it.
const MOST_INTEGRATIONS: usize = 50;
/// Integrations are checked every 15 minutes, which is a call. A process that had no reason for one for longer knows nothing.
const DUE_FOR: TimeDelta = TimeDelta::minutes(20);

/// All of it as text.
pub(super) fn write(readings: &Readings, now: DateTime<Utc>) -> String {
    write_moment(|| {
        record_up(true);
        record_database(readings);
        for integration in readings.integrations.iter().take(MOST_INTEGRATIONS) {
            record_integration(integration, now);
        }
        record_accounts(readings);
        readings.queue.iter().for_each(record_queue);
        readings.jobs.iter().for_each(|job| record_job(job, now));
        readings.disks.iter().for_each(record_disk);
        record_downloads(readings);
        record_library(readings);
        record_backups(readings);
    })
}

/// The database said nothing.
pub(super) fn write_silence() -> String {
    write_moment(|| record_up(false))
}

fn record_up(is_up: bool) {
    set(
        "mamcrawler_database_up",
        "Whether the database answered.",
        &[],
        flag(is_up),
    );
}

fn record_database(readings: &Readings) {
    let database = &readings.database;
    let size = real(database.size_bytes);
    set("mamcrawler_database_size_bytes", "Size of the database.", &[], size);
    let help = "Connections of all processes to the database.";
    set("mamcrawler_database_connections", help, &[], real(database.connections));
    let help =
        "When the first of today's people got their account, so about when mamcrawler was set up; absent before that.";
    let begun_at = readings.begun_at.map(seconds);
    set_known("mamcrawler_set_up_timestamp_seconds", help, &[], begun_at);
    let help = "Always 1; the label is the version of PostgreSQL.";
    set(
        "mamcrawler_database_info",
        help,
        &[("version", database.version.as_str())],
        1.0,
    );
}

fn record_integration(integration: &IntegrationHealth, now: DateTime<Utc>) {
    let labels = [("kind", integration.kind.as_str()), ("name", integration.name.as_str())];
    let is_up = match integration.health {
        Health::Ok | Health::Warning => Some(true),
        Health::Failing => Some(false),
        Health::Unknown => None,
    };
    let help = "Whether the last authenticated call succeeded; absent before the first.";
    set_known("mamcrawler_integration_up", help, &labels, is_up.map(flag));
    let help = "When it was last checked.";
    let checked = integration.checked_at.map(seconds);
    set_known(
        "mamcrawler_integration_checked_timestamp_seconds",
        help,
        &labels,
        checked,
    );
    let help = "Whether nothing is sent to it: credentials refused, a pause, or the day's budget used up.";
    let stopped = flag(integration.stopped.is_some());
    set("mamcrawler_integration_stopped", help, &labels, stopped);
    let help = "Whether this process calls it: 0 = yes, 1 = it looks whether it answers again, 2 = it leaves it alone, 3 = it \
                will look at its next call; absent before the first call, and after 20 minutes of 3.";
    let state = integration
        .breaker
        .as_ref()
        .and_then(|breaker| tell_state(breaker, now));
    set_known("mamcrawler_breaker_state", help, &labels, state);
}

/// A pause that is over is no answer yet: what failed before it counts until a call tells, or nobody can know any more.
fn tell_state(breaker: &BreakerView, now: DateTime<Utc>) -> Option<f64> {
    match breaker.state {
        BreakerState::Closed => Some(0.0),
        BreakerState::HalfOpen => Some(1.0),
        BreakerState::Open => Some(2.0),
        BreakerState::Due => {
            let is_fresh = breaker.due_since.is_some_and(|since| now - since <= DUE_FOR);
            is_fresh.then_some(3.0)
        }
    }
}

fn record_accounts(readings: &Readings) {
    let trackers = readings.integrations.iter();
    let trackers = trackers.filter(|one| one.kind == IntegrationKind::Myanonamouse);
    for tracker in trackers.take(MOST_INTEGRATIONS) {
        let help = "Always 1 for each tracker that is connected, be its account known or not.";
        set(
            "mamcrawler_tracker_connected",
            help,
            &[("account", tracker.name.as_str())],
            1.0,
        );
    }
    readings
        .accounts
        .iter()
        .take(MOST_INTEGRATIONS)
        .for_each(record_account);
}

fn record_account(account: &AccountView) {
    let labels = [("account", account.integration.as_str())];
    let help = "When the account was last read.";
    let taken_at = seconds(account.taken_at);
    set("mamcrawler_tracker_snapshot_timestamp_seconds", help, &labels, taken_at);
    let help = "Requests to the tracker today (UTC).";
    set(
        "mamcrawler_tracker_requests_today",
        help,
        &labels,
        real(account.requests_today),
    );
    let help = "Requests to the tracker that a day allows.";
    set(
        "mamcrawler_tracker_requests_limit",
        help,
        &labels,
        real(account.requests_limit),
    );
    record_standing(account, labels);
}

/// How the account stood when it was read; what is older than a day is not known any more.
fn record_standing(account: &AccountView, labels: [(&'static str, &str); 1]) {
    let known = Some(account).filter(|account| !account.is_stale);
    for (name, help, value) in [
        (
            "mamcrawler_tracker_ratio",
            "Ratio of the account.",
            known.and_then(|account| account.ratio),
        ),
        (
            "mamcrawler_tracker_points",
            "Bonus points of the account.",
            known.and_then(|account| account.points).map(real),
        ),
        (
            "mamcrawler_tracker_wedges",
            "Freeleech wedges of the account.",
            known.and_then(|account| account.wedges).map(real),
        ),
        (
            "mamcrawler_tracker_unsatisfied",
            "Torrents that are not seeded enough yet.",
            known.and_then(|account| account.unsatisfied_count).map(real),
        ),
        (
            "mamcrawler_tracker_unsatisfied_limit",
            "Unsatisfied torrents that the account may have.",
            known.and_then(|account| account.unsatisfied_limit).map(real),
        ),
        (
            "mamcrawler_tracker_vip_until_timestamp_seconds",
            "When VIP ends.",
            known.and_then(|account| account.vip_until).map(seconds),
        ),
    ] {
        set_known(name, help, &labels, value);
    }
}

fn record_queue(queue: &QueueHealth) {
    let kind = queue.kind.as_str();
    for (state, count) in [
        ("running", queue.running),
        ("due", queue.due),
        ("later", queue.queued.saturating_sub(queue.due)),
    ] {
        let help = "Runs in the queue, by kind and whether they run, are due or are for later.";
        set(
            "mamcrawler_queue_runs",
            help,
            &[("kind", kind), ("state", state)],
            count_of(count),
        );
    }
    let help = "How long the oldest run that is due waits; 0 when none is due.";
    let lag = count_of(queue.lag_seconds.unwrap_or(0));
    set("mamcrawler_queue_lag_seconds", help, &[("kind", kind)], lag);
}

fn record_job(job: &JobHealth, now: DateTime<Utc>) {
    let labels = [("kind", job.kind.as_str())];
    let help = "Whether the job's schedule is switched on.";
    set("mamcrawler_job_enabled", help, &labels, flag(job.is_enabled));
    let help = "The longest pause that the job's schedule leaves; absent for a job that starts on demand or is off.";
    let pause = job.longest_pause_seconds.filter(|_| job.is_enabled).map(count_of);
    set_known("mamcrawler_job_longest_pause_seconds", help, &labels, pause);
    let help = "From when on the job is late unless it succeeds before: two pauses and half an hour after its last success, or \
                after it was switched on or got its schedule; absent when none of that is known, or it is off.";
    let late_from = job.late_from.map(seconds);
    set_known("mamcrawler_job_late_from_timestamp_seconds", help, &labels, late_from);
    let help = "When the job last ended without an error; absent before the first time.";
    let succeeded = job.last_success_at.map(seconds);
    set_known(
        "mamcrawler_job_last_success_timestamp_seconds",
        help,
        &labels,
        succeeded,
    );
    let help = "Whether the job's last run failed; absent before the first.";
    let failed = job
        .last_status
        .map(|status| matches!(status, RunStatus::Failed | RunStatus::Lost));
    set_known("mamcrawler_job_last_run_failed", help, &labels, failed.map(flag));
    let help = "How much later than planned the job's next start is already; 0 when it is not late.";
    let late = job.next_at.map(|next| real((now - next).num_seconds().max(0)));
    set_known("mamcrawler_job_late_seconds", help, &labels, late);
}

fn record_disk(disk: &DiskHealth) {
    let labels = [("place", disk.place.as_str()), ("path", disk.path.as_str())];
    let help = "Free space where the product writes; absent when the path can't be seen.";
    set_known(
        "mamcrawler_disk_free_bytes",
        help,
        &labels,
        disk.free_bytes.map(count_of),
    );
    let help = "Size of the file system where the product writes; absent when the path can't be seen.";
    set_known(
        "mamcrawler_disk_size_bytes",
        help,
        &labels,
        disk.size_bytes.map(count_of),
    );
    let help = "Whether the path can be seen from here.";
    set(
        "mamcrawler_disk_visible",
        help,
        &labels,
        flag(disk.free_bytes.is_some()),
    );
}

fn record_downloads(readings: &Readings) {
    for (name, label, help, tally) in [
        (
            "mamcrawler_downloads",
            "state",
            "Downloads by state.",
            &readings.downloads,
        ),
        (
            "mamcrawler_downloads_held",
            "reason",
            "Downloads on hold, by reason.",
            &readings.held,
        ),
        ("mamcrawler_imports", "status", "Imports by status.", &readings.imports),
        ("mamcrawler_wants", "status", "Wants by status.", &readings.wants),
    ] {
        for (word, count) in tally {
            set(name, help, &[(label, *word)], count_of(*count));
        }
    }
    let help = "Failures on the Problems page.";
    set("mamcrawler_problems", help, &[], count_of(readings.problems));
    describe_counter!(
        "mamcrawler_import_events_total",
        "How often verifying and importing ended so, over all downloads in the database."
    );
    for (word, count) in &readings.import_events {
        counter!("mamcrawler_import_events_total", "outcome" => *word).absolute(*count);
    }
}

/// Before a library was read, that none of its books is stored says nothing about it.
fn record_library(readings: &Readings) {
    record_reading(readings);
    let library = &readings.library;
    if library.last_synced_at.is_none() {
        return;
    }
    for (name, help, count) in [
        (
            "mamcrawler_library_books",
            "Books whose files are there.",
            library.books,
        ),
        ("mamcrawler_library_works", "Works that are owned.", library.works),
        (
            "mamcrawler_library_missing_books",
            "Books whose files are gone.",
            library.missing_files,
        ),
        (
            "mamcrawler_library_size_bytes",
            "Size of the books.",
            library.size_bytes,
        ),
        (
            "mamcrawler_library_duration_seconds",
            "Runtime of the books.",
            library.duration_seconds,
        ),
    ] {
        set(name, help, &[], count_of(count));
    }
    for (word, count) in &readings.lacking {
        let help = "Books whose record lacks this.";
        set(
            "mamcrawler_library_lacking_books",
            help,
            &[("field", *word)],
            count_of(*count),
        );
    }
}

/// Whether what is said of the library can be relied on.
fn record_reading(readings: &Readings) {
    let help = "When the library was last read; absent before the first time.";
    let read_at = readings.library.last_synced_at.map(seconds);
    set_known("mamcrawler_library_last_read_timestamp_seconds", help, &[], read_at);
    let mut integrations = readings.integrations.iter();
    let has_library = integrations.any(|one| one.kind == IntegrationKind::Audiobookshelf);
    let help = "Whether it is known what is owned; absent when no library is connected.";
    let is_readable = has_library.then(|| flag(readings.library_obstacle.is_none()));
    set_known("mamcrawler_library_readable", help, &[], is_readable);
}

fn record_backups(readings: &Readings) {
    let help = "When the newest backup was made that is there and was not found broken; absent when there is none.";
    let made = readings.last_backup.map(seconds);
    set_known("mamcrawler_last_backup_timestamp_seconds", help, &[], made);
    let help = "When everything was last brought back from a backup as a test; absent when it never was.";
    let proven = readings.last_restore_test.map(seconds);
    set_known("mamcrawler_last_restore_test_timestamp_seconds", help, &[], proven);
}

fn set(name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: f64) {
    describe_gauge!(name, help);
    let labels: Vec<(&'static str, String)> = labels.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    gauge!(name, &labels).set(value);
}

fn set_known(name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: Option<f64>) {
    if let Some(value) = value {
        set(name, help, labels, value);
    }
}

fn flag(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

fn seconds(at: DateTime<Utc>) -> f64 {
    real(at.timestamp())
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 a gauge may be off by one")]
fn real(value: i64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 a gauge may be off by one")]
fn count_of(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
