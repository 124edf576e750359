//! The engine's SQL: claim, keep, end.
//!
//! Leases are measured with the database's clock, which all processes share; everything people see with the given clock.

use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use diesel::OptionalExtension;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use types::RunId;
use types::jobs::{JobKind, LogLevel, RunStatus};
use uuid::Uuid;

use crate::context::Figures;
use crate::failures::{Failed, record_failure};
use crate::handler::Complaint;
use crate::history::known_kinds;
use crate::queue::notify_run;
use crate::{Pool, Result};

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
        End::Again(at, sentence) => write_queued(conn, run, *at, sentence, 0, now).await?,
        End::HandBack => {
            let sentence = "Handed back when the server stopped; it starts again.";
            write_queued(conn, run, now, sentence, 1, now).await?
        }
    };
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

async fn write_queued(
    conn: &mut AsyncPgConnection,
    run: &ClaimedRun,
    at: DateTime<Utc>,
    sentence: &str,
    attempts_back: i32,
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
            .bind::<Timestamptz, _>(at)
            .bind::<Text, _>(storable(sentence))
            .bind::<Integer, _>(attempts_back)
            .bind::<Timestamptz, _>(now)
            .execute(conn)
            .await
        })
        .await;
    match queued {
        // The same work was queued again meanwhile; that run does it.
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            let sentence = format!("{sentence} Another run of the same work is queued and takes over.");
            write_final(conn, run, RunStatus::Failed, sentence.trim(), now).await
        }
        other => other,
    }
}

#[derive(diesel::QueryableByName)]
struct LostRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    dedupe_key: Option<String>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Jsonb)]
    payload: serde_json::Value,
    #[diesel(sql_type = Bool)]
    is_over: bool,
    #[diesel(sql_type = Bool)]
    cancel_requested: bool,
}

/// Queues the runs whose process died, unless they were cancelled, used up, or are queued anew already.
pub(crate) async fn requeue_lost(conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> Result<usize> {
    conn.transaction::<_, Error, _>(async |conn| {
        let lost: Vec<LostRow> = diesel::sql_query(
            "SELECT id, dedupe_key, kind, payload, attempt >= max_attempts AS is_over, cancel_requested FROM runs
             WHERE status = 'running' AND lease_until < clock_timestamp() ORDER BY id FOR UPDATE SKIP LOCKED",
        )
        .load(conn)
        .await?;
        for row in &lost {
            requeue_one(conn, row, now).await?;
        }
        Ok(lost.len())
    })
    .await
}

async fn requeue_one(conn: &mut AsyncPgConnection, row: &LostRow, now: DateTime<Utc>) -> Result<()> {
    let (status, sentence) = match row {
        LostRow {
            cancel_requested: true, ..
        } => (RunStatus::Cancelled, "Cancelled."),
        LostRow { is_over: true, .. } => (
            RunStatus::Lost,
            "The process that ran it stopped each time. See the server's log, then start it again.",
        ),
        _ => (RunStatus::Queued, "The process that ran it stopped; it is run again."),
    };
    // Should `enqueue` of the same key slip in between check and update, the unique index refuses us, and the whole sweep
    // is repeated at the next poll.
    diesel::sql_query(
        "UPDATE runs SET sentence = $3, worker = NULL, lease_until = NULL, run_at = LEAST(run_at, $4),
             status = CASE WHEN $2 = 'queued' AND EXISTS
                 (SELECT 1 FROM runs AS o WHERE o.dedupe_key = $5 AND o.status = 'queued') THEN 'lost' ELSE $2 END,
             finished_at = CASE WHEN $2 = 'queued' THEN NULL ELSE $4 END
         WHERE id = $1",
    )
    .bind::<SqlUuid, _>(row.id)
    .bind::<Text, _>(status.as_str())
    .bind::<Text, _>(storable(sentence))
    .bind::<Timestamptz, _>(now)
    .bind::<Nullable<Text>, _>(row.dedupe_key.as_deref())
    .execute(conn)
    .await?;
    insert_log(conn, RunId(row.id), now, LogLevel::Warning, sentence).await?;
    if status == RunStatus::Lost {
        let failed = Failed {
            kind: &row.kind,
            item: subject_of(&row.payload),
            code: "lost",
            sentence,
            run: Some(RunId(row.id)),
        };
        record_failure(conn, &failed, now).await?;
    }
    notify_run(conn, row.id).await
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
