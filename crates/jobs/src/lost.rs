//! Runs whose process died: their lease is over and nobody wrote their end.

use chrono::{DateTime, Utc};
use diesel::result::Error;
use diesel::sql_types::{Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use types::RunId;
use types::jobs::{LogLevel, RunStatus};
use uuid::Uuid;

use crate::Result;
use crate::failures::{Failed, record_failure};
use crate::queue::{find_queued_run, notify_run};
use crate::store::{insert_log, storable, subject_of};

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

async fn requeue_one(conn: &mut AsyncPgConnection, row: &LostRow, now: DateTime<Utc>) -> Result<()> {
    let (status, sentence) = decide_lost(conn, row).await?;
    let finished_at = (status != RunStatus::Queued).then_some(now);
    // Should `enqueue` of the same key slip in between check and update, the unique index refuses us, and the whole sweep
    // is repeated at the next poll.
    diesel::sql_query(
        "UPDATE runs SET status = $2, sentence = $3, finished_at = $4, worker = NULL, lease_until = NULL,
             run_at = LEAST(run_at, $5)
         WHERE id = $1",
    )
    .bind::<SqlUuid, _>(row.id)
    .bind::<Text, _>(status.as_str())
    .bind::<Text, _>(storable(sentence))
    .bind::<Nullable<Timestamptz>, _>(finished_at)
    .bind::<Timestamptz, _>(now)
    .execute(conn)
    .await?;
    insert_log(conn, RunId(row.id), now, LogLevel::Warning, sentence).await?;
    if status == RunStatus::Lost && row.is_over {
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

/// What becomes of it.
async fn decide_lost(conn: &mut AsyncPgConnection, row: &LostRow) -> Result<(RunStatus, &'static str)> {
    if row.cancel_requested {
        return Ok((RunStatus::Cancelled, "Cancelled."));
    }
    if row.is_over {
        let sentence = "The process that ran it stopped each time. See the server's log, then start it again.";
        return Ok((RunStatus::Lost, sentence));
    }
    let overtaking = match &row.dedupe_key {
        Some(key) => find_queued_run(conn, key).await?,
        None => None,
    };
    Ok(match overtaking {
        Some(_) => (
            RunStatus::Lost,
            "The process that ran it stopped; another run of the same work is queued and takes over.",
        ),
        None => (RunStatus::Queued, "The process that ran it stopped; it is run again."),
    })
}
