//! What goes wrong while a run is running.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use jobs::{Cancelled, JobError, NewRun, Outcome};
use tokio::time::Instant;
use types::RunId;
use types::jobs::{JobKind, RunStatus};

use crate::support::{Queue, handler};

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_waits_and_the_last_one_fails_with_its_sentence() {
    let queue = Queue::new().await;
    let id = queue
        .enqueue(NewRun {
            max_attempts: 2,
            ..queue.new_run(JobKind::CleanUp)
        })
        .await
        .unwrap();
    let after = Some(Duration::from_secs(60));
    let work = handler(move |_| async move {
        Err(JobError::Retry {
            after,
            complaint: "It is down.".into(),
        })
    });
    let worker = queue.start(work);
    while queue.see(id).await.attempt == 0 || queue.see(id).await.status != "queued" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(queue.see(id).await.sentence, "It is down.");
    queue.clock.advance(TimeDelta::seconds(61));
    let seen = queue.wait_for(id, "failed").await;
    worker.stop().await;
    assert_eq!(
        (seen.sentence.as_str(), seen.attempt),
        ("It is down. Given up after 2 tries.", 2)
    );
    assert!(queue.log_of(id).await[0].starts_with("It is down. Tried again at 2026-11-22"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_failure_is_not_tried_again() {
    let queue = Queue::new().await;
    let id = queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    let worker = queue.start(handler(|_| async { Err(JobError::Fail("Wrong password.".into())) }));
    let seen = queue.wait_for(id, "failed").await;
    worker.stop().await;
    assert_eq!((seen.sentence.as_str(), seen.attempt), ("Wrong password.", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_failed_run_and_the_worker_goes_on() {
    let queue = Queue::new().await;
    let id = queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    let worker = queue.start(handler(|ctx| async move {
        assert_ne!(ctx.kind(), JobKind::CleanUp, "the defect of this test");
        Ok(Outcome::Done("done".into()))
    }));
    assert!(
        queue
            .wait_for(id, "failed")
            .await
            .sentence
            .contains("defect in mamcrawler")
    );
    let next = queue.enqueue(queue.new_run(JobKind::RetryDue)).await.unwrap();
    queue.wait_for(next, "succeeded").await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_run_stops_when_it_is_cancelled() {
    let queue = Queue::new().await;
    let id = queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    let worker = queue.start(handler(|ctx| async move {
        ctx.cancelled().await;
        ctx.check_cancelled()?;
        Ok(Outcome::Done("never".into()))
    }));
    queue.wait_for(id, "running").await;
    let mut conn = queue.database.connection().await;
    let cancelled = jobs::cancel_run(&mut conn, id, "Cancelled by anna.", queue.clock.now())
        .await
        .unwrap();
    assert_eq!(cancelled, Cancelled::Asked);
    queue.wait_for(id, "cancelled").await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ignores_its_cancellation_is_dropped_after_the_grace() {
    let queue = Queue::new().await;
    let id = queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    let worker = queue.start(handler(|_| std::future::pending()));
    queue.wait_for(id, "running").await;
    let mut conn = queue.database.connection().await;
    jobs::cancel_run(&mut conn, id, "Cancelled by anna.", queue.clock.now())
        .await
        .unwrap();
    queue.wait_for(id, "cancelled").await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_is_run_again_by_another_worker() {
    let queue = Queue::new().await;
    let id = queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    let frozen = queue.start_with(handler(|_| std::future::pending()), |options| {
        options.heartbeat = Duration::from_secs(600);
        // Its only slot is taken, so it can't be the one that runs it again.
        options.concurrency = 1;
    });
    queue.wait_for(id, "running").await;
    queue
        .run_sql("UPDATE runs SET lease_until = now() - INTERVAL '1 second'")
        .await;
    let healthy = queue.start(handler(|_| async { Ok(Outcome::Done("done".into())) }));
    let seen = queue.wait_for(id, "succeeded").await;
    healthy.stop().await;
    // It ends its own copy now, and must not overwrite the end that the other one wrote.
    frozen.stop().await;
    assert_eq!((queue.see(id).await, seen.attempt), (seen.clone(), 2));
    assert_eq!(
        queue.log_of(id).await[0],
        "The process that ran it stopped; it is run again."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_kills_its_process_each_time_ends_as_lost() {
    let queue = Queue::new().await;
    let id = queue
        .enqueue(NewRun {
            max_attempts: 1,
            ..queue.new_run(JobKind::CleanUp)
        })
        .await
        .unwrap();
    queue
        .run_sql("UPDATE runs SET status = 'running', attempt = 1, lease_until = now() - INTERVAL '1 second'")
        .await;
    let worker = queue.start(handler(|_| async { Ok(Outcome::Done("done".into())) }));
    queue.wait_for(id, "lost").await;
    worker.stop().await;
}

/// Two runs of one work: the older runs, the newer waits and is not due yet.
async fn overtake(queue: &Queue) -> (RunId, RunId) {
    let of_one = |run_at| NewRun {
        dedupe_key: Some("one".into()),
        lock_key: Some("one".into()),
        run_at,
        ..queue.new_run(JobKind::CleanUp)
    };
    let now = queue.clock.now();
    let older = queue.enqueue(of_one(now)).await.unwrap();
    queue.wait_for(older, "running").await;
    let newer = queue.enqueue(of_one(now + TimeDelta::hours(1))).await.unwrap();
    (older, newer)
}

async fn read_end(queue: &Queue, id: RunId) -> (RunStatus, Option<chrono::DateTime<chrono::Utc>>, String) {
    let mut conn = queue.database.connection().await;
    let run = jobs::find_run(&mut conn, id).await.unwrap().unwrap().summary;
    (run.status, run.finished_at, run.sentence)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_run_whose_work_is_queued_anew_ends_and_says_so() {
    let queue = Queue::new().await;
    let frozen = queue.start_with(handler(|_| std::future::pending()), |options| {
        options.heartbeat = Duration::from_secs(600);
        options.concurrency = 1;
    });
    let (older, newer) = overtake(&queue).await;
    queue
        .run_sql("UPDATE runs SET lease_until = now() - INTERVAL '1 second' WHERE status = 'running'")
        .await;
    queue.wait_for(older, "lost").await;
    frozen.stop().await;
    let (_, ended_at, sentence) = read_end(&queue, older).await;
    assert_eq!(ended_at, Some(queue.clock.now()));
    assert!(sentence.contains("another run of the same work"), "{sentence}");
    assert_eq!(queue.log_of(older).await, [sentence]);
    assert_eq!(queue.see(newer).await.status, "queued");
    let mut conn = queue.database.connection().await;
    let failures = jobs::count_failures(&mut conn, None, queue.clock.now()).await.unwrap();
    assert_eq!(failures, 0, "its work goes on");
    let later = queue.clock.now() + TimeDelta::days(1);
    assert_eq!(jobs::delete_runs_before(&mut conn, later).await.unwrap(), 1);
}

/// `up.sql` of the migration that ends those which the version before left.
const ENDS_OF_LOST_RUNS: &str = include_str!("../../../../migrations/2026-11-23-000031_ends_of_lost_runs/up.sql");

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_run_that_the_version_before_left_without_an_end_gets_one() {
    let queue = Queue::new().await;
    let ids = [queue.new_id(), queue.new_id(), queue.new_id()];
    for (id, status, times) in [
        (ids[0], "lost", "'2026-01-02', NULL"),
        (ids[1], "lost", "'2026-01-02', '2026-01-03'"),
        (ids[2], "queued", "NULL, NULL"),
    ] {
        queue
            .run_sql(&format!(
                "INSERT INTO runs (id, kind, status, sentence, started_by, run_at, queued_at, started_at, finished_at)
                 VALUES ('{id}', 'clean_up', '{status}', 'As it was.', 'test', now(), '2026-01-01', {times})"
            ))
            .await;
    }
    queue.database.run_sql(ENDS_OF_LOST_RUNS).await;
    let (_, ended_at, sentence) = read_end(&queue, ids[0]).await;
    assert_eq!(ended_at.unwrap().to_rfc3339(), "2026-01-02T00:00:00+00:00");
    assert!(sentence.contains("took over"), "{sentence}");
    let (_, ended_at, sentence) = read_end(&queue, ids[1]).await;
    assert_eq!(ended_at.unwrap().to_rfc3339(), "2026-01-03T00:00:00+00:00");
    assert_eq!(sentence, "As it was.");
    let (status, ended_at, _) = read_end(&queue, ids[2]).await;
    assert_eq!((status, ended_at), (RunStatus::Queued, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_handed_back_when_its_work_is_queued_anew_has_not_failed() {
    let queue = Queue::new().await;
    let worker = queue.start(handler(|ctx| async move {
        ctx.cancelled().await;
        Err(JobError::Stopped)
    }));
    let (older, newer) = overtake(&queue).await;
    worker.stop().await;
    let (status, ended_at, sentence) = read_end(&queue, older).await;
    assert_eq!((status, ended_at), (RunStatus::Cancelled, Some(queue.clock.now())));
    assert!(sentence.contains("another run of the same work"), "{sentence}");
    assert_eq!(queue.see(newer).await.status, "queued");
}

/// Sends when the handler's future is dropped.
struct Dropped(tokio::sync::mpsc::UnboundedSender<Instant>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(Instant::now());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_can_not_extend_its_lease_stops_before_others_see_it_as_over() {
    let queue = Queue::new().await;
    let (begin, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let (drops, mut dropped) = tokio::sync::mpsc::unbounded_channel();
    let work = handler(move |_| {
        let _ = begin.send(Instant::now());
        let dropped = Dropped(drops.clone());
        async move {
            std::future::pending::<()>().await;
            drop(dropped);
            Ok(Outcome::Done("never".into()))
        }
    });
    let lease = Duration::from_secs(6);
    let worker = queue.start_with(work, |options| {
        options.lease = lease;
        // The beat that would find out is still waited for when the lease is over.
        options.heartbeat = lease - Duration::from_millis(500);
    });
    queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    let begun = begun.recv().await.unwrap();
    let hanging = queue.database.lock_table("runs").await;
    let ended = dropped.recv().await.unwrap();
    assert!(ended - begun < lease, "{:?}", ended - begun);
    drop(hanging);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_a_database_that_hangs() {
    let queue = Queue::new().await;
    let (begin, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let worker = queue.start(handler(move |_| {
        let _ = begin.send(());
        std::future::pending()
    }));
    let id = queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    begun.recv().await.unwrap();
    let hanging = queue.database.lock_table("runs").await;
    let stopped = tokio::time::timeout(Duration::from_secs(20), worker.stop()).await;
    assert!(stopped.is_ok(), "it waits for what hangs");
    drop(hanging);
    // Its lease tells the others.
    assert_eq!(queue.see(id).await.status, "running");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_hands_its_run_back_uncounted() {
    let queue = Queue::new().await;
    let id = queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    let is_first = Arc::new(AtomicBool::new(true));
    let work = handler(move |ctx| {
        let waits = is_first.swap(false, Ordering::SeqCst);
        async move {
            if waits {
                ctx.cancelled().await;
                return Err(JobError::Stopped);
            }
            Ok(Outcome::Done("done".into()))
        }
    });
    let worker = queue.start(Arc::clone(&work));
    queue.wait_for(id, "running").await;
    worker.stop().await;
    assert_eq!(
        (queue.see(id).await.status.as_str(), queue.see(id).await.attempt),
        ("queued", 0)
    );
    let next = queue.start(work);
    queue.wait_for(id, "succeeded").await;
    next.stop().await;
}
