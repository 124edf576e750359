//! The jobs that look after what waits, through the worker that runs them.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use jobs::{Handler, JobError, Outcome, RunContext};
use services::jobs::{JobHandler, enqueue_unfinished};
use services::{Actor, integrations, runs};
use types::integrations::IntegrationKind;
use types::jobs::{JobKind, RunDetail, RunStatus};
use types::{IntegrationId, RunId};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{TestApp, form};

/// Runs one run only: what it queues is there to be looked at.
struct Only(RunId, JobHandler);

#[async_trait::async_trait]
impl Handler for Only {
    async fn run(&self, ctx: RunContext) -> Result<Outcome, JobError> {
        if ctx.id() == self.0 {
            return self.1.run(ctx).await;
        }
        ctx.cancelled().await;
        Err(JobError::Stopped)
    }
}

/// Runs one job to its end.
pub async fn run_job(app: &TestApp, admin: &Actor, kind: JobKind) -> RunDetail {
    let id = runs::run_now(&app.services, admin, kind).await.unwrap();
    finish_run(app, admin, id).await
}

/// Runs what was queued of a kind to its end.
async fn run_queued(app: &TestApp, admin: &Actor, kind: JobKind) -> RunDetail {
    let sql = format!("SELECT id FROM runs WHERE kind = '{kind}' AND status = 'queued'");
    let id = app.query_text(&sql).await.parse().unwrap();
    finish_run(app, admin, id).await
}

async fn finish_run(app: &TestApp, admin: &Actor, id: RunId) -> RunDetail {
    let handler = Arc::new(Only(
        id,
        JobHandler {
            services: app.services.clone(),
        },
    ));
    let clock = Arc::clone(&app.clock);
    let services = app.services.clone();
    let options = jobs::Options::new(Arc::new(move || services.new_id::<RunId>().0));
    let pool = app.database.pool().clone();
    let worker = jobs::Worker::start(
        pool,
        app.database.url(),
        handler,
        options,
        Arc::new(move || clock.now()),
    );
    for _ in 0..1000 {
        let run = runs::get_run(&app.services, admin, id).await.unwrap();
        if !matches!(run.summary.status, RunStatus::Queued | RunStatus::Running) {
            worker.stop().await;
            return run;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the run {id} does not end");
}

/// A download of a work of its own, in a state, with what else is set: `"next_at = now()"`.
pub async fn add_download(app: &TestApp, number: u32, state: &str, set: &str) {
    let id = format!("00000000-0000-0000-0000-0000000000{number:02}");
    let at = app.clock.now().to_rfc3339();
    for sql in [
        format!(
            "INSERT INTO works (id, title, title_key, authors_key, created_at)
             VALUES ('{id}', 'Dune', 'dune {number}', 'frank herbert', '{at}')"
        ),
        format!(
            "INSERT INTO wants (id, work_id, target, reason, status, created_at)
             VALUES ('{id}', '{id}', '{{\"title\": \"Dune\"}}', 'request', 'open', '{at}')"
        ),
        format!(
            "INSERT INTO downloads (id, want_id, work_id, state, hold_reason, sentence, created_at, updated_at)
             VALUES ('{id}', '{id}', '{id}', '{state}', CASE WHEN '{state}' = 'hold' THEN 'indexer_down' END, '', '{at}', '{at}')"
        ),
        format!("UPDATE downloads SET {set} WHERE id = '{id}'"),
    ] {
        app.run_sql(&sql).await;
    }
}

/// Connects a service at an address.
pub async fn connect(app: &TestApp, admin: &Actor, kind: IntegrationKind, url: &str) -> IntegrationId {
    let form = form(kind, url, "secret");
    integrations::save_integration(&app.services, admin, form)
        .await
        .unwrap()
}

/// A release that downloads can have; its address leads nowhere.
async fn add_release(app: &TestApp, admin: &Actor) -> String {
    let integration = connect(app, admin, IntegrationKind::Torznab, "http://127.0.0.1:1").await;
    let id = "00000000-0000-0000-0000-0000000000aa";
    let address = app
        .services
        .secrets()
        .seal(&format!("releases/{integration}/1"), b"http://127.0.0.1:1/1.torrent");
    let address: String = address.iter().map(|byte| format!("{byte:02x}")).collect();
    let sql = format!(
        "INSERT INTO releases (id, integration_id, external_id, title, facts, download_ref, first_seen_at, last_seen_at)
         VALUES ('{id}', '{integration}', '1', 'Dune', '{{}}', '\\x{address}', now(), now())"
    );
    app.run_sql(&sql).await;
    id.to_owned()
}

/// "kind number" of every run about a download.
async fn runs_about(app: &TestApp) -> String {
    let sql =
        "SELECT coalesce(string_agg(kind || ' ' || right(payload->>'id', 2), ', ' ORDER BY kind, payload->>'id'), '')
        FROM runs WHERE payload ? 'id'";
    app.query_text(sql).await
}

async fn state_of(app: &TestApp, number: u32) -> String {
    app.query_text(&format!(
        "SELECT state || ' ' || attempts || ' ' || coalesce(next_at::text, 'none')
         FROM downloads WHERE right(id::text, 2) = '{number:02}'"
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_downloads_get_their_next_step_once() {
    let app = TestApp::new().await;
    let later = format!("next_at = '{}'", (app.clock.now() + TimeDelta::minutes(5)).to_rfc3339());
    let nothing = "attempts = 0";
    for (number, state, set) in [
        (1, "wanted", nothing),
        (2, "searching", nothing),
        (3, "queued", nothing),
        (4, "downloaded", nothing),
        (5, "verifying", nothing),
        (6, "importing", nothing),
        (7, "importing", later.as_str()),
        (8, "review", nothing),
        (9, "downloading", nothing),
        (10, "failed", nothing),
    ] {
        add_download(&app, number, state, set).await;
    }
    assert_eq!(enqueue_unfinished(&app.services).await.unwrap(), 6);
    let expected = "advance_download 03, import_download 04, import_download 05, import_download 06, \
                    search_want 01, search_want 02";
    assert_eq!(runs_about(&app).await, expected);
    assert_eq!(enqueue_unfinished(&app.services).await.unwrap(), 0);
    app.run_sql("UPDATE runs SET status = 'running'").await;
    assert_eq!(enqueue_unfinished(&app.services).await.unwrap(), 0);
    app.clock.advance(TimeDelta::minutes(5));
    assert_eq!(enqueue_unfinished(&app.services).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn due_holds_go_on_but_never_those_that_wait_for_approval() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let release = add_release(&app, &admin).await;
    let due = format!("next_at = '{}'", app.clock.now().to_rfc3339());
    let later = format!("next_at = '{}'", (app.clock.now() + TimeDelta::minutes(1)).to_rfc3339());
    add_download(&app, 1, "hold", &format!("{due}, release_id = '{release}'")).await;
    add_download(&app, 2, "hold", &due).await;
    add_download(&app, 3, "hold", &format!("{due}, hold_reason = 'approval'")).await;
    add_download(&app, 4, "hold", &later).await;
    add_download(&app, 5, "hold", "next_at = NULL").await;
    let run = run_job(&app, &admin, JobKind::RetryDue).await;
    assert_eq!(run.summary.sentence, "Went on with 2 downloads.");
    assert_eq!(runs_about(&app).await, "advance_download 01, search_want 02");
    for number in 1..=5 {
        assert!(state_of(&app, number).await.starts_with("hold"), "{number}");
    }
    assert_eq!(app.query_text("SELECT count(*) FROM download_events").await, "0");
}

/// Every line of history: code and sentence.
async fn history(app: &TestApp) -> Vec<String> {
    let sql = "SELECT coalesce(string_agg(code || ': ' || sentence, E'\n' ORDER BY id), '') FROM download_events";
    app.query_text(sql).await.lines().map(str::to_owned).collect()
}

/// Looks at what is held three times, and renames the library that holds it before the third.
async fn look_three_times(app: &TestApp, admin: &Actor, next: JobKind) {
    connect(app, admin, IntegrationKind::Audiobookshelf, "http://127.0.0.1:1").await;
    let mut looked_at = Vec::new();
    for look in 1..=3 {
        if look == 3 {
            app.run_sql("UPDATE integrations SET name = 'Shelf' WHERE kind = 'audiobookshelf'")
                .await;
        }
        app.clock.advance(TimeDelta::minutes(20));
        run_job(app, admin, JobKind::RetryDue).await;
        let run = run_queued(app, admin, next).await;
        assert_eq!(run.summary.status, RunStatus::Succeeded, "{run:#?}");
        let state = state_of(app, 1).await;
        assert!(state.starts_with("hold 0"), "{state}");
        assert!(
            !looked_at.contains(&state),
            "the next look moves: {state} after {looked_at:?}"
        );
        looked_at.push(state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_held_again_for_the_same_reason_adds_no_line_to_its_history() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let release = add_release(&app, &admin).await;
    let due = format!("next_at = '{}', release_id = '{release}'", app.clock.now().to_rfc3339());
    add_download(&app, 1, "hold", &due).await;
    look_three_times(&app, &admin, JobKind::AdvanceDownload).await;
    let lines = history(&app).await;
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines[0].starts_with("held: Audiobookshelf has not been read yet."),
        "{lines:#?}"
    );
    assert!(lines[1].starts_with("held: Shelf has not been read yet."), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_held_again_for_the_same_reason_adds_no_line_to_its_history() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let due = format!("next_at = '{}'", app.clock.now().to_rfc3339());
    add_download(&app, 1, "hold", &due).await;
    look_three_times(&app, &admin, JobKind::SearchWant).await;
    let lines = history(&app).await;
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines.iter().all(|line| line.starts_with("held: ")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_indexer_holds_a_release_with_one_line_however_often_it_is_tried() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let release = add_release(&app, &admin).await;
    let due = format!("next_at = '{}', release_id = '{release}'", app.clock.now().to_rfc3339());
    add_download(&app, 1, "hold", &due).await;
    for _ in 0..3 {
        app.clock.advance(TimeDelta::minutes(20));
        run_job(&app, &admin, JobKind::RetryDue).await;
        run_queued(&app, &admin, JobKind::AdvanceDownload).await;
    }
    let lines = history(&app).await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].starts_with("held: The .torrent could not be fetched"),
        "{lines:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_stays_held_is_one_search_and_no_line() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    connect(&app, &admin, IntegrationKind::Torznab, "http://127.0.0.1:1").await;
    let due = format!("next_at = '{}'", app.clock.now().to_rfc3339());
    add_download(&app, 1, "hold", &due).await;
    for _ in 0..3 {
        app.clock.advance(TimeDelta::minutes(20));
        run_job(&app, &admin, JobKind::RetryDue).await;
        run_queued(&app, &admin, JobKind::SearchWant).await;
    }
    assert_eq!(app.query_text("SELECT count(*) FROM searches").await, "3");
    let lines = history(&app).await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("held: No indexer could be searched"), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_download_is_retried_by_the_policy_and_then_left_to_a_person() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let due = format!("next_at = '{}'", app.clock.now().to_rfc3339());
    add_download(&app, 1, "failed", &format!("{due}, attempts = 2")).await;
    add_download(&app, 2, "failed", &format!("{due}, attempts = 3")).await;
    add_download(&app, 3, "failed", "attempts = 0").await;
    // The work of 4 is on its way by another download.
    add_download(&app, 4, "failed", &due).await;
    add_download(
        &app,
        5,
        "downloading",
        "work_id = '00000000-0000-0000-0000-000000000004'",
    )
    .await;
    let run = run_job(&app, &admin, JobKind::RetryDue).await;
    assert_eq!(run.summary.sentence, "Went on with 2 downloads.");
    assert_eq!(state_of(&app, 1).await, "searching 3 none");
    assert_eq!(state_of(&app, 2).await, "abandoned 3 none");
    assert_eq!(state_of(&app, 3).await, "failed 0 none");
    assert_eq!(state_of(&app, 4).await, "failed 0 none");
    assert_eq!(runs_about(&app).await, "search_want 01");
}

#[tokio::test(flavor = "multi_thread")]
async fn wanted_searches_are_queued_up_to_the_limit_of_the_settings() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let settings = types::settings::Settings {
        max_automatic_grabs: 2,
        ..types::settings::Settings::default()
    };
    services::settings::save_settings(&app.services, &admin, settings)
        .await
        .unwrap();
    let later = format!("next_at = '{}'", (app.clock.now() + TimeDelta::hours(1)).to_rfc3339());
    add_download(&app, 1, "not_found", &later).await;
    for number in 2..=5 {
        add_download(&app, number, "not_found", "next_at = NULL").await;
    }
    add_download(&app, 6, "review", "next_at = NULL").await;
    let run = run_job(&app, &admin, JobKind::SearchWanted).await;
    assert_eq!(run.summary.sentence, "Queued 2 searches of 4 that are due.");
    assert_eq!(runs_about(&app).await, "search_want 02, search_want 03");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_read_and_stored_and_a_failure_keeps_the_last_one() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let idle = run_job(&app, &admin, JobKind::SnapshotAccount).await;
    assert_eq!(idle.summary.status, RunStatus::NothingToDo);
    let server = MockServer::start().await;
    let account = serde_json::json!({
        "username": "mouse", "classname": "Power User", "ratio": 2.5, "uid": 1,
        "uploaded_bytes": 1000, "downloaded_bytes": 400, "seedbonus": 10,
        "unsat": { "name": "unsat", "count": 3, "limit": 100 }
    });
    Mock::given(path("/jsonLoad.php"))
        .respond_with(ResponseTemplate::new(200).set_body_json(account))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(path("/jsonLoad.php"))
        .respond_with(ResponseTemplate::new(500))
        .mount(&server)
        .await;
    connect(&app, &admin, IntegrationKind::Myanonamouse, &server.uri()).await;
    app.run_sql("DELETE FROM runs").await;
    let read = run_job(&app, &admin, JobKind::SnapshotAccount).await;
    assert_eq!(read.summary.sentence, "MyAnonamouse: ratio 2.50, 3 of 100 unsatisfied.");
    app.clock.advance(TimeDelta::minutes(15));
    let failed = run_job(&app, &admin, JobKind::SnapshotAccount).await;
    assert_eq!(failed.summary.status, RunStatus::Failed, "{}", failed.summary.sentence);
    assert_eq!(
        app.query_text("SELECT string_agg(username || ratio, ',') FROM account_snapshots")
            .await,
        "mouse2.5"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn checking_integrations_stores_what_was_found() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    connect(&app, &admin, IntegrationKind::Audiobookshelf, "http://127.0.0.1:1").await;
    app.run_sql("DELETE FROM runs").await;
    let run = run_job(&app, &admin, JobKind::CheckIntegrations).await;
    assert_eq!(run.summary.sentence, "1 of 1 fail: Audiobookshelf.");
    assert_eq!(app.query_text("SELECT health FROM integrations").await, "failing");
    integrations::set_integration_enabled(
        &app.services,
        &admin,
        integrations::list_integrations(&app.services, &admin).await.unwrap()[0].id,
        false,
    )
    .await
    .unwrap();
    let idle = run_job(&app, &admin, JobKind::CheckIntegrations).await;
    assert_eq!(idle.summary.status, RunStatus::NothingToDo);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_account_is_proof_enough_that_the_tracker_answers() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let server = MockServer::start().await;
    let account = serde_json::json!({
        "username": "mouse", "classname": "Power User", "ratio": 2.5, "uid": 1,
        "uploaded_bytes": 1000, "downloaded_bytes": 400, "seedbonus": 10,
        "unsat": { "name": "unsat", "count": 3, "limit": 100 }
    });
    Mock::given(path("/jsonLoad.php"))
        .respond_with(ResponseTemplate::new(200).set_body_json(account))
        .mount(&server)
        .await;
    connect(&app, &admin, IntegrationKind::Myanonamouse, &server.uri()).await;
    app.run_sql("DELETE FROM runs").await;
    let asked = async || server.received_requests().await.unwrap().len();
    let health = async || {
        app.query_text("SELECT health || ' ' || health_sentence FROM integrations")
            .await
    };
    run_job(&app, &admin, JobKind::SnapshotAccount).await;
    assert_eq!(asked().await, 1);
    // The next snapshot is due at the same time, so this one is as old as it gets.
    app.clock.advance(TimeDelta::minutes(15));
    run_job(&app, &admin, JobKind::CheckIntegrations).await;
    assert_eq!(asked().await, 1);
    let said = health().await;
    assert!(said.starts_with("ok Signed in as mouse (Power User)."), "{said}");
    app.clock.advance(TimeDelta::minutes(6));
    run_job(&app, &admin, JobKind::CheckIntegrations).await;
    assert_eq!(asked().await, 2, "an old snapshot proves nothing");

    // What failed since, or was edited since, is asked anew.
    for change in ["health = 'failing', checked_at", "updated_at"] {
        run_job(&app, &admin, JobKind::SnapshotAccount).await;
        let before = asked().await;
        app.clock.advance(TimeDelta::seconds(1));
        let now = app.clock.now().to_rfc3339();
        app.run_sql(&format!("UPDATE integrations SET {change} = '{now}'"))
            .await;
        run_job(&app, &admin, JobKind::CheckIntegrations).await;
        assert_eq!(asked().await, before + 1, "{change}");
        app.run_sql("UPDATE integrations SET updated_at = created_at").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clean_up_can_not_remove_keeps_nothing_else_from_being_removed() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let ended = (app.clock.now() - TimeDelta::minutes(1)).to_rfc3339();
    app.login("admin", crate::support::PASSWORD).await.unwrap();
    app.run_sql(&format!(
        "UPDATE sessions SET expires_at = '{ended}' WHERE id <> '{}'",
        admin.session_id().unwrap()
    ))
    .await;
    app.run_sql(
        "INSERT INTO searches (id, form, status, started_at)
         VALUES ('00000000-0000-0000-0000-000000000001', '{}', 'done', '2000-01-01')",
    )
    .await;
    app.run_sql("CREATE RULE broken AS ON DELETE TO sessions DO INSTEAD SELECT 1 / 0")
        .await;
    let run = run_job(&app, &admin, JobKind::CleanUp).await;
    assert_eq!(
        run.summary.sentence,
        "The database refused to remove expired sign-ins; its reason is in the server's log. What else was old is removed \
         (searches: 1)."
    );
    assert_eq!(app.query_text("SELECT count(*) FROM searches").await, "0");
    app.run_sql("DROP RULE broken ON sessions").await;
    let run = run_job(&app, &admin, JobKind::CleanUp).await;
    assert_eq!(run.summary.sentence, "Removed what was old (expired sign-ins: 1).");
}

#[tokio::test(flavor = "multi_thread")]
async fn clean_up_removes_what_is_old_and_keeps_what_is_named() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    add_download(&app, 1, "imported", "attempts = 0").await;
    // The last is old as well, but the newest of its kind.
    for (number, days, kind, minutes) in [
        (1, 31, "poll_clients", 62),
        (2, 31, "poll_clients", 61),
        (3, 29, "poll_clients", 59),
        (4, 29, "sync_library_full", 61),
    ] {
        let id = format!("00000000-0000-0000-0000-0000000000{number:02}");
        let at = (app.clock.now() - TimeDelta::days(days)).to_rfc3339();
        app.run_sql(&format!(
            "INSERT INTO searches (id, form, status, started_at) VALUES ('{id}', '{{}}', 'done', '{at}')"
        ))
        .await;
        let ended = (app.clock.now() - TimeDelta::minutes(minutes)).to_rfc3339();
        app.run_sql(&format!(
            "INSERT INTO runs (id, kind, status, started_by, run_at, queued_at, finished_at)
             VALUES ('{id}', '{kind}', 'nothing_to_do', 'test', '{ended}', '{ended}', '{ended}')"
        ))
        .await;
    }
    app.run_sql("UPDATE downloads SET search_id = '00000000-0000-0000-0000-000000000001'")
        .await;
    app.run_sql(
        "INSERT INTO oidc_logins (state_hash, browser_hash, sealed, issuer, client_id, return_to, started_by, expires_at)
         VALUES ('a', '', '', '', '', '/', '', '2000-01-01'), ('b', '', '', '', '', '/', '', '2100-01-01')",
    )
    .await;
    let id = connect(&app, &admin, IntegrationKind::Qbittorrent, "http://127.0.0.1:1").await;
    for (process, minutes) in [(1, 61), (2, 59)] {
        let ended = (app.clock.now() - TimeDelta::minutes(minutes)).to_rfc3339();
        let process_id = format!("00000000-0000-0000-0000-00000000000{process}");
        app.run_sql(&format!(
            "INSERT INTO breaker_rests (integration_id, process_id, process, revision, failures, rests_until, reason)
             VALUES ('{id}', '{process_id}', 'worker', 1, 5, '{ended}', '')"
        ))
        .await;
    }
    app.run_sql("DELETE FROM runs WHERE status = 'queued'").await;
    let audited = app.query_text("SELECT count(*) FROM audit_log").await;
    let run = run_job(&app, &admin, JobKind::CleanUp).await;
    assert_eq!(
        run.summary.sentence,
        "Removed what was old (single sign-ons that nobody finished: 1, rests of services that are over: 1, runs without \
         work: 2, searches: 1)."
    );
    let left = |table: &str| format!("SELECT string_agg(right(id::text, 1), '' ORDER BY id) FROM {table}");
    assert_eq!(app.query_text(&left("searches")).await, "134");
    assert_eq!(app.query_text(&left("runs WHERE kind <> 'clean_up'")).await, "34");
    // Run-now itself is audited.
    let expected = audited.parse::<i64>().unwrap() + 1;
    assert_eq!(
        app.query_text("SELECT count(*) FROM audit_log").await,
        expected.to_string()
    );
}
