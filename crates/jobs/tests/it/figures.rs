//! What monitoring is told of the queue and of the schedules.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::time::Duration;

use chrono::TimeDelta;
use jobs::{Definition, JobError, JobFigures, NewRun, Outcome, Schedule, TimeZone};
use types::jobs::{JobKind, RunStatus};

use crate::support::{Queue, handler};

const KIND: JobKind = JobKind::CheckIntegrations;

async fn define(queue: &Queue, schedule: &str) {
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_told_from_what_is_for_later() {
    let queue = Queue::new().await;
    let now = queue.clock.now();
    for run_at in [now, now - TimeDelta::minutes(7), now + TimeDelta::hours(1)] {
        let run = queue.new_run(JobKind::SearchWant);
        queue.enqueue(NewRun { run_at, ..run }).await;
    }
    let mut conn = queue.database.connection().await;
    let figures = jobs::read_queue(&mut conn, now).await.unwrap();
    assert_eq!(figures.len(), JobKind::ALL.len(), "kinds without work are there, too");
    for one in figures {
        let (queued, due) = match one.kind {
            JobKind::SearchWant => (3, 2),
            _ => (0, 0),
        };
        assert_eq!((one.queued, one.due, one.running), (queued, due, 0), "{one:?}");
        let since = (due > 0).then(|| now - TimeDelta::minutes(7));
        assert_eq!(one.due_since, since, "{one:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_tells_its_last_success_its_last_end_and_its_longest_pause() {
    let queue = Queue::new().await;
    define(&queue, "0 3 * * 1-5").await;
    let job = read_job(&queue).await;
    assert_eq!((job.last_success_at, &job.last_end), (None, &None));
    assert_eq!(
        job.longest_pause,
        Some(Duration::from_secs(3 * 86_400)),
        "over the weekend"
    );

    let worker = queue.start(handler(async |ctx| match ctx.started_by() {
        "test" => Ok(Outcome::NothingToDo("All is well.".into())),
        _ => Err(JobError::Fail("It broke.".into())),
    }));
    let well = queue.enqueue(queue.new_run(KIND)).await.unwrap();
    queue.wait_for(well, "nothing_to_do").await;
    let succeeded_at = queue.clock.now();
    queue.clock.advance(TimeDelta::minutes(5));
    let run = NewRun {
        started_by: "anna".into(),
        run_at: queue.clock.now(),
        ..queue.new_run(KIND)
    };
    let broken = queue.enqueue(run).await.unwrap();
    queue.wait_for(broken, "failed").await;
    worker.stop().await;

    let job = read_job(&queue).await;
    assert_eq!(job.last_success_at, Some(succeeded_at));
    assert_eq!(job.last_end, Some((RunStatus::Failed, "It broke.".into())));
}
