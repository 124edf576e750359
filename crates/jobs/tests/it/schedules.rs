//! Jobs that start by themselves.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::RunQueryDsl;
use jobs::{Definition, Schedule, TimeZone};
use types::jobs::{JobKind, JobSummary};

use crate::support::Queue;

const EVERY_MINUTE: Definition = Definition {
    kind: JobKind::PollClients,
    schedule: Some(Schedule::Every(60)),
};

fn nightly() -> Definition {
    Definition {
        kind: JobKind::CleanUp,
        schedule: Some("0 2 * * *".parse().unwrap()),
    }
}

fn berlin() -> TimeZone {
    "Europe/Berlin".parse().unwrap()
}

/// `ensure_definitions` of one process that starts now.
async fn start_process(queue: &Queue, definitions: &[Definition], zone: TimeZone) {
    let mut conn = queue.database.connection().await;
    jobs::ensure_definitions(&mut conn, definitions, zone, queue.clock.now())
        .await
        .unwrap();
}

async fn see_job(queue: &Queue, kind: JobKind) -> JobSummary {
    let mut conn = queue.database.connection().await;
    let jobs = jobs::list_jobs(&mut conn).await.unwrap();
    jobs.into_iter().find(|job| job.kind == kind).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_missed_many_times_is_queued_once() {
    let queue = Queue::new().await;
    start_process(&queue, &[EVERY_MINUTE], TimeZone::UTC).await;
    assert_eq!(queue.enqueue_due().await, 0);
    queue.clock.advance(TimeDelta::hours(5));
    assert_eq!(queue.enqueue_due().await, 1);
    assert_eq!(queue.enqueue_due().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_queue_a_due_job_once() {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let queue = Queue::new().await;
    let mut conn = queue.database.connection().await;
    start_process(&queue, &[EVERY_MINUTE], TimeZone::UTC).await;
    queue.clock.advance(TimeDelta::minutes(2));
    let all = futures::future::join_all((0..4).map(|_| queue.enqueue_due())).await;
    assert_eq!(all.iter().sum::<usize>(), 1);
    let seen: Count = diesel::sql_query("SELECT count(*) FROM runs")
        .get_result(&mut conn)
        .await
        .unwrap();
    assert_eq!(seen.count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_switched_off_stays_off_over_a_restart() {
    let queue = Queue::new().await;
    let mut conn = queue.database.connection().await;
    start_process(&queue, &[EVERY_MINUTE], TimeZone::UTC).await;
    assert!(
        jobs::set_job_enabled(&mut conn, JobKind::PollClients, false, queue.clock.now())
            .await
            .unwrap()
    );
    start_process(&queue, &[EVERY_MINUTE], TimeZone::UTC).await;
    queue.clock.advance(TimeDelta::hours(1));
    assert_eq!(queue.enqueue_due().await, 0);
    assert!(
        jobs::set_job_enabled(&mut conn, JobKind::PollClients, true, queue.clock.now())
            .await
            .unwrap()
    );
    assert_eq!(queue.enqueue_due().await, 0);
    assert!(
        !jobs::set_job_enabled(&mut conn, JobKind::CleanUp, true, queue.clock.now())
            .await
            .unwrap()
    );
}

/// How many minutes ago its schedule began to count.
async fn read_minutes_scheduled(queue: &Queue) -> Option<i64> {
    let mut conn = queue.database.connection().await;
    let jobs = jobs::read_jobs(&mut conn, queue.clock.now()).await.unwrap();
    let since = jobs[0].scheduled_since;
    since.map(|since| (queue.clock.now() - since).num_minutes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_counts_anew_when_it_is_switched_on_or_changed_and_not_when_it_stays() {
    let queue = Queue::new().await;
    let mut conn = queue.database.connection().await;
    let (kind, clock) = (JobKind::PollClients, &queue.clock);
    start_process(&queue, &[EVERY_MINUTE], TimeZone::UTC).await;
    clock.advance(TimeDelta::minutes(10));
    start_process(&queue, &[EVERY_MINUTE], TimeZone::UTC).await;
    assert_eq!(queue.enqueue_due().await, 1);
    jobs::set_job_enabled(&mut conn, kind, true, clock.now()).await.unwrap();
    jobs::set_job_schedule(&mut conn, kind, None, clock.now())
        .await
        .unwrap();
    assert_eq!(read_minutes_scheduled(&queue).await, Some(10));

    jobs::set_job_enabled(&mut conn, kind, false, clock.now())
        .await
        .unwrap();
    clock.advance(TimeDelta::minutes(5));
    jobs::set_job_enabled(&mut conn, kind, true, clock.now()).await.unwrap();
    assert_eq!(read_minutes_scheduled(&queue).await, Some(0));
    let own: Schedule = "every 7 minutes".parse().unwrap();
    for since in [0, 3] {
        clock.advance(TimeDelta::minutes(3));
        jobs::set_job_schedule(&mut conn, kind, Some(&own), clock.now())
            .await
            .unwrap();
        assert_eq!(read_minutes_scheduled(&queue).await, Some(since));
    }
    let upgraded = Definition {
        schedule: Some(Schedule::Every(120)),
        ..EVERY_MINUTE
    };
    start_process(&queue, std::slice::from_ref(&upgraded), TimeZone::UTC).await;
    assert_eq!(read_minutes_scheduled(&queue).await, Some(3), "an admin's own goes on");
    jobs::set_job_schedule(&mut conn, kind, None, clock.now())
        .await
        .unwrap();
    clock.advance(TimeDelta::minutes(1));
    start_process(&queue, &[EVERY_MINUTE], TimeZone::UTC).await;
    assert_eq!(
        read_minutes_scheduled(&queue).await,
        Some(0),
        "another of the program's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_can_be_hastened_but_not_delayed() {
    let queue = Queue::new().await;
    let mut conn = queue.database.connection().await;
    let now = queue.clock.now();
    start_process(&queue, &[EVERY_MINUTE], TimeZone::UTC).await;
    jobs::hasten_job(&mut conn, JobKind::PollClients, now + TimeDelta::hours(1))
        .await
        .unwrap();
    jobs::hasten_job(&mut conn, JobKind::PollClients, now + TimeDelta::seconds(15))
        .await
        .unwrap();
    queue.clock.advance(TimeDelta::seconds(15));
    assert_eq!(queue.enqueue_due().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_goes_by_the_clock_starts_once_after_a_night_without_the_server() {
    #[derive(diesel::QueryableByName)]
    struct Start {
        #[diesel(sql_type = Timestamptz)]
        run_at: DateTime<Utc>,
    }
    let queue = Queue::new().await;
    start_process(&queue, &[nightly()], berlin()).await;
    let planned = see_job(&queue, JobKind::CleanUp).await.next_at.unwrap();
    queue.clock.advance(TimeDelta::days(9));
    assert_eq!(queue.enqueue_due().await, 1);
    assert_eq!(queue.enqueue_due().await, 0);
    let mut conn = queue.database.connection().await;
    let starts: Vec<Start> = diesel::sql_query("SELECT run_at FROM runs")
        .load(&mut conn)
        .await
        .unwrap();
    let [start] = starts.as_slice() else {
        panic!("one start for nine missed")
    };
    let wait = start.run_at - queue.clock.now();
    assert!(TimeDelta::zero() <= wait && wait <= TimeDelta::seconds(60), "{wait}");
    let next = see_job(&queue, JobKind::CleanUp).await.next_at.unwrap();
    assert!(
        next > queue.clock.now() && (next - planned).num_days() >= 9,
        "{planned} {next}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admins_schedule_survives_an_upgrade_until_it_is_reset() {
    let queue = Queue::new().await;
    start_process(&queue, &[nightly()], berlin()).await;
    let own: Schedule = "every 7 minutes".parse().unwrap();
    let mut conn = queue.database.connection().await;
    let now = queue.clock.now();
    assert!(
        jobs::set_job_schedule(&mut conn, JobKind::CleanUp, Some(&own), now)
            .await
            .unwrap()
    );
    let upgraded = Definition {
        schedule: Some("30 4 * * *".parse().unwrap()),
        ..nightly()
    };
    start_process(&queue, &[upgraded], berlin()).await;
    let job = see_job(&queue, JobKind::CleanUp).await;
    assert_eq!((job.schedule_text.as_str(), job.is_custom), ("every 7 minutes", true));
    assert_eq!(job.next_at, Some(now + TimeDelta::minutes(7)));
    jobs::set_job_schedule(&mut conn, JobKind::CleanUp, None, now)
        .await
        .unwrap();
    let job = see_job(&queue, JobKind::CleanUp).await;
    assert_eq!((job.schedule_text.as_str(), job.is_custom), ("30 4 * * *", false));
    assert_eq!(job.schedule, "daily at 04:30 (Europe/Berlin)");
    assert!(job.next_local.unwrap().contains(", 04:30 CE"), "{:?}", job.next_at);
    assert!(
        !jobs::set_job_schedule(&mut conn, JobKind::PollClients, None, now)
            .await
            .unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_the_version_before_goes_on_with_what_it_knows() {
    let queue = Queue::new().await;
    start_process(&queue, &[nightly(), EVERY_MINUTE], TimeZone::UTC).await;
    let before = see_job(&queue, JobKind::PollClients).await;
    // What the version before writes at its start.
    queue
        .run_sql(
            "INSERT INTO job_definitions AS d (kind, every_seconds, daily_at_seconds, next_at)
             VALUES ('poll_clients', 60, NULL, now()) ON CONFLICT (kind) DO UPDATE SET every_seconds = excluded.every_seconds,
                 daily_at_seconds = excluded.daily_at_seconds, next_at = excluded.next_at
             WHERE d.every_seconds IS DISTINCT FROM excluded.every_seconds
                OR d.daily_at_seconds IS DISTINCT FROM excluded.daily_at_seconds",
        )
        .await;
    start_process(&queue, &[nightly(), EVERY_MINUTE], TimeZone::UTC).await;
    let after = see_job(&queue, JobKind::PollClients).await;
    assert_eq!((after.schedule_text, after.is_custom), (before.schedule_text, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_time_zone_moves_only_what_goes_by_the_clock() {
    let queue = Queue::new().await;
    start_process(&queue, &[nightly(), EVERY_MINUTE], TimeZone::UTC).await;
    let (clean_up, poll) = (JobKind::CleanUp, JobKind::PollClients);
    let old = (
        see_job(&queue, clean_up).await.next_at,
        see_job(&queue, poll).await.next_at,
    );
    queue.clock.advance(TimeDelta::seconds(7));
    let mut conn = queue.database.connection().await;
    jobs::set_time_zone(&mut conn, berlin(), queue.clock.now())
        .await
        .unwrap();
    let job = see_job(&queue, clean_up).await;
    assert_ne!(job.next_at, old.0);
    assert_eq!(job.schedule, "daily at 02:00 (Europe/Berlin)");
    assert_eq!(see_job(&queue, poll).await.next_at, old.1);
}
