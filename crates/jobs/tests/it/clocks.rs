//! A clock that was ahead, and was set right while everything else went on.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use jobs::{Definition, JobError, JobFigures, NewRun, Outcome, Schedule, TimeZone};
use types::jobs::{JobKind, RunStatus};

use crate::support::{Queue, handler};

const KIND: JobKind = JobKind::CleanUp;
const AHEAD: TimeDelta = TimeDelta::days(40);

async fn start_process(queue: &Queue, schedule: &str) {
    let schedule: Schedule = schedule.parse().unwrap();
    let definition = Definition {
        kind: KIND,
        schedule: Some(schedule),
    };
    let mut conn = queue.database.connection().await;
    jobs::ensure_definitions(&mut conn, &[definition], TimeZone::UTC, queue.clock.now())
        .await
        .unwrap();
}

async fn read_job(queue: &Queue) -> JobFigures {
    let mut conn = queue.database.connection().await;
    let jobs = jobs::read_jobs(&mut conn, queue.clock.now()).await.unwrap();
    jobs.into_iter().find(|job| job.kind == KIND).unwrap()
}

async fn enqueue_due(queue: &Queue) -> usize {
    let mut conn = queue.database.connection().await;
    jobs::enqueue_due(&mut conn, queue.clock.now(), &|| queue.new_id().into())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_under_a_clock_that_was_ahead_starts_in_time_again() {
    for (schedule, pause) in [
        ("every 15 minutes", TimeDelta::minutes(15)),
        ("0 3 * * *", TimeDelta::days(1)),
    ] {
        let queue = Queue::new().await;
        start_process(&queue, schedule).await;
        queue.clock.advance(AHEAD);
        assert_eq!(enqueue_due(&queue).await, 1, "{schedule}");
        assert!(read_job(&queue).await.next_at.unwrap() > queue.clock.now());

        queue.clock.advance(-AHEAD);
        start_process(&queue, schedule).await;
        enqueue_due(&queue).await;
        let next = read_job(&queue).await.next_at.unwrap();
        assert!(next <= queue.clock.now() + pause, "{schedule}: {next}");
        queue.clock.advance(pause);
        // What was queued then still waits, so nothing is added to it.
        assert_eq!(enqueue_due(&queue).await, 0, "{schedule}");
        let mut conn = queue.database.connection().await;
        let waiting = jobs::read_queue(&mut conn, queue.clock.now()).await.unwrap();
        let due: u64 = waiting.iter().map(|kind| kind.due).sum();
        assert_eq!(due, 1, "{schedule}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_another_machine_planned_by_its_clock_stays() {
    let queue = Queue::new().await;
    start_process(&queue, "0 12 * * *").await;
    queue.clock.advance(TimeDelta::days(1) + TimeDelta::seconds(1));
    assert_eq!(enqueue_due(&queue).await, 1);
    let planned = read_job(&queue).await.next_at;
    // Another machine, on which it is not noon yet.
    queue.clock.advance(-TimeDelta::seconds(3));
    enqueue_due(&queue).await;
    assert_eq!(read_job(&queue).await.next_at, planned);
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
    start_process(&queue, "0 3 1 6 *").await;
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
    assert!(read_job(&queue).await.last_success_at.unwrap() > now);
    run("failing", "failed").await;
    assert!(
        read_job(&queue).await.last_success_at.unwrap() > now,
        "nobody knows when it was, and only a success tells that it is over"
    );
    queue.clock.advance(TimeDelta::seconds(1));
    let well = run("test", "succeeded").await;
    worker.stop().await;

    let (job, now) = (read_job(&queue).await, queue.clock.now());
    assert_eq!(job.last_success_at, Some(now));
    assert_eq!(job.last_end, Some((RunStatus::Succeeded, "done".into())));
    let mut conn = queue.database.connection().await;
    let page = jobs::list_runs(&mut conn, Some(KIND), &types::PageRequest::default())
        .await
        .unwrap();
    assert!(page.items.iter().all(|run| run.finished_at.unwrap() <= now), "{page:?}");
    assert_eq!(page.items[0].id, well, "the newest comes first: {page:?}");
}
