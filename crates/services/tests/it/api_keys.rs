//! API keys: making, using, rotating, revoking, and what they may not do.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::TimeDelta;
use services::{Actor, Credential, Origin, api_keys, auth, integrations, oidc, sessions, shown_once, users};
use types::access::{IssuedApiKey, NewApiKeyForm, RotateApiKeyForm, Scope};
use types::oidc::{OidcForm, OidcSettings};
use types::people::{ChangePasswordForm, NewUserForm, ResetPasswordForm, Role};
use types::{ErrorCode, PageRequest};

use crate::support::{PASSWORD, TestApp, at_address};

fn form(name: &str, scope: Scope) -> NewApiKeyForm {
    NewApiKeyForm {
        name: name.into(),
        scope,
        expires_in_days: None,
        requests_per_minute: None,
    }
}

async fn make(app: &TestApp, actor: &Actor, name: &str, scope: Scope) -> IssuedApiKey {
    api_keys::create_key(&app.services, actor, form(name, scope))
        .await
        .unwrap()
}

async fn identify(app: &TestApp, secret: &str) -> services::Result<Actor> {
    auth::identify(&app.services, secret, &at_address("192.0.2.7")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_acts_for_its_owner_and_is_shown_once() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let wanted = NewApiKeyForm {
        requests_per_minute: Some(7),
        ..form("  Home Assistant ", Scope::Manage)
    };
    let issued = api_keys::create_key(&app.services, &admin, wanted).await.unwrap();
    assert!(issued.secret.starts_with("mamc_") && issued.secret.len() == 5 + 32 + 1 + 43);
    let actor = identify(&app, &issued.secret).await.unwrap();
    assert_eq!(
        (actor.name(), actor.address(), actor.session_id()),
        ("admin", Some("192.0.2.7"), None)
    );
    let expected = Credential::ApiKey {
        id: issued.key.id,
        scope: Scope::Manage,
        requests_per_minute: Some(7),
        is_retiring: false,
    };
    assert_eq!(actor.credential(), expected);
    let listed = api_keys::list_keys(&app.services, &admin, None, PageRequest::default())
        .await
        .unwrap();
    assert_eq!((listed.total, listed.items[0].name.as_str()), (1, "Home Assistant"));
    assert_eq!(listed.items[0].last_used_address.as_deref(), Some("192.0.2.7"));
    let secret = issued.secret.rsplit('_').next().unwrap();
    for table in ["api_keys", "audit_log"] {
        let dump = format!("SELECT string_agg({table}::text, ' ') FROM {table}");
        assert!(
            !app.query_text(&dump).await.contains(secret),
            "{table} holds the secret"
        );
    }
    let hash = "SELECT octet_length(secret_hash) FROM api_keys";
    assert_eq!(app.query_text(hash).await, "32");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_the_smaller_of_its_scope_and_its_owners_role() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let key = |scope| make(&app, &admin, scope_name(scope), scope);
    for (scope, may_manage, may_admin) in [
        (Scope::Read, false, false),
        (Scope::Request, false, false),
        (Scope::Manage, true, false),
        (Scope::Admin, true, true),
    ] {
        let actor = identify(&app, &key(scope).await.secret).await.unwrap();
        let managed = integrations::list_integrations(&app.services, &actor).await;
        let administrated = users::list_users(&app.services, &actor).await;
        assert_eq!(
            (managed.is_ok(), administrated.is_ok()),
            (may_manage, may_admin),
            "{scope}"
        );
        if let Err(refused) = administrated {
            assert_eq!(refused.code, ErrorCode::Forbidden);
            assert!(
                refused.message.contains("API key of the scope \"admin\""),
                "{}",
                refused.message
            );
        }
    }
    let berta = app.person(&admin, "berta", Role::Manager).await;
    let issued = make(&app, &berta, "script", Scope::Manage).await;
    users::set_role(&app.services, &admin, berta.user_id().unwrap(), Role::Viewer)
        .await
        .unwrap();
    let actor = identify(&app, &issued.secret).await.unwrap();
    assert!(
        integrations::list_integrations(&app.services, &actor).await.is_err(),
        "a lower role counts at once"
    );
}

fn scope_name(scope: Scope) -> &'static str {
    scope.as_str()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_a_key_wider_than_themselves() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for (role, widest) in [
        (Role::Viewer, Scope::Read),
        (Role::User, Scope::Request),
        (Role::Manager, Scope::Manage),
    ] {
        let person = app.person(&admin, role.as_str(), role).await;
        make(&app, &person, "fits", widest).await;
        for wider in Scope::ALL.iter().filter(|scope| **scope > widest) {
            let refused = api_keys::create_key(&app.services, &person, form("wide", *wider))
                .await
                .err()
                .unwrap();
            assert!(refused.context.contains_key("scope"), "{role} {wider}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_below_admin_changes_no_sign_in_password_or_key_but_itself() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let other = make(&app, &admin, "other", Scope::Read).await;
    let own = make(&app, &admin, "own", Scope::Manage).await;
    let actor = identify(&app, &own.secret).await.unwrap();
    let change = ChangePasswordForm {
        current_password: PASSWORD.into(),
        new_password: "another password".into(),
    };
    let rotate = RotateApiKeyForm::default();
    let refusals = [
        auth::change_password(&app.services, &actor, change).await.err(),
        api_keys::create_key(&app.services, &actor, form("x", Scope::Read))
            .await
            .err(),
        api_keys::rotate_key(&app.services, &actor, other.key.id, rotate.clone())
            .await
            .err(),
        api_keys::revoke_key(&app.services, &actor, other.key.id).await.err(),
        sessions::end_other_sessions(&app.services, &actor).await.err(),
        sessions::end_session(&app.services, &actor, admin.session_id().unwrap())
            .await
            .err(),
    ];
    for refused in refusals {
        assert_eq!(refused.unwrap().code, ErrorCode::Forbidden);
    }
    let renewed = api_keys::rotate_key(&app.services, &actor, own.key.id, rotate.clone())
        .await
        .unwrap();
    // Whoever has only the old secret can't take the key over.
    let retiring = identify(&app, &own.secret).await.unwrap();
    assert!(
        api_keys::rotate_key(&app.services, &retiring, own.key.id, rotate)
            .await
            .is_err()
    );
    let actor = identify(&app, &renewed.secret).await.unwrap();
    api_keys::revoke_key(&app.services, &actor, own.key.id).await.unwrap();
    assert!(identify(&app, &renewed.secret).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_secret_of_a_rotated_key_changes_nobody_and_no_single_sign_on() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = app.person(&admin, "berta", Role::User).await.user_id().unwrap();
    let key = make(&app, &admin, "script", Scope::Admin).await;
    let renewed = api_keys::rotate_key(&app.services, &admin, key.key.id, RotateApiKeyForm::default())
        .await
        .unwrap();
    let old = identify(&app, &key.secret).await.unwrap();
    assert!(users::list_users(&app.services, &old).await.is_ok(), "it still reads");
    let person = || NewUserForm {
        username: "mallory".into(),
        password: PASSWORD.into(),
        role: Role::Admin,
    };
    let password = ResetPasswordForm {
        new_password: "another password".into(),
    };
    let sign_on = || OidcForm {
        settings: OidcSettings::default(),
        client_secret: String::new(),
        has_no_secret: false,
    };
    let refusals = [
        users::create_user(&app.services, &old, person()).await.err(),
        users::set_user_active(&app.services, &old, id, false).await.err(),
        users::set_role(&app.services, &old, id, Role::Admin).await.err(),
        users::rename_user(&app.services, &old, id, "b").await.err(),
        users::reset_password(&app.services, &old, id, password).await.err(),
        users::delete_user(&app.services, &old, id).await.err(),
        oidc::save_config(&app.services, &old, sign_on()).await.err(),
        oidc::test_config(&app.services, &old, sign_on()).await.err(),
    ];
    for refused in refusals {
        let refused = refused.unwrap();
        assert!(
            refused.code == ErrorCode::Forbidden && refused.message.contains("rotated"),
            "{refused}"
        );
    }
    let new = identify(&app, &renewed.secret).await.unwrap();
    users::create_user(&app.services, &new, person()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_key_makes_does_not_outlive_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let short = NewApiKeyForm {
        expires_in_days: Some(2),
        ..form("maker", Scope::Admin)
    };
    let maker = api_keys::create_key(&app.services, &admin, short).await.unwrap();
    let actor = identify(&app, &maker.secret).await.unwrap();
    let made = make(&app, &actor, "made", Scope::Admin).await;
    assert_eq!(made.key.expires_at, maker.key.expires_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_keeps_its_old_secret_for_the_grace_time() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let first = make(&app, &admin, "script", Scope::Read).await;
    let id = first.key.id;
    let second = api_keys::rotate_key(&app.services, &admin, id, RotateApiKeyForm::default())
        .await
        .unwrap();
    assert_eq!((second.key.id, second.secret == first.secret), (id, false));
    app.clock.advance(TimeDelta::hours(23));
    assert!(identify(&app, &first.secret).await.is_ok() && identify(&app, &second.secret).await.is_ok());
    app.clock.advance(TimeDelta::hours(1));
    assert!(identify(&app, &first.secret).await.is_err());
    let at_once = RotateApiKeyForm { grace_hours: Some(0) };
    let third = api_keys::rotate_key(&app.services, &admin, id, at_once).await.unwrap();
    assert!(identify(&app, &second.secret).await.is_err() && identify(&app, &third.secret).await.is_ok());
    let too_long = RotateApiKeyForm { grace_hours: Some(169) };
    let refused = api_keys::rotate_key(&app.services, &admin, id, too_long)
        .await
        .err()
        .unwrap();
    assert!(refused.context.contains_key("grace_hours"));
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_expired_and_orphaned_keys_are_refused_with_the_reason() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let berta = app.person(&admin, "berta", Role::User).await;
    let keys = [
        make(&app, &berta, "revoked", Scope::Read).await,
        make(&app, &berta, "switched off", Scope::Read).await,
    ];
    api_keys::revoke_key(&app.services, &admin, keys[0].key.id)
        .await
        .unwrap();
    users::set_user_active(&app.services, &admin, berta.user_id().unwrap(), false)
        .await
        .unwrap();
    for (issued, reason) in keys.iter().zip(["revoked", "switched off"]) {
        let refused = identify(&app, &issued.secret).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Unauthorized);
        assert!(refused.message.contains(reason), "{}", refused.message);
    }
    let own = make(&app, &admin, "short", Scope::Read).await;
    assert_eq!(
        own.key.expires_at,
        Some(own.key.created_at + TimeDelta::days(365)),
        "as long as the server allows"
    );
    app.clock.advance(TimeDelta::days(365));
    assert!(
        identify(&app, &own.secret)
            .await
            .unwrap_err()
            .message
            .contains("expired")
    );
    let refused = api_keys::rotate_key(&app.services, &admin, own.key.id, RotateApiKeyForm::default()).await;
    assert_eq!(refused.err().unwrap().code, ErrorCode::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_key_is_unknown_but_to_admins() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let berta = app.person(&admin, "berta", Role::Manager).await;
    let (of_admin, of_berta) = (
        make(&app, &admin, "a", Scope::Read).await.key.id,
        make(&app, &berta, "b", Scope::Read).await.key.id,
    );
    for refused in [
        api_keys::get_key(&app.services, &berta, of_admin).await.err(),
        api_keys::revoke_key(&app.services, &berta, of_admin).await.err(),
        api_keys::rotate_key(&app.services, &berta, of_admin, RotateApiKeyForm::default())
            .await
            .err(),
    ] {
        assert_eq!(refused.unwrap().code, ErrorCode::NotFound);
    }
    let listed = api_keys::list_keys(&app.services, &berta, admin.user_id(), PageRequest::default()).await;
    assert_eq!(listed.unwrap_err().code, ErrorCode::Forbidden);
    assert_eq!(
        api_keys::get_key(&app.services, &admin, of_berta)
            .await
            .unwrap()
            .username,
        "berta"
    );
    let rotated = api_keys::rotate_key(&app.services, &admin, of_berta, RotateApiKeyForm::default()).await;
    assert_eq!(
        rotated.err().unwrap().code,
        ErrorCode::Forbidden,
        "an admin must not learn the secret"
    );
    api_keys::revoke_key(&app.services, &admin, of_berta).await.unwrap();
    assert_eq!(
        api_keys::list_keys(&app.services, &berta, None, PageRequest::default())
            .await
            .unwrap()
            .total,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_forms_name_their_fields() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    make(&app, &admin, "taken", Scope::Read).await;
    let wrong = NewApiKeyForm {
        name: " ".into(),
        scope: Scope::Read,
        expires_in_days: Some(366),
        requests_per_minute: Some(0),
    };
    let refused = api_keys::create_key(&app.services, &admin, wrong).await.err().unwrap();
    let fields: Vec<_> = refused.context.keys().map(String::as_str).collect();
    assert_eq!(fields, ["expires_in_days", "name", "requests_per_minute"]);
    let taken = api_keys::create_key(&app.services, &admin, form("taken", Scope::Read))
        .await
        .err()
        .unwrap();
    assert!(taken.context.contains_key("name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_is_noted_at_most_once_a_minute() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let issued = make(&app, &admin, "script", Scope::Read).await;
    let used_at = async || {
        api_keys::get_key(&app.services, &admin, issued.key.id)
            .await
            .unwrap()
            .last_used_at
    };
    assert_eq!(used_at().await, None);
    identify(&app, &issued.secret).await.unwrap();
    let first = used_at().await.unwrap();
    app.clock.advance(TimeDelta::seconds(59));
    identify(&app, &issued.secret).await.unwrap();
    assert_eq!(used_at().await, Some(first));
    app.clock.advance(TimeDelta::seconds(1));
    identify(&app, &issued.secret).await.unwrap();
    assert_eq!(used_at().await, Some(first + TimeDelta::minutes(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessed_keys_are_slowed_down_and_right_ones_go_on() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let issued = make(&app, &admin, "script", Scope::Read).await;
    let mut guess = issued.secret.clone();
    let last = if guess.ends_with('A') { 'E' } else { 'A' };
    guess.pop();
    guess.push(last);
    for number in 0..30_u32 {
        let text = if number.is_multiple_of(2) {
            guess.as_str()
        } else {
            "mamc_nonsense"
        };
        assert_eq!(
            identify(&app, text).await.unwrap_err().code,
            ErrorCode::Unauthorized,
            "{number}"
        );
    }
    let refused = identify(&app, &guess).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.context["retry_after"].as_str()),
        (ErrorCode::RateLimitExceeded, "900")
    );
    assert!(
        identify(&app, &issued.secret).await.is_ok(),
        "a neighbour's old script shuts nobody out"
    );
    let elsewhere = auth::identify(&app.services, &guess, &at_address("192.0.2.8")).await;
    assert_eq!(elsewhere.unwrap_err().code, ErrorCode::Unauthorized);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_and_a_key_come_in_by_the_same_door() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let tokens = app.login("admin", PASSWORD).await.unwrap().tokens;
    let actor = identify(&app, &tokens.access_token).await.unwrap();
    assert!(actor.session_id().is_some() && actor.address() == Some("192.0.2.7"));
    let new = NewUserForm {
        username: "carla".into(),
        password: PASSWORD.into(),
        role: Role::User,
    };
    let key = make(&app, &admin, "admin script", Scope::Admin).await;
    let actor = identify(&app, &key.secret).await.unwrap();
    users::create_user(&app.services, &actor, new).await.unwrap();
    auth::logout(&app.services, &actor).await.unwrap();
    assert!(identify(&app, &key.secret).await.is_ok(), "a key has no sign-in to end");
    assert!(auth::identify(&app.services, "", &Origin::default()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_comes_sealed_to_the_page_of_the_sign_in_that_made_it_and_for_a_minute() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let issued = make(&app, &admin, "Home Assistant", Scope::Read).await;
    let wrapped = shown_once::wrap_key(&app.services, &admin, &issued).unwrap();
    let secret = issued.secret.rsplit('_').next().unwrap();
    assert!(wrapped.len() < 3000 && !wrapped.contains(secret));
    let opened = |actor: &Actor| shown_once::unwrap_key(&app.services, actor, &wrapped).map(|issued| issued.secret);
    assert_eq!(opened(&admin).as_deref(), Some(issued.secret.as_str()));

    let berta = app.person(&admin, "berta", Role::Admin).await;
    assert_eq!(opened(&berta), None, "another sign-in's");
    let program = identify(&app, &issued.secret).await.unwrap();
    assert_eq!(opened(&program), None, "a program has no page");
    assert!(shown_once::wrap_key(&app.services, &program, &issued).is_err());
    assert!(shown_once::unwrap_key(&app.services, &admin, &wrapped[1..]).is_none());

    app.clock.advance(TimeDelta::seconds(60));
    assert_eq!(opened(&admin), None, "too late");
}
