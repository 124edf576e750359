//! Putting work into the queue and taking it out again, in the caller's transaction.

use chrono::{DateTime, Utc};
use diesel::OptionalExtension;
use diesel::sql_types::{Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use types::RunId;
use types::events::LiveEvent;
use types::jobs::JobKind;
use uuid::Uuid;

use crate::store::storable;
use crate::{EVENT_CHANNEL, Result, WAKE_CHANNEL};

/// Work to queue. Fill what differs: `NewRun { lock_key: …, ..NewRun::of(id, kind, by, now) }`.
#[derive(Debug, Clone)]
pub struct NewRun {
    pub id: RunId,
    pub kind: JobKind,
    pub payload: serde_json::Value,
    /// While a run with this key is queued, another one is not added.
    pub dedupe_key: Option<String>,
    /// While a run with this key is running, this one waits.
    pub lock_key: Option<String>,
    /// Not before.
    pub run_at: DateTime<Utc>,
    /// A user's name, "schedule" or the job that caused it.
    pub started_by: String,
    /// Higher is taken first.
    pub priority: i32,
    /// Starts, the first one included.
    pub max_attempts: i32,
}

impl NewRun {
    /// One run of `kind` at a time, queued at most once, due now, tried up to four times.
    pub fn of(id: RunId, kind: JobKind, started_by: &str, now: DateTime<Utc>) -> Self {
        Self {
            id,
            kind,
            payload: serde_json::json!({}),
            dedupe_key: Some(kind.as_str().into()),
            lock_key: Some(kind.as_str().into()),
            run_at: now,
            started_by: started_by.into(),
            priority: 0,
            max_attempts: 4,
        }
    }

    /// The same for work that belongs to one thing: dedupe and lock by kind and `subject`, kept in the payload as `id`.
    pub fn about(id: RunId, kind: JobKind, subject: Uuid, started_by: &str, now: DateTime<Utc>) -> Self {
        let key = format!("{kind}:{subject}");
        Self {
            payload: serde_json::json!({ "id": subject }),
            dedupe_key: Some(key.clone()),
            lock_key: Some(key),
            ..Self::of(id, kind, started_by, now)
        }
    }
}

#[derive(diesel::QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Queues a run, to start when the caller's transaction commits.
///
/// `None` = a run with the same dedupe key waits already; it is moved forward if this one is due earlier.
pub async fn enqueue(conn: &mut AsyncPgConnection, run: NewRun, now: DateTime<Utc>) -> Result<Option<RunId>> {
    let id = run.id;
    let stored: IdRow = diesel::sql_query(
        "INSERT INTO runs (id, kind, payload, dedupe_key, lock_key, priority, status, started_by, max_attempts, run_at, queued_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $8, $9, $10)
         ON CONFLICT (dedupe_key) WHERE status = 'queued'
         DO UPDATE SET run_at = LEAST(runs.run_at, excluded.run_at)
         RETURNING id",
    )
    .bind::<SqlUuid, _>(run.id.0)
    .bind::<Text, _>(run.kind.as_str())
    .bind::<Jsonb, _>(run.payload)
    .bind::<Nullable<Text>, _>(run.dedupe_key)
    .bind::<Nullable<Text>, _>(run.lock_key)
    .bind::<Integer, _>(run.priority)
    .bind::<Text, _>(run.started_by)
    .bind::<Integer, _>(run.max_attempts.max(1))
    .bind::<Timestamptz, _>(run.run_at)
    .bind::<Timestamptz, _>(now)
    .get_result(conn)
    .await?;
    notify(conn, WAKE_CHANNEL, "").await?;
    notify_run(conn, stored.id).await?;
    Ok((stored.id == id.0).then_some(id))
}

/// The queued run with this dedupe key.
pub async fn find_queued_run(conn: &mut AsyncPgConnection, dedupe_key: &str) -> Result<Option<RunId>> {
    let row: Option<IdRow> = diesel::sql_query("SELECT id FROM runs WHERE dedupe_key = $1 AND status = 'queued'")
        .bind::<Text, _>(dedupe_key)
        .get_result(conn)
        .await
        .optional()?;
    Ok(row.map(|row| RunId(row.id)))
}

/// Whether a run with this dedupe key waits or runs.
pub async fn has_live_run(conn: &mut AsyncPgConnection, dedupe_key: &str) -> Result<bool> {
    let sql = "SELECT id FROM runs WHERE dedupe_key = $1 AND status IN ('queued', 'running') LIMIT 1";
    let row: Option<IdRow> = diesel::sql_query(sql)
        .bind::<Text, _>(dedupe_key)
        .get_result(conn)
        .await
        .optional()?;
    Ok(row.is_some())
}

/// What became of the wish to cancel a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It had not started and never will.
    AtOnce,
    /// It runs; its handler was told and stops at the next safe place.
    Asked,
    /// It had ended, or there is no such run.
    TooLate,
}

#[derive(diesel::QueryableByName)]
struct WasRunning {
    #[diesel(sql_type = Bool)]
    is_running: bool,
}

/// Cancels a queued run, or asks a running one to stop.
pub async fn cancel_run(
    conn: &mut AsyncPgConnection,
    id: RunId,
    sentence: &str,
    now: DateTime<Utc>,
) -> Result<Cancelled> {
    let row: Option<WasRunning> = diesel::sql_query(
        "UPDATE runs SET cancel_requested = TRUE, sentence = $2,
             status = CASE status WHEN 'queued' THEN 'cancelled' ELSE status END,
             finished_at = CASE status WHEN 'queued' THEN $3 END
         WHERE id = $1 AND status IN ('queued', 'running')
         RETURNING status = 'running' AS is_running",
    )
    .bind::<SqlUuid, _>(id.0)
    .bind::<Text, _>(storable(sentence))
    .bind::<Timestamptz, _>(now)
    .get_result(conn)
    .await
    .optional()?;
    let Some(row) = row else { return Ok(Cancelled::TooLate) };
    notify(conn, WAKE_CHANNEL, &format!("cancel:{id}")).await?;
    notify_run(conn, id.0).await?;
    Ok(if row.is_running {
        Cancelled::Asked
    } else {
        Cancelled::AtOnce
    })
}

/// Sends when the transaction commits; equal payloads of one transaction are sent once.
pub(crate) async fn notify(conn: &mut AsyncPgConnection, channel: &str, payload: &str) -> Result<()> {
    diesel::sql_query("SELECT pg_notify($1, $2)")
        .bind::<Text, _>(channel)
        .bind::<Text, _>(payload)
        .execute(conn)
        .await?;
    Ok(())
}

/// Tells open pages that a run changed.
pub(crate) async fn notify_run(conn: &mut AsyncPgConnection, id: Uuid) -> Result<()> {
    let event = serde_json::to_string(&LiveEvent::Run(RunId(id))).expect("an event is plain data");
    notify(conn, EVENT_CHANNEL, &event).await
}
