//! Jobs that start by themselves.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::TimeDelta;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use jobs::{Definition, Schedule};
use types::jobs::JobKind;

use crate::support::Queue;

const EVERY_MINUTE: Definition = Definition {
    kind: JobKind::PollClients,
    schedule: Some(Schedule::Every(60)),
};

async fn enqueue_due(queue: &Queue) -> usize {
    let mut conn = queue.database.connection().await;
    jobs::enqueue_due(&mut conn, queue.clock.now(), &|| queue.new_id().into())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_missed_many_times_is_queued_once() {
    let queue = Queue::new().await;
    let mut conn = queue.database.connection().await;
    jobs::ensure_definitions(&mut conn, &[EVERY_MINUTE], queue.clock.now())
        .await
        .unwrap();
    assert_eq!(enqueue_due(&queue).await, 0);
    queue.clock.advance(TimeDelta::hours(5));
    assert_eq!(enqueue_due(&queue).await, 1);
    assert_eq!(enqueue_due(&queue).await, 0);
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
    jobs::ensure_definitions(&mut conn, &[EVERY_MINUTE], queue.clock.now())
        .await
        .unwrap();
    queue.clock.advance(TimeDelta::minutes(2));
    let all = futures::future::join_all((0..4).map(|_| enqueue_due(&queue))).await;
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
    jobs::ensure_definitions(&mut conn, &[EVERY_MINUTE], queue.clock.now())
        .await
        .unwrap();
    assert!(
        jobs::set_job_enabled(&mut conn, JobKind::PollClients, false, queue.clock.now())
            .await
            .unwrap()
    );
    jobs::ensure_definitions(&mut conn, &[EVERY_MINUTE], queue.clock.now())
        .await
        .unwrap();
    queue.clock.advance(TimeDelta::hours(1));
    assert_eq!(enqueue_due(&queue).await, 0);
    assert!(
        jobs::set_job_enabled(&mut conn, JobKind::PollClients, true, queue.clock.now())
            .await
            .unwrap()
    );
    assert_eq!(enqueue_due(&queue).await, 0);
    assert!(
        !jobs::set_job_enabled(&mut conn, JobKind::CleanUp, true, queue.clock.now())
            .await
            .unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_can_be_hastened_but_not_delayed() {
    let queue = Queue::new().await;
    let mut conn = queue.database.connection().await;
    let now = queue.clock.now();
    jobs::ensure_definitions(&mut conn, &[EVERY_MINUTE], now).await.unwrap();
    jobs::hasten_job(&mut conn, JobKind::PollClients, now + TimeDelta::hours(1))
        .await
        .unwrap();
    jobs::hasten_job(&mut conn, JobKind::PollClients, now + TimeDelta::seconds(15))
        .await
        .unwrap();
    queue.clock.advance(TimeDelta::seconds(15));
    assert_eq!(enqueue_due(&queue).await, 1);
}

#[test]
fn a_daily_job_starts_at_its_time_today_or_tomorrow() {
    let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc();
    let three = Schedule::Daily(3 * 3600);
    assert_eq!(three.next_after(at("2026-11-22T02:59:59Z")), at("2026-11-22T03:00:00Z"));
    assert_eq!(three.next_after(at("2026-11-22T03:00:00Z")), at("2026-11-23T03:00:00Z"));
    assert_eq!(three.sentence(), "daily at 03:00 UTC");
    assert_eq!(Schedule::Every(900).sentence(), "every 15 minutes");
    assert_eq!(Schedule::Every(3600).sentence(), "every hour");
}
