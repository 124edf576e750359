//! Three workers share one queue while one of them is killed again and again.
//!
//! The work is a search for each of 2,000 wants while the library was never read: each search holds its download, which is one
//! line in its history. That line is the effect that must happen once; a search that began twice is reconciled.

use std::collections::VecDeque;
use std::process::Child;
use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Double};
use diesel_async::RunQueryDsl;
use testing::TestDatabase;

use crate::stage::bare_server;

const JOBS: i64 = 2000;
const LEASE_SECONDS: u64 = 3;
/// By what was done and not by the clock: there are as many kills on a fast machine.
const JOBS_PER_KILL: i64 = JOBS / 12;
const LOOK_EVERY: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(120);
/// A worker looks every 300 ms; the rest is what two busy cores may take to get there. One that nobody looked for would be
/// left until the test's patience ends.
const MOST_OVERDUE_SECONDS: f64 = 15.0;

const SEED: &str = "
    INSERT INTO integrations (id, kind, name, url, created_at, updated_at)
    VALUES (md5('abs')::UUID, 'audiobookshelf', 'Home', 'http://127.0.0.1:1', now(), now());
    INSERT INTO works (id, title, title_key, authors_key, created_at)
    SELECT md5('work ' || n)::UUID, 'Book ' || n, 'book ' || n, 'author ' || n, now() FROM generate_series(1, 2000) AS n;
    INSERT INTO wants (id, work_id, target, reason, status, created_at)
    SELECT md5('want ' || n)::UUID, md5('work ' || n)::UUID, jsonb_build_object('title', 'Book ' || n), 'request', 'open', now()
    FROM generate_series(1, 2000) AS n;
    INSERT INTO downloads (id, want_id, work_id, state, sentence, created_at, updated_at)
    SELECT md5('download ' || n)::UUID, md5('want ' || n)::UUID, md5('work ' || n)::UUID, 'wanted', 'It waits.', now(), now()
    FROM generate_series(1, 2000) AS n;
    INSERT INTO runs (id, kind, payload, dedupe_key, lock_key, status, started_by, run_at, queued_at)
    SELECT md5('run ' || n)::UUID, 'search_want', jsonb_build_object('id', md5('download ' || n)::UUID),
        'search_want:' || md5('download ' || n)::UUID, 'search_want:' || md5('download ' || n)::UUID, 'queued', 'test', now(), now()
    FROM generate_series(1, 2000) AS n;";

/// How things stand.
#[derive(Debug, Default, diesel::QueryableByName)]
struct Standing {
    /// Runs that have not ended.
    #[diesel(sql_type = BigInt)]
    left: i64,
    /// Seconds since the lease of a run ended that nobody took over yet; 0 = none.
    #[diesel(sql_type = Double)]
    overdue: f64,
}

/// What became of all of it.
#[derive(Debug, PartialEq, diesel::QueryableByName)]
struct Outcome {
    #[diesel(sql_type = BigInt)]
    held: i64,
    #[diesel(sql_type = BigInt)]
    held_lines: i64,
    #[diesel(sql_type = BigInt)]
    most_held_lines: i64,
    #[diesel(sql_type = BigInt)]
    search_lines: i64,
    #[diesel(sql_type = BigInt)]
    succeeded: i64,
    #[diesel(sql_type = BigInt)]
    ended_otherwise: i64,
    /// Runs that a starting worker queued for a download that had one.
    #[diesel(sql_type = BigInt)]
    added: i64,
    #[diesel(sql_type = BigInt)]
    rescued: i64,
}

async fn look(database: &TestDatabase) -> Standing {
    let mut conn = database.connection().await;
    diesel::sql_query(
        "SELECT count(*) AS left,
             GREATEST(0, COALESCE(max(EXTRACT(EPOCH FROM clock_timestamp() - lease_until)), 0))::DOUBLE PRECISION AS overdue
         FROM runs WHERE kind = 'search_want' AND status IN ('queued', 'running')",
    )
    .get_result(&mut conn)
    .await
    .unwrap()
}

async fn judge(database: &TestDatabase) -> Outcome {
    let mut conn = database.connection().await;
    diesel::sql_query(
        "SELECT (SELECT count(*) FROM downloads WHERE state = 'hold') AS held,
             (SELECT count(*) FROM download_events WHERE code = 'held') AS held_lines,
             (SELECT max(lines) FROM (SELECT count(*) AS lines FROM download_events WHERE code = 'held' GROUP BY download_id) AS each)
                 AS most_held_lines,
             (SELECT count(*) FROM download_events WHERE code = 'search_started') AS search_lines,
             (SELECT count(*) FROM runs WHERE started_by = 'test' AND status = 'succeeded') AS succeeded,
             (SELECT count(*) FROM runs WHERE kind = 'search_want' AND status <> 'succeeded') AS ended_otherwise,
             (SELECT count(*) FROM runs WHERE kind = 'search_want' AND started_by <> 'test') AS added,
             (SELECT count(*) FROM run_log WHERE sentence LIKE 'The process that ran it stopped%') AS rescued",
    )
    .get_result(&mut conn)
    .await
    .unwrap()
}

fn kill9(mut worker: Child) {
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[tokio::test]
async fn three_workers_of_which_one_is_killed_again_and_again_do_everything_once() {
    let (mut server, database) = bare_server().await;
    database.run_sql(SEED).await;
    server.set("MAMCRAWLER_JOB_LEASE_SECONDS", &LEASE_SECONDS.to_string());
    server.set("MAMCRAWLER_WORKER_SLOTS", "4");
    let started = Instant::now();
    let mut workers: VecDeque<Child> = (0..3).map(|_| server.spawn_worker()).collect();
    let (mut kills, mut left_at_kill, mut most_overdue) = (0, JOBS, 0.0_f64);
    loop {
        let standing = look(&database).await;
        most_overdue = most_overdue.max(standing.overdue);
        if standing.left == 0 {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "still {standing:?}\n{}", server.log());
        if left_at_kill - standing.left >= JOBS_PER_KILL {
            kill9(workers.pop_front().expect("three work"));
            workers.push_back(server.spawn_worker());
            (kills, left_at_kill) = (kills + 1, standing.left);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let took = started.elapsed();
    workers.into_iter().for_each(kill9);
    let outcome = judge(&database).await;
    println!(
        "{JOBS} jobs, 3 workers, {kills} kills in {:.1} s ({:.0} jobs/s): {} runs rescued, {} added, {} searches began twice, {} effects; \
         a lease was over for at most {most_overdue:.2} s",
        took.as_secs_f64(),
        2000.0 / took.as_secs_f64(),
        outcome.rescued,
        outcome.added,
        outcome.search_lines - JOBS,
        outcome.held_lines,
    );
    assert_eq!(
        (outcome.held, outcome.held_lines, outcome.most_held_lines),
        (JOBS, JOBS, 1),
        "{outcome:?}"
    );
    assert_eq!(
        (outcome.succeeded, outcome.ended_otherwise, outcome.added),
        (JOBS, 0, 0),
        "{outcome:?}"
    );
    assert!(
        kills >= 3 && outcome.rescued > 0,
        "too few kills to show anything: {kills} {outcome:?}"
    );
    assert!(outcome.search_lines >= JOBS, "{outcome:?}");
    assert!(
        most_overdue < MOST_OVERDUE_SECONDS,
        "{most_overdue} s after its lease, a run was still not taken over"
    );
}
