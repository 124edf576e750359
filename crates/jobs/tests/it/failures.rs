//! What jobs could not do.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::TimeDelta;
use jobs::{Complaint, FailureRow, JobError, NewRun, Outcome};
use types::jobs::JobKind;
use types::{FailureId, Page, PageRequest, RunId};
use uuid::Uuid;

use crate::support::{Queue, handler};

const BOOK: Uuid = Uuid::from_u128(77);
const OTHER: Uuid = Uuid::from_u128(78);

async fn list(queue: &Queue, kind: Option<JobKind>, page: PageRequest) -> Page<FailureRow> {
    let mut conn = queue.database.connection().await;
    jobs::list_failures(&mut conn, kind, &page, queue.clock.now())
        .await
        .unwrap()
        .unwrap()
}

async fn see(queue: &Queue) -> Vec<(String, Option<Uuid>, String, i64)> {
    let rows = list(queue, None, PageRequest::default()).await.items;
    rows.into_iter()
        .map(|row| (row.kind, row.item, row.sentence, row.count))
        .collect()
}

fn about(queue: &Queue, item: Uuid) -> NewRun {
    NewRun::about(queue.new_id(), JobKind::ImportDownload, item, "test", queue.clock.now())
}

/// Runs it to this end; the clock goes on a minute.
async fn run_to(queue: &Queue, run: NewRun, answer: Result<Outcome, JobError>) -> RunId {
    let status = match &answer {
        Ok(Outcome::Done(_)) => "succeeded",
        Ok(Outcome::NothingToDo(_)) => "nothing_to_do",
        Err(_) => "failed",
    };
    let id = queue.enqueue(run).await.unwrap();
    let worker = queue.start(handler(move |_| {
        let answer = answer.clone();
        async move { answer }
    }));
    queue.wait_for(id, status).await;
    worker.stop().await;
    queue.clock.advance(TimeDelta::minutes(1));
    id
}

fn fail(sentence: &str) -> Result<Outcome, JobError> {
    Err(JobError::Fail(sentence.into()))
}

fn done() -> Result<Outcome, JobError> {
    Ok(Outcome::Done("Done.".into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_by_thing_and_forgotten_when_it_works() {
    let queue = Queue::new().await;
    run_to(&queue, about(&queue, BOOK), fail("No space.")).await;
    let last = run_to(&queue, about(&queue, BOOK), fail("Still no space.")).await;
    run_to(&queue, about(&queue, OTHER), fail("Unreadable.")).await;
    let rows = list(&queue, None, PageRequest::default()).await;
    assert_eq!(rows.total, 2);
    let of_book = rows.items.iter().find(|row| row.item == Some(BOOK)).unwrap();
    assert_eq!((of_book.count, of_book.sentence.as_str()), (2, "Still no space."));
    assert_eq!((of_book.last_run, of_book.code.as_str()), (Some(last.0), "failed"));
    assert_eq!(of_book.last_at - of_book.first_at, TimeDelta::minutes(1));
    run_to(&queue, about(&queue, BOOK), done()).await;
    let left = [("import_download".to_owned(), Some(OTHER), "Unreadable.".to_owned(), 1)];
    assert_eq!(see(&queue).await, left);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sort_of_failure_of_the_same_thing_is_another_row() {
    let queue = Queue::new().await;
    run_to(&queue, about(&queue, BOOK), fail("No space.")).await;
    let defect = Complaint {
        code: "external_api_error",
        sentence: "It does not answer.".into(),
    };
    run_to(&queue, about(&queue, BOOK), Err(JobError::Fail(defect))).await;
    assert_eq!(see(&queue).await.len(), 2);
    run_to(
        &queue,
        about(&queue, BOOK),
        Ok(Outcome::NothingToDo("It is there.".into())),
    )
    .await;
    assert_eq!(see(&queue).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_tried_again_or_cancelled_has_not_failed() {
    let queue = Queue::new().await;
    let id = queue.enqueue(queue.new_run(JobKind::CleanUp)).await.unwrap();
    let worker = queue.start(handler(|_| async { Err(JobError::retry("It is down.")) }));
    for _ in 0..400 {
        if queue.see(id).await.sentence == "It is down." {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    worker.stop().await;
    assert_eq!(queue.see(id).await.status, "queued");
    assert_eq!(see(&queue).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_names_what_failed_counts_that_and_its_own_failure() {
    let queue = Queue::new().await;
    let id = queue.enqueue(queue.new_run(JobKind::CheckIntegrations)).await.unwrap();
    let worker = queue.start(handler(|ctx| async move {
        ctx.report_failure(BOOK, "It does not answer.");
        ctx.report_success(OTHER);
        Err(JobError::Fail("One of two failed.".into()))
    }));
    queue.wait_for(id, "failed").await;
    worker.stop().await;
    let kind = "check_integrations".to_owned();
    let mut seen = see(&queue).await;
    seen.sort();
    let both = [
        (kind.clone(), None, "One of two failed.".to_owned(), 1),
        (kind, Some(BOOK), "It does not answer.".to_owned(), 1),
    ];
    assert_eq!(seen, both);
    queue.clock.advance(TimeDelta::minutes(1));
    let id = queue.enqueue(queue.new_run(JobKind::CheckIntegrations)).await.unwrap();
    let worker = queue.start(handler(|ctx| async move {
        ctx.report_success(BOOK);
        Ok(Outcome::Done("Both answer.".into()))
    }));
    queue.wait_for(id, "succeeded").await;
    worker.stop().await;
    assert_eq!(see(&queue).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_names_its_own_subject_counts_it_once() {
    let queue = Queue::new().await;
    let id = queue.enqueue(about(&queue, BOOK)).await.unwrap();
    let worker = queue.start(handler(|ctx| async move {
        ctx.report_failure(BOOK, "No space.");
        Err(JobError::Fail("No space for it.".into()))
    }));
    queue.wait_for(id, "failed").await;
    worker.stop().await;
    let once = [("import_download".to_owned(), Some(BOOK), "No space.".to_owned(), 1)];
    assert_eq!(see(&queue).await, once);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_process_died_each_time_is_a_failure() {
    let queue = Queue::new().await;
    let run = NewRun {
        max_attempts: 1,
        ..about(&queue, BOOK)
    };
    let id = queue.enqueue(run).await.unwrap();
    queue
        .run_sql("UPDATE runs SET status = 'running', attempt = 1, worker = gen_random_uuid(), lease_until = now() - interval '1 second'")
        .await;
    let worker = queue.start(handler(|_| async { Ok(Outcome::Done("Done.".into())) }));
    queue.wait_for(id, "lost").await;
    worker.stop().await;
    let seen = see(&queue).await;
    assert_eq!((seen.len(), seen[0].1, seen[0].3), (1, Some(BOOK), 1));
    assert!(seen[0].2.contains("stopped each time"), "{seen:?}");
}

/// Fails it so often, then puts it aside.
async fn fail_and_dismiss(queue: &Queue, times: usize) -> FailureId {
    for _ in 0..times {
        run_to(queue, about(queue, BOOK), fail("No space.")).await;
    }
    let id = FailureId(list(queue, None, PageRequest::default()).await.items[0].id);
    let mut conn = queue.database.connection().await;
    jobs::dismiss_failure(&mut conn, id, queue.clock.now()).await.unwrap();
    id
}

fn book_failed(sentence: &str, count: i64) -> [(String, Option<Uuid>, String, i64); 1] {
    [("import_download".to_owned(), Some(BOOK), sentence.to_owned(), count)]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dismissed_is_gone_until_it_happens_again_and_then_says_so() {
    for times in [1, 2, 5] {
        let queue = Queue::new().await;
        let id = fail_and_dismiss(&queue, times).await;
        let dismissed_at = queue.clock.now();
        let mut conn = queue.database.connection().await;
        assert_eq!(
            jobs::count_failures(&mut conn, None, queue.clock.now()).await.unwrap(),
            0
        );
        assert!(
            jobs::find_failure(&mut conn, id, queue.clock.now())
                .await
                .unwrap()
                .is_none()
        );
        run_to(&queue, about(&queue, OTHER), fail("Another one.")).await;
        assert_eq!(see(&queue).await.len(), 1, "only the other one");

        queue.clock.advance(TimeDelta::hours(2));
        assert_eq!(see(&queue).await.len(), 1, "time alone brings nothing back");
        for _ in 0..2 {
            run_to(&queue, about(&queue, BOOK), fail("Still none.")).await;
        }
        let row = jobs::find_failure(&mut conn, id, queue.clock.now())
            .await
            .unwrap()
            .unwrap();
        let before = i64::try_from(times).unwrap();
        assert_eq!((row.count, row.dismissed_count), (before + 2, Some(before)));
        assert_eq!(row.last_dismissed_at, Some(dismissed_at), "{times} times");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_all_the_time_stays_away_for_an_hour_once_dismissed_and_then_says_how_often() {
    let queue = Queue::new().await;
    let id = fail_and_dismiss(&queue, 1).await;
    let dismissed_at = queue.clock.now();
    let mut conn = queue.database.connection().await;
    for _ in 0..2 {
        run_to(&queue, about(&queue, BOOK), fail("Still none.")).await;
        assert_eq!(see(&queue).await, []);
    }
    let until = dismissed_at + TimeDelta::hours(1);
    queue.clock.advance(until - queue.clock.now() - TimeDelta::seconds(1));
    assert_eq!(see(&queue).await, []);
    assert_eq!(
        jobs::count_failures(&mut conn, None, queue.clock.now()).await.unwrap(),
        0
    );
    assert!(
        jobs::find_failure(&mut conn, id, queue.clock.now())
            .await
            .unwrap()
            .is_none()
    );

    queue.clock.advance(TimeDelta::seconds(1));
    assert_eq!(see(&queue).await, book_failed("Still none.", 3));
    assert_eq!(
        jobs::count_failures(&mut conn, None, queue.clock.now()).await.unwrap(),
        1
    );
    let row = jobs::find_failure(&mut conn, id, queue.clock.now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.count, row.dismissed_count), (3, Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dismissed_and_came_back_can_be_dismissed_again() {
    let queue = Queue::new().await;
    fail_and_dismiss(&queue, 2).await;
    queue.clock.advance(TimeDelta::hours(1));
    let id = fail_and_dismiss(&queue, 1).await;
    assert_eq!(see(&queue).await, []);
    queue.clock.advance(TimeDelta::hours(1));
    run_to(&queue, about(&queue, BOOK), fail("Still none.")).await;
    let mut conn = queue.database.connection().await;
    let row = jobs::find_failure(&mut conn, id, queue.clock.now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.count, row.dismissed_count), (4, Some(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_worked_since_it_was_dismissed_is_new_when_it_fails() {
    let queue = Queue::new().await;
    let id = fail_and_dismiss(&queue, 2).await;
    run_to(&queue, about(&queue, BOOK), done()).await;
    run_to(&queue, about(&queue, BOOK), fail("No space again.")).await;
    assert_eq!(see(&queue).await, book_failed("No space again.", 1));
    let row = list(&queue, None, PageRequest::default()).await.items.remove(0);
    assert!(row.id != id.0 && row.last_dismissed_at.is_none(), "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_paged_newest_first_and_by_job() {
    let queue = Queue::new().await;
    for number in 1..=5_u128 {
        run_to(&queue, about(&queue, Uuid::from_u128(number)), fail("No space.")).await;
    }
    run_to(&queue, queue.new_run(JobKind::CleanUp), fail("No disk.")).await;
    let page = |cursor| PageRequest { limit: Some(2), cursor };
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let next = list(&queue, Some(JobKind::ImportDownload), page(cursor)).await;
        assert_eq!(next.total, 5);
        items.extend(next.items.iter().map(|row| row.item.unwrap().as_u128()));
        cursor = next.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(items, [5, 4, 3, 2, 1]);
    let mut conn = queue.database.connection().await;
    let foreign = jobs::list_failures(&mut conn, None, &page(Some("zz".into())), queue.clock.now())
        .await
        .unwrap();
    assert!(foreign.is_none());
    let removed = jobs::delete_failures_before(&mut conn, queue.clock.now())
        .await
        .unwrap();
    assert_eq!(removed, 6);
}
