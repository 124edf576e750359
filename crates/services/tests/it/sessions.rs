//! Lists of sign-ins and their end; keys that change under way.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::Arc;

use chrono::TimeDelta;
use services::{Actor, Keys, Origin, ServiceConfig, Services, SystemRandom, auth, sessions, users};
use types::access::SessionView;
use types::people::{ResetPasswordForm, Role};
use types::{ErrorCode, PageRequest, SessionId, UserId};
use uuid::Uuid;

use crate::support::{PASSWORD, TestApp, TestClock, at_address};

async fn list(app: &TestApp, actor: &Actor, user: Option<UserId>) -> Vec<SessionView> {
    let page = sessions::list_sessions(&app.services, actor, user, PageRequest::default());
    page.await.unwrap().items
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_their_live_sign_ins_newest_first_and_which_one_asks() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.clock.advance(TimeDelta::minutes(1));
    let berta = app.person(&admin, "berta", Role::User).await;
    app.clock.advance(TimeDelta::minutes(1));
    let laptop = Origin {
        user_agent: Some("Laptop".into()),
        ..at_address("192.0.2.7")
    };
    app.login_from(laptop, "berta", PASSWORD).await.unwrap();
    let seen = list(&app, &berta, None).await;
    assert_eq!(seen.len(), 2);
    let newest = &seen[0];
    assert_eq!(
        (
            newest.username.as_str(),
            newest.address.as_deref(),
            newest.user_agent.as_deref(),
            newest.is_current
        ),
        ("berta", Some("192.0.2.7"), Some("Laptop"), false)
    );
    assert!(seen[1].is_current && seen[1].created_at < newest.created_at);
    assert_eq!(list(&app, &admin, berta.user_id()).await.len(), 2);
    app.clock.advance(TimeDelta::days(31));
    assert_eq!(list(&app, &berta, None).await, [], "expired ones are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_come_page_by_page() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for _ in 0..4 {
        app.login("admin", PASSWORD).await.unwrap();
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let request = PageRequest { limit: Some(2), cursor };
        let page = sessions::list_sessions(&app.services, &admin, None, request)
            .await
            .unwrap();
        assert_eq!(page.total, 5);
        seen.extend(page.items.iter().map(|session| session.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
    let foreign = PageRequest {
        limit: None,
        cursor: Some("00".into()),
    };
    let refused = sessions::list_sessions(&app.services, &admin, None, foreign)
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::ValidationError);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_ends_their_own_sign_ins_and_an_admin_anyones() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let berta = app.person(&admin, "berta", Role::Manager).await;
    let other = app.login("berta", PASSWORD).await.unwrap().tokens;
    let other_id = auth::authenticate(&app.services, &other.access_token)
        .await
        .unwrap()
        .session_id()
        .unwrap();
    let admins = admin.session_id().unwrap();

    let unknown = sessions::end_session(&app.services, &berta, admins).await.unwrap_err();
    let missing = sessions::end_session(&app.services, &berta, SessionId(Uuid::nil()))
        .await
        .unwrap_err();
    assert_eq!(unknown, missing, "somebody else's sign-in is not told from none");
    assert_eq!(unknown.code, ErrorCode::NotFound);
    let forbidden = sessions::list_sessions(&app.services, &berta, admin.user_id(), PageRequest::default()).await;
    assert_eq!(forbidden.unwrap_err().code, ErrorCode::Forbidden);

    sessions::end_session(&app.services, &berta, other_id).await.unwrap();
    assert!(auth::authenticate(&app.services, &other.access_token).await.is_err());
    sessions::end_session(&app.services, &admin, berta.session_id().unwrap())
        .await
        .unwrap();
    assert!(list(&app, &admin, berta.user_id()).await.is_empty());
    sessions::end_session(&app.services, &admin, other_id).await.unwrap();
    assert_eq!(
        app.audited().await.matches("end_session").count(),
        2,
        "one that has ended is not ended again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_the_others_keeps_the_one_that_asks() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for _ in 0..2 {
        app.login("admin", PASSWORD).await.unwrap();
    }
    assert_eq!(sessions::end_other_sessions(&app.services, &admin).await.unwrap(), 2);
    let left = list(&app, &admin, None).await;
    assert_eq!(left.len(), 1);
    assert!(left[0].is_current);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_an_admin_resets_ends_every_sign_in_of_that_person() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let berta = app.person(&admin, "berta", Role::User).await;
    let form = |password: &str| ResetPasswordForm {
        new_password: password.into(),
    };
    let id = berta.user_id().unwrap();
    let refused = users::reset_password(&app.services, &berta, id, form("another password")).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::Forbidden);
    let short = users::reset_password(&app.services, &admin, id, form("short"))
        .await
        .unwrap_err();
    assert!(short.context.contains_key("new_password"));
    users::reset_password(&app.services, &admin, id, form("another password"))
        .await
        .unwrap();
    assert!(list(&app, &admin, Some(id)).await.is_empty());
    assert!(app.login("berta", PASSWORD).await.is_err());
    assert!(app.login("berta", "another password").await.is_ok());
    let own = users::reset_password(
        &app.services,
        &admin,
        admin.user_id().unwrap(),
        form("another password"),
    )
    .await;
    assert_eq!(own.unwrap_err().code, ErrorCode::Conflict, "needs the current password");
    assert!(
        !app.query_text("SELECT string_agg(detail::text, ' ') FROM audit_log")
            .await
            .contains("another")
    );
}

/// The next refresh token, or the code of the refusal.
async fn refresh(app: &TestApp, token: &str) -> Result<String, ErrorCode> {
    let refreshed = auth::refresh(&app.services, token, at_address("192.0.2.7")).await;
    refreshed
        .map(|signed_in| signed_in.tokens.refresh_token)
        .map_err(|error| error.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_given_again_for_a_minute_while_its_token_is_unused() {
    let app = TestApp::new().await;
    app.admin().await;
    let first = app.login("admin", PASSWORD).await.unwrap().tokens.refresh_token;
    let lost = refresh(&app, &first).await.unwrap();
    app.clock.advance(TimeDelta::seconds(59));
    assert_eq!(refresh(&app, &first).await, Ok(lost.clone()));
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(
        refresh(&app, &first).await,
        Err(ErrorCode::Unauthorized),
        "asking again lengthens nothing"
    );
    assert!(app.audited().await.ends_with("refresh_token_reused"));
    assert_eq!(refresh(&app, &lost).await, Err(ErrorCode::Unauthorized));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_whose_next_was_used_ends_the_session_at_once() {
    let app = TestApp::new().await;
    app.admin().await;
    let first = app.login("admin", PASSWORD).await.unwrap().tokens.refresh_token;
    let second = refresh(&app, &first).await.unwrap();
    let third = refresh(&app, &second).await.unwrap();
    assert_eq!(refresh(&app, &first).await, Err(ErrorCode::Unauthorized));
    assert!(app.audited().await.ends_with("refresh_token_reused"));
    assert_eq!(refresh(&app, &third).await, Err(ErrorCode::Unauthorized));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_that_comes_again_from_elsewhere_ends_its_session_at_once() {
    let app = TestApp::new().await;
    app.admin().await;
    for (address, program) in [("198.51.100.7", "Laptop"), ("192.0.2.7", "Script")] {
        let spent = app.login("admin", PASSWORD).await.unwrap().tokens.refresh_token;
        let from = async |address: &str, program: &str| {
            let origin = Origin {
                user_agent: Some(program.into()),
                ..at_address(address)
            };
            auth::refresh(&app.services, &spent, origin).await
        };
        let first = from("192.0.2.7", "Laptop").await.unwrap();
        let second = from("192.0.2.7", "Laptop").await.unwrap();
        assert_eq!(first.tokens.refresh_token, second.tokens.refresh_token);
        assert!(
            !app.audited().await.ends_with("refresh_token_reused"),
            "two tabs that woke together"
        );
        let stolen = from(address, program).await;
        assert_eq!(
            stolen.err().unwrap().code,
            ErrorCode::Unauthorized,
            "{address} {program}"
        );
        assert!(
            auth::authenticate(&app.services, &first.tokens.access_token)
                .await
                .is_err()
        );
        let line = "SELECT concat_ws(' ', actor, address, action, session_id) FROM audit_log ORDER BY id DESC LIMIT 1";
        let expected = format!("admin {address} refresh_token_reused {}", first.session);
        assert_eq!(app.query_text(line).await, expected);
        assert!(refresh(&app, &first.tokens.refresh_token).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_is_not_ours_is_noted_and_a_flood_of_them_thinned_out() {
    let app = TestApp::new().await;
    app.admin().await;
    for _ in 0..25 {
        assert_eq!(refresh(&app, "forged").await, Err(ErrorCode::Unauthorized));
    }
    let lines = "SELECT string_agg(DISTINCT concat_ws(' ', actor, address), ',') || ' ' || count(*) FROM audit_log
                 WHERE action = 'refresh_token_refused'";
    assert_eq!(app.query_text(lines).await, "nobody 192.0.2.7 10");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_that_can_not_be_noted_does_not_happen() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.run_sql("ALTER TABLE audit_log ADD CONSTRAINT full_disk CHECK (action <> 'logout')")
        .await;
    assert!(auth::logout(&app.services, &admin).await.is_err());
    assert_eq!(
        list(&app, &admin, None).await.len(),
        1,
        "still signed in, as the answer says"
    );
    app.run_sql("ALTER TABLE audit_log DROP CONSTRAINT full_disk").await;
    auth::logout(&app.services, &admin).await.unwrap();
    assert_eq!(list(&app, &admin, None).await, []);
}

fn with_keys(app: &TestApp, signing: [u8; 32], old_signing: Vec<[u8; 32]>) -> Services {
    let keys = Keys {
        old_signing,
        ..Keys::new([1; 32], signing)
    };
    let clock = Arc::new(TestClock(Arc::clone(&app.clock)));
    let config = ServiceConfig::new(app.data_dir());
    Services::new(
        app.database.pool().clone(),
        app.database.url(),
        config,
        &keys,
        clock,
        Arc::new(SystemRandom),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_signing_key_signs_nobody_out_and_the_old_one_can_go_after_a_refresh() {
    let app = TestApp::new().await;
    app.admin().await;
    let tokens = app.login("admin", PASSWORD).await.unwrap().tokens;
    let (both, new_only) = (
        with_keys(&app, [3; 32], vec![[2; 32]]),
        with_keys(&app, [3; 32], vec![]),
    );
    assert!(auth::authenticate(&both, &tokens.access_token).await.is_ok());
    assert!(auth::authenticate(&new_only, &tokens.access_token).await.is_err());
    let next = auth::refresh(&both, &tokens.refresh_token, Origin::default())
        .await
        .unwrap()
        .tokens;
    // A tab that had not heard of it: within the grace time it gets the same token, whichever key is newest.
    let again = auth::refresh(&both, &tokens.refresh_token, Origin::default())
        .await
        .unwrap()
        .tokens;
    assert_eq!(next.refresh_token, again.refresh_token);
    assert!(auth::authenticate(&new_only, &next.access_token).await.is_ok());
    assert!(
        auth::refresh(&new_only, &next.refresh_token, Origin::default())
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_of_an_older_key_still_ends_its_session() {
    let app = TestApp::new().await;
    app.admin().await;
    let tokens = app.login("admin", PASSWORD).await.unwrap().tokens;
    let both = with_keys(&app, [3; 32], vec![[2; 32]]);
    let next = auth::refresh(&both, &tokens.refresh_token, Origin::default())
        .await
        .unwrap()
        .tokens;
    app.clock.advance(TimeDelta::seconds(61));
    assert!(
        auth::refresh(&both, &tokens.refresh_token, Origin::default())
            .await
            .is_err()
    );
    assert!(
        auth::refresh(&both, &next.refresh_token, Origin::default())
            .await
            .is_err()
    );
    assert!(app.audited().await.ends_with("refresh_token_reused"));
}
