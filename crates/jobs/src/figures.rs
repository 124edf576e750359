//! How the queue and the schedules stand, for those who look after the system.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use types::jobs::{JobKind, RunStatus};

use crate::Result;
use crate::definitions::{COLUMNS, DefinitionRow};
use crate::history::known_kinds;

/// Work of one kind in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueFigures {
    pub kind: JobKind,
    pub running: u64,
    /// Waiting, those that are not due yet included.
    pub queued: u64,
    /// Waiting, and due.
    pub due: u64,
    /// Since when the oldest that is due could have started.
    pub due_since: Option<DateTime<Utc>>,
}

/// A job that starts by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFigures {
    pub kind: JobKind,
    pub is_enabled: bool,
    /// The longest pause that its schedule leaves; absent without a schedule.
    pub longest_pause: Option<Duration>,
    /// Since when it has had this schedule without being off in between; absent when nobody noted it.
    pub scheduled_since: Option<DateTime<Utc>>,
    pub next_at: Option<DateTime<Utc>>,
    /// Its last end without an error.
    pub last_success_at: Option<DateTime<Utc>>,
    /// How its last ended run ended, and with which words.
    pub last_end: Option<(RunStatus, String)>,
}

#[derive(diesel::QueryableByName)]
struct QueueRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    running: i64,
    #[diesel(sql_type = BigInt)]
    queued: i64,
    #[diesel(sql_type = BigInt)]
    due: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    due_since: Option<DateTime<Utc>>,
}

/// The queue by kind; a kind without work has zeros.
pub async fn read_queue(conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> Result<Vec<QueueFigures>> {
    let rows: Vec<QueueRow> = diesel::sql_query(
        "SELECT kind, count(*) FILTER (WHERE status = 'running') AS running,
             count(*) FILTER (WHERE status = 'queued') AS queued,
             count(*) FILTER (WHERE status = 'queued' AND run_at <= $1) AS due,
             min(run_at) FILTER (WHERE status = 'queued' AND run_at <= $1) AS due_since
         FROM runs WHERE status IN ('queued', 'running') AND kind = ANY($2) GROUP BY kind",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Text>, _>(known_kinds())
    .load(conn)
    .await?;
    let figures_of = |kind: JobKind| {
        let row = rows.iter().find(|row| row.kind == kind.as_str());
        let count = |figure: fn(&QueueRow) -> i64| row.map_or(0, |row| figure(row).unsigned_abs());
        QueueFigures {
            kind,
            running: count(|row| row.running),
            queued: count(|row| row.queued),
            due: count(|row| row.due),
            due_since: row.and_then(|row| row.due_since),
        }
    };
    Ok(JobKind::ALL.iter().map(|kind| figures_of(*kind)).collect())
}

#[derive(diesel::QueryableByName)]
struct EndRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_success_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    status: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    sentence: Option<String>,
}

/// Each scrape asks it, so it reads by `runs_ended` and not every run.
#[doc(hidden)]
pub const READ_ENDS: &str = "SELECT d.kind, success.finished_at AS last_success_at, newest.status, newest.sentence
     FROM job_definitions AS d
     LEFT JOIN LATERAL (SELECT finished_at FROM runs WHERE runs.kind = d.kind AND finished_at IS NOT NULL
         AND status IN ('succeeded', 'nothing_to_do') ORDER BY finished_at DESC LIMIT 1) AS success ON TRUE
     LEFT JOIN LATERAL (SELECT status, sentence FROM runs WHERE runs.kind = d.kind AND finished_at IS NOT NULL
         AND status NOT IN ('queued', 'running') ORDER BY finished_at DESC, id LIMIT 1) AS newest ON TRUE";

/// Every job that has a definition: its schedule, its last success and its last end.
pub async fn read_jobs(conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> Result<Vec<JobFigures>> {
    let definitions: Vec<DefinitionRow> = diesel::sql_query(format!("SELECT {COLUMNS} FROM job_definitions"))
        .load(conn)
        .await?;
    let ends: Vec<EndRow> = diesel::sql_query(READ_ENDS).load(conn).await?;
    let mut jobs: Vec<JobFigures> = definitions.iter().filter_map(|row| join_end(row, &ends, now)).collect();
    jobs.sort_by_key(|job| job.kind);
    Ok(jobs)
}

/// A kind of a newer version is left out.
fn join_end(row: &DefinitionRow, ends: &[EndRow], now: DateTime<Utc>) -> Option<JobFigures> {
    let end = ends.iter().find(|end| end.kind == row.kind);
    let last_end = end.and_then(|end| Some((end.status.as_ref()?.parse().ok()?, end.sentence.clone()?)));
    Some(JobFigures {
        kind: row.kind.parse().ok()?,
        is_enabled: row.is_enabled,
        longest_pause: row
            .effective()
            .and_then(|schedule| schedule.find_longest_pause(now, row.zone())),
        scheduled_since: row.scheduled_since,
        next_at: row.next_at.filter(|_| row.is_enabled),
        last_success_at: end.and_then(|end| end.last_success_at),
        last_end,
    })
}
