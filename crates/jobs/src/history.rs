//! Reading runs and schedules for people.

use chrono::{DateTime, Utc};
use diesel::OptionalExtension;
use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use types::jobs::{Counter, JobKind, JobSummary, LogLevel, RunDetail, RunLogLine, RunStatus, RunSummary};
use types::{Page, PageRequest, RunId};
use uuid::Uuid;

use crate::Result;
use crate::definitions::{COLUMNS as DEFINITION_COLUMNS, DefinitionRow};

/// Lines of a log that are read at most; the newest ones.
const MAX_LOG_LINES: i64 = 2000;
/// The year 10000.
const MAX_MICROS: i64 = 253_402_300_800_000_000;
/// What a run's row gives; kinds and states of a newer version are left out by `read_row`.
const COLUMNS: &str = "id, kind, status, sentence, started_by, queued_at, started_at, finished_at, \
                       progress_done, progress_total, attempt, counters";

#[derive(diesel::QueryableByName)]
struct RunRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Text)]
    sentence: String,
    #[diesel(sql_type = Text)]
    started_by: String,
    #[diesel(sql_type = Timestamptz)]
    queued_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    started_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    finished_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    progress_done: i64,
    #[diesel(sql_type = BigInt)]
    progress_total: i64,
    #[diesel(sql_type = Integer)]
    attempt: i32,
    #[diesel(sql_type = Jsonb)]
    counters: serde_json::Value,
}

#[derive(diesel::QueryableByName)]
pub(crate) struct CountRow {
    #[diesel(sql_type = BigInt)]
    pub count: i64,
}

/// Runs, newest first. A cursor that is not ours starts at the first page.
pub async fn list_runs(
    conn: &mut AsyncPgConnection,
    kind: Option<JobKind>,
    page: &PageRequest,
) -> Result<Page<RunSummary>> {
    let (before, before_id) = page.cursor.as_deref().and_then(read_run_cursor).unzip();
    let rows: Vec<RunRow> = diesel::sql_query(format!(
        "SELECT {COLUMNS} FROM runs WHERE ($1::text IS NULL OR kind = $1) AND kind = ANY($5)
             AND ($2::timestamptz IS NULL OR (queued_at, id) < ($2, $3))
         ORDER BY queued_at DESC, id DESC LIMIT $4"
    ))
    .bind::<Nullable<Text>, _>(kind.map(JobKind::as_str))
    .bind::<Nullable<Timestamptz>, _>(before)
    .bind::<Nullable<SqlUuid>, _>(before_id)
    .bind::<BigInt, _>(i64::from(page.limit()) + 1)
    .bind::<Array<Text>, _>(known_kinds())
    .load(conn)
    .await?;
    let page = Page::cut(rows, page.limit(), count_runs(conn, kind).await?, |row| {
        write_run_cursor(row.queued_at, row.id)
    });
    Ok(Page {
        items: page.items.iter().filter_map(read_row).collect(),
        next_cursor: page.next_cursor,
        total: page.total,
    })
}

/// Whether a page of [`list_runs`] can have given this cursor.
pub fn is_run_cursor(text: &str) -> bool {
    read_run_cursor(text).is_some()
}

async fn count_runs(conn: &mut AsyncPgConnection, kind: Option<JobKind>) -> Result<u64> {
    let sql = "SELECT count(*) FROM runs WHERE ($1::text IS NULL OR kind = $1) AND kind = ANY($2)";
    let row: CountRow = diesel::sql_query(sql)
        .bind::<Nullable<Text>, _>(kind.map(JobKind::as_str))
        .bind::<Array<Text>, _>(known_kinds())
        .get_result(conn)
        .await?;
    Ok(row.count.unsigned_abs())
}

/// What runs now, then what waits, in the order in which it starts.
pub async fn list_active_runs(conn: &mut AsyncPgConnection, limit: u32) -> Result<Vec<RunSummary>> {
    let rows: Vec<RunRow> = diesel::sql_query(format!(
        "SELECT {COLUMNS} FROM runs WHERE status IN ('running', 'queued')
         ORDER BY status = 'running' DESC, priority DESC, run_at, id LIMIT $1"
    ))
    .bind::<BigInt, _>(i64::from(limit))
    .load(conn)
    .await?;
    Ok(rows.iter().filter_map(read_row).collect())
}

/// A run with its log.
pub async fn find_run(conn: &mut AsyncPgConnection, id: RunId) -> Result<Option<RunDetail>> {
    let row: Option<RunRow> = diesel::sql_query(format!("SELECT {COLUMNS} FROM runs WHERE id = $1"))
        .bind::<SqlUuid, _>(id.0)
        .get_result(conn)
        .await
        .optional()?;
    let Some((row, summary)) = row.and_then(|row| read_row(&row).map(|summary| (row, summary))) else {
        return Ok(None);
    };
    let can_cancel = matches!(summary.status, RunStatus::Queued | RunStatus::Running);
    let counters: Vec<Counter> = serde_json::from_value(row.counters).unwrap_or_default();
    Ok(Some(RunDetail {
        summary,
        log: read_log(conn, id).await?,
        counters,
        can_cancel,
    }))
}

#[derive(diesel::QueryableByName)]
struct LogRow {
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    level: String,
    #[diesel(sql_type = Text)]
    sentence: String,
}

async fn read_log(conn: &mut AsyncPgConnection, id: RunId) -> Result<Vec<RunLogLine>> {
    let mut rows: Vec<LogRow> =
        diesel::sql_query("SELECT at, level, sentence FROM run_log WHERE run_id = $1 ORDER BY id DESC LIMIT $2")
            .bind::<SqlUuid, _>(id.0)
            .bind::<BigInt, _>(MAX_LOG_LINES)
            .load(conn)
            .await?;
    rows.reverse();
    let read = |row: LogRow| {
        let level = row.level.parse().unwrap_or(LogLevel::Info);
        RunLogLine {
            at: row.at,
            level,
            sentence: row.sentence,
        }
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Every kind that has a definition, with its last run.
pub async fn list_jobs(conn: &mut AsyncPgConnection) -> Result<Vec<JobSummary>> {
    let definitions: Vec<DefinitionRow> =
        diesel::sql_query(format!("SELECT {DEFINITION_COLUMNS} FROM job_definitions"))
            .load(conn)
            .await?;
    let last: Vec<RunRow> = diesel::sql_query(format!(
        "SELECT last.* FROM job_definitions AS d CROSS JOIN LATERAL
             (SELECT {COLUMNS} FROM runs WHERE runs.kind = d.kind ORDER BY queued_at DESC, id LIMIT 1) AS last"
    ))
    .load(conn)
    .await?;
    let last: Vec<RunSummary> = last.iter().filter_map(read_row).collect();
    let mut jobs: Vec<JobSummary> = definitions
        .iter()
        .filter_map(|row| read_definition(row, &last))
        .collect();
    jobs.sort_by_key(|job| job.kind);
    Ok(jobs)
}

fn read_definition(row: &DefinitionRow, last: &[RunSummary]) -> Option<JobSummary> {
    let kind = row.kind.parse().ok()?;
    let (schedule, zone) = (row.effective(), row.zone());
    let next_at = row.next_at.filter(|_| row.is_enabled);
    Some(JobSummary {
        kind,
        is_enabled: row.is_enabled,
        schedule: schedule
            .as_ref()
            .map_or_else(|| "on demand".into(), |schedule| schedule.sentence(zone)),
        schedule_text: schedule.map(|schedule| schedule.to_string()).unwrap_or_default(),
        is_custom: row.custom_schedule.is_some(),
        default_schedule: row.schedule.clone().unwrap_or_default(),
        next_at,
        next_local: next_at.map(|at| zone.format(at)),
        last_run: last.iter().find(|run| run.kind == kind).cloned(),
    })
}

/// The newest success of each kind is kept, however old it is: it tells whether a job is late.
const IS_LAST_SUCCESS: &str = "id IN (SELECT DISTINCT ON (kind) id FROM runs
    WHERE status IN ('succeeded', 'nothing_to_do') AND finished_at IS NOT NULL ORDER BY kind, finished_at DESC, id DESC)";

/// Forgets runs that ended before `before`, with their logs, but for the newest success of each kind.
pub async fn delete_runs_before(conn: &mut AsyncPgConnection, before: DateTime<Utc>) -> Result<usize> {
    diesel::sql_query(format!(
        "DELETE FROM runs WHERE finished_at < $1 AND NOT {IS_LAST_SUCCESS}"
    ))
    .bind::<Timestamptz, _>(before)
    .execute(conn)
    .await
}

/// Forgets runs that had nothing to do and ended before `before`, but for the newest success of each kind.
pub async fn delete_idle_runs_before(conn: &mut AsyncPgConnection, before: DateTime<Utc>) -> Result<usize> {
    diesel::sql_query(format!(
        "DELETE FROM runs WHERE status = 'nothing_to_do' AND finished_at < $1 AND NOT {IS_LAST_SUCCESS}"
    ))
    .bind::<Timestamptz, _>(before)
    .execute(conn)
    .await
}

fn read_row(row: &RunRow) -> Option<RunSummary> {
    Some(RunSummary {
        id: RunId(row.id),
        kind: row.kind.parse().ok()?,
        status: row.status.parse().ok()?,
        sentence: row.sentence.clone(),
        started_by: row.started_by.clone(),
        queued_at: row.queued_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        progress_done: row.progress_done.unsigned_abs(),
        progress_total: row.progress_total.unsigned_abs(),
        attempt: row.attempt.unsigned_abs(),
    })
}

/// The cursor after the run with this time and id.
#[doc(hidden)]
pub fn write_run_cursor(queued_at: DateTime<Utc>, id: Uuid) -> String {
    format!("{}.{id}", queued_at.timestamp_micros())
}

/// Times before 1970 or after 9999 are not ours, and far ones are an error in the database.
#[doc(hidden)]
pub fn read_run_cursor(text: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let (micros, id) = text.split_once('.')?;
    let micros = micros.parse().ok().filter(|micros| (0..MAX_MICROS).contains(micros))?;
    Some((DateTime::from_timestamp_micros(micros)?, id.parse().ok()?))
}

/// Kinds of a newer version of this program can be neither shown nor run.
pub(crate) fn known_kinds() -> Vec<&'static str> {
    JobKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testing::damage::damaged_text;

    use super::*;

    #[test]
    fn a_time_that_the_database_does_not_take_is_no_cursor() {
        for micros in [-8_000_000_000_000_000_000_i64, -1, 253_402_300_800_000_000, i64::MAX] {
            assert_eq!(read_run_cursor(&format!("{micros}.{}", Uuid::nil())), None, "{micros}");
        }
    }

    proptest! {
        #[test]
        fn the_cursor_of_any_run_reads_back(micros in 0_i64..4_102_444_800_000_000, id in any::<u128>()) {
            let (time, id) = (DateTime::from_timestamp_micros(micros).unwrap(), Uuid::from_u128(id));
            prop_assert_eq!(read_run_cursor(&write_run_cursor(time, id)), Some((time, id)));
        }

        #[test]
        fn a_damaged_cursor_names_a_time_that_the_database_takes(
            text in damaged_text("1795348800000000.00000000-0000-0000-0000-000000000007")
        ) {
            if let Some((time, id)) = read_run_cursor(&text) {
                prop_assert!((0..253_402_300_800).contains(&time.timestamp()), "{}", text);
                prop_assert_eq!(read_run_cursor(&write_run_cursor(time, id)), Some((time, id)));
            }
            prop_assert_eq!(is_run_cursor(&text), read_run_cursor(&text).is_some());
        }

        #[test]
        fn no_text_makes_reading_a_cursor_panic(text in "\\PC{0,80}|[+-]?[0-9]{0,24}\\.[0-9a-f{}-]{0,60}") {
            prop_assert!(read_run_cursor(&text).is_none_or(|(time, _)| time.timestamp() >= 0));
        }
    }
}
