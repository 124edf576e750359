//! Jobs that start by themselves: every so often, or daily at a time (UTC).

use chrono::{DateTime, Duration, NaiveTime, Utc};
use diesel::sql_types::{Bool, Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use types::RunId;
use types::jobs::JobKind;
use uuid::Uuid;

use crate::Result;
use crate::queue::{NewRun, enqueue};

/// When a job starts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Seconds between starts.
    Every(i32),
    /// Seconds after midnight, UTC.
    Daily(i32),
}

impl Schedule {
    /// The next start after `now`: one, however many were missed.
    pub fn next_after(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Every(seconds) => now + Duration::seconds(i64::from(seconds)),
            Self::Daily(seconds) => {
                let today = now.date_naive().and_time(NaiveTime::MIN).and_utc() + Duration::seconds(i64::from(seconds));
                if today > now { today } else { today + Duration::days(1) }
            }
        }
    }

    /// "every 15 minutes", "daily at 03:00 UTC".
    pub fn sentence(self) -> String {
        match self {
            Self::Every(1) => "every second".into(),
            Self::Every(seconds) if seconds % 3600 == 0 => every(seconds / 3600, "hour"),
            Self::Every(seconds) if seconds % 60 == 0 => every(seconds / 60, "minute"),
            Self::Every(seconds) => every(seconds, "second"),
            Self::Daily(seconds) => format!("daily at {:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60),
        }
    }

    /// The stored form: `every_seconds` and `daily_at_seconds`.
    pub fn from_columns(every_seconds: Option<i32>, daily_at_seconds: Option<i32>) -> Option<Self> {
        every_seconds.map(Self::Every).or(daily_at_seconds.map(Self::Daily))
    }
}

fn every(count: i32, unit: &str) -> String {
    if count == 1 {
        format!("every {unit}")
    } else {
        format!("every {count} {unit}s")
    }
}

/// A kind of job and when it starts; `None` = only on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    pub kind: JobKind,
    pub schedule: Option<Schedule>,
}

#[derive(diesel::QueryableByName)]
struct DueRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Integer>)]
    every_seconds: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    daily_at_seconds: Option<i32>,
}

#[derive(diesel::QueryableByName)]
struct SwitchRow {
    #[diesel(sql_type = Bool)]
    is_enabled: bool,
}

/// Adds the kinds that are missing and brings schedules up to date; what an admin switched off stays off.
pub async fn ensure_definitions(
    conn: &mut AsyncPgConnection,
    definitions: &[Definition],
    now: DateTime<Utc>,
) -> Result<()> {
    for definition in definitions {
        let (every_seconds, daily_at_seconds) = match definition.schedule {
            Some(Schedule::Every(seconds)) => (Some(seconds), None),
            Some(Schedule::Daily(seconds)) => (None, Some(seconds)),
            None => (None, None),
        };
        diesel::sql_query(
            "INSERT INTO job_definitions AS d (kind, every_seconds, daily_at_seconds, next_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (kind) DO UPDATE SET every_seconds = excluded.every_seconds,
                 daily_at_seconds = excluded.daily_at_seconds, next_at = excluded.next_at
             WHERE d.every_seconds IS DISTINCT FROM excluded.every_seconds
                OR d.daily_at_seconds IS DISTINCT FROM excluded.daily_at_seconds",
        )
        .bind::<Text, _>(definition.kind.as_str())
        .bind::<Nullable<Integer>, _>(every_seconds)
        .bind::<Nullable<Integer>, _>(daily_at_seconds)
        .bind::<Nullable<Timestamptz>, _>(definition.schedule.map(|schedule| schedule.next_after(now)))
        .execute(conn)
        .await?;
    }
    Ok(())
}

/// Queues every job that is due, once, however often it was missed. Returns how many were queued.
///
/// The row lock makes one of several processes the one that queues.
pub async fn enqueue_due(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
    new_id: &(dyn Fn() -> Uuid + Send + Sync),
) -> Result<usize> {
    conn.transaction::<_, diesel::result::Error, _>(async |conn| {
        let due: Vec<DueRow> = diesel::sql_query(
            "SELECT kind, every_seconds, daily_at_seconds FROM job_definitions
             WHERE is_enabled AND next_at <= $1 ORDER BY next_at FOR UPDATE SKIP LOCKED",
        )
        .bind::<Timestamptz, _>(now)
        .load(conn)
        .await?;
        let mut queued = 0;
        for row in due {
            // A kind of a newer version of this program: its own processes queue it.
            let Ok(kind) = row.kind.parse::<JobKind>() else {
                continue;
            };
            let schedule = Schedule::from_columns(row.every_seconds, row.daily_at_seconds);
            let run = NewRun::of(RunId(new_id()), kind, "schedule", now);
            queued += usize::from(enqueue(conn, run, now).await?.is_some());
            set_next(conn, &row.kind, schedule.map(|schedule| schedule.next_after(now))).await?;
        }
        Ok(queued)
    })
    .await
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

/// Whether the job runs by its schedule; that stays so until the end of the transaction. `None` = there is no such job.
pub async fn lock_job(conn: &mut AsyncPgConnection, kind: JobKind) -> Result<Option<bool>> {
    let found: Vec<SwitchRow> = diesel::sql_query("SELECT is_enabled FROM job_definitions WHERE kind = $1 FOR UPDATE")
        .bind::<Text, _>(kind.as_str())
        .load(conn)
        .await?;
    Ok(found.into_iter().next().map(|row| row.is_enabled))
}

/// Switches a job's schedule on or off; it can be run by hand either way. `false` = there is no such job.
pub async fn set_job_enabled(
    conn: &mut AsyncPgConnection,
    kind: JobKind,
    is_enabled: bool,
    now: DateTime<Utc>,
) -> Result<bool> {
    let changed: Vec<DueRow> = diesel::sql_query(
        "UPDATE job_definitions SET is_enabled = $2 WHERE kind = $1 RETURNING kind, every_seconds, daily_at_seconds",
    )
    .bind::<Text, _>(kind.as_str())
    .bind::<Bool, _>(is_enabled)
    .load(conn)
    .await?;
    let Some(row) = changed.into_iter().next() else {
        return Ok(false);
    };
    let schedule = Schedule::from_columns(row.every_seconds, row.daily_at_seconds);
    // Switched on again after a month, it doesn't start at once.
    set_next(conn, &row.kind, schedule.map(|schedule| schedule.next_after(now))).await?;
    Ok(true)
}
