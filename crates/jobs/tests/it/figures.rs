//! What monitoring is told of the queue and of the schedules.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::time::Duration;

use chrono::TimeDelta;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use jobs::{JobError, NewRun, Outcome};
use types::jobs::{JobKind, RunStatus};

use crate::support::{Queue, handler};

const KIND: JobKind = JobKind::CheckIntegrations;

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
    queue.define(KIND, "0 3 * * 1-5").await;
    let job = queue.read_job(KIND).await;
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

    let job = queue.read_job(KIND).await;
    assert_eq!(job.last_success_at, Some(succeeded_at));
    assert_eq!(job.last_end, Some((RunStatus::Failed, "It broke.".into())));
}

/// Runs of the kind that ended so long ago: (minutes, status).
async fn add_ends(queue: &Queue, kind: JobKind, ends: &[(i64, &str)]) {
    for (minutes, status) in ends {
        let (id, at) = (queue.new_id(), queue.clock.now() - TimeDelta::minutes(*minutes));
        queue
            .run_sql(&format!(
                "INSERT INTO runs (id, kind, status, started_by, run_at, queued_at, finished_at)
                 VALUES ('{id}', '{kind}', '{status}', 'test', '{at}', '{at}', '{at}')"
            ))
            .await;
    }
}

async fn list_ends(queue: &Queue, kind: JobKind) -> Vec<String> {
    let mut conn = queue.database.connection().await;
    let page = types::PageRequest::default();
    let runs = jobs::list_runs(&mut conn, Some(kind), &page).await.unwrap().items;
    let tell = |run: &types::jobs::RunSummary| {
        let minutes = (queue.clock.now() - run.finished_at.unwrap()).num_minutes();
        format!("{} {minutes}", run.status)
    };
    runs.iter().map(tell).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_success_of_each_kind_outlives_the_removal_of_old_runs() {
    let queue = Queue::new().await;
    queue.define(KIND, "0 3 1 1 *").await;
    let idle = [(50, "nothing_to_do"), (40, "nothing_to_do"), (5, "failed")];
    add_ends(&queue, KIND, &idle).await;
    add_ends(
        &queue,
        JobKind::Backup,
        &[(60, "failed"), (50, "succeeded"), (45, "succeeded")],
    )
    .await;
    let mut conn = queue.database.connection().await;
    let before = queue.clock.now() - TimeDelta::minutes(10);
    assert_eq!(jobs::delete_idle_runs_before(&mut conn, before).await.unwrap(), 1);
    assert_eq!(list_ends(&queue, KIND).await, ["failed 5", "nothing_to_do 40"]);
    assert_eq!(jobs::delete_runs_before(&mut conn, before).await.unwrap(), 2);
    assert_eq!(list_ends(&queue, KIND).await, ["failed 5", "nothing_to_do 40"]);
    assert_eq!(list_ends(&queue, JobKind::Backup).await, ["succeeded 45"]);
    let last = queue.read_job(KIND).await.last_success_at;
    assert_eq!(last, Some(queue.clock.now() - TimeDelta::minutes(40)));
    add_ends(&queue, KIND, &[(20, "succeeded")]).await;
    assert_eq!(
        jobs::delete_runs_before(&mut conn, before).await.unwrap(),
        1,
        "there is a newer one"
    );
    assert_eq!(list_ends(&queue, KIND).await, ["failed 5", "succeeded 20"]);
}

#[derive(diesel::QueryableByName)]
struct PlanLine {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_are_found_by_the_index_and_not_by_reading_every_run() {
    let queue = Queue::new().await;
    queue.define(KIND, "0 3 * * *").await;
    queue
        .run_sql(
            "INSERT INTO runs (id, kind, status, started_by, run_at, queued_at, finished_at)
             SELECT gen_random_uuid(), k, 'succeeded', 'test', at, at, at
             FROM unnest(ARRAY['check_integrations', 'poll_clients']) AS k,
                 generate_series(now() - interval '5000 minutes', now(), interval '1 minute') AS at",
        )
        .await;
    queue.run_sql("ANALYZE runs").await;
    let mut conn = queue.database.connection().await;
    let plan: Vec<PlanLine> = diesel::sql_query(format!("EXPLAIN {}", jobs::READ_ENDS))
        .load(&mut conn)
        .await
        .unwrap();
    let plan: Vec<String> = plan.into_iter().map(|line| line.line).collect();
    assert!(
        plan.iter().filter(|line| line.contains("runs_ended")).count() == 2
            && !plan.iter().any(|line| line.contains("Seq Scan on runs")),
        "{plan:#?}"
    );
}
