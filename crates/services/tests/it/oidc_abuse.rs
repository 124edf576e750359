//! Single sign-on against those who mean harm: floods of begun sign-ins, claims of two sources, edits and sign-outs while
//! somebody is at the provider.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use db::PooledConnection;
use diesel_async::SimpleAsyncConnection;
use serde_json::json;
use services::oidc::Redirect;
use services::{Actor, Credential, Origin, auth, identities, oidc, sessions, users};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use types::ApiKeyId;
use types::access::Scope;
use types::integrations::Health;
use types::oidc::OidcForm;
use types::people::{ChangePasswordForm, ResetPasswordForm, Role};
use uuid::Uuid;

use crate::oidc::Gate;
use crate::support::{PASSWORD, TestApp, at_address};

const OTHER_PASSWORD: &str = "quite another battery";
/// For what others have to do meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

async fn start_from(gate: &Gate, address: &str) -> services::Result<Redirect> {
    oidc::start_sign_in(gate.services(), "/", at_address(address)).await
}

async fn discoveries(gate: &Gate) -> u64 {
    gate.provider.requests("openid-configuration").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_one_address_pushes_out_its_own_sign_ins_only() {
    let gate = Gate::open().await;
    let reader = gate.app.person(&gate.admin, "reader", Role::User).await;
    let reader = reader.with_address(Some("2001:db8:0:1::9".into()));
    let link = oidc::start_linking(gate.services(), &reader, "/account").await.unwrap();
    let other = start_from(&gate, "192.0.2.7").await.unwrap();
    let first = start_from(&gate, "2001:db8:0:1::1").await.unwrap();
    for number in 2..=51 {
        // Each from another address of the same line, each a moment later.
        gate.app.clock.advance(TimeDelta::milliseconds(1));
        start_from(&gate, &format!("2001:db8:0:1::{number:x}")).await.unwrap();
    }
    let kept = "SELECT count(*) FROM oidc_logins WHERE started_by = 'address 2001:db8:0:1::/64'";
    assert_eq!(gate.app.query_text(kept).await, "50");
    let gone = gate.finish(gate.follow(&first).await, &first).await;
    assert!(gone.is_err_and(|refused| refused.message.contains("used already")));
    // Whoever connects an account has room of their own, wherever they are.
    assert!(gate.finish_link(&reader, &link).await.is_ok());
    assert!(gate.finish(gate.follow(&other).await, &other).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_many_addresses_neither_fills_the_disk_nor_pushes_anybody_out() {
    let gate = Gate::open().await;
    let own = start_from(&gate, "192.0.2.7").await.unwrap();
    gate.app
        .run_sql(
            "INSERT INTO oidc_logins (state_hash, browser_hash, sealed, issuer, client_id, return_to, started_by, expires_at) \
             SELECT decode(md5(n::text), 'hex'), '', '', '', '', '/', n::text, '2100-01-01' FROM generate_series(1, 9999) n",
        )
        .await;
    let refused = start_from(&gate, "192.0.2.8").await.unwrap_err();
    assert!(refused.message.contains("Too many"), "{refused}");
    assert_eq!(gate.reason().await, "too_many");
    // Who has one on its way may begin anew instead of it.
    gate.app.clock.advance(TimeDelta::milliseconds(1));
    let anew = start_from(&gate, "192.0.2.7").await.unwrap();
    assert_eq!(gate.count("oidc_logins").await, "10000");
    assert!(gate.finish(gate.follow(&own).await, &own).await.is_err());
    assert!(gate.finish(gate.follow(&anew).await, &anew).await.is_ok());
    // What ran out is no longer in the way.
    gate.app
        .run_sql("UPDATE oidc_logins SET expires_at = '2000-01-01'")
        .await;
    start_from(&gate, "192.0.2.8").await.unwrap();
    assert_eq!(gate.count("oidc_logins").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_failed_is_not_asked_at_each_click() {
    let gate = Gate::open().await;
    gate.provider.fault("down", true).await.unwrap();
    for _ in 0..5 {
        let refused = start_from(&gate, "192.0.2.7").await.unwrap_err();
        let sentence = refused.message;
        assert!(
            sentence.contains("can't be reached") && sentence.contains("30 seconds"),
            "{sentence}"
        );
        assert_eq!(gate.reason().await, "provider_unavailable");
    }
    assert_eq!(discoveries(&gate).await, 1);
    gate.provider.fault("down", false).await.unwrap();
    gate.app.clock.advance(TimeDelta::seconds(29));
    assert!(start_from(&gate, "192.0.2.7").await.is_err());
    gate.app.clock.advance(TimeDelta::seconds(1));
    assert!(start_from(&gate, "192.0.2.7").await.is_ok());
    assert_eq!(discoveries(&gate).await, 2);
    // Nor is one that is known, while it can't be refreshed.
    gate.app.clock.advance(TimeDelta::hours(2));
    gate.provider.fault("down", true).await.unwrap();
    for _ in 0..5 {
        assert!(start_from(&gate, "192.0.2.7").await.is_ok());
    }
    assert_eq!(discoveries(&gate).await, 3);
}

/// A provider that answers 503, but not before it may.
struct Sluggish {
    issuer: String,
    asked: Arc<AtomicUsize>,
    may_answer: Arc<Semaphore>,
}

impl Sluggish {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sluggish = Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            asked: Arc::default(),
            may_answer: Arc::new(Semaphore::new(0)),
        };
        let (asked, may_answer) = (Arc::clone(&sluggish.asked), Arc::clone(&sluggish.may_answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                asked.fetch_add(1, Ordering::SeqCst);
                let _turn = may_answer.acquire().await.unwrap();
                let answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                // Whoever asked may be gone.
                let _ = stream.write_all(answer).await;
            }
        });
        sluggish
    }

    async fn wait_for_question(&self) {
        let asked = async {
            while self.asked.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asked)
            .await
            .expect("the provider is asked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_while_a_provider_is_asked_does_not_make_it_be_asked_again() {
    let gate = Gate::open().await;
    let sluggish = Sluggish::start().await;
    gate.save(|settings| settings.issuer = sluggish.issuer.clone()).await;
    let services = gate.services().clone();
    let click = tokio::spawn(async move {
        oidc::start_sign_in(&services, "/", at_address("192.0.2.7"))
            .await
            .is_ok()
    });
    sluggish.wait_for_question().await;
    click.abort();
    assert!(click.await.is_err_and(|ended| ended.is_cancelled()));
    // It takes longer than a failure is kept: the time counts from the answer.
    gate.app.clock.advance(TimeDelta::seconds(40));
    sluggish.may_answer.add_permits(1);
    for _ in 0..3 {
        let refused = start_from(&gate, "192.0.2.7").await.unwrap_err();
        assert!(refused.message.contains("30 seconds"), "{refused}");
    }
    assert_eq!(sluggish.asked.load(Ordering::SeqCst), 1);
    gate.app.clock.advance(TimeDelta::seconds(30));
    assert!(start_from(&gate, "192.0.2.7").await.is_err());
    assert_eq!(sluggish.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_asks_a_provider_that_failed_at_once() {
    let gate = Gate::open().await;
    gate.provider.fault("weak_algorithms", true).await.unwrap();
    assert!(start_from(&gate, "192.0.2.7").await.is_err());
    gate.provider.fault("weak_algorithms", false).await.unwrap();
    assert!(start_from(&gate, "192.0.2.7").await.is_err());
    gate.save(|_| {}).await;
    assert!(start_from(&gate, "192.0.2.7").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_not_vouch_for_an_email_that_is_told_elsewhere() {
    let gate = Gate::open_with(|settings| {
        settings.creates_users = false;
        settings.links_by_verified_email = true;
    })
    .await;
    let local = gate.app.person(&gate.admin, "local", Role::User).await;
    identities::set_email(
        gate.services(),
        &gate.admin,
        local.user_id().unwrap(),
        Some("anna@example.com"),
    )
    .await
    .unwrap();
    // The token says "verified" and names no e-mail; beside it there is one that nobody verified.
    let claims = json!({"email": "anna@example.com", "email_verified": false, "groups": ["readers"]});
    gate.provider.sign_in("mallory", Some(claims)).await.unwrap();
    for fault in ["claims_in_userinfo", "verified_in_token"] {
        gate.provider.fault(fault, true).await.unwrap();
    }
    assert!(gate.refused().await.contains("no account here yet"));
    assert_eq!(gate.count("identities").await, "0");
    // The provider's word for both is taken.
    let claims = json!({"email": "anna@example.com", "email_verified": true, "groups": ["readers"]});
    gate.provider.sign_in("anna", Some(claims)).await.unwrap();
    assert_eq!(gate.sign_in().await.unwrap().user.username, "local");
}

/// Runs `statement` in a transaction that stays open, and gives its connection.
async fn hold(app: &TestApp, statement: &str) -> PooledConnection {
    let mut conn = app.database.connection().await;
    conn.batch_execute(&format!("BEGIN; {statement}")).await.unwrap();
    conn
}

/// Waits until that many others wait for a lock in this database.
async fn wait_for_waiting(app: &TestApp, count: &str) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let come = async { while app.query_text(waiting).await != count {} };
    tokio::time::timeout(PATIENCE, come)
        .await
        .unwrap_or_else(|_| panic!("{count} others come to wait for a lock"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_while_somebody_is_let_in_counts_for_them() {
    let gate = Gate::open().await;
    let (redirect, params) = gate.visit().await;
    let mut held = hold(&gate.app, "SELECT pg_advisory_xact_lock(hashtext('mamcrawler setup'))").await;
    let (finished, ()) = tokio::join!(gate.finish(params, &redirect), async {
        // The provider has vouched for them by now.
        wait_for_waiting(&gate.app, "1").await;
        gate.save(|settings| settings.is_enabled = false).await;
        held.batch_execute("COMMIT").await.unwrap();
    });
    let refused = finished.err().expect("nobody is let in by settings that were changed");
    assert!(refused.message.contains("just changed"), "{refused}");
    assert_eq!(
        (gate.reason().await.as_str(), gate.count("users").await.as_str()),
        ("settings_changed", "1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_save_at_once_none_brings_an_old_secret_back() {
    let gate = Gate::open().await;
    let wrong = OidcForm {
        client_secret: "an old secret".into(),
        ..gate.form(|_| {})
    };
    oidc::save_config(gate.services(), &gate.admin, wrong).await.unwrap();
    let mut held = hold(&gate.app, "SELECT 1 FROM oidc_settings FOR UPDATE").await;
    let right = oidc::save_config(gate.services(), &gate.admin, gate.form(|_| {}));
    let keeping = async {
        wait_for_waiting(&gate.app, "1").await;
        let keep = OidcForm {
            client_secret: String::new(),
            ..gate.form(|_| {})
        };
        oidc::save_config(gate.services(), &gate.admin, keep).await
    };
    let release = async {
        wait_for_waiting(&gate.app, "2").await;
        held.batch_execute("COMMIT").await.unwrap();
    };
    let (first, second, ()) = tokio::join!(right, keeping, release);
    first.unwrap();
    second.unwrap();
    assert!(gate.sign_in().await.is_ok(), "{}", gate.reason().await);
}

/// Begins to connect an account, lets `happen` happen while its owner is at the provider, and expects a refusal.
async fn check_link_ends(gate: &Gate, name: &str, happen: impl AsyncFnOnce(&Actor)) {
    let person = gate.app.person(&gate.admin, name, Role::User).await;
    let redirect = oidc::start_linking(gate.services(), &person, "/account").await.unwrap();
    happen(&person).await;
    let refused = gate.finish_link(&person, &redirect).await.err().expect(name);
    assert!(refused.message.contains("has ended"), "{name}: {refused}");
    assert_eq!(
        (gate.reason().await.as_str(), gate.count("identities").await.as_str()),
        ("signed_out", "0"),
        "{name}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_not_connected_once_the_sign_in_that_began_it_is_over() {
    let gate = Gate::open().await;
    let services = gate.services();
    check_link_ends(&gate, "leaver", async |person| {
        auth::logout(services, person).await.unwrap()
    })
    .await;
    check_link_ends(&gate, "ended", async |person| {
        let session = person.session_id().unwrap();
        sessions::end_session(services, &gate.admin, session).await.unwrap();
    })
    .await;
    check_link_ends(&gate, "reset", async |person| {
        let form = ResetPasswordForm {
            new_password: OTHER_PASSWORD.into(),
        };
        users::reset_password(services, &gate.admin, person.user_id().unwrap(), form)
            .await
            .unwrap();
    })
    .await;
    check_link_ends(&gate, "off", async |person| {
        users::set_user_active(services, &gate.admin, person.user_id().unwrap(), false)
            .await
            .unwrap();
    })
    .await;
    // Their own sign-in stays with a new password, but what was begun with the old one does not.
    check_link_ends(&gate, "changer", async |person| {
        let form = ChangePasswordForm {
            current_password: PASSWORD.into(),
            new_password: OTHER_PASSWORD.into(),
        };
        auth::change_password(services, person, form).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_connected_by_the_same_sign_in_only() {
    let gate = Gate::open().await;
    let anna = gate.app.person(&gate.admin, "first", Role::User).await;
    let berta = gate.app.person(&gate.admin, "second", Role::User).await;
    // Somebody else has signed in in this browser meanwhile.
    let redirect = oidc::start_linking(gate.services(), &anna, "/account").await.unwrap();
    let refused = gate.finish_link(&berta, &redirect).await.err().unwrap();
    assert!(refused.message.contains("not the one of this browser"), "{refused}");
    // Nobody is signed in in it any more.
    let redirect = oidc::start_linking(gate.services(), &anna, "/account").await.unwrap();
    assert!(gate.finish(gate.follow(&redirect).await, &redirect).await.is_err());
    assert_eq!(gate.count("identities").await, "0");
    let redirect = oidc::start_linking(gate.services(), &anna, "/account").await.unwrap();
    assert!(gate.finish_link(&anna, &redirect).await.is_ok());
    assert_eq!(gate.sign_in().await.unwrap().user.username, "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_connects_no_account() {
    let gate = Gate::open().await;
    let Actor::User(user, origin) = gate.admin.clone() else {
        panic!("the admin is a person")
    };
    let credential = Credential::ApiKey {
        id: ApiKeyId(Uuid::nil()),
        scope: Scope::Admin,
        requests_per_minute: None,
        is_retiring: false,
    };
    let program = Actor::User(user, Origin { credential, ..origin });
    let refused = oidc::start_linking(gate.services(), &program, "/account")
        .await
        .unwrap_err();
    assert!(refused.message.contains("API key"), "{refused}");
    assert_eq!(gate.count("oidc_logins").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_here_may_not_send_us_elsewhere_in_the_house() {
    let gate = Gate::open().await;
    gate.provider.fault("endpoint_in_the_house", true).await.unwrap();
    let refused = start_from(&gate, "192.0.2.7").await.unwrap_err();
    assert!(refused.message.contains("private network"), "{refused}");
    assert_eq!(gate.reason().await, "provider_configuration");
    let outcome = oidc::test_config(gate.services(), &gate.admin, gate.form(|_| {}))
        .await
        .unwrap();
    assert_eq!(outcome.health, Health::Failing);
    assert!(outcome.sentence.contains("10.9.8.7"), "{}", outcome.sentence);
}
