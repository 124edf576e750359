//! The jobs that start by themselves, as rows: what the program says, what an admin made of it, and when next.

use chrono::{DateTime, Utc};
use diesel::OptionalExtension;
use diesel::result::Error;
use diesel::sql_types::{Bool, Nullable, Text, Timestamptz};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use types::RunId;
use types::jobs::JobKind;
use uuid::Uuid;

use crate::queue::{NewRun, enqueue};
use crate::schedule::{Schedule, TimeZone};
use crate::{CLOCKS_DIFFER, Result};

/// A kind of job and when it starts; `None` = only on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub kind: JobKind,
    pub schedule: Option<Schedule>,
}

/// A job's row.
#[derive(Debug, Clone, diesel::QueryableByName)]
pub(crate) struct DefinitionRow {
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Bool)]
    pub is_enabled: bool,
    #[diesel(sql_type = Nullable<Text>)]
    pub schedule: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub custom_schedule: Option<String>,
    #[diesel(sql_type = Text)]
    pub time_zone: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub next_at: Option<DateTime<Utc>>,
    /// Since when it has had its schedule without being off in between; absent when nobody noted it.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub scheduled_since: Option<DateTime<Utc>>,
}

/// Columns of a `DefinitionRow`.
pub(crate) const COLUMNS: &str = "kind, is_enabled, schedule, custom_schedule, time_zone, next_at, scheduled_since";

impl DefinitionRow {
    /// The zone that the cron expressions speak of; one that this version does not know counts as UTC.
    pub(crate) fn zone(&self) -> TimeZone {
        self.time_zone.parse().unwrap_or(TimeZone::UTC)
    }

    /// An admin's own schedule, or the program's. What this version can't read starts nothing.
    pub(crate) fn effective(&self) -> Option<Schedule> {
        let text = self.custom_schedule.as_ref().or(self.schedule.as_ref())?;
        text.parse().ok()
    }

    /// Whether it is to start later than its schedule says, as a clock that was ahead has left it.
    fn is_put_off(&self, now: DateTime<Utc>) -> bool {
        let latest = self.next_after(now + CLOCKS_DIFFER);
        self.next_at
            .zip(latest)
            .is_some_and(|(next_at, latest)| next_at > latest)
    }

    fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.effective()?.next_after(now, self.zone())
    }
}

/// What a person can change of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSwitches {
    pub is_enabled: bool,
    /// An admin's own schedule; `None` = the program's.
    pub custom_schedule: Option<String>,
}

/// Adds the kinds that are missing and brings schedules and zone up to date; what an admin changed stays.
pub async fn ensure_definitions(
    conn: &mut AsyncPgConnection,
    definitions: &[Definition],
    zone: TimeZone,
    now: DateTime<Utc>,
) -> Result<()> {
    for definition in definitions {
        conn.transaction::<_, Error, _>(async |conn| ensure_definition(conn, definition, zone, now).await)
            .await?;
    }
    Ok(())
}

async fn ensure_definition(
    conn: &mut AsyncPgConnection,
    definition: &Definition,
    zone: TimeZone,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::sql_query("INSERT INTO job_definitions (kind) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind::<Text, _>(definition.kind.as_str())
        .execute(conn)
        .await?;
    let Some(old) = lock_row(conn, definition.kind).await? else {
        return Ok(());
    };
    let new = DefinitionRow {
        schedule: definition.schedule.as_ref().map(ToString::to_string),
        time_zone: zone.name().to_owned(),
        ..old.clone()
    };
    if (&old.schedule, &old.time_zone) == (&new.schedule, &new.time_zone) {
        return Ok(());
    }
    let has_moved = (old.effective(), old.zone()) != (new.effective(), new.zone()) || old.next_at.is_none();
    let (next_at, since) = match has_moved {
        true => (new.next_after(now), Some(now)),
        false => (old.next_at, old.scheduled_since),
    };
    let sql =
        "UPDATE job_definitions SET schedule = $2, time_zone = $3, next_at = $4, scheduled_since = $5 WHERE kind = $1";
    diesel::sql_query(sql)
        .bind::<Text, _>(&new.kind)
        .bind::<Nullable<Text>, _>(&new.schedule)
        .bind::<Text, _>(&new.time_zone)
        .bind::<Nullable<Timestamptz>, _>(next_at)
        .bind::<Nullable<Timestamptz>, _>(since)
        .execute(conn)
        .await?;
    Ok(())
}

async fn lock_row(conn: &mut AsyncPgConnection, kind: JobKind) -> Result<Option<DefinitionRow>> {
    diesel::sql_query(format!(
        "SELECT {COLUMNS} FROM job_definitions WHERE kind = $1 FOR UPDATE"
    ))
    .bind::<Text, _>(kind.as_str())
    .get_result(conn)
    .await
    .optional()
}

/// Queues every job that is due, once, however often it was missed. Returns how many were queued.
///
/// The row lock makes one of several processes the one that queues.
pub async fn enqueue_due(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
    new_id: &(dyn Fn() -> Uuid + Send + Sync),
) -> Result<usize> {
    recall_starts(conn, now).await?;
    conn.transaction::<_, Error, _>(async |conn| {
        let due: Vec<DefinitionRow> = diesel::sql_query(format!(
            "SELECT {COLUMNS} FROM job_definitions
             WHERE is_enabled AND next_at <= $1 ORDER BY next_at FOR UPDATE SKIP LOCKED"
        ))
        .bind::<Timestamptz, _>(now)
        .load(conn)
        .await?;
        let mut queued = 0;
        for row in due {
            // A kind of a newer version of this program: its own processes queue it.
            let Ok(kind) = row.kind.parse::<JobKind>() else {
                continue;
            };
            let id = new_id();
            let schedule = row.effective();
            let wait = schedule.map(|schedule| schedule.jitter(now, row.zone(), id.as_bytes()[15]));
            let run = NewRun {
                run_at: now + wait.unwrap_or_default(),
                ..NewRun::of(RunId(id), kind, "schedule", now)
            };
            queued += usize::from(enqueue(conn, run, now).await?.is_some());
            set_next(conn, &row.kind, row.next_after(now)).await?;
        }
        Ok(queued)
    })
    .await
}

/// Brings back what a clock that was ahead has put off: scheduled starts, and runs that wait.
async fn recall_starts(conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> Result<()> {
    let rows: Vec<DefinitionRow> = diesel::sql_query(format!(
        "SELECT {COLUMNS} FROM job_definitions WHERE is_enabled AND next_at > $1"
    ))
    .bind::<Timestamptz, _>(now + CLOCKS_DIFFER)
    .load(conn)
    .await?;
    for row in rows.iter().filter(|row| row.is_put_off(now)) {
        tracing::warn!(
            job.kind = row.kind,
            "the clock was ahead, so the job {} was put off; it starts as its schedule says again",
            row.kind
        );
        // Unless somebody changed it meanwhile.
        diesel::sql_query("UPDATE job_definitions SET next_at = $2 WHERE kind = $1 AND next_at = $3")
            .bind::<Text, _>(&row.kind)
            .bind::<Nullable<Timestamptz>, _>(row.next_after(now))
            .bind::<Nullable<Timestamptz>, _>(row.next_at)
            .execute(conn)
            .await?;
    }
    diesel::sql_query("UPDATE job_definitions SET scheduled_since = $1 WHERE scheduled_since > $2")
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(now + CLOCKS_DIFFER)
        .execute(conn)
        .await?;
    diesel::sql_query(
        "UPDATE runs SET run_at = $1, queued_at = LEAST(queued_at, $1)
         WHERE status = 'queued' AND run_at > $2 AND GREATEST(queued_at, started_at) > $2",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(now + CLOCKS_DIFFER)
    .execute(conn)
    .await?;
    Ok(())
}

async fn set_next(conn: &mut AsyncPgConnection, kind: &str, next_at: Option<DateTime<Utc>>) -> Result<()> {
    diesel::sql_query("UPDATE job_definitions SET next_at = $2 WHERE kind = $1")
        .bind::<Text, _>(kind)
        .bind::<Nullable<Timestamptz>, _>(next_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Moves the next scheduled start forward to `at`, for a job that is needed more often while something is going on.
pub async fn hasten_job(conn: &mut AsyncPgConnection, kind: JobKind, at: DateTime<Utc>) -> Result<()> {
    diesel::sql_query("UPDATE job_definitions SET next_at = $2 WHERE kind = $1 AND next_at > $2")
        .bind::<Text, _>(kind.as_str())
        .bind::<Timestamptz, _>(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// What people changed of the job; that stays so until the end of the transaction. `None` = there is no such job.
pub async fn lock_job(conn: &mut AsyncPgConnection, kind: JobKind) -> Result<Option<JobSwitches>> {
    let row = lock_row(conn, kind).await?;
    Ok(row.map(|row| JobSwitches {
        is_enabled: row.is_enabled,
        custom_schedule: row.custom_schedule,
    }))
}

/// Switches a job's schedule on or off; it can be run by hand either way. `false` = there is no such job.
pub async fn set_job_enabled(
    conn: &mut AsyncPgConnection,
    kind: JobKind,
    is_enabled: bool,
    now: DateTime<Utc>,
) -> Result<bool> {
    let row: Option<DefinitionRow> = diesel::sql_query(format!(
        "UPDATE job_definitions SET is_enabled = $2,
             scheduled_since = CASE WHEN is_enabled = $2 THEN scheduled_since ELSE $3 END
         WHERE kind = $1 RETURNING {COLUMNS}"
    ))
    .bind::<Text, _>(kind.as_str())
    .bind::<Bool, _>(is_enabled)
    .bind::<Timestamptz, _>(now)
    .get_result(conn)
    .await
    .optional()?;
    restart_from(conn, row, now).await
}

/// Gives a job an admin's own schedule, or the program's back. `false` = there is no such job.
pub async fn set_job_schedule(
    conn: &mut AsyncPgConnection,
    kind: JobKind,
    custom: Option<&Schedule>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let row: Option<DefinitionRow> = diesel::sql_query(format!(
        "UPDATE job_definitions SET custom_schedule = $2,
             scheduled_since = CASE WHEN custom_schedule IS NOT DISTINCT FROM $2 THEN scheduled_since ELSE $3 END
         WHERE kind = $1 RETURNING {COLUMNS}"
    ))
    .bind::<Text, _>(kind.as_str())
    .bind::<Nullable<Text>, _>(custom.map(ToString::to_string))
    .bind::<Timestamptz, _>(now)
    .get_result(conn)
    .await
    .optional()?;
    restart_from(conn, row, now).await
}

/// Switched on again after a month, a job doesn't start at once.
async fn restart_from(conn: &mut AsyncPgConnection, row: Option<DefinitionRow>, now: DateTime<Utc>) -> Result<bool> {
    let Some(row) = row else { return Ok(false) };
    set_next(conn, &row.kind, row.next_after(now)).await?;
    Ok(true)
}

/// Puts every job into a time zone; those that go by the clock start next by its clock.
pub async fn set_time_zone(conn: &mut AsyncPgConnection, zone: TimeZone, now: DateTime<Utc>) -> Result<()> {
    let moved: Vec<DefinitionRow> = diesel::sql_query(format!(
        "UPDATE job_definitions SET time_zone = $1 WHERE time_zone <> $1 RETURNING {COLUMNS}"
    ))
    .bind::<Text, _>(zone.name())
    .load(conn)
    .await?;
    for row in moved {
        if matches!(row.effective(), Some(Schedule::Cron(_))) {
            set_next(conn, &row.kind, row.next_after(now)).await?;
        }
    }
    Ok(())
}
