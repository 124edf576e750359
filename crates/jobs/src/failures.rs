//! What jobs could not do, counted by job, thing and code: the Problems page.
//!
//! A failure is recorded in the transaction that ends its run, and forgotten when the same job succeeds at the same thing.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::OptionalExtension;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use types::events::LiveEvent;
use types::jobs::{JobKind, RunStatus};
use types::{FailureId, Page, PageRequest, RunId};
use uuid::Uuid;

use crate::handler::Complaint;
use crate::history::{CountRow, known_kinds, read_run_cursor, write_run_cursor};
use crate::queue::notify;
use crate::store::{ClaimedRun, End, storable, subject_of};
use crate::{CLOCKS_DIFFER, EVENT_CHANNEL, Result};

/// What was dismissed stays hidden at least so long: a job that runs every 15 seconds would bring it back at once.
const HIDDEN_FOR: TimeDelta = TimeDelta::hours(1);

/// Stands for no item in the unique index.
const WHOLE_JOB: Uuid = Uuid::nil();

/// What a run says of one of several things that it is about; `None` = it worked.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub item: Uuid,
    pub complaint: Option<Complaint>,
}

/// Something that did not work.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// Word of the job's kind.
    pub kind: &'a str,
    /// The thing; `None` = the job as a whole.
    pub item: Option<Uuid>,
    pub code: &'a str,
    pub sentence: &'a str,
    pub run: Option<RunId>,
}

/// A counted failure.
#[derive(Debug, Clone, diesel::QueryableByName)]
pub struct FailureRow {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub item: Option<Uuid>,
    #[diesel(sql_type = Text)]
    pub code: String,
    #[diesel(sql_type = Text)]
    pub sentence: String,
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    #[diesel(sql_type = Timestamptz)]
    pub first_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub last_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub last_run: Option<Uuid>,
    /// When a person dismissed it last.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_dismissed_at: Option<DateTime<Utc>>,
    /// The count at that time.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub dismissed_count: Option<i64>,
}

const COLUMNS: &str =
    "id, kind, item, code, sentence, count, first_at, last_at, last_run, last_dismissed_at, dismissed_count";

/// What is listed, with [`shown_since`] as `$1`. A failure that happens again loses its `dismissed_at`.
const IS_SHOWN: &str = "dismissed_at IS NULL AND (last_dismissed_at IS NULL OR last_dismissed_at <= $1)";

/// Whatever happened again after it was dismissed by then is shown.
fn shown_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - HIDDEN_FOR
}

impl FailureRow {
    /// The job that failed; only known kinds are read.
    pub fn job(&self) -> JobKind {
        self.kind.parse().expect("only known kinds are read")
    }
}

/// Writes what the end of a run says about failures, in the transaction that ends it.
pub(crate) async fn settle_run(
    conn: &mut AsyncPgConnection,
    run: &ClaimedRun,
    end: &End,
    findings: &[Finding],
    now: DateTime<Utc>,
) -> Result<()> {
    let subject = subject_of(&run.payload);
    let own = match end {
        End::Failed(own) if findings.iter().any(|finding| is_said(finding, subject, own)) => None,
        End::Failed(complaint) => Some(Some(complaint)),
        End::Final(RunStatus::Succeeded | RunStatus::NothingToDo, _) => Some(None),
        _ => None,
    };
    let of_items = findings
        .iter()
        .map(|finding| (Some(finding.item), finding.complaint.as_ref()));
    let own = own.map(|complaint| (subject, complaint));
    let mut worked = Vec::new();
    for (item, complaint) in own.into_iter().chain(of_items) {
        let Some(complaint) = complaint else {
            worked.push(item.unwrap_or(WHOLE_JOB));
            continue;
        };
        let failed = Failed {
            kind: run.kind.as_str(),
            item,
            code: complaint.code,
            sentence: &complaint.sentence,
            run: Some(run.id),
        };
        record_failure(conn, &failed, now).await?;
    }
    resolve(conn, run, worked, now).await
}

/// Whether the run's own failure is this one already; a row counts once for each run.
fn is_said(finding: &Finding, subject: Option<Uuid>, own: &Complaint) -> bool {
    let code = finding.complaint.as_ref().map(|complaint| complaint.code);
    Some(finding.item) == subject && code == Some(own.code)
}

/// Counts a failure in the caller's transaction. One that was dismissed is shown again, though not before its hour is
/// over: it was not over itself.
pub async fn record_failure(conn: &mut AsyncPgConnection, failed: &Failed<'_>, now: DateTime<Utc>) -> Result<()> {
    diesel::sql_query(
        "INSERT INTO failures AS f (id, kind, item, code, sentence, first_at, last_at, last_run)
         VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $5, $6)
         ON CONFLICT (kind, COALESCE(item, '00000000-0000-0000-0000-000000000000'), code)
         DO UPDATE SET sentence = excluded.sentence, count = f.count + 1, last_at = excluded.last_at,
             last_run = COALESCE(excluded.last_run, f.last_run), dismissed_at = NULL",
    )
    .bind::<Text, _>(failed.kind)
    .bind::<Nullable<SqlUuid>, _>(failed.item)
    .bind::<Text, _>(failed.code)
    .bind::<Text, _>(storable(failed.sentence))
    .bind::<Timestamptz, _>(now)
    .bind::<Nullable<SqlUuid>, _>(failed.run.map(|run| run.0))
    .execute(conn)
    .await?;
    notify_failures(conn).await
}

/// Forgets what failed before this run began, and what a clock that was ahead dated later than now: what its own steps
/// recorded meanwhile stays.
async fn resolve(conn: &mut AsyncPgConnection, run: &ClaimedRun, worked: Vec<Uuid>, now: DateTime<Utc>) -> Result<()> {
    if worked.is_empty() {
        return Ok(());
    }
    let resolved = diesel::sql_query(
        "DELETE FROM failures WHERE kind = $1 AND COALESCE(item, '00000000-0000-0000-0000-000000000000') = ANY($2)
             AND (last_at < (SELECT started_at FROM runs WHERE id = $3) OR last_at > $4)",
    )
    .bind::<Text, _>(run.kind.as_str())
    .bind::<Array<SqlUuid>, _>(worked)
    .bind::<SqlUuid, _>(run.id.0)
    .bind::<Timestamptz, _>(now + CLOCKS_DIFFER)
    .execute(conn)
    .await?;
    if resolved == 0 {
        Ok(())
    } else {
        notify_failures(conn).await
    }
}

/// Forgets everything that failed about a thing, as a person decided about it or it ended well.
pub async fn forget_failures(conn: &mut AsyncPgConnection, item: Uuid) -> Result<()> {
    let forgotten = diesel::sql_query("DELETE FROM failures WHERE item = $1")
        .bind::<SqlUuid, _>(item)
        .execute(conn)
        .await?;
    if forgotten == 0 {
        Ok(())
    } else {
        notify_failures(conn).await
    }
}

/// Failures that nobody dismissed, or that happened again and were dismissed more than an hour ago; newest first.
/// `None` = the cursor is not ours.
pub async fn list_failures(
    conn: &mut AsyncPgConnection,
    kind: Option<JobKind>,
    page: &PageRequest,
    now: DateTime<Utc>,
) -> Result<Option<Page<FailureRow>>> {
    let cursor = page.cursor.as_deref().map(read_cursor);
    if cursor == Some(None) {
        return Ok(None);
    }
    let (before, before_id) = cursor.flatten().unzip();
    let rows: Vec<FailureRow> = diesel::sql_query(format!(
        "SELECT {COLUMNS} FROM failures
         WHERE {IS_SHOWN} AND ($6::text IS NULL OR kind = $6) AND kind = ANY($5)
             AND ($2::timestamptz IS NULL OR (last_at, id) < ($2, $3))
         ORDER BY last_at DESC, id DESC LIMIT $4"
    ))
    .bind::<Timestamptz, _>(shown_since(now))
    .bind::<Nullable<Timestamptz>, _>(before)
    .bind::<Nullable<SqlUuid>, _>(before_id)
    .bind::<BigInt, _>(i64::from(page.limit()) + 1)
    .bind::<Array<Text>, _>(known_kinds())
    .bind::<Nullable<Text>, _>(kind.map(JobKind::as_str))
    .load(conn)
    .await?;
    Ok(Some(Page::cut(
        rows,
        page.limit(),
        count_failures(conn, kind, now).await?,
        |row| format!("{CURSOR_MARK}{}", write_run_cursor(row.last_at, row.id)),
    )))
}

/// Tells a cursor from one of the runs.
const CURSOR_MARK: char = 'f';

fn read_cursor(text: &str) -> Option<(DateTime<Utc>, Uuid)> {
    read_run_cursor(text.strip_prefix(CURSOR_MARK)?)
}

/// How many there are of those.
pub async fn count_failures(conn: &mut AsyncPgConnection, kind: Option<JobKind>, now: DateTime<Utc>) -> Result<u64> {
    let row: CountRow = diesel::sql_query(format!(
        "SELECT count(*) FROM failures WHERE {IS_SHOWN} AND ($3::text IS NULL OR kind = $3) AND kind = ANY($2)"
    ))
    .bind::<Timestamptz, _>(shown_since(now))
    .bind::<Array<Text>, _>(known_kinds())
    .bind::<Nullable<Text>, _>(kind.map(JobKind::as_str))
    .get_result(conn)
    .await?;
    Ok(row.count.unsigned_abs())
}

/// One of those; it stays as it is until the end of the transaction.
pub async fn find_failure(
    conn: &mut AsyncPgConnection,
    id: FailureId,
    now: DateTime<Utc>,
) -> Result<Option<FailureRow>> {
    diesel::sql_query(format!(
        "SELECT {COLUMNS} FROM failures WHERE {IS_SHOWN} AND id = $2 AND kind = ANY($3) FOR UPDATE"
    ))
    .bind::<Timestamptz, _>(shown_since(now))
    .bind::<SqlUuid, _>(id.0)
    .bind::<Array<Text>, _>(known_kinds())
    .get_result(conn)
    .await
    .optional()
}

/// Hides a failure for an hour, and then until it has happened again.
pub async fn dismiss_failure(conn: &mut AsyncPgConnection, id: FailureId, now: DateTime<Utc>) -> Result<()> {
    diesel::sql_query(
        "UPDATE failures SET dismissed_at = $2, last_dismissed_at = $2, dismissed_count = count WHERE id = $1",
    )
    .bind::<SqlUuid, _>(id.0)
    .bind::<Timestamptz, _>(now)
    .execute(conn)
    .await?;
    notify_failures(conn).await
}

/// Forgets failures that did not come again since `before`.
pub async fn delete_failures_before(conn: &mut AsyncPgConnection, before: DateTime<Utc>) -> Result<usize> {
    diesel::sql_query("DELETE FROM failures WHERE last_at < $1")
        .bind::<Timestamptz, _>(before)
        .execute(conn)
        .await
}

async fn notify_failures(conn: &mut AsyncPgConnection) -> Result<()> {
    let event = serde_json::to_string(&LiveEvent::Failures).expect("an event is plain data");
    notify(conn, EVENT_CHANNEL, &event).await
}
