//! The audit log: complete, readable by admins, closed to everybody's changes.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::TimeDelta;
use futures::TryStreamExt;
use services::audit::{Refusal, export_entries, list_entries, record_refusal};
use services::{Origin, api_keys, auth, downloads, integrations, oidc, settings, setup, wants};
use types::access::{NewApiKeyForm, Scope};
use types::audit::{AuditEntry, AuditFilter, AuditFormat, CredentialKind};
use types::downloads::DownloadScope;
use types::integrations::{IntegrationForm, IntegrationKind};
use types::oidc::{OidcForm, OidcSettings};
use types::people::{ChangePasswordForm, Role, SetupForm};
use types::wants::WantReason;
use types::{ErrorCode, PageRequest};

use crate::support::{PASSWORD, TestApp, at_address, form};
use crate::yard::book;

async fn entries(app: &TestApp, admin: &services::Actor, filter: AuditFilter) -> Vec<AuditEntry> {
    let page = list_entries(&app.services, admin, filter, PageRequest::default()).await;
    page.unwrap().items
}

fn of_action(action: &str) -> AuditFilter {
    AuditFilter {
        action: Some(action.into()),
        ..AuditFilter::default()
    }
}

fn changes(entry: &AuditEntry) -> Vec<(&str, Option<&str>, Option<&str>)> {
    let shown = entry
        .changes
        .iter()
        .map(|change| (change.field.as_str(), change.old.as_deref(), change.new.as_deref()));
    shown.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_show_what_was_and_what_is_but_no_secret() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut edited = settings::get_settings(&app.services, &admin).await.unwrap();
    edited.min_seeders = 4;
    settings::save_settings(&app.services, &admin, edited).await.unwrap();
    let saved = entries(&app, &admin, of_action("save_settings")).await;
    assert_eq!(changes(&saved[0]), [("min_seeders", Some("1"), Some("4"))]);

    let new = form(IntegrationKind::Prowlarr, "http://127.0.0.1:1", "first-secret");
    let id = integrations::save_integration(&app.services, &admin, new.clone())
        .await
        .unwrap();
    let moved = IntegrationForm {
        id: Some(id),
        url: "http://127.0.0.1:2".into(),
        secret: "second-secret".into(),
        ..new
    };
    integrations::save_integration(&app.services, &admin, moved)
        .await
        .unwrap();
    let saved = entries(&app, &admin, of_action("save_integration")).await;
    assert_eq!(
        changes(&saved[0]),
        [
            ("secret", Some("(secret)"), Some("(new secret)")),
            ("url", Some("http://127.0.0.1:1"), Some("http://127.0.0.1:2")),
        ]
    );
    assert!(changes(&saved[1]).contains(&("secret", None, Some("(new secret)"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_failed_sign_ins_are_in_the_log() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let viewer = app.person(&admin, "vera", Role::Viewer).await;
    let origin = Origin {
        address: Some("192.0.2.7".into()),
        ..Origin::default()
    };
    let refusal = Refusal {
        actor: Some(&viewer),
        origin: &origin,
        what: "DELETE /api/v1/users/{id}",
        code: ErrorCode::Forbidden,
        reason: None,
    };
    for _ in 0..1000 {
        record_refusal(&app.services, refusal).await;
    }
    let refused = entries(&app, &admin, of_action("request_refused")).await;
    assert_eq!(refused.len(), 12, "a flood is thinned out");
    let newest = &refused[0];
    assert_eq!(
        (newest.actor.as_str(), newest.address.as_deref()),
        ("vera", Some("192.0.2.7"))
    );
    assert_eq!(newest.subject.as_deref(), Some("DELETE /api/v1/users/{id}"));
    assert!(newest.facts.iter().any(|fact| fact.value == "1000"));
    assert!(app.login("vera", "wrong").await.is_err());
    assert_eq!(entries(&app, &admin, of_action("login_refused")).await[0].actor, "vera");
    assert!(app.login("my secret in the wrong field", "wrong").await.is_err());
    let newest = &entries(&app, &admin, of_action("login_refused")).await[0];
    assert_eq!(newest.actor, "unknown name");
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_of_a_stranger_hides_neither_a_refused_sign_in_nor_an_insider() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let vera = app.person(&admin, "vera", Role::Viewer).await;
    let nowhere = Origin::default();
    for number in 0..100 {
        let refusal = Refusal {
            actor: None,
            origin: &at_address(&format!("192.0.2.{number}")),
            what: &format!("JUNK{number} /route/{number}"),
            code: ErrorCode::Forbidden,
            reason: Some("another_site"),
        };
        record_refusal(&app.services, refusal).await;
    }
    let many = entries(&app, &admin, of_action("refused_many")).await;
    assert_eq!(fact(&many[0], "what"), Some("request_refused"));

    assert!(
        app.login_from(at_address("198.51.100.7"), "vera", "wrong")
            .await
            .is_err()
    );
    let line = entries(&app, &admin, of_action("login_refused")).await.remove(0);
    assert_eq!(
        (line.actor.as_str(), line.address.as_deref()),
        ("vera", Some("198.51.100.7"))
    );
    let refusal = Refusal {
        actor: Some(&vera),
        origin: &nowhere,
        what: "DELETE /api/v1/users/{id}",
        code: ErrorCode::Forbidden,
        reason: None,
    };
    record_refusal(&app.services, refusal).await;
    let line = entries(&app, &admin, of_action("request_refused")).await.remove(0);
    assert_eq!(
        (line.actor.as_str(), line.subject.as_deref()),
        ("vera", Some("DELETE /api/v1/users/{id}"))
    );
}

/// Lines about this, oldest first: what was done and by whom.
async fn lines_about(app: &TestApp, admin: &services::Actor, subject: &str) -> Vec<(String, String)> {
    let mut lines = entries(app, admin, AuditFilter::default()).await;
    lines.retain(|line| line.subject.as_deref() == Some(subject));
    let lines = lines.into_iter().rev().map(|line| (line.action, line.actor));
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_decide_about_wants_and_downloads_is_noted_under_the_title() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let uwe = app.person(&admin, "uwe", Role::User).await;
    let services = &app.services;
    let want = wants::create_want(services, &uwe, book("It", "Stephen King"), WantReason::Request)
        .await
        .unwrap();
    wants::search_now(services, &admin, want).await.unwrap();
    let approved = entries(&app, &admin, of_action("search_want")).await.remove(0);
    assert_eq!(fact(&approved, "is_approval"), Some("true"));
    let page = downloads::list_downloads(services, &admin, DownloadScope::All, PageRequest::default());
    let id = page.await.unwrap().items[0].id;
    downloads::cancel_download(services, &admin, id).await.unwrap();
    downloads::choose_another(services, &admin, id).await.unwrap();
    downloads::retry_download(services, &admin, id).await.unwrap();
    let refused = downloads::retry_download(services, &admin, id).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict, "{refused}");
    wants::cancel_want(services, &uwe, want).await.unwrap();
    let expected = [
        ("create_want", "uwe"),
        ("search_want", "admin"),
        ("cancel_download", "admin"),
        ("choose_another", "admin"),
        ("retry_download", "admin"),
        ("cancel_want", "uwe"),
    ];
    assert_eq!(
        lines_about(&app, &admin, "It").await,
        expected.map(|(action, actor)| (action.to_owned(), actor.to_owned()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_of_services_are_noted_with_their_address_but_no_secret() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let new = form(IntegrationKind::Prowlarr, "http://127.0.0.1:1", "planted-secret");
    integrations::test_integration(&app.services, &admin, new.clone())
        .await
        .unwrap();
    let id = integrations::save_integration(&app.services, &admin, new.clone())
        .await
        .unwrap();
    integrations::check_integration(&app.services, &admin, id)
        .await
        .unwrap();
    let told = lines_about(&app, &admin, &new.name).await;
    let told: Vec<&str> = told.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(told, ["test_integration", "save_integration", "check_integration"]);
    let tested = entries(&app, &admin, of_action("test_integration")).await.remove(0);
    assert_eq!(fact(&tested, "url"), Some("http://127.0.0.1:1"));

    let draft = OidcForm {
        settings: OidcSettings {
            issuer: "https://127.0.0.1:1".into(),
            ..OidcSettings::default()
        },
        client_secret: "planted-secret".into(),
        has_no_secret: false,
    };
    oidc::test_config(&app.services, &admin, draft).await.unwrap();
    assert_eq!(
        lines_about(&app, &admin, "https://127.0.0.1:1").await,
        [("test_single_sign_on".to_owned(), "admin".to_owned())]
    );
    assert_no_line_holds(&app, "planted-secret").await;
}

fn fact<'a>(entry: &'a AuditEntry, name: &str) -> Option<&'a str> {
    let mut facts = entry.facts.iter();
    facts.find(|fact| fact.name == name).map(|fact| fact.value.as_str())
}

async fn assert_no_line_holds(app: &TestApp, secret: &str) {
    let lines = app
        .query_text("SELECT string_agg(audit_log::text, ' ') FROM audit_log")
        .await;
    assert!(!lines.contains(secret), "{secret} is in {lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_set_up_tokens_and_wrong_current_passwords_are_noted_without_what_was_typed() {
    let app = TestApp::new().await;
    setup::ensure_setup_token(&app.services).await.unwrap();
    let guessed = SetupForm {
        token: "guessed-token".into(),
        username: "eve".into(),
        password: PASSWORD.into(),
    };
    let refused = setup::complete_setup(&app.services, guessed, at_address("192.0.2.7")).await;
    assert!(refused.err().unwrap().context.contains_key("token"));
    let admin = app.admin().await.with_address(Some("192.0.2.8".into()));
    let form = ChangePasswordForm {
        current_password: "guessed-password".into(),
        new_password: "another password".into(),
    };
    let refused = auth::change_password(&app.services, &admin, form).await;
    assert!(refused.unwrap_err().context.contains_key("current_password"));

    let line = entries(&app, &admin, of_action("setup_refused")).await.remove(0);
    assert_eq!(
        (line.actor.as_str(), line.address.as_deref()),
        ("nobody", Some("192.0.2.7"))
    );
    let line = entries(&app, &admin, of_action("password_refused")).await.remove(0);
    assert_eq!(
        (line.actor.as_str(), line.address.as_deref(), line.user_id),
        ("admin", Some("192.0.2.8"), admin.user_id())
    );
    assert_no_line_holds(&app, "guessed-").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_ended_api_keys_are_noted_by_name_and_thinned_out_in_a_flood() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let new = NewApiKeyForm {
        name: "script".into(),
        scope: Scope::Read,
        expires_in_days: None,
        requests_per_minute: None,
    };
    let key = api_keys::create_key(&app.services, &admin, new).await.unwrap();
    api_keys::revoke_key(&app.services, &admin, key.key.id).await.unwrap();
    let from = at_address("192.0.2.7");
    for _ in 0..12 {
        assert!(auth::identify(&app.services, &key.secret, &from).await.is_err());
        assert!(
            auth::identify(&app.services, "mamc_guessed_secret", &from)
                .await
                .is_err()
        );
    }
    let lines = entries(&app, &admin, of_action("api_key_refused")).await;
    let (known, unknown): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.user_id.is_some());
    assert_eq!((known.len(), unknown.len()), (10, 10), "a flood is thinned out");
    assert_eq!(
        (
            known[0].actor.as_str(),
            known[0].subject.as_deref(),
            fact(known[0], "reason")
        ),
        ("admin", Some("script"), Some("revoked"))
    );
    assert_eq!(
        (
            unknown[0].actor.as_str(),
            unknown[0].address.as_deref(),
            fact(unknown[0], "reason")
        ),
        ("nobody", Some("192.0.2.7"), Some("unknown"))
    );
    assert_no_line_holds(&app, "guessed").await;
    assert_no_line_holds(&app, key.secret.rsplit('_').next().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_paged_filtered_and_for_admins() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let manager = app.person(&admin, "mona", Role::Manager).await;
    let refused = list_entries(&app.services, &manager, AuditFilter::default(), PageRequest::default()).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::Forbidden);
    let export = export_entries(&app.services, &manager, AuditFilter::default(), AuditFormat::Csv).await;
    assert_eq!(export.err().unwrap().code, ErrorCode::Forbidden);

    let mut cursor = None;
    let mut actions = Vec::new();
    loop {
        let page = PageRequest { limit: Some(1), cursor };
        let page = list_entries(&app.services, &admin, AuditFilter::default(), page)
            .await
            .unwrap();
        assert_eq!(page.total, 3);
        actions.extend(page.items.into_iter().map(|entry| entry.action));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(actions, ["login", "create_user", "complete_setup"]);
    let foreign = PageRequest {
        limit: None,
        cursor: Some("00".into()),
    };
    let foreign = list_entries(&app.services, &admin, AuditFilter::default(), foreign).await;
    assert_eq!(foreign.unwrap_err().code, ErrorCode::ValidationError);

    let text = |text: &str| AuditFilter {
        text: Some(text.into()),
        ..AuditFilter::default()
    };
    assert_eq!(entries(&app, &admin, text("MONA")).await.len(), 2);
    assert_eq!(entries(&app, &admin, text("%")).await.len(), 0, "words are no pattern");
    let by_actor = AuditFilter {
        actor: Some("mona".into()),
        ..AuditFilter::default()
    };
    assert_eq!(entries(&app, &admin, by_actor).await.len(), 1);
    let later = AuditFilter {
        since: Some(app.services.now() + TimeDelta::seconds(1)),
        ..AuditFilter::default()
    };
    assert!(entries(&app, &admin, later).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_says_by_which_sign_in_or_api_key_it_was_done() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let form = NewApiKeyForm {
        name: "night script".into(),
        scope: Scope::Admin,
        expires_in_days: None,
        requests_per_minute: None,
    };
    let key = api_keys::create_key(&app.services, &admin, form).await.unwrap();
    let by_key = auth::identify(&app.services, &key.secret, &Origin::default())
        .await
        .unwrap();
    let settings = settings::get_settings(&app.services, &admin).await.unwrap();
    settings::save_settings(&app.services, &by_key, settings.clone())
        .await
        .unwrap();
    settings::save_settings(&app.services, &admin, settings).await.unwrap();
    let refusal = Refusal {
        actor: Some(&by_key),
        origin: &Origin::default(),
        what: "DELETE /api/v1/users/{id}",
        code: ErrorCode::Forbidden,
        reason: None,
    };
    record_refusal(&app.services, refusal).await;
    // What the lines say does not change with the key.
    api_keys::revoke_key(&app.services, &admin, key.key.id).await.unwrap();
    app.run_sql("DELETE FROM api_keys").await;

    let session = Some((CredentialKind::Session, admin.session_id().unwrap().0, None));
    let of_key = Some((CredentialKind::ApiKey, key.key.id.0, Some("night script".to_owned())));
    let told = entries(&app, &admin, AuditFilter::default()).await;
    let told = told
        .into_iter()
        .map(|line| (line.action, line.credential.map(|one| (one.kind, one.id, one.name))));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("revoke_api_key", &session),
            ("request_refused", &of_key),
            ("save_settings", &session),
            ("save_settings", &of_key),
            ("create_api_key", &session),
            ("complete_setup", &session),
        ]
        .map(|(action, credential)| (action.to_owned(), credential.clone()))
    );
    let words = AuditFilter {
        text: Some("Night Script".into()),
        action: Some("save_settings".into()),
        ..AuditFilter::default()
    };
    assert_eq!(entries(&app, &admin, words.clone()).await.len(), 1);
    let table = export_entries(&app.services, &admin, words, AuditFormat::Csv);
    let table = table
        .await
        .unwrap()
        .try_collect::<Vec<String>>()
        .await
        .unwrap()
        .concat();
    let cells = format!("\"api_key\",\"{}\",\"night script\"", key.key.id);
    assert!(table.lines().nth(1).unwrap().ends_with(&cells), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refused_sign_ins_is_thinned_out_the_same_for_names_that_exist() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for number in 0..12 {
        let name = format!("nobody {number}");
        assert!(app.login_from(at_address("192.0.2.7"), &name, "wrong").await.is_err());
    }
    assert_eq!(entries(&app, &admin, of_action("login_refused")).await.len(), 10);
    assert!(app.login_from(at_address("192.0.2.7"), "admin", "wrong").await.is_err());
    assert_eq!(
        entries(&app, &admin, of_action("login_refused")).await.len(),
        10,
        "a line that is stored takes longer, and would tell that the name exists"
    );
    assert!(app.login_from(at_address("192.0.2.8"), "admin", "wrong").await.is_err());
    let newest = entries(&app, &admin, of_action("login_refused")).await.remove(0);
    assert_eq!(newest.actor, "admin", "another address has lines of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_every_line_and_runs_no_formula() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.run_sql(
        "INSERT INTO audit_log (at, actor, action, subject, detail)
         SELECT now(), '=cmd|calc', 'test', 'line ' || number, '{}' FROM generate_series(1, 1200) number",
    )
    .await;
    let export = async |format| {
        let pieces = export_entries(&app.services, &admin, of_action("test"), format)
            .await
            .unwrap();
        pieces.try_collect::<Vec<String>>().await.unwrap().concat()
    };
    let table = export(AuditFormat::Csv).await;
    assert_eq!(table.lines().count(), 1201);
    assert!(
        table
            .lines()
            .nth(1)
            .unwrap()
            .contains("\"'=cmd|calc\",\"\",\"\",\"test\",\"line 1200\"")
    );
    let lines = export(AuditFormat::Ndjson).await;
    let parsed: Vec<AuditEntry> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(parsed.len(), 1200);
    assert_eq!(parsed[1199].subject.as_deref(), Some("line 1"));
}
