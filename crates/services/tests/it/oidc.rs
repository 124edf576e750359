//! Single sign-on through the sandbox's provider, as it should be and in every way in which it can be wrong.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::TimeDelta;
use serde_json::{Value, json};
use services::auth::SignedIn;
use services::oidc::{CallbackParams, Finished, Redirect};
use services::{Actor, Clock, Origin, Services, SystemClock, auth, identities, oidc, users};
use testing::OidcProvider;
use types::ErrorCode;
use types::integrations::Health;
use types::oidc::{GroupRole, OidcForm, OidcSettings};
use types::people::{ResetPasswordForm, Role};

use crate::support::TestApp;

/// An installation whose admin has connected the provider.
pub struct Gate {
    pub app: TestApp,
    pub admin: Actor,
    pub provider: OidcProvider,
    browser: reqwest::Client,
}

impl Gate {
    /// Readers are users, librarians managers, roots admins; others are refused; newcomers get an account.
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut OidcSettings)) -> Self {
        let (app, provider) = (TestApp::new().await, OidcProvider::start().await.unwrap());
        // The provider's tokens are of the machine's time.
        app.clock.advance(SystemClock.now() - app.clock.now());
        let admin = app.admin().await;
        let browser = reqwest_without_redirects();
        let gate = Self {
            app,
            admin,
            provider,
            browser,
        };
        gate.save(change).await;
        gate
    }

    pub async fn save(&self, change: impl FnOnce(&mut OidcSettings)) {
        oidc::save_config(&self.app.services, &self.admin, self.form(change))
            .await
            .unwrap();
    }

    pub fn form(&self, change: impl FnOnce(&mut OidcSettings)) -> OidcForm {
        let rule = |(group, role): (&str, Role)| GroupRole {
            group: group.into(),
            role,
        };
        let groups = [
            ("readers", Role::User),
            ("librarians", Role::Manager),
            ("roots", Role::Admin),
        ];
        let mut settings = OidcSettings {
            is_enabled: true,
            issuer: self.provider.facts.issuer.clone(),
            client_id: self.provider.facts.client_id.clone(),
            scopes: vec!["profile".into(), "email".into(), "groups".into()],
            display_name: "The house".into(),
            public_url: "https://books.example".into(),
            group_roles: groups.map(rule).into(),
            creates_users: true,
            ..OidcSettings::default()
        };
        change(&mut settings);
        OidcForm {
            settings,
            client_secret: self.provider.facts.client_secret.clone(),
            has_no_secret: false,
        }
    }

    pub fn services(&self) -> &Services {
        &self.app.services
    }

    /// To the provider and back to our address, as a browser goes.
    pub async fn visit(&self) -> (Redirect, CallbackParams) {
        let redirect = oidc::start_sign_in(self.services(), "/books?page=2", Origin::default())
            .await
            .unwrap();
        let params = self.follow(&redirect).await;
        (redirect, params)
    }

    pub async fn follow(&self, redirect: &Redirect) -> CallbackParams {
        let answer = self.browser.get(&redirect.url).send().await.unwrap();
        assert_eq!(answer.status(), 302, "{}", redirect.url);
        let location = answer.headers()["location"].to_str().unwrap();
        let query = location
            .strip_prefix("https://books.example/auth/oidc/callback?")
            .unwrap_or_else(|| panic!("{location} is not our address"));
        let mut params = CallbackParams::default();
        for (name, value) in query_pairs(query) {
            match name.as_str() {
                "state" => params.state = Some(value),
                "code" => params.code = Some(value),
                "iss" => params.iss = Some(value),
                "error" => params.error = Some(value),
                _ => {}
            }
        }
        params
    }

    /// Ends what `actor` began, in their sign-in.
    pub async fn finish_link(&self, actor: &Actor, redirect: &Redirect) -> services::Result<Finished> {
        let params = self.follow(redirect).await;
        let origin = Origin {
            credential: actor.credential(),
            ..Origin::default()
        };
        oidc::finish_sign_in(self.services(), params, Some(&redirect.cookie_value), origin).await
    }

    pub async fn finish(&self, params: CallbackParams, redirect: &Redirect) -> services::Result<Finished> {
        oidc::finish_sign_in(self.services(), params, Some(&redirect.cookie_value), Origin::default()).await
    }

    /// The whole way.
    pub async fn sign_in(&self) -> services::Result<SignedIn> {
        let (redirect, params) = self.visit().await;
        self.finish(params, &redirect)
            .await
            .map(|finished| finished.signed_in.unwrap())
    }

    pub async fn refused(&self) -> String {
        let error = self.sign_in().await.err().expect("the sign-in is refused");
        error.message
    }

    /// The reason that the audit log gives for the last refusal.
    pub async fn reason(&self) -> String {
        let last =
            "SELECT detail->>'reason' FROM audit_log WHERE action = 'single_sign_on_refused' ORDER BY id DESC LIMIT 1";
        self.app.query_text(last).await
    }

    pub async fn count(&self, table: &str) -> String {
        self.app.query_text(&format!("SELECT count(*) FROM {table}")).await
    }
}

#[expect(clippy::disallowed_methods, reason = "stands for the person's browser")]
fn reqwest_without_redirects() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

fn query_pairs(query: &str) -> Vec<(String, String)> {
    let url = url::Url::parse(&format!("http://x/?{query}")).unwrap();
    url.query_pairs().into_owned().collect()
}

fn person(name: &str, groups: &[&str]) -> Value {
    json!({ "preferred_username": name, "email": format!("{name}@example.com"), "email_verified": true, "groups": groups })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_gets_an_account_with_the_highest_role_of_their_groups() {
    let gate = Gate::open().await;
    let (redirect, params) = gate.visit().await;
    assert!(redirect.url.contains("code_challenge_method=S256") && redirect.url.contains("nonce="));
    assert!(!redirect.url.contains(&gate.provider.facts.client_secret));
    let finished = gate.finish(params, &redirect).await.unwrap();
    assert_eq!(finished.return_to, "/books?page=2");
    let signed_in = finished.signed_in.unwrap();
    assert_eq!(
        (signed_in.user.username.as_str(), signed_in.user.role),
        ("anna", Role::Manager)
    );
    assert!(
        auth::authenticate(gate.services(), &signed_in.tokens.access_token)
            .await
            .is_ok()
    );
    let known = identities::list_identities(gate.services(), &gate.admin, Some(signed_in.user.id))
        .await
        .unwrap();
    assert_eq!(known.email.as_deref(), Some("anna@example.com"));
    assert_eq!(
        (known.identities.len(), known.identities[0].subject.as_str()),
        (1, "anna")
    );
    assert_eq!(known.identities[0].issuer, gate.provider.facts.issuer);
    assert!(
        gate.app.audited().await.ends_with("create_user link_identity login"),
        "{}",
        gate.app.audited().await
    );
    // The account has no password that anybody knows.
    assert!(gate.app.login("anna", "").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_groups_changes_the_role_at_the_next_sign_in() {
    let gate = Gate::open().await;
    for (groups, expected) in [
        (vec!["readers"], Role::User),
        (vec!["readers", "roots"], Role::Admin),
        (vec!["librarians"], Role::Manager),
    ] {
        gate.provider
            .sign_in("dora", Some(person("dora", &groups)))
            .await
            .unwrap();
        assert_eq!(gate.sign_in().await.unwrap().user.role, expected, "{groups:?}");
    }
    assert_eq!(gate.count("users").await, "2");
    gate.provider
        .sign_in("dora", Some(person("dora", &["others"])))
        .await
        .unwrap();
    assert!(gate.refused().await.contains("none of your groups"));
    assert_eq!(gate.reason().await, "no_role");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_keeps_the_role_whatever_the_groups_say() {
    let gate = Gate::open().await;
    let own = gate.admin.user_id().unwrap();
    let redirect = oidc::start_linking(gate.services(), &gate.admin, "/").await.unwrap();
    assert!(
        gate.finish_link(&gate.admin, &redirect)
            .await
            .unwrap()
            .signed_in
            .is_none()
    );
    let signed_in = gate.sign_in().await.unwrap();
    assert_eq!((signed_in.user.id, signed_in.user.role), (own, Role::Admin));
    assert!(
        gate.app
            .audited()
            .await
            .ends_with("link_identity keep_last_admin login")
    );
    // With a second admin it is a role like any other.
    gate.app.person(&gate.admin, "second", Role::Admin).await;
    assert_eq!(gate.sign_in().await.unwrap().user.role, Role::Manager);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_whom_single_sign_on_made_is_no_way_in_without_it() {
    let gate = Gate::open().await;
    gate.provider
        .sign_in("anna", Some(person("anna", &["roots"])))
        .await
        .unwrap();
    let anna = gate.sign_in().await.unwrap();
    assert_eq!(anna.user.role, Role::Admin);
    let (services, own) = (gate.services(), gate.admin.user_id().unwrap());
    let anna_acts = anna.actor(&Origin::default());
    for refused in [
        users::set_role(services, &anna_acts, own, Role::User).await,
        users::set_user_active(services, &anna_acts, own, false).await,
        users::delete_user(services, &anna_acts, own).await,
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Conflict);
        assert!(refused.message.contains("with a password"), "{refused}");
    }
    // Groups don't take it either: of two admins the one with the password stays one.
    let redirect = oidc::start_linking(services, &gate.admin, "/").await.unwrap();
    gate.provider
        .sign_in("dora", Some(person("dora", &["readers"])))
        .await
        .unwrap();
    gate.finish_link(&gate.admin, &redirect).await.unwrap();
    let linked = gate.sign_in().await.unwrap().user;
    assert_eq!((linked.id, linked.role), (own, Role::Admin));

    users::set_role(services, &gate.admin, anna.user.id, Role::User)
        .await
        .unwrap();
    users::set_role(services, &gate.admin, anna.user.id, Role::Admin)
        .await
        .unwrap();
    let form = ResetPasswordForm {
        new_password: "a password of her own".into(),
    };
    users::reset_password(services, &gate.admin, anna.user.id, form)
        .await
        .unwrap();
    users::set_role(services, &gate.admin, own, Role::User).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mapping_roles_are_given_here_and_newcomers_get_the_default() {
    let gate = Gate::open_with(|settings| {
        settings.group_roles.clear();
        settings.default_role = Some(Role::Viewer);
    })
    .await;
    let anna = gate.sign_in().await.unwrap().user;
    assert_eq!(anna.role, Role::Viewer);
    users::set_role(gate.services(), &gate.admin, anna.id, Role::Manager)
        .await
        .unwrap();
    assert_eq!(gate.sign_in().await.unwrap().user.role, Role::Manager);
    gate.save(|settings| settings.group_roles.clear()).await;
    gate.provider.sign_in("carla", None).await.unwrap();
    assert!(gate.refused().await.contains("Ask an admin"));
    assert_eq!(gate.reason().await, "no_default_role");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_when_no_accounts_are_made() {
    let gate = Gate::open_with(|settings| settings.creates_users = false).await;
    assert!(gate.refused().await.contains("no account here yet"));
    assert_eq!(
        (gate.reason().await.as_str(), gate.count("users").await.as_str()),
        ("unknown_person", "1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_email_leads_to_an_account_only_where_that_is_allowed() {
    let gate = Gate::open_with(|settings| settings.creates_users = false).await;
    let local = gate
        .app
        .person(&gate.admin, "local", Role::User)
        .await
        .user_id()
        .unwrap();
    identities::set_email(gate.services(), &gate.admin, local, Some(" Anna@Example.com"))
        .await
        .unwrap();
    gate.refused().await;
    assert_eq!(gate.reason().await, "unknown_person");
    gate.save(|settings| {
        settings.creates_users = false;
        settings.links_by_verified_email = true;
    })
    .await;
    // Berta's is not verified, though it is somebody's here.
    gate.provider
        .sign_in(
            "mallory",
            Some(json!({"email": "anna@example.com", "groups": ["readers"]})),
        )
        .await
        .unwrap();
    gate.refused().await;
    assert_eq!(gate.reason().await, "unknown_person");
    gate.provider.sign_in("anna", None).await.unwrap();
    assert_eq!(gate.sign_in().await.unwrap().user.id, local);
    // From now on the subject counts, even when the e-mail changes.
    gate.provider
        .sign_in("anna", Some(json!({"email": "new@example.com", "groups": ["readers"]})))
        .await
        .unwrap();
    assert_eq!(gate.sign_in().await.unwrap().user.id, local);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_never_leads_to_an_admins_account() {
    let gate = Gate::open_with(|settings| settings.links_by_verified_email = true).await;
    let own = gate.admin.user_id().unwrap();
    identities::set_email(gate.services(), &gate.admin, own, Some("anna@example.com"))
        .await
        .unwrap();
    assert!(gate.refused().await.contains("its password"));
    assert_eq!(
        (gate.reason().await.as_str(), gate.count("identities").await.as_str()),
        ("email_of_admin", "0")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_gets_a_number_and_a_taken_email_stays_with_its_owner() {
    let gate = Gate::open().await;
    let other = gate
        .app
        .person(&gate.admin, "Anna", Role::Viewer)
        .await
        .user_id()
        .unwrap();
    identities::set_email(gate.services(), &gate.admin, other, Some("anna@example.com"))
        .await
        .unwrap();
    let newcomer = gate.sign_in().await.unwrap().user;
    assert_eq!(newcomer.username, "anna-2");
    let known = identities::list_identities(gate.services(), &gate.admin, Some(newcomer.id))
        .await
        .unwrap();
    assert_eq!(known.email, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_at_the_provider_is_one_user_here() {
    let gate = Gate::open().await;
    let anna = gate.sign_in().await.unwrap().user;
    let berta = gate.app.person(&gate.admin, "berta", Role::User).await;
    let redirect = oidc::start_linking(gate.services(), &berta, "/account").await.unwrap();
    let refused = gate.finish_link(&berta, &redirect).await.err().unwrap();
    assert!(refused.message.contains("another account"), "{refused}");
    assert_eq!(gate.reason().await, "linked_elsewhere");
    let known = identities::list_identities(gate.services(), &gate.admin, Some(anna.id))
        .await
        .unwrap();
    let id = known.identities[0].id;
    let not_yours = identities::unlink_identity(gate.services(), &berta, id)
        .await
        .unwrap_err();
    assert_eq!(not_yours.code, ErrorCode::NotFound);
    identities::unlink_identity(gate.services(), &gate.admin, id)
        .await
        .unwrap();
    let redirect = oidc::start_linking(gate.services(), &berta, "/account").await.unwrap();
    let finished = gate.finish_link(&berta, &redirect).await.unwrap();
    assert_eq!(finished.return_to, "/account");
    assert_eq!(gate.sign_in().await.unwrap().user.username, "berta");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_switched_off_stays_out() {
    let gate = Gate::open().await;
    let anna = gate.sign_in().await.unwrap().user;
    users::set_user_active(gate.services(), &gate.admin, anna.id, false)
        .await
        .unwrap();
    assert!(gate.refused().await.contains("switched off"));
    assert_eq!(gate.reason().await, "switched_off");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_what_it_must_be_is_refused() {
    let gate = Gate::open().await;
    for (fault, reason, sentence) in [
        ("alg_none", "token_algorithm", "not signed in a way"),
        ("hs256_secret", "token_algorithm", "not signed in a way"),
        ("hs256_public_key", "token_algorithm", "not signed in a way"),
        ("unknown_kid", "token_unknown_key", "does not publish"),
        ("stolen_kid", "token_signature", "signature"),
        ("wrong_iss", "token_issuer", "another provider"),
        ("slash_in_token", "token_issuer", "another provider"),
        ("wrong_aud", "token_audience", "another application"),
        ("several_aud", "token_audience", "another application"),
        ("wrong_azp", "token_audience", "another application"),
        ("wrong_nonce", "token_nonce", "another sign-in"),
        ("no_nonce", "token_nonce", "another sign-in"),
        ("expired", "token_time", "expired"),
        ("issued_later", "token_time", "expired"),
        ("no_id_token", "token_unreadable", "can be read"),
        ("long_subject", "no_subject", "who you are"),
        ("reused_code", "code_refused", "its own code"),
        ("access_denied", "provider_error", "did not let you in"),
        ("wrong_iss_parameter", "token_issuer", "another provider"),
        ("no_iss_parameter", "token_issuer", "another provider"),
    ] {
        gate.provider.fault(fault, true).await.unwrap();
        let refused = gate.refused().await;
        assert!(refused.contains(sentence), "{fault}: {refused}");
        assert_eq!(gate.reason().await, reason, "{fault}");
        gate.provider.fault(fault, false).await.unwrap();
    }
    assert_eq!(
        (gate.count("identities").await, gate.count("users").await),
        ("0".into(), "1".into())
    );
    assert!(gate.sign_in().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_a_little_off_is_forgiven() {
    let gate = Gate::open().await;
    gate.provider.fault("slightly_expired", true).await.unwrap();
    assert!(gate.sign_in().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_the_token_lacks_come_from_userinfo_of_the_same_person() {
    let gate = Gate::open().await;
    gate.provider.fault("claims_in_userinfo", true).await.unwrap();
    let signed_in = gate.sign_in().await.unwrap();
    assert_eq!(
        (signed_in.user.username.as_str(), signed_in.user.role),
        ("anna", Role::Manager)
    );
    gate.provider.fault("userinfo_of_another", true).await.unwrap();
    assert!(gate.refused().await.contains("two different people"));
    assert_eq!(gate.reason().await, "token_subject");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_fetched_once_and_made_up_ones_at_most_once_a_minute() {
    let gate = Gate::open().await;
    gate.sign_in().await.unwrap();
    assert_eq!(gate.provider.requests("jwks").await.unwrap(), 1);
    // The new key is of another kind, too.
    gate.provider.rotate_keys().await.unwrap();
    gate.app.clock.advance(TimeDelta::seconds(61));
    gate.sign_in().await.unwrap();
    gate.sign_in().await.unwrap();
    assert_eq!(gate.provider.requests("jwks").await.unwrap(), 2);
    gate.provider.fault("unknown_kid", true).await.unwrap();
    for _ in 0..5 {
        gate.refused().await;
    }
    assert_eq!(gate.provider.requests("jwks").await.unwrap(), 2);
    assert_eq!(gate.provider.requests("openid-configuration").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_differs_by_its_last_slash_is_taken_as_the_provider_writes_it() {
    let gate = Gate::open_with(|_| {}).await;
    gate.provider.fault("trailing_slash", true).await.unwrap();
    let with_slash = format!("{}/", gate.provider.facts.issuer);
    assert!(gate.sign_in().await.is_ok());
    let config = oidc::get_config(gate.services(), &gate.admin).await.unwrap();
    assert_eq!(config.settings.issuer, with_slash);
    assert_eq!(gate.app.query_text("SELECT issuer FROM identities").await, with_slash);
    // And the other way round, in another installation.
    let other = Gate::open_with(|settings| settings.issuer.push('/')).await;
    assert!(other.sign_in().await.is_ok());
    let config = oidc::get_config(other.services(), &other.admin).await.unwrap();
    assert_eq!(config.settings.issuer, other.provider.facts.issuer);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_version_stored_stays_when_an_older_one_saves_or_takes_over_the_issuer() {
    let gate = Gate::open().await;
    gate.app
        .run_sql(r#"UPDATE oidc_settings SET settings = settings || '{"newer": 7}'"#)
        .await;
    gate.save(|settings| settings.display_name = "Another house".into())
        .await;
    let stored =
        "SELECT concat_ws(' ', settings->>'newer', settings->>'display_name', settings->>'issuer') FROM oidc_settings";
    let issuer = &gate.provider.facts.issuer;
    assert_eq!(gate.app.query_text(stored).await, format!("7 Another house {issuer}"));
    gate.provider.fault("trailing_slash", true).await.unwrap();
    assert!(gate.sign_in().await.is_ok());
    assert_eq!(gate.app.query_text(stored).await, format!("7 Another house {issuer}/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_of_another_name_or_of_weak_signatures_is_not_used() {
    let gate = Gate::open().await;
    for (fault, reason, sentence) in [
        ("other_issuer", "other_issuer", "/elsewhere"),
        ("weak_algorithms", "provider_configuration", "RS256"),
        ("html", "provider_unavailable", "web page"),
        ("down", "provider_unavailable", "can't be reached"),
    ] {
        gate.provider.fault(fault, true).await.unwrap();
        let refused = oidc::start_sign_in(gate.services(), "/", Origin::default())
            .await
            .unwrap_err();
        assert!(refused.message.contains(sentence), "{fault}: {refused}");
        assert_eq!(refused.code, ErrorCode::ExternalApiError);
        assert_eq!(gate.reason().await, reason, "{fault}");
        let outcome = oidc::test_config(gate.services(), &gate.admin, gate.form(|_| {}))
            .await
            .unwrap();
        assert_eq!(outcome.health, Health::Failing, "{fault}");
        gate.provider.fault(fault, false).await.unwrap();
        // What failed is not asked again at once.
        gate.app.clock.advance(TimeDelta::seconds(30));
    }
    // Passwords work all the while.
    assert!(gate.app.login("admin", crate::support::PASSWORD).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_on_the_way_back_ends_in_a_sentence() {
    let gate = Gate::open().await;
    for (fault, sentence) in [
        ("html", "web page"),
        ("down", "can't be reached"),
        ("slow", "did not answer"),
    ] {
        let (redirect, params) = gate.visit().await;
        gate.provider.fault(fault, true).await.unwrap();
        let refused = gate.finish(params, &redirect).await.err().unwrap();
        assert!(refused.message.contains(sentence), "{fault}: {refused}");
        gate.provider.fault(fault, false).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_provider_may_be_down_while_its_configuration_is_refreshed() {
    let gate = Gate::open().await;
    gate.sign_in().await.unwrap();
    gate.app.clock.advance(TimeDelta::hours(2));
    gate.provider.fault("down", true).await.unwrap();
    assert!(
        oidc::start_sign_in(gate.services(), "/", Origin::default())
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_counts_once_within_ten_minutes_and_in_every_process() {
    let gate = Gate::open().await;
    let (redirect, params) = gate.visit().await;
    // Another process of the same installation.
    let other = gate.app.restarted();
    let finish = |services: Services| {
        let (params, cookie) = (params.clone(), redirect.cookie_value.clone());
        async move { oidc::finish_sign_in(&services, params, Some(&cookie), Origin::default()).await }
    };
    assert!(finish(other).await.is_ok());
    let again = finish(gate.services().clone()).await.err().unwrap();
    assert!(again.message.contains("used already"), "{again}");
    assert_eq!(
        (again.code, gate.reason().await.as_str()),
        (ErrorCode::Unauthorized, "state_unknown")
    );
    let (redirect, params) = gate.visit().await;
    gate.app.clock.advance(TimeDelta::minutes(10));
    assert!(gate.finish(params, &redirect).await.is_err());
    assert_eq!(gate.count("oidc_logins").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_and_two_tabs_do_not_mix() {
    let gate = Gate::open().await;
    let (own, own_params) = gate.visit().await;
    gate.provider.sign_in("berta", None).await.unwrap();
    let (other, other_params) = gate.visit().await;
    assert_ne!(own.cookie_key, other.cookie_key);
    // Somebody is lured to the end of another one's sign-in.
    assert!(gate.finish(other_params.clone(), &own).await.is_err());
    assert!(
        oidc::finish_sign_in(gate.services(), other_params.clone(), None, Origin::default())
            .await
            .is_err()
    );
    // A code of one sign-in is of no use in another one.
    let mixed = CallbackParams {
        code: other_params.code.clone(),
        ..own_params.clone()
    };
    assert!(gate.finish(mixed, &own).await.is_err());
    assert_eq!(gate.reason().await, "code_refused");
    assert_eq!(gate.count("identities").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_each_finish_their_own_sign_in() {
    let gate = Gate::open().await;
    let (first, first_params) = gate.visit().await;
    let (second, second_params) = gate.visit().await;
    let (one, other) = tokio::join!(gate.finish(first_params, &first), gate.finish(second_params, &second));
    let user = |finished: services::Result<Finished>| finished.unwrap().signed_in.unwrap().user;
    assert_eq!(user(one), user(other));
    assert_eq!(gate.count("users").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_change_on_the_way_end_the_sign_in() {
    let gate = Gate::open().await;
    let (redirect, params) = gate.visit().await;
    gate.save(|settings| settings.client_id = "another".into()).await;
    let refused = gate.finish(params, &redirect).await.err().unwrap();
    assert!(refused.message.contains("just changed"), "{refused}");
    gate.save(|_| {}).await;
    let (redirect, params) = gate.visit().await;
    gate.save(|settings| settings.is_enabled = false).await;
    assert!(gate.finish(params, &redirect).await.is_err());
    assert_eq!(oidc::get_public_provider(gate.services()).await.unwrap(), None);
    assert!(
        oidc::start_sign_in(gate.services(), "/", Origin::default())
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_client_secret_is_named_and_the_right_one_goes_where_the_provider_takes_it() {
    let gate = Gate::open().await;
    let wrong = OidcForm {
        client_secret: "wrong".into(),
        ..gate.form(|_| {})
    };
    oidc::save_config(gate.services(), &gate.admin, wrong).await.unwrap();
    assert!(gate.refused().await.contains("client secret"));
    assert_eq!(gate.reason().await, "client_refused");
    gate.save(|_| {}).await;
    gate.provider.fault("secret_in_body", true).await.unwrap();
    gate.app.clock.advance(TimeDelta::hours(2));
    // The provider's time stands still, ours does not: its token is now too old, but it was given.
    gate.refused().await;
    assert_eq!(gate.reason().await, "token_time");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_secret_is_kept_sealed_and_shown_to_nobody() {
    let gate = Gate::open().await;
    let secret = gate.provider.facts.client_secret.clone();
    let keep = OidcForm {
        client_secret: String::new(),
        ..gate.form(|settings| settings.display_name = "Elsewhere".into())
    };
    let config = oidc::save_config(gate.services(), &gate.admin, keep).await.unwrap();
    assert!(config.has_client_secret);
    assert_eq!(
        config.redirect_uri.as_deref(),
        Some("https://books.example/auth/oidc/callback")
    );
    assert!(!serde_json::to_string(&config).unwrap().contains(&secret));
    let stored = gate
        .app
        .query_text("SELECT string_agg(o::text || a::text, '') FROM oidc_settings o, audit_log a")
        .await;
    assert!(!stored.contains(&secret) && !stored.contains(&hex::encode(&secret)));
    assert!(gate.sign_in().await.is_ok());
    let none = OidcForm {
        has_no_secret: true,
        client_secret: String::new(),
        ..gate.form(|_| {})
    };
    assert!(
        !oidc::save_config(gate.services(), &gate.admin, none)
            .await
            .unwrap()
            .has_client_secret
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_see_change_and_test_the_settings_and_enter_emails() {
    let gate = Gate::open().await;
    let manager = gate.app.person(&gate.admin, "manager", Role::Manager).await;
    let services = gate.services();
    assert!(oidc::get_config(services, &manager).await.is_err());
    assert!(oidc::save_config(services, &manager, gate.form(|_| {})).await.is_err());
    assert!(oidc::test_config(services, &manager, gate.form(|_| {})).await.is_err());
    let (own, admin) = (manager.user_id().unwrap(), gate.admin.user_id().unwrap());
    assert!(
        identities::set_email(services, &manager, own, Some("m@example.com"))
            .await
            .is_err()
    );
    assert!(
        identities::list_identities(services, &manager, Some(admin))
            .await
            .is_err()
    );
    assert!(identities::list_identities(services, &manager, None).await.is_ok());
    identities::set_email(services, &gate.admin, own, Some("m@example.com"))
        .await
        .unwrap();
    let taken = identities::set_email(services, &gate.admin, admin, Some("M@example.com"))
        .await
        .unwrap_err();
    assert!(taken.context.contains_key("email"), "{taken}");
    let outcome = oidc::test_config(services, &gate.admin, gate.form(|_| {}))
        .await
        .unwrap();
    assert_eq!(outcome.health, Health::Ok, "{}", outcome.sentence);
    let odd = gate.form(|settings| settings.scopes.push("offline".into()));
    let outcome = oidc::test_config(services, &gate.admin, odd).await.unwrap();
    assert_eq!(outcome.health, Health::Warning);
    assert!(outcome.sentence.contains("offline"), "{}", outcome.sentence);
}
