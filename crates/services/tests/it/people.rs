//! Set-up, signing in, passwords, roles.

use std::time::Duration;

use chrono::TimeDelta;
use diesel_async::SimpleAsyncConnection;
use services::{Origin, auth, integrations, setup, users};
use types::people::{ChangePasswordForm, NewUserForm, Role, SetupForm, UserChange};
use types::{ErrorCode, PageRequest};

use crate::support::{PASSWORD, TestApp};

/// Longer than a sign-in takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn setup_form(token: &str) -> SetupForm {
    SetupForm {
        token: token.into(),
        username: "Anna".into(),
        password: PASSWORD.into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_setup_token_makes_one_admin_once() {
    let app = TestApp::new().await;
    assert!(setup::is_setup_needed(&app.services).await.unwrap());
    let old = setup::ensure_setup_token(&app.services).await.unwrap().unwrap();
    let token = setup::ensure_setup_token(&app.services).await.unwrap().unwrap();
    assert!(!app.query_text("SELECT value FROM settings").await.contains(&token));
    let refused = setup::complete_setup(&app.services, setup_form(&old), Origin::default())
        .await
        .err()
        .unwrap();
    assert!(refused.context.contains_key("token"));
    let signed_in = setup::complete_setup(&app.services, setup_form(&token), Origin::default())
        .await
        .unwrap();
    assert_eq!(signed_in.user.role, Role::Admin);
    let again = setup::complete_setup(&app.services, setup_form(&token), Origin::default())
        .await
        .err()
        .unwrap();
    assert_eq!(again.code, ErrorCode::Conflict);
    assert!(!setup::is_setup_needed(&app.services).await.unwrap());
    assert_eq!(setup::ensure_setup_token(&app.services).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_set_ups_at_once_make_one_admin() {
    let app = TestApp::new().await;
    let token = setup::ensure_setup_token(&app.services).await.unwrap().unwrap();
    let other = SetupForm {
        username: "Berta".into(),
        ..setup_form(&token)
    };
    let (first, second) = tokio::join!(
        setup::complete_setup(&app.services, setup_form(&token), Origin::default()),
        setup::complete_setup(&app.services, other, Origin::default()),
    );
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
    assert_eq!(app.query_text("SELECT count(*) FROM users").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_survives_a_restart_and_names_are_case_folded() {
    let app = TestApp::new().await;
    app.admin().await;
    let signed_in = app.login(" ADMIN ", PASSWORD).await.unwrap();
    let restarted = app.restarted();
    let actor = auth::authenticate(&restarted, &signed_in.tokens.access_token)
        .await
        .unwrap();
    assert_eq!(actor.name(), "admin");
    assert!(
        auth::refresh(&restarted, &signed_in.tokens.refresh_token, Origin::default())
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let app = TestApp::new().await;
    app.admin().await;
    let wrong = app.login("admin", "not the password").await.err().unwrap();
    let unknown = app.login("nobody", PASSWORD).await.err().unwrap();
    assert_eq!(wrong, unknown);
    assert_eq!(wrong.code, ErrorCode::Unauthorized);
    assert!(app.audited().await.ends_with("login_refused login_refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_reset_while_it_is_verified_opens_nothing() {
    let app = TestApp::new().await;
    app.admin().await;
    let sessions = "SELECT count(*) FROM sessions";
    let before = app.query_text(sessions).await;
    for change in ["is_active = false", "password_hash = 'another'"] {
        app.run_sql("DELETE FROM login_attempts").await;
        let mut conn = app.database.connection().await;
        conn.batch_execute(&format!("BEGIN; UPDATE users SET {change}"))
            .await
            .unwrap();
        // It verifies what is committed, and has to wait when it wants to go on.
        let login = app.login("admin", PASSWORD);
        let reset = async {
            let waits = "SELECT count(*) FROM pg_stat_activity \
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
            let waiting = async { while app.query_text(waits).await != "1" {} };
            tokio::time::timeout(PATIENCE, waiting)
                .await
                .expect("the sign-in waits for the change");
            conn.batch_execute("COMMIT").await.unwrap();
        };
        let refused = tokio::join!(login, reset).0.err().unwrap();
        assert_eq!(refused.message, "The user name or the password is wrong.", "{change}");
        assert_eq!(app.query_text(sessions).await, before, "{change}");
        app.run_sql("UPDATE users SET is_active = true").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_ends_after_15_minutes_and_is_refreshed() {
    let app = TestApp::new().await;
    app.admin().await;
    let first = app.login("admin", PASSWORD).await.unwrap().tokens;
    app.clock.advance(TimeDelta::minutes(16));
    assert!(auth::authenticate(&app.services, &first.access_token).await.is_err());
    let second = auth::refresh(&app.services, &first.refresh_token, Origin::default())
        .await
        .unwrap()
        .tokens;
    assert!(auth::authenticate(&app.services, &second.access_token).await.is_ok());
    app.clock.advance(TimeDelta::days(31));
    assert!(
        auth::refresh(&app.services, &second.refresh_token, Origin::default())
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_refresh_token_ends_its_whole_session() {
    let app = TestApp::new().await;
    app.admin().await;
    let first = app.login("admin", PASSWORD).await.unwrap().tokens;
    let second = auth::refresh(&app.services, &first.refresh_token, Origin::default())
        .await
        .unwrap()
        .tokens;
    app.clock.advance(TimeDelta::seconds(61));
    assert!(
        auth::refresh(&app.services, &first.refresh_token, Origin::default())
            .await
            .is_err()
    );
    assert!(
        auth::refresh(&app.services, &second.refresh_token, Origin::default())
            .await
            .is_err()
    );
    assert!(auth::authenticate(&app.services, &second.access_token).await.is_err());
    assert!(app.audited().await.ends_with("refresh_token_reused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_that_refresh_together_stay_signed_in() {
    let app = TestApp::new().await;
    app.admin().await;
    let first = app.login("admin", PASSWORD).await.unwrap().tokens;
    let (one, other) = tokio::join!(
        auth::refresh(&app.services, &first.refresh_token, Origin::default()),
        auth::refresh(&app.services, &first.refresh_token, Origin::default()),
    );
    let (one, other) = (one.unwrap().tokens.refresh_token, other.unwrap().tokens.refresh_token);
    assert_eq!(one, other);
    assert!(auth::refresh(&app.services, &one, Origin::default()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_at_once() {
    let app = TestApp::new().await;
    app.admin().await;
    let tokens = app.login("admin", PASSWORD).await.unwrap().tokens;
    let actor = auth::authenticate(&app.services, &tokens.access_token).await.unwrap();
    auth::logout(&app.services, &actor).await.unwrap();
    assert!(auth::authenticate(&app.services, &tokens.access_token).await.is_err());
    assert!(
        auth::refresh(&app.services, &tokens.refresh_token, Origin::default())
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_the_other_sign_ins_and_keeps_this_one() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let other = app.login("admin", PASSWORD).await.unwrap().tokens;
    let change = |current: &str, new: &str| ChangePasswordForm {
        current_password: current.into(),
        new_password: new.into(),
    };
    let wrong = auth::change_password(&app.services, &admin, change("wrong", "another password"))
        .await
        .unwrap_err();
    assert!(wrong.context.contains_key("current_password"));
    let short = auth::change_password(&app.services, &admin, change(PASSWORD, "short"))
        .await
        .unwrap_err();
    assert!(short.context.contains_key("new_password"));
    auth::change_password(&app.services, &admin, change(PASSWORD, "another password"))
        .await
        .unwrap();
    assert!(auth::authenticate(&app.services, &other.access_token).await.is_err());
    assert!(users::list_users(&app.services, &admin).await.is_ok());
    assert_eq!(
        app.query_text("SELECT count(*) FROM sessions WHERE revoked_at IS NULL")
            .await,
        "1"
    );
    assert!(app.login("admin", PASSWORD).await.is_err());
    assert!(app.login("admin", "another password").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_manage_people_and_integrations() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for (name, role) in [("v", Role::Viewer), ("u", Role::User), ("m", Role::Manager)] {
        let actor = app.person(&admin, name, role).await;
        let refused = users::list_users(&app.services, &actor).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        let new = NewUserForm {
            username: "x".into(),
            password: PASSWORD.into(),
            role: Role::Admin,
        };
        assert!(users::create_user(&app.services, &actor, new).await.is_err());
        let may_read = integrations::list_integrations(&app.services, &actor).await.is_ok();
        assert_eq!(may_read, role == Role::Manager);
    }
    assert_eq!(users::list_users(&app.services, &admin).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_or_a_weak_password_is_a_field_error() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let new = |username: &str, password: &str| NewUserForm {
        username: username.into(),
        password: password.into(),
        role: Role::User,
    };
    let taken = users::create_user(&app.services, &admin, new("Admin", PASSWORD))
        .await
        .unwrap_err();
    assert!(taken.context.contains_key("username"));
    let bad = users::create_user(&app.services, &admin, new("a b", "short"))
        .await
        .unwrap_err();
    assert_eq!(bad.context.keys().collect::<Vec<_>>(), ["password", "username"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_switched_off_is_out_at_once_and_the_last_admin_stays() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let person = app.person(&admin, "berta", Role::User).await;
    let tokens = app.login("berta", PASSWORD).await.unwrap().tokens;
    users::set_user_active(&app.services, &admin, person.user_id().unwrap(), false)
        .await
        .unwrap();
    assert!(auth::authenticate(&app.services, &tokens.access_token).await.is_err());
    assert!(
        app.login("berta", PASSWORD)
            .await
            .err()
            .unwrap()
            .message
            .contains("switched off")
    );
    let last = users::set_user_active(&app.services, &admin, admin.user_id().unwrap(), false)
        .await
        .unwrap_err();
    assert_eq!(last.code, ErrorCode::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_is_not_demoted_switched_off_or_removed() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = admin.user_id().unwrap();
    let other = app.person(&admin, "berta", Role::Admin).await.user_id().unwrap();
    users::set_user_active(&app.services, &admin, other, false)
        .await
        .unwrap();
    for refused in [
        users::set_role(&app.services, &admin, id, Role::Manager).await,
        users::set_user_active(&app.services, &admin, id, false).await,
        users::delete_user(&app.services, &admin, id).await,
    ] {
        assert_eq!(
            refused.unwrap_err().code,
            ErrorCode::Conflict,
            "an admin who is switched off does not count"
        );
    }
    users::set_role(&app.services, &admin, id, Role::Admin).await.unwrap();
    users::set_user_active(&app.services, &admin, other, true)
        .await
        .unwrap();
    users::set_role(&app.services, &admin, id, Role::Viewer).await.unwrap();
    let tokens = app.login("admin", PASSWORD).await.unwrap().tokens;
    let actor = auth::authenticate(&app.services, &tokens.access_token).await.unwrap();
    assert_eq!(
        users::list_users(&app.services, &actor).await.unwrap_err().code,
        ErrorCode::Forbidden
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_several_things_happens_whole_or_not_at_all() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = admin.user_id().unwrap();
    let everything = |username: &str| UserChange {
        username: Some(username.into()),
        role: Some(Role::User),
        is_active: Some(false),
    };
    let before = app.audited().await;
    let refused = users::change_user(&app.services, &admin, id, everything("renamed")).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::Conflict);
    let user = users::get_user(&app.services, &admin, id).await.unwrap();
    assert_eq!(
        (user.username.as_str(), user.role, user.is_active),
        ("admin", Role::Admin, true)
    );
    assert_eq!(app.audited().await, before);

    let other = app.person(&admin, "berta", Role::Admin).await.user_id().unwrap();
    users::change_user(&app.services, &admin, other, everything("bertha"))
        .await
        .unwrap();
    let user = users::get_user(&app.services, &admin, other).await.unwrap();
    assert_eq!(
        (user.username.as_str(), user.role, user.is_active),
        ("bertha", Role::User, false)
    );
    assert!(
        app.audited()
            .await
            .ends_with("rename_user set_user_role set_user_active")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_admins_who_demote_each_other_at_once_leave_one_admin() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let berta = app.person(&admin, "berta", Role::Admin).await;
    let other = app.restarted();
    for round in 0..10 {
        let (of_admin, of_berta) = (admin.user_id().unwrap(), berta.user_id().unwrap());
        let (first, second) = tokio::join!(
            users::set_role(&app.services, &admin, of_berta, Role::User),
            users::set_role(&other, &berta, of_admin, Role::User),
        );
        assert_eq!(
            usize::from(first.is_ok()) + usize::from(second.is_ok()),
            1,
            "round {round}"
        );
        assert_eq!(
            app.query_text("SELECT count(*) FROM users WHERE role = 'admin'").await,
            "1"
        );
        app.run_sql("UPDATE users SET role = 'admin'").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_person_signs_in_by_the_new_name_and_stays_signed_in() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = app.person(&admin, "berta", Role::User).await.user_id().unwrap();
    let tokens = app.login("berta", PASSWORD).await.unwrap().tokens;
    users::rename_user(&app.services, &admin, id, " Bertha ").await.unwrap();
    assert_eq!(
        auth::authenticate(&app.services, &tokens.access_token)
            .await
            .unwrap()
            .name(),
        "Bertha"
    );
    assert!(app.login("berta", PASSWORD).await.is_err() && app.login("bertha", PASSWORD).await.is_ok());
    for wrong in ["ADMIN", "a b", ""] {
        let refused = users::rename_user(&app.services, &admin, id, wrong).await.unwrap_err();
        assert!(refused.context.contains_key("username"), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_person_is_gone_with_their_sign_ins_and_stays_in_the_audit_log() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = app.person(&admin, "berta", Role::User).await.user_id().unwrap();
    let tokens = app.login("berta", PASSWORD).await.unwrap().tokens;
    users::delete_user(&app.services, &admin, id).await.unwrap();
    assert!(auth::authenticate(&app.services, &tokens.access_token).await.is_err());
    assert_eq!(
        users::get_user(&app.services, &admin, id).await.unwrap_err().code,
        ErrorCode::NotFound
    );
    assert_eq!(
        app.query_text("SELECT count(*) FROM audit_log WHERE actor = 'berta'")
            .await,
        "2"
    );
    assert_eq!(
        users::page_users(&app.services, &admin, PageRequest::default())
            .await
            .unwrap()
            .total,
        1
    );
}
