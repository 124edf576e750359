//! What goes wrong while a run is running.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use jobs::{Cancelled, JobError, NewRun, Outcome};
use types::jobs::JobKind;

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
