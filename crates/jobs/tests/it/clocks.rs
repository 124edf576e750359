//! A clock that was ahead, and was set right while everything else went on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use jobs::{JobError, NewRun, Outcome};
use types::jobs::{JobKind, RunStatus};

use crate::support::{Queue, handler};

const KIND: JobKind = JobKind::CleanUp;
const AHEAD: TimeDelta = TimeDelta::days(40);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_under_a_clock_that_was_ahead_starts_in_time_again() {
    for (schedule, pause) in [
        ("every 15 minutes", TimeDelta::minutes(15)),
        ("0 3 * * *", TimeDelta::days(1)),
    ] {
        let queue = Queue::new().await;
        queue.define(KIND, schedule).await;
        queue.clock.advance(AHEAD);
        assert_eq!(queue.enqueue_due().await, 1, "{schedule}");
        assert!(queue.read_job(KIND).await.next_at.unwrap() > queue.clock.now());

        queue.clock.advance(-AHEAD);
        queue.define(KIND, schedule).await;
        queue.enqueue_due().await;
        let next = queue.read_job(KIND).await.next_at.unwrap();
        assert!(next <= queue.clock.now() + pause, "{schedule}: {next}");
        queue.clock.advance(pause);
        // What was queued then still waits, so nothing is added to it.
        assert_eq!(queue.enqueue_due().await, 0, "{schedule}");
        let mut conn = queue.database.connection().await;
        let waiting = jobs::read_queue(&mut conn, queue.clock.now()).await.unwrap();
        let due: u64 = waiting.iter().map(|kind| kind.due).sum();
        assert_eq!(due, 1, "{schedule}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_another_machine_planned_by_its_clock_stays() {
    let queue = Queue::new().await;
    queue.define(KIND, "0 12 * * *").await;
    queue.clock.advance(TimeDelta::days(1) + TimeDelta::seconds(1));
    assert_eq!(queue.enqueue_due().await, 1);
    let planned = queue.read_job(KIND).await.next_at;
    // Another machine, on which it is not noon yet.
    queue.clock.advance(-TimeDelta::seconds(3));
    queue.enqueue_due().await;
    assert_eq!(queue.read_job(KIND).await.next_at, planned);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_queued_under_a_clock_that_was_ahead_starts_and_one_for_later_waits() {
    let queue = Queue::new().await;
    let later = NewRun {
        run_at: queue.clock.now() + TimeDelta::hours(1),
        ..queue.new_run(JobKind::SearchWant)
    };
    let later = queue.enqueue(later).await.unwrap();
    queue.clock.advance(AHEAD);
    let put_off = queue.enqueue(queue.new_run(KIND)).await.unwrap();
    queue.clock.advance(-AHEAD);
    let worker = queue.start(handler(async |_| Ok(Outcome::Done("done".into()))));
    queue.wait_for(put_off, "succeeded").await;
    worker.stop().await;
    assert_eq!(queue.see(later).await.status, "queued");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_a_clock_that_was_ahead_put_off_comes() {
    let queue = Queue::new().await;
    let run = queue.enqueue(queue.new_run(KIND)).await.unwrap();
    queue.clock.advance(AHEAD);
    let is_down = Arc::new(AtomicBool::new(true));
    let down = Arc::clone(&is_down);
    let worker = queue.start(handler(move |_| {
        let is_down = down.load(Ordering::SeqCst);
        async move {
            match is_down {
                true => Err(JobError::Retry {
                    after: Some(Duration::from_secs(60)),
                    complaint: "It is down.".into(),
                }),
                false => Ok(Outcome::Done("done".into())),
            }
        }
    }));
    queue.wait_for_sentence(run, "It is down.").await;
    is_down.store(false, Ordering::SeqCst);
    queue.clock.advance(-AHEAD);
    queue.wait_for(run, "succeeded").await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_success_is_the_last_one_though_an_earlier_one_was_dated_later() {
    let queue = Queue::new().await;
    // Not due in this test.
    queue.define(KIND, "0 3 1 6 *").await;
    let worker = queue.start(handler(async |ctx| match ctx.attempt() {
        1 if ctx.started_by() == "failing" => Err(JobError::Fail("It broke.".into())),
        _ => Ok(Outcome::Done("done".into())),
    }));
    let run = async |started_by: &str, expected: &str| {
        let run = NewRun {
            started_by: started_by.into(),
            ..queue.new_run(KIND)
        };
        let id = queue.enqueue(run).await.unwrap();
        queue.wait_for(id, expected).await;
        id
    };
    queue.clock.advance(AHEAD);
    run("test", "succeeded").await;
    run("failing", "failed").await;
    queue.clock.advance(-AHEAD);
    let now = queue.clock.now();
    assert!(queue.read_job(KIND).await.last_success_at.unwrap() > now);
    run("failing", "failed").await;
    assert!(
        queue.read_job(KIND).await.last_success_at.unwrap() > now,
        "nobody knows when it was, and only a success tells that it is over"
    );
    queue.clock.advance(TimeDelta::seconds(1));
    let well = run("test", "succeeded").await;
    worker.stop().await;

    let (job, now) = (queue.read_job(KIND).await, queue.clock.now());
    assert_eq!(job.last_success_at, Some(now));
    assert_eq!(job.last_end, Some((RunStatus::Succeeded, "done".into())));
    let mut conn = queue.database.connection().await;
    let page = jobs::list_runs(&mut conn, Some(KIND), &types::PageRequest::default())
        .await
        .unwrap();
    assert!(page.items.iter().all(|run| run.finished_at.unwrap() <= now), "{page:?}");
    assert_eq!(page.items[0].id, well, "the newest comes first: {page:?}");
}
