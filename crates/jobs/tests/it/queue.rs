//! Queueing and claiming.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use diesel_async::AsyncConnection;
use jobs::{Cancelled, NewRun, Outcome};
use types::RunId;
use types::jobs::{JobKind, LogLevel};
use uuid::Uuid;

use crate::support::{Queue, handler};

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_run_each_job_once() {
    let queue = Queue::new().await;
    let starts = Arc::new(Mutex::new(Vec::new()));
    let work = handler({
        let starts = Arc::clone(&starts);
        move |ctx| {
            starts.lock().unwrap().push(ctx.id());
            async { Ok(Outcome::Done("done".into())) }
        }
    });
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap());
    }
    let workers = [queue.start(Arc::clone(&work)), queue.start(work)];
    for id in &ids {
        queue.wait_for(*id, "succeeded").await;
    }
    for worker in workers {
        worker.stop().await;
    }
    let mut starts = starts.lock().unwrap().clone();
    starts.sort();
    assert_eq!(starts, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_dedupe_key_is_not_queued_twice_but_moved_forward() {
    let queue = Queue::new().await;
    let now = queue.clock.now();
    let late = NewRun {
        run_at: now + TimeDelta::hours(1),
        ..NewRun::of(queue.new_id(), JobKind::CleanUp, "test", now)
    };
    let first = queue.enqueue(late).await.unwrap();
    assert_eq!(
        queue
            .enqueue(NewRun::of(queue.new_id(), JobKind::CleanUp, "test", now))
            .await,
        None
    );
    let mut conn = queue.database.connection().await;
    assert_eq!(jobs::find_queued_run(&mut conn, "clean_up").await.unwrap(), Some(first));
    // Due now, though it was queued for later.
    let worker = queue.start(handler(|_| async { Ok(Outcome::NothingToDo("empty".into())) }));
    assert_eq!(queue.wait_for(first, "nothing_to_do").await.sentence, "empty");
    assert!(
        queue
            .enqueue(NewRun::of(queue.new_id(), JobKind::CleanUp, "test", now))
            .await
            .is_some()
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_with_one_lock_key_never_run_together() {
    let queue = Queue::new().await;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let work = handler({
        let most = Arc::clone(&most);
        move |_| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(Outcome::Done("done".into()))
            }
        }
    });
    let mut ids = Vec::new();
    for _ in 0..6 {
        let run = NewRun {
            lock_key: Some("one".into()),
            ..queue.new_run(JobKind::PollClients)
        };
        ids.push(queue.enqueue(run).await.unwrap());
    }
    let workers = [queue.start(Arc::clone(&work)), queue.start(work)];
    for id in ids {
        queue.wait_for(id, "succeeded").await;
    }
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_transaction_queues_nothing() {
    let queue = Queue::new().await;
    let run = queue.new_run(JobKind::CleanUp);
    let (id, now) = (run.id, queue.clock.now());
    let mut conn = queue.database.connection().await;
    let result = conn
        .transaction::<(), diesel::result::Error, _>(async |conn| {
            assert_eq!(jobs::enqueue(conn, run, now).await?, Some(id));
            Err(diesel::result::Error::RollbackTransaction)
        })
        .await;
    assert!(result.is_err());
    assert_eq!(
        jobs::cancel_run(&mut conn, id, "x", now).await.unwrap(),
        Cancelled::TooLate
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_run_that_is_cancelled_never_starts() {
    let queue = Queue::new().await;
    let id = queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    let mut conn = queue.database.connection().await;
    let cancelled = jobs::cancel_run(&mut conn, id, "Cancelled by anna.", queue.clock.now())
        .await
        .unwrap();
    assert_eq!(cancelled, Cancelled::AtOnce);
    let other = queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    let worker = queue.start(handler(|_| async { Ok(Outcome::Done("done".into())) }));
    queue.wait_for(other, "succeeded").await;
    worker.stop().await;
    assert_eq!(
        (queue.see(id).await.status.as_str(), queue.see(id).await.attempt),
        ("cancelled", 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_counters_payload_and_log_lines_are_kept() {
    let queue = Queue::new().await;
    let subject = Uuid::from_u128(77);
    let run = NewRun::about(queue.new_id(), JobKind::SearchWant, subject, "anna", queue.clock.now());
    let id = queue.enqueue(run).await.unwrap();
    let worker = queue.start(handler(move |ctx| async move {
        assert_eq!(ctx.subject()?, subject);
        ctx.log(LogLevel::Warning, "half-way with a \0 in it").await;
        ctx.progress(3, 4);
        ctx.count("read", 2);
        ctx.count("read", 1);
        Ok(Outcome::Done("Read 3 of 4.".into()))
    }));
    queue.wait_for(id, "succeeded").await;
    worker.stop().await;
    assert_eq!(queue.log_of(id).await, ["half-way with a  in it", "Read 3 of 4."]);
    #[derive(diesel::QueryableByName)]
    struct Figures {
        #[diesel(sql_type = diesel::sql_types::Text)]
        figures: String,
    }
    let mut conn = queue.database.connection().await;
    let sql = "SELECT progress_done || '/' || progress_total || ' ' || counters::text AS figures FROM runs";
    let seen: Figures = diesel_async::RunQueryDsl::get_result(diesel::sql_query(sql), &mut conn)
        .await
        .unwrap();
    assert_eq!(seen.figures, r#"3/4 [{"name": "read", "value": 3}]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_higher_priority_goes_first_and_a_later_time_waits() {
    let queue = Queue::new().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let low = queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    let high = queue
        .enqueue(NewRun {
            priority: 5,
            ..queue.new_run(JobKind::CleanUp)
        })
        .await
        .unwrap();
    let run_at = queue.clock.now() + TimeDelta::seconds(30);
    let later = queue
        .enqueue(NewRun {
            run_at,
            priority: 9,
            ..queue.new_run(JobKind::CleanUp)
        })
        .await
        .unwrap();
    let work = handler({
        let order: Arc<Mutex<Vec<RunId>>> = Arc::clone(&order);
        move |ctx| {
            order.lock().unwrap().push(ctx.id());
            async { Ok(Outcome::Done("done".into())) }
        }
    });
    let worker = queue.start_with(work, |options| options.concurrency = 1);
    queue.wait_for(low, "succeeded").await;
    queue.clock.advance(TimeDelta::seconds(31));
    queue.wait_for(later, "succeeded").await;
    worker.stop().await;
    assert_eq!(*order.lock().unwrap(), [high, low, later]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_runs_is_paged_newest_first_and_a_run_is_read_with_its_log() {
    let queue = Queue::new().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap());
        queue.clock.advance(TimeDelta::seconds(1));
    }
    queue.enqueue(queue.new_run(JobKind::PollClients)).await.unwrap();
    ids.reverse();
    let mut conn = queue.database.connection().await;
    let mut request = types::PageRequest {
        limit: Some(2),
        cursor: None,
    };
    let mut seen = Vec::new();
    loop {
        let page = jobs::list_runs(&mut conn, Some(JobKind::CleanUp), &request)
            .await
            .unwrap();
        assert_eq!(page.total, 5);
        seen.extend(page.items.iter().map(|run| run.id));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    jobs::cancel_run(&mut conn, ids[0], "Cancelled by anna.", queue.clock.now())
        .await
        .unwrap();
    let detail = jobs::find_run(&mut conn, ids[0]).await.unwrap().unwrap();
    assert_eq!(
        (detail.summary.status, detail.can_cancel),
        (types::jobs::RunStatus::Cancelled, false)
    );
    assert_eq!(jobs::list_active_runs(&mut conn, 10).await.unwrap().len(), 5);
}
