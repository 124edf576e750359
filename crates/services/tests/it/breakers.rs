//! A service that fails time and again is left alone, and asked again.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::Arc;

use chrono::TimeDelta;
use clients::ClientError;
use clients::library::Library;
use services::health::{get_health, take_readings};
use services::{Actor, connect, integrations};
use types::IntegrationId;
use types::health::{BreakerState, BreakerView};
use types::integrations::{Health, IntegrationForm, IntegrationKind};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{TestApp, form};

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

    async fn assert_left_alone(&self) {
        let (answer, arrived) = self.ask().await;
        assert!(matches!(answer, Err(ClientError::Resting { .. })), "{answer:?}");
        assert_eq!(arrived, 0);
    }

    fn skip(&self, seconds: i64) {
        self.app.clock.advance(TimeDelta::seconds(seconds));
    }

    async fn breaker(&self) -> Option<BreakerView> {
        let readings = take_readings(&self.app.services).await.unwrap();
        readings.integrations[0].breaker.clone()
    }

    async fn stored_health(&self) -> String {
        self.app
            .query_text("SELECT health || ': ' || health_sentence FROM integrations")
            .await
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
    let stored = shop.stored_health().await;
    for words in [
        "failing: ",
        "HTTP 500",
        "5 calls in a row failed",
        "asked again at 12:00:30 UTC",
    ] {
        assert!(stored.contains(words), "{stored}");
    }
    let report = get_health(&shop.app.services, &shop.admin).await.unwrap();
    let check = report
        .checks
        .iter()
        .find(|check| check.name.starts_with("integration "));
    assert!(
        check.unwrap().sentence.contains("asked again at 12:00:30 UTC"),
        "{check:?}"
    );

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
    assert_eq!(shop.stored_health().await, "ok: It answers again.");
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
    assert_eq!(shop.stored_health().await, stored);

    shop.answer(200).await;
    assert_eq!(shop.ask().await.0.unwrap(), 0);
    assert_eq!(shop.stored_health().await, "ok: It answers again.");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_takes_no_warning_back_that_a_check_found_meanwhile() {
    let shop = Shop::open().await;
    shop.answer(500).await;
    shop.fail(5).await;
    let warn = "UPDATE integrations SET health = 'warning', health_sentence = 'It is an old version.'";
    shop.app.run_sql(warn).await;
    shop.skip(30);
    shop.answer(200).await;
    assert_eq!(shop.ask().await.0.unwrap(), 0);
    assert_eq!(shop.stored_health().await, "warning: It is an old version.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_that_is_over_is_nobodys_trouble_until_somebody_calls() {
    let shop = Shop::open().await;
    shop.answer(500).await;
    shop.fail(5).await;
    // Another process found it well since.
    let well = "UPDATE integrations SET health = 'ok', health_sentence = 'It answers.'";
    shop.app.run_sql(well).await;
    let judged = async || {
        let report = get_health(&shop.app.services, &shop.admin).await.unwrap();
        let mut checks = report.checks.into_iter();
        checks.find(|check| check.name.starts_with("integration ")).unwrap()
    };
    shop.skip(29);
    assert_eq!(judged().await.health, Health::Failing);
    shop.skip(1);
    let breaker = shop.breaker().await.unwrap();
    assert_eq!((breaker.state, breaker.asked_again_at), (BreakerState::Due, None));
    assert_eq!(judged().await.health, Health::Ok);
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
async fn another_process_finds_out_for_itself() {
    let shop = Shop::open().await;
    shop.answer(500).await;
    shop.fail(5).await;
    let other = shop.app.restarted();
    let connected = connect::connect_library(&other).await.unwrap().unwrap();
    let failed = connected.client.unwrap().libraries().await.unwrap_err();
    assert!(matches!(failed, ClientError::Unreachable { .. }), "{failed}");
    shop.assert_left_alone().await;
}
