//! Adding, editing and testing outside services.

use services::{connect, integrations, provision, runs};
use types::integrations::{Health, IntegrationForm, IntegrationKind};
use types::{ErrorCode, PageRequest};
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{TestApp, form};

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_encrypted_at_rest_and_never_returned_or_audited() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let secret = "the-very-secret-key";
    let new = form(IntegrationKind::Prowlarr, "http://127.0.0.1:1/", secret);
    integrations::save_integration(&app.services, &admin, new)
        .await
        .unwrap();
    let listed = integrations::list_integrations(&app.services, &admin).await.unwrap();
    assert!(listed[0].has_secret);
    assert_eq!(listed[0].url, "http://127.0.0.1:1");
    assert!(!serde_json::to_string(&listed).unwrap().contains(secret));
    let stored = app
        .query_text("SELECT string_agg(i::text || a::text, '') FROM integrations i, audit_log a")
        .await;
    assert!(!stored.contains(secret) && !stored.contains(&hex::encode(secret)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_secret_keeps_the_stored_one_and_a_new_one_starts_a_revision() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let new = form(IntegrationKind::Prowlarr, "http://127.0.0.1:1", "key");
    let id = integrations::save_integration(&app.services, &admin, new.clone())
        .await
        .unwrap();
    let before = app.query_text("SELECT md5(secret) || revision FROM integrations").await;
    let renamed = IntegrationForm {
        id: Some(id),
        name: "Other".into(),
        secret: String::new(),
        ..new.clone()
    };
    integrations::save_integration(&app.services, &admin, renamed)
        .await
        .unwrap();
    assert_eq!(
        app.query_text("SELECT md5(secret) || revision FROM integrations").await,
        before
    );
    let rekeyed = IntegrationForm {
        id: Some(id),
        secret: "other".into(),
        ..new
    };
    integrations::save_integration(&app.services, &admin, rekeyed)
        .await
        .unwrap();
    assert_eq!(app.query_text("SELECT revision FROM integrations").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_once_and_a_kind_stays() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let new = form(IntegrationKind::Prowlarr, "http://127.0.0.1:1", "key");
    let id = integrations::save_integration(&app.services, &admin, new.clone())
        .await
        .unwrap();
    let twice = integrations::save_integration(&app.services, &admin, new.clone())
        .await
        .unwrap_err();
    assert!(twice.context.contains_key("name"), "{twice}");
    let other_kind = IntegrationForm {
        id: Some(id),
        kind: IntegrationKind::Torznab,
        ..new
    };
    let refused = integrations::save_integration(&app.services, &admin, other_kind)
        .await
        .unwrap_err();
    assert!(refused.context.contains_key("kind"));
    integrations::delete_integration(&app.services, &admin, id)
        .await
        .unwrap();
    let gone = integrations::delete_integration(&app.services, &admin, id)
        .await
        .unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_there_is_a_failed_test_with_a_sentence() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for kind in IntegrationKind::ALL {
        let outcome = integrations::test_integration(&app.services, &admin, form(*kind, "http://127.0.0.1:1", "key"))
            .await
            .unwrap();
        assert_eq!(outcome.health, Health::Failing, "{kind}");
        assert!(
            outcome.sentence.contains("can't be reached"),
            "{kind}: {}",
            outcome.sentence
        );
    }
}

/// A qBittorrent that refuses every password, and is to be sent just so many.
async fn qbittorrent_that_refuses(passwords: u64) -> MockServer {
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(200).set_body_string("Fails.");
    let login = Mock::given(method("POST")).and(path("/api/v2/auth/login"));
    login.respond_with(refusal).expect(passwords).mount(&server).await;
    let others =
        Mock::given(path_regex("^/api/v2/.*")).respond_with(ResponseTemplate::new(403).set_body_string("Forbidden"));
    others.with_priority(9).mount(&server).await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_not_tried_again_until_it_changes() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let server = qbittorrent_that_refuses(2).await;
    let wrong = form(IntegrationKind::Qbittorrent, &server.uri(), "wrong");
    let id = integrations::save_integration(&app.services, &admin, wrong.clone())
        .await
        .unwrap();
    let connected = connect::connect_torrent_clients(&app.services).await.unwrap();
    assert!(connected[0].client.as_ref().unwrap().poll().await.is_err());
    // Neither this process, nor another one, nor "Test" sends it again.
    let unchanged = IntegrationForm {
        id: Some(id),
        secret: String::new(),
        ..wrong.clone()
    };
    for services in [app.services.clone(), app.restarted()] {
        assert!(
            connect::connect_torrent_clients(&services).await.unwrap()[0]
                .client
                .is_err()
        );
        let outcome = integrations::test_integration(&services, &admin, unchanged.clone())
            .await
            .unwrap();
        assert_eq!(outcome.health, Health::Failing);
        assert!(outcome.sentence.contains("not tried again"), "{}", outcome.sentence);
    }
    let other = IntegrationForm {
        id: Some(id),
        secret: "also wrong".into(),
        ..wrong
    };
    integrations::save_integration(&app.services, &admin, other)
        .await
        .unwrap();
    let outcome = integrations::check_integration(&app.services, &admin, id)
        .await
        .unwrap();
    assert_eq!(outcome.health, Health::Failing);
    assert_eq!(
        integrations::list_integrations(&app.services, &admin).await.unwrap()[0].health,
        Health::Failing
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_unchanged_for_its_test_whatever_another_version_stored_besides() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let server = qbittorrent_that_refuses(1).await;
    let wrong = form(IntegrationKind::Qbittorrent, &server.uri(), "wrong");
    let id = integrations::save_integration(&app.services, &admin, wrong.clone())
        .await
        .unwrap();
    let connected = connect::connect_torrent_clients(&app.services).await.unwrap();
    assert!(connected[0].client.as_ref().unwrap().poll().await.is_err());
    let unchanged = IntegrationForm {
        id: Some(id),
        secret: String::new(),
        ..wrong
    };
    for options in ["options || '{\"newer\": 7}'", "options - 'categories'"] {
        app.run_sql(&format!("UPDATE integrations SET health = 'ok', options = {options}"))
            .await;
        app.run_sql(
            "INSERT INTO request_budgets (integration_id, day, requests, pause_sentence)
             SELECT id, current_date, 0, 'A person has to act.' FROM integrations
             ON CONFLICT (integration_id, day) DO UPDATE SET pause_sentence = EXCLUDED.pause_sentence",
        )
        .await;
        let outcome = integrations::test_integration(&app.services, &admin, unchanged.clone())
            .await
            .unwrap();
        // It is the stored one that is tried: its refusal counts, what was found is kept, and its queue goes on.
        assert!(outcome.sentence.contains("not tried again"), "{}", outcome.sentence);
        assert_eq!(app.query_text("SELECT health FROM integrations").await, "failing");
        let paused = "SELECT count(*) FROM request_budgets WHERE pause_sentence IS NOT NULL";
        assert_eq!(app.query_text(paused).await, "0", "{options}");
        // Saving it allows no login more, and changes nothing.
        integrations::save_integration(&app.services, &admin, unchanged.clone())
            .await
            .unwrap();
        let connected = connect::connect_torrent_clients(&app.services).await.unwrap();
        assert!(connected[0].client.is_err(), "{options}");
        let newest = "SELECT detail -> 'changes' FROM audit_log ORDER BY id DESC LIMIT 1";
        assert_eq!(app.query_text(newest).await, "{}", "{options}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switched_off_integration_is_not_connected() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let new = form(IntegrationKind::Audiobookshelf, "http://127.0.0.1:1", "key");
    let id = integrations::save_integration(&app.services, &admin, new)
        .await
        .unwrap();
    assert!(connect::connect_library(&app.services).await.unwrap().is_some());
    integrations::set_integration_enabled(&app.services, &admin, id, false)
        .await
        .unwrap();
    assert!(connect::connect_library(&app.services).await.unwrap().is_none());
    let runs = runs::list_runs(&app.services, &admin, None, PageRequest::default())
        .await
        .unwrap();
    let mut kinds: Vec<_> = runs.items.iter().map(|run| run.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["check_integrations", "sync_library_full"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_adds_each_integration_once_and_labels_the_sandbox() {
    let app = TestApp::new().await;
    let file = r#"
        [settings]
        stall_minutes = 3
        [[integration]]
        kind = "prowlarr"
        name = "Demo"
        url = "http://127.0.0.1:1"
        secret = "key"
        is_sandbox = true
    "#;
    assert_eq!(provision::apply_provision(&app.services, file).await.unwrap(), ["Demo"]);
    assert_eq!(
        provision::apply_provision(&app.services, file).await.unwrap(),
        Vec::<String>::new()
    );
    let admin = app.admin().await;
    assert!(integrations::list_integrations(&app.services, &admin).await.unwrap()[0].is_sandbox);
    assert_eq!(
        services::settings::read_settings(&app.services)
            .await
            .unwrap()
            .stall_minutes,
        3
    );
    let broken = provision::apply_provision(&app.services, "secret = \"hush")
        .await
        .unwrap_err();
    assert!(!broken.message.contains("hush"), "{broken}");
    for (typo, named) in [
        ("[settings]\nmin_seders = 5", "settings.min_seders is not a name"),
        (
            "[[integration]]\nkind = \"prowlarr\"\nname = \"Second\"\n[integration.options]\ncatagory = \"x\"",
            "integration.0.options.catagory is not a name",
        ),
        ("setings = 1", "unknown field `setings`"),
    ] {
        let refused = provision::apply_provision(&app.services, typo).await.unwrap_err();
        assert!(refused.message.contains(named), "{refused}");
    }
}
