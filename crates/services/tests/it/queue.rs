//! The request queue and the rotating session of MyAnonamouse, with a stand-in that answers like the site.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use services::{Services, connect, integrations, request_queue};
use types::IntegrationId;
use types::integrations::{Health, IntegrationForm, IntegrationKind};
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::{TestApp, form};

const ACCOUNT: &str = r#"{"username":"mouse","classname":"VIP","ratio":2.5,"uploaded_bytes":1,"downloaded_bytes":1,
    "seedbonus":10,"wedges":1,"unsat":{"count":3,"limit":150}}"#;

/// A site that renews the session with every answer: `first`, `value-1`, `value-2`, … and accepts only the newest.
async fn start_site(first: &str) -> (MockServer, Arc<Mutex<Vec<Instant>>>) {
    let site = MockServer::start().await;
    let starts = Arc::new(Mutex::new(Vec::new()));
    let newest = Mutex::new((first.to_owned(), 0));
    let seen = Arc::clone(&starts);
    let answer = move |request: &Request| {
        seen.lock().unwrap().push(Instant::now());
        let mut newest = newest.lock().unwrap();
        let cookie = request
            .headers
            .get("cookie")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if cookie != format!("mam_id={}", newest.0) {
            return ResponseTemplate::new(403).set_body_string("Error, you are not signed in");
        }
        newest.1 += 1;
        newest.0 = format!("value-{}", newest.1);
        ResponseTemplate::new(200)
            .insert_header("set-cookie", format!("mam_id={}; path=/", newest.0).as_str())
            .set_body_raw(ACCOUNT, "application/json")
    };
    Mock::given(path("/jsonLoad.php"))
        .respond_with(answer)
        .mount(&site)
        .await;
    (site, starts)
}

async fn ask_account(services: &Services) -> clients::error::Result<()> {
    let indexers = connect::connect_indexers(services).await.unwrap();
    indexers[0].client.clone()?.account().await.map(drop)
}

async fn save(app: &TestApp, form: IntegrationForm) -> IntegrationId {
    integrations::save_integration(&app.services, &app.admin().await, form)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_two_processes_go_one_by_one_with_the_newest_session() {
    let app = TestApp::new().await;
    let (site, starts) = start_site("entered").await;
    let id = save(
        &app,
        form(IntegrationKind::Myanonamouse, &site.uri(), "mam_id=entered;"),
    )
    .await;
    let other = app.restarted();
    let (one, two, three) = tokio::join!(
        ask_account(&app.services),
        ask_account(&other),
        ask_account(&app.services)
    );
    assert_eq!((one, two, three), (Ok(()), Ok(()), Ok(())));
    let starts = starts.lock().unwrap().clone();
    for pair in starts.windows(2) {
        assert!(
            pair[1] - pair[0] >= Duration::from_millis(55),
            "{:?}",
            pair[1] - pair[0]
        );
    }
    let mut conn = app.services.connection().await.unwrap();
    let state = request_queue::read_queue_state(&mut conn, &app.services, id)
        .await
        .unwrap();
    drop(conn);
    assert_eq!((starts.len(), state.requests_today, state.stopped), (3, 3, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_renewed_session_is_stored_encrypted_and_used_after_a_restart() {
    let app = TestApp::new().await;
    let (site, _) = start_site("entered").await;
    save(&app, form(IntegrationKind::Myanonamouse, &site.uri(), "entered")).await;
    ask_account(&app.services).await.unwrap();
    ask_account(&app.restarted()).await.unwrap();
    let stored = app
        .query_text("SELECT encode(secret || session_secret, 'escape') FROM integrations")
        .await;
    assert!(!stored.contains("entered") && !stored.contains("value-"), "{stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_session_stops_the_queue_until_a_person_acts() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let (site, starts) = start_site("entered").await;
    let wrong = form(IntegrationKind::Myanonamouse, &site.uri(), "old");
    let id = integrations::save_integration(&app.services, &admin, wrong.clone())
        .await
        .unwrap();
    assert!(ask_account(&app.services).await.is_err());
    let stopped = ask_account(&app.restarted()).await.unwrap_err();
    assert!(matches!(stopped, clients::ClientError::Paused { .. }), "{stopped}");
    assert_eq!(starts.lock().unwrap().len(), 1);
    let right = IntegrationForm {
        id: Some(id),
        secret: "entered".into(),
        ..wrong
    };
    integrations::save_integration(&app.services, &admin, right)
        .await
        .unwrap();
    ask_account(&app.services).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_that_a_test_used_up_is_the_one_that_is_saved() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let (site, _) = start_site("entered").await;
    let new = form(IntegrationKind::Myanonamouse, &site.uri(), "entered");
    let tested = integrations::test_integration(&app.services, &admin, new.clone())
        .await
        .unwrap();
    assert_eq!(tested.health, Health::Ok, "{}", tested.sentence);
    let again = integrations::test_integration(&app.restarted(), &admin, new.clone())
        .await
        .unwrap();
    assert_eq!(again.health, Health::Ok, "{}", again.sentence);
    integrations::save_integration(&app.services, &admin, new)
        .await
        .unwrap();
    ask_account(&app.services).await.unwrap();
    assert_eq!(
        app.query_text("SELECT count(*) FROM settings WHERE name LIKE 'tested%'")
            .await,
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_budget_is_kept() {
    let app = TestApp::new().await;
    let site = MockServer::start().await;
    Mock::given(header("cookie", "mam_id=entered"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(ACCOUNT, "application/json"))
        .mount(&site)
        .await;
    let id = save(&app, form(IntegrationKind::Myanonamouse, &site.uri(), "entered")).await;
    ask_account(&app.services).await.unwrap();
    let mut conn = app.database.connection().await;
    let used_up = diesel::sql_query("UPDATE request_budgets SET requests = 500");
    diesel_async::RunQueryDsl::execute(used_up, &mut conn).await.unwrap();
    let refused = ask_account(&app.services).await.unwrap_err();
    assert!(refused.to_string().contains("budget of 500"), "{refused}");
    app.clock.advance(chrono::TimeDelta::days(1));
    ask_account(&app.services).await.unwrap();
    assert_eq!(
        request_queue::read_queue_state(&mut app.services.connection().await.unwrap(), &app.services, id)
            .await
            .unwrap()
            .requests_today,
        1
    );
}
