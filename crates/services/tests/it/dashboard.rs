//! The first page.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::TimeDelta;
use db::account_snapshots::{AccountSnapshotRow, insert_snapshot};
use services::dashboard::get_dashboard;
use services::integrations;
use types::IntegrationId;
use types::integrations::{Health, IntegrationKind};
use types::people::Role;

use crate::shelf::{Book, connect_audiobookshelf, shelve};
use crate::support::{TestApp, form};

const NOWHERE: &str = "http://127.0.0.1:1";

async fn connect_myanonamouse(app: &TestApp, admin: &services::Actor) -> IntegrationId {
    let new = form(IntegrationKind::Myanonamouse, NOWHERE, "mam_id");
    integrations::save_integration(&app.services, admin, new).await.unwrap()
}

async fn take_snapshot(app: &TestApp, integration: IntegrationId) {
    let row = AccountSnapshotRow {
        integration_id: integration.0,
        taken_at: app.clock.now(),
        username: Some("mouse".into()),
        class: Some("Power User".into()),
        ratio: Some(2.5),
        uploaded_bytes: Some(100),
        downloaded_bytes: Some(40),
        points: None,
        wedges: None,
        vip_until: None,
        unsatisfied_count: Some(3),
        unsatisfied_limit: Some(100),
        connectable: None,
    };
    insert_snapshot(&mut *app.database.connection().await, &row)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_installation_has_a_calm_dashboard() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let viewer = app.person(&admin, "viewer", Role::Viewer).await;
    let dashboard = get_dashboard(&app.services, &viewer).await.unwrap();
    assert_eq!(dashboard.alerts, Vec::<String>::new());
    assert!(dashboard.accounts.is_empty() && dashboard.services.is_empty() && dashboard.runs.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn newest_books_come_first_and_unchecked_services_say_so() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let abs = connect_audiobookshelf(&app, &admin, NOWHERE).await;
    for nth in 0..14 {
        let (external_id, title) = (format!("li_{nth}"), format!("Book {nth}"));
        let book = Book {
            external_id: &external_id,
            title: &title,
            ..Book::default()
        };
        shelve(&app, abs, &book).await;
        app.clock.advance(TimeDelta::minutes(1));
    }
    let dashboard = get_dashboard(&app.services, &admin).await.unwrap();
    let titles: Vec<&str> = dashboard.arrived.iter().map(|book| book.title.as_str()).collect();
    assert_eq!(titles.len(), 12);
    assert_eq!(titles[..2], ["Book 13", "Book 12"]);
    assert_eq!(dashboard.counts.books, 14);
    assert_eq!(dashboard.services[0].health, Health::Unknown);
    assert_eq!(dashboard.services[0].sentence, "It was not checked yet.");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_unknown_or_old_is_an_alert() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mam = connect_myanonamouse(&app, &admin).await;
    let unread = get_dashboard(&app.services, &admin).await.unwrap();
    assert!(unread.accounts.is_empty());
    assert_eq!(
        unread.alerts,
        ["The account at MyAnonamouse was not read yet, so grabs from it wait."]
    );

    take_snapshot(&app, mam).await;
    db::request_budgets::record_request(&mut *app.database.connection().await, mam, app.clock.now())
        .await
        .unwrap();
    let fresh = get_dashboard(&app.services, &admin).await.unwrap();
    assert_eq!(fresh.alerts, Vec::<String>::new());
    let account = &fresh.accounts[0];
    assert_eq!(
        (account.requests_today, account.requests_limit, account.is_stale),
        (1, 500, false)
    );
    assert_eq!(account.ratio, Some(2.5));

    app.clock.advance(TimeDelta::hours(25));
    let stale = get_dashboard(&app.services, &admin).await.unwrap();
    assert!(stale.accounts[0].is_stale);
    assert_eq!(stale.accounts[0].requests_today, 0);
    assert!(stale.alerts[0].contains("more than 24 hours ago"), "{:?}", stale.alerts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_was_dated_by_a_clock_that_was_ahead_does_not_hide_the_next_one() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mam = connect_myanonamouse(&app, &admin).await;
    app.clock.advance(TimeDelta::days(40));
    take_snapshot(&app, mam).await;
    app.clock.advance(TimeDelta::days(-40));
    let account = get_dashboard(&app.services, &admin).await.unwrap().accounts.remove(0);
    assert!(account.is_stale, "nobody knows when that was");
    take_snapshot(&app, mam).await;
    let account = get_dashboard(&app.services, &admin).await.unwrap().accounts.remove(0);
    assert!(!account.is_stale);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_automation_is_an_alert() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let abs = connect_audiobookshelf(&app, &admin, NOWHERE).await;
    let mam = connect_myanonamouse(&app, &admin).await;
    take_snapshot(&app, mam).await;
    let mut conn = app.database.connection().await;
    let now = app.clock.now();
    db::library_syncs::record_unreadable_library(&mut conn, abs, "It refused the API key.", now)
        .await
        .unwrap();
    db::request_budgets::pause_requests(&mut conn, mam, None, "It refused the session.", now)
        .await
        .unwrap();
    integrations::check_integration(&app.services, &services::Actor::System("test"), abs)
        .await
        .unwrap();
    let alerts = get_dashboard(&app.services, &admin).await.unwrap().alerts;
    assert!(
        alerts[0].starts_with("Automatic grabbing is stopped: The library can't be read: It refused the API key."),
        "{alerts:?}"
    );
    assert!(
        alerts[1].starts_with("Audiobookshelf: ") && alerts[1].contains("can't be reached"),
        "{alerts:?}"
    );
    assert!(
        alerts[2].starts_with("MyAnonamouse is paused: It refused the session."),
        "{alerts:?}"
    );
    assert_eq!(alerts.len(), 3);
    // What is switched off stops nothing that anybody expects.
    for id in [abs, mam] {
        integrations::set_integration_enabled(&app.services, &admin, id, false)
            .await
            .unwrap();
    }
    assert!(get_dashboard(&app.services, &admin).await.unwrap().alerts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_found_nothing_to_do_are_no_news() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for (nth, status) in ["running", "queued", "succeeded", "nothing_to_do", "failed"]
        .iter()
        .enumerate()
    {
        app.run_sql(&format!(
            "INSERT INTO runs (id, kind, status, started_by, run_at, queued_at)
             VALUES ('00000000-0000-0000-0000-00000000000{nth}', 'clean_up', '{status}', 'test', now(),
                 TIMESTAMPTZ '2026-11-22 12:00Z' + {nth} * INTERVAL '1 minute')"
        ))
        .await;
    }
    let runs = get_dashboard(&app.services, &admin).await.unwrap().runs;
    let statuses: Vec<&str> = runs.iter().map(|run| run.status.as_str()).collect();
    assert_eq!(statuses, ["running", "failed", "succeeded"]);
}
