//! A service that fails time and again is left alone, and asked again.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::Arc;

use chrono::TimeDelta;
use clients::ClientError;
use clients::library::Library;
use diesel_async::SimpleAsyncConnection;
use services::health::{get_health, take_readings};
use services::{Actor, Services, connect, integrations};
use types::IntegrationId;
use types::health::{BreakerState, BreakerView};
use types::integrations::{Health, IntegrationForm, IntegrationKind};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{PATIENCE, TestApp, form};

const STORED_HEALTH: &str = "SELECT health || ': ' || health_sentence FROM integrations";

/// An installation whose Audiobookshelf answers what a test wants.
struct Shop {
    app: TestApp,
    admin: Actor,
    server: MockServer,
    id: IntegrationId,
    form: IntegrationForm,
}

impl Shop {
    async fn open() -> Self {
        let app = TestApp::new().await;
        let admin = app.admin().await;
        let server = MockServer::start().await;
        let form = form(IntegrationKind::Audiobookshelf, &server.uri(), "key");
        let id = integrations::save_integration(&app.services, &admin, form.clone())
            .await
            .unwrap();
        let form = IntegrationForm {
            id: Some(id),
            secret: String::new(),
            ..form
        };
        Self {
            app,
            admin,
            server,
            id,
            form,
        }
    }

    async fn answer(&self, status: u16) {
        let answer = ResponseTemplate::new(status).set_body_raw(r#"{"libraries":[]}"#, "application/json");
        self.answer_with(answer).await;
    }

    async fn answer_with(&self, answer: ResponseTemplate) {
        self.server.reset().await;
        Mock::given(any()).respond_with(answer).mount(&self.server).await;
    }

    async fn library(&self) -> Arc<dyn Library> {
        let connected = connect::connect_library(&self.app.services).await.unwrap().unwrap();
        connected.client.unwrap()
    }

    /// Asks for the libraries: what came of it, and how many requests arrived.
    async fn ask(&self) -> (Result<usize, ClientError>, usize) {
        let before = self.arrived().await;
        let answer = self.library().await.libraries().await;
        (answer.map(|all| all.len()), self.arrived().await - before)
    }

    async fn arrived(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }

    async fn fail(&self, times: usize) {
        for _ in 0..times {
            let (answer, arrived) = self.ask().await;
            assert!(answer.is_err() && arrived == 1, "{answer:?}, {arrived} requests");
        }
    }

    /// The same in another process.
    async fn fail_in(&self, services: &Services, times: usize) {
        for _ in 0..times {
            let connected = connect::connect_library(services).await.unwrap().unwrap();
            let failed = connected.client.unwrap().libraries().await.unwrap_err();
            assert!(matches!(failed, ClientError::Unreachable { .. }), "{failed}");
        }
    }

    async fn assert_left_alone(&self) {
        let (answer, arrived) = self.ask().await;
        assert!(matches!(answer, Err(ClientError::Resting { .. })), "{answer:?}");
        assert_eq!(arrived, 0);
    }

    fn skip(&self, seconds: i64) {
        self.app.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Waits until the database was told what this process's breaker has to tell.
    async fn wait_for_rests(&self, count: &str) {
        self.app
            .wait_for_text("SELECT count(*) FROM breaker_rests", count)
            .await;
    }

    async fn breaker(&self) -> Option<BreakerView> {
        let readings = take_readings(&self.app.services).await.unwrap();
        readings.integrations[0].breaker.clone()
    }

    async fn stored_health(&self) -> String {
        self.app.query_text(STORED_HEALTH).await
    }

    async fn wait_for_health(&self, expected: &str) {
        self.app.wait_for_text(STORED_HEALTH, expected).await;
    }

    /// As the page of the integrations shows it in a process.
    async fn shown_health(&self, services: &Services) -> String {
        let all = integrations::list_integrations(services, &self.admin).await.unwrap();
        let one = integrations::get_integration(services, &self.admin, self.id)
            .await
            .unwrap()
            .value;
        assert_eq!(all[0], one);
        format!("{}: {}", one.health, one.health_sentence.unwrap_or_default())
    }

    /// As health details and the doctor tell it in a process.
    async fn judged_health(&self, services: &Services) -> String {
        let report = get_health(services, &self.admin).await.unwrap();
        let mut checks = report.checks.into_iter();
        let check = checks.find(|check| check.name.starts_with("integration ")).unwrap();
        format!("{}: {}", check.health, check.sentence)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_service_is_not_asked_until_its_rest_is_over_and_an_answer_ends_it() {
    let shop = Shop::open().await;
    assert_eq!(shop.breaker().await, None, "nobody has called it yet");
    shop.answer(500).await;
    shop.fail(4).await;
    assert_eq!(shop.breaker().await.unwrap().state, BreakerState::Closed);
    shop.fail(1).await;
    shop.assert_left_alone().await;

    let breaker = shop.breaker().await.unwrap();
    assert_eq!((breaker.state, breaker.failures), (BreakerState::Open, Some(5)));
    assert_eq!(
        breaker.asked_again_at,
        Some(shop.app.clock.now() + TimeDelta::seconds(30))
    );
    shop.wait_for_rests("1").await;
    let stored = shop.stored_health().await;
    for words in ["failing: ", "HTTP 500", "5 calls in a row failed"] {
        assert!(stored.contains(words), "{stored}");
    }
    let until = "leaves it alone until 12:00:30 UTC";
    for told in [
        shop.shown_health(&shop.app.services).await,
        shop.judged_health(&shop.app.services).await,
    ] {
        assert!(told.starts_with("failing: ") && told.contains(until), "{told}");
        assert!(told.contains("HTTP 500"), "{told}");
    }

    shop.skip(29);
    shop.assert_left_alone().await;
    shop.skip(1);
    shop.fail(1).await;
    shop.skip(59);
    shop.assert_left_alone().await;

    shop.answer(200).await;
    shop.skip(1);
    let (answer, arrived) = shop.ask().await;
    assert_eq!((answer.unwrap(), arrived), (0, 1));
    assert_eq!(shop.breaker().await.unwrap().state, BreakerState::Closed);
    shop.wait_for_health("ok: It answers again.").await;
    shop.wait_for_rests("0").await;
    shop.answer(500).await;
    shop.fail(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_always_asks_and_its_answer_ends_the_rest() {
    let shop = Shop::open().await;
    shop.answer(500).await;
    shop.fail(5).await;
    let before = shop.arrived().await;
    let tested = integrations::check_integration(&shop.app.services, &shop.admin, shop.id)
        .await
        .unwrap();
    assert_eq!(tested.health, Health::Failing);
    assert!(shop.arrived().await > before, "a press of Test is a request");
    shop.assert_left_alone().await;

    // A stranger's answer, but an answer.
    shop.answer(200).await;
    integrations::test_integration(&shop.app.services, &shop.admin, shop.form.clone())
        .await
        .unwrap();
    assert_eq!(shop.ask().await.1, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_open_it_and_whoever_saves_the_integration_is_not_kept_waiting() {
    let shop = Shop::open().await;
    shop.answer(401).await;
    shop.fail(5).await;
    shop.assert_left_alone().await;
    let (answer, _) = shop.ask().await;
    let sentence = answer.unwrap_err().to_string();
    assert!(
        sentence.contains("refused the") && sentence.contains("asked less often"),
        "{sentence}"
    );

    integrations::save_integration(&shop.app.services, &shop.admin, shop.form.clone())
        .await
        .unwrap();
    assert_eq!(shop.ask().await.1, 1, "even unchanged");
    shop.fail(4).await;
    shop.assert_left_alone().await;
    let other_key = IntegrationForm {
        secret: "other".into(),
        ..shop.form.clone()
    };
    integrations::save_integration(&shop.app.services, &shop.admin, other_key)
        .await
        .unwrap();
    shop.answer(200).await;
    assert_eq!(shop.ask().await.0.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thing_that_a_service_stumbles_over_does_not_keep_the_others_from_it() {
    let shop = Shop::open().await;
    shop.answer(500).await;
    for _ in 0..10 {
        assert!(shop.library().await.cover("li_1", 200).await.is_err());
    }
    shop.answer(404).await;
    shop.fail(10).await;
    shop.answer(200).await;
    assert_eq!(shop.ask().await.0.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_not_asked_for_ends_the_rest_and_proves_nothing() {
    let shop = Shop::open().await;
    shop.answer(502).await;
    shop.fail(5).await;
    shop.wait_for_rests("1").await;
    let stored = shop.stored_health().await;
    assert!(stored.starts_with("failing: "), "{stored}");
    shop.skip(30);
    let page = ResponseTemplate::new(200).set_body_raw("<html>Soon back</html>", "text/html");
    shop.answer_with(page).await;
    let (answer, arrived) = shop.ask().await;
    assert!(
        matches!(answer, Err(ClientError::UnexpectedAnswer { .. })),
        "{answer:?}"
    );
    assert_eq!(arrived, 1);
    assert_eq!(shop.breaker().await.unwrap().state, BreakerState::Closed);
    shop.wait_for_rests("0").await;
    assert_eq!(shop.stored_health().await, stored);

    shop.answer(200).await;
    assert_eq!(shop.ask().await.0.unwrap(), 0);
    shop.wait_for_health("ok: It answers again.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_takes_no_warning_back_that_a_check_found_meanwhile() {
    let shop = Shop::open().await;
    shop.answer(500).await;
    shop.fail(5).await;
    shop.wait_for_rests("1").await;
    let warn = "UPDATE integrations SET health = 'warning', health_sentence = 'It is an old version.'";
    shop.app.run_sql(warn).await;
    shop.skip(30);
    shop.answer(200).await;
    assert_eq!(shop.ask().await.0.unwrap(), 0);
    shop.wait_for_rests("0").await;
    assert_eq!(shop.stored_health().await, "warning: It is an old version.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_that_is_over_is_nobodys_trouble_until_somebody_calls() {
    let shop = Shop::open().await;
    shop.answer(500).await;
    shop.fail(5).await;
    shop.wait_for_rests("1").await;
    // Another process found it well since.
    let well = "UPDATE integrations SET health = 'ok', health_sentence = 'It answers.'";
    shop.app.run_sql(well).await;
    let other = shop.app.restarted();
    let told = async || {
        let mut told = Vec::new();
        for services in [&shop.app.services, &other] {
            told.push(shop.judged_health(services).await);
            told.push(shop.shown_health(services).await);
        }
        told
    };
    shop.skip(29);
    assert!(told().await.iter().all(|told| told.starts_with("failing: ")));
    shop.skip(1);
    assert!(told().await.iter().all(|told| told == "ok: It answers."));
    let breaker = shop.breaker().await.unwrap();
    assert_eq!((breaker.state, breaker.asked_again_at), (BreakerState::Due, None));
    assert_eq!(breaker.due_since, Some(shop.app.services.now()));
    shop.skip(600);
    let since = shop.breaker().await.unwrap().due_since.unwrap();
    assert_eq!(shop.app.services.now() - since, TimeDelta::seconds(600));
    shop.fail(1).await;
    assert_eq!(shop.breaker().await.unwrap().state, BreakerState::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_one_thing_is_not_the_look_but_its_answer_ends_the_rest() {
    let shop = Shop::open().await;
    let covers = async || {
        let before = shop.arrived().await;
        let cover = shop.library().await.cover("li_1", 200).await;
        (cover.is_ok(), shop.arrived().await - before)
    };
    shop.answer(500).await;
    shop.fail(5).await;
    assert_eq!(covers().await, (false, 0), "nothing goes out during the rest");
    shop.skip(30);
    for _ in 0..3 {
        assert_eq!(covers().await, (false, 1));
    }
    shop.fail(1).await;
    shop.assert_left_alone().await;
    shop.skip(60);
    shop.answer(404).await;
    assert_eq!(covers().await.1, 1);
    assert_eq!(shop.breaker().await.unwrap().state, BreakerState::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_shows_who_leaves_it_alone_and_finds_out_for_itself() {
    let shop = Shop::open().await;
    let worker = shop.app.process("worker on attic (process 71)");
    shop.answer(500).await;
    shop.fail_in(&worker, 5).await;
    shop.wait_for_rests("1").await;
    let alone = "The worker on attic (process 71) leaves it alone until 12:00:30 UTC: 5 calls in a row failed.";
    let told_in = async |services: &Services| {
        let (judged, shown) = (shop.judged_health(services).await, shop.shown_health(services).await);
        assert_eq!(judged, shown);
        judged
    };
    for services in [&shop.app.services, &worker] {
        let told = told_in(services).await;
        assert!(told.starts_with(&format!("failing: {alone}")), "{told}");
        assert_eq!(told.matches("leaves it alone").count(), 1, "{told}");
    }
    assert_eq!(shop.breaker().await, None, "this process's own");

    // It asks itself, as often as if nothing were known, and says so for itself.
    shop.fail(5).await;
    shop.wait_for_rests("2").await;
    let told = told_in(&shop.app.services).await;
    assert_eq!(told.matches("leaves it alone until").count(), 2, "{told}");

    // A test that succeeds ends the rest of the process that made it, and no other one's.
    shop.answer(200).await;
    integrations::check_integration(&shop.app.services, &shop.admin, shop.id)
        .await
        .unwrap();
    shop.wait_for_rests("1").await;
    let told = told_in(&shop.app.services).await;
    assert!(told.starts_with(&format!("failing: {alone}")), "{told}");
    assert_eq!(told.matches("leaves it alone").count(), 1, "{told}");

    shop.skip(30);
    let library = connect::connect_library(&worker).await.unwrap().unwrap();
    library.client.unwrap().libraries().await.unwrap();
    shop.wait_for_rests("0").await;
    let told = told_in(&shop.app.services).await;
    assert!(!told.contains("leaves it alone"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_says_of_an_address_of_before_or_of_what_is_switched_off_counts_no_more() {
    let shop = Shop::open().await;
    let worker = shop.app.process("worker on attic (process 71)");
    shop.answer(500).await;
    shop.fail_in(&worker, 5).await;
    shop.wait_for_rests("1").await;
    let told = async || shop.shown_health(&shop.app.services).await;
    assert!(told().await.contains("leaves it alone"));
    integrations::set_integration_enabled(&shop.app.services, &shop.admin, shop.id, false)
        .await
        .unwrap();
    assert!(!told().await.contains("leaves it alone"));
    integrations::set_integration_enabled(&shop.app.services, &shop.admin, shop.id, true)
        .await
        .unwrap();
    assert!(told().await.contains("leaves it alone"));
    let other_key = IntegrationForm {
        secret: "other".into(),
        ..shop.form.clone()
    };
    integrations::save_integration(&shop.app.services, &shop.admin, other_key)
        .await
        .unwrap();
    assert!(!told().await.contains("leaves it alone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_saves_it_takes_back_what_this_process_said() {
    let shop = Shop::open().await;
    shop.answer(500).await;
    shop.fail(5).await;
    shop.wait_for_rests("1").await;
    integrations::save_integration(&shop.app.services, &shop.admin, shop.form.clone())
        .await
        .unwrap();
    shop.wait_for_rests("0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_neither_waits_for_a_database_that_hangs_nor_fails_with_it() {
    let shop = Shop::open().await;
    shop.answer(500).await;
    let library = shop.library().await;
    let mut held = shop.app.database.connection().await;
    let hold = "BEGIN; LOCK TABLE breaker_rests, integrations IN ACCESS EXCLUSIVE MODE";
    held.batch_execute(hold).await.unwrap();
    let calls = async {
        for _ in 0..5 {
            let failed = library.libraries().await.unwrap_err();
            assert!(matches!(failed, ClientError::Unreachable { .. }), "{failed}");
        }
        library.libraries().await.unwrap_err()
    };
    let failed = tokio::time::timeout(PATIENCE, calls).await.expect("no call waits");
    assert!(matches!(failed, ClientError::Resting { .. }), "{failed}");
    held.batch_execute("COMMIT").await.unwrap();
    shop.wait_for_rests("1").await;
}
