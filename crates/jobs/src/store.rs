//! The engine's SQL: claim, keep, end.
//!
//! Leases are measured with the database's clock, which all processes share; everything people see with the given clock.

use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::OptionalExtension;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use tokio::time::Instant;
use types::RunId;
use types::jobs::{JobKind, LogLevel, RunStatus};
use uuid::Uuid;

use crate::context::Figures;
use crate::handler::Complaint;
use crate::history::known_kinds;
use crate::queue::notify_run;
use crate::{CLOCKS_DIFFER, Pool, Result};

/// A run that this worker may execute until its lease ends.
#[derive(Debug, Clone)]
pub(crate) struct ClaimedRun {
    pub id: RunId,
    pub kind: JobKind,
    pub payload: serde_json::Value,
    pub attempt: i32,
    pub max_attempts: i32,
    pub started_by: String,
    /// New for every claim: whoever lost the lease can write nothing more.
    pub lease: Uuid,
    /// Before it was claimed, so the lease ends no earlier than its length after this.
    pub claimed: Instant,
}

#[derive(diesel::QueryableByName)]
struct ClaimedRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Jsonb)]
    payload: serde_json::Value,
    #[diesel(sql_type = Integer)]
    attempt: i32,
    #[diesel(sql_type = Integer)]
    max_attempts: i32,
    #[diesel(sql_type = Text)]
    started_by: String,
    #[diesel(sql_type = SqlUuid)]
    worker: Uuid,
}

/// A connection of the pool.
pub(crate) async fn borrow_connection(pool: &Pool) -> anyhow::Result<Object<AsyncPgConnection>> {
    pool.get()
        .await
        .context("taking a database connection for the job queue")
}

/// Takes the next run that is due and whose lock is free.
pub(crate) async fn claim_run(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
    lease: Duration,
) -> Result<Option<ClaimedRun>> {
    loop {
        match try_claim(conn, now, lease).await {
            // Two workers took two runs with the same lock key at once; ours was rolled back, so look again.
            Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {}
            other => return other,
        }
    }
}

async fn try_claim(conn: &mut AsyncPgConnection, now: DateTime<Utc>, lease: Duration) -> Result<Option<ClaimedRun>> {
    let claimed = Instant::now();
    // Kinds of a newer version of this program are left to its own processes.
    let row: Option<ClaimedRow> = diesel::sql_query(
        "WITH next AS (
             SELECT id FROM runs AS r WHERE status = 'queued' AND run_at <= $1 AND kind = ANY($2)
                 AND NOT EXISTS (SELECT 1 FROM runs AS o WHERE o.lock_key = r.lock_key AND o.status = 'running')
             ORDER BY priority DESC, run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
         UPDATE runs SET status = 'running', attempt = attempt + 1, started_at = $1, sentence = '',
             worker = gen_random_uuid(), lease_until = clock_timestamp() + make_interval(secs => $3),
             progress_done = 0, progress_total = 0, counters = '[]'
         FROM next WHERE runs.id = next.id
         RETURNING runs.id, kind, payload, attempt, max_attempts, started_by, worker",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Array<Text>, _>(known_kinds())
    .bind::<Double, _>(lease.as_secs_f64())
    .get_result(conn)
    .await
    .optional()?;
    let Some(row) = row else { return Ok(None) };
    notify_run(conn, row.id).await?;
    Ok(Some(ClaimedRun {
        id: RunId(row.id),
        kind: row.kind.parse().expect("only known kinds are claimed"),
        payload: row.payload,
        attempt: row.attempt,
        max_attempts: row.max_attempts,
        started_by: row.started_by,
        lease: row.worker,
        claimed,
    }))
}

#[derive(diesel::QueryableByName)]
struct CancelRow {
    #[diesel(sql_type = Bool)]
    cancel_requested: bool,
}

/// Extends the lease. `Some(true)` = somebody asked to cancel; `None` = the lease is lost.
pub(crate) async fn extend_lease(
    conn: &mut AsyncPgConnection,
    run: &ClaimedRun,
    lease: Duration,
) -> Result<Option<bool>> {
    let row: Option<CancelRow> = diesel::sql_query(
        "UPDATE runs SET lease_until = clock_timestamp() + make_interval(secs => $3)
         WHERE id = $1 AND worker = $2 AND status = 'running' RETURNING cancel_requested",
    )
    .bind::<SqlUuid, _>(run.id.0)
    .bind::<SqlUuid, _>(run.lease)
    .bind::<Double, _>(lease.as_secs_f64())
    .get_result(conn)
    .await
    .optional()?;
    Ok(row.map(|row| row.cancel_requested))
}

/// Stores progress and counters, and tells open pages.
pub(crate) async fn save_figures(conn: &mut AsyncPgConnection, run: &ClaimedRun, figures: &Figures) -> Result<()> {
    diesel::sql_query(
        "UPDATE runs SET progress_done = $3, progress_total = $4, counters = $5
         WHERE id = $1 AND worker = $2 AND status = 'running'",
    )
    .bind::<SqlUuid, _>(run.id.0)
    .bind::<SqlUuid, _>(run.lease)
    .bind::<BigInt, _>(figures.done)
    .bind::<BigInt, _>(figures.total)
    .bind::<Jsonb, _>(serde_json::to_value(&figures.counters).expect("counters are plain data"))
    .execute(conn)
    .await?;
    notify_run(conn, run.id.0).await
}

/// How a run leaves this worker.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// For good, with one of the ended states.
    Final(RunStatus, String),
    /// For good, and counted among the failures.
    Failed(Complaint),
    /// To be started again at a time.
    Again(DateTime<Utc>, String),
    /// As if it had never been started: the process is stopping.
    HandBack,
}

/// Writes the end. Returns `false` when the lease was lost and somebody else answers for the run now.
pub(crate) async fn end_run(
    conn: &mut AsyncPgConnection,
    run: &ClaimedRun,
    end: &End,
    now: DateTime<Utc>,
) -> Result<bool> {
    let written = match end {
        End::Final(status, sentence) => write_final(conn, run, *status, sentence, now).await?,
        End::Failed(complaint) => write_final(conn, run, RunStatus::Failed, &complaint.sentence, now).await?,
        End::Again(at, sentence) => write_queued(conn, run, Return::to_be_tried_again(*at, sentence), now).await?,
        End::HandBack => write_queued(conn, run, Return::handed_back(now), now).await?,
    };
    if written > 0 && matches!(end, End::Final(RunStatus::Succeeded | RunStatus::NothingToDo, _)) {
        date_back(conn, run.kind, now).await?;
    }
    notify_run(conn, run.id.0).await?;
    Ok(written > 0)
}

async fn write_final(
    conn: &mut AsyncPgConnection,
    run: &ClaimedRun,
    status: RunStatus,
    sentence: &str,
    now: DateTime<Utc>,
) -> Result<usize> {
    diesel::sql_query(
        "UPDATE runs SET status = $3, sentence = $4, finished_at = $5, lease_until = NULL, worker = NULL
         WHERE id = $1 AND worker = $2 AND status = 'running'",
    )
    .bind::<SqlUuid, _>(run.id.0)
    .bind::<SqlUuid, _>(run.lease)
    .bind::<Text, _>(status.as_str())
    .bind::<Text, _>(storable(sentence))
    .bind::<Timestamptz, _>(now)
    .execute(conn)
    .await
}

/// How a run comes back into the queue.
struct Return<'a> {
    at: DateTime<Utc>,
    sentence: &'a str,
    attempts_back: i32,
    /// What becomes of it when another run of the same work is queued meanwhile.
    if_overtaken: RunStatus,
}

impl<'a> Return<'a> {
    fn to_be_tried_again(at: DateTime<Utc>, sentence: &'a str) -> Self {
        Self {
            at,
            sentence,
            attempts_back: 0,
            if_overtaken: RunStatus::Failed,
        }
    }

    fn handed_back(now: DateTime<Utc>) -> Self {
        Self {
            at: now,
            sentence: "Handed back when the server stopped; it starts again.",
            attempts_back: 1,
            // Nothing failed.
            if_overtaken: RunStatus::Cancelled,
        }
    }
}

async fn write_queued(
    conn: &mut AsyncPgConnection,
    run: &ClaimedRun,
    back: Return<'_>,
    now: DateTime<Utc>,
) -> Result<usize> {
    // In a savepoint, so that the conflict leaves the connection usable.
    let queued = conn
        .transaction::<_, Error, _>(async |conn| {
            diesel::sql_query(
                "UPDATE runs SET run_at = $3, sentence = $4, attempt = attempt - $5, lease_until = NULL, worker = NULL,
                     status = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'queued' END,
                     finished_at = CASE WHEN cancel_requested THEN $6 END
                 WHERE id = $1 AND worker = $2 AND status = 'running'",
            )
            .bind::<SqlUuid, _>(run.id.0)
            .bind::<SqlUuid, _>(run.lease)
            .bind::<Timestamptz, _>(back.at)
            .bind::<Text, _>(storable(back.sentence))
            .bind::<Integer, _>(back.attempts_back)
            .bind::<Timestamptz, _>(now)
            .execute(conn)
            .await
        })
        .await;
    match queued {
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            let sentence = tell_overtaken(&back);
            write_final(conn, run, back.if_overtaken, sentence.trim(), now).await
        }
        other => other,
    }
}

fn tell_overtaken(back: &Return<'_>) -> String {
    match back.if_overtaken {
        RunStatus::Cancelled => "Ended when the server stopped; another run of the same work is queued.".into(),
        _ => format!(
            "{} Another run of the same work is queued and takes over.",
            back.sentence
        ),
    }
}

/// What ended before now says so, though a clock that was ahead dated it later: the newest end must be the newest.
async fn date_back(conn: &mut AsyncPgConnection, kind: JobKind, now: DateTime<Utc>) -> Result<()> {
    diesel::sql_query(
        "UPDATE runs SET finished_at = $2, started_at = LEAST(started_at, $2), queued_at = LEAST(queued_at, $2)
         WHERE kind = $1 AND finished_at > $3",
    )
    .bind::<Text, _>(kind.as_str())
    .bind::<Timestamptz, _>(now - TimeDelta::milliseconds(1))
    .bind::<Timestamptz, _>(now + CLOCKS_DIFFER)
    .execute(conn)
    .await?;
    Ok(())
}

/// The thing that a payload of `NewRun::about` names.
pub(crate) fn subject_of(payload: &serde_json::Value) -> Option<Uuid> {
    payload["id"].as_str()?.parse().ok()
}

/// Adds a line to a run's log.
pub(crate) async fn append_log(
    pool: &Pool,
    id: RunId,
    now: DateTime<Utc>,
    level: LogLevel,
    sentence: &str,
) -> anyhow::Result<()> {
    let mut conn = borrow_connection(pool).await?;
    insert_log(&mut conn, id, now, level, sentence).await?;
    notify_run(&mut conn, id.0).await?;
    Ok(())
}

pub(crate) async fn insert_log(
    conn: &mut AsyncPgConnection,
    id: RunId,
    now: DateTime<Utc>,
    level: LogLevel,
    sentence: &str,
) -> Result<()> {
    diesel::sql_query("INSERT INTO run_log (run_id, at, level, sentence) VALUES ($1, $2, $3, $4)")
        .bind::<SqlUuid, _>(id.0)
        .bind::<Timestamptz, _>(now)
        .bind::<Text, _>(level.as_str())
        .bind::<Text, _>(storable(sentence))
        .execute(conn)
        .await?;
    Ok(())
}

/// PostgreSQL can't store the NUL character, and a sentence may quote what an outside service sent.
pub(crate) fn storable(sentence: &str) -> String {
    sentence.replace('\0', "")
}
