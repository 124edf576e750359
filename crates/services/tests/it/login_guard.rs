//! Guessing passwords and tokens.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::TimeDelta;
use services::{Origin, auth, setup, users};
use types::ErrorCode;
use types::people::{ChangePasswordForm, ResetPasswordForm, Role, SetupForm};

use crate::oidc::Gate;
use crate::support::{PASSWORD, TestApp, at_address};

const HOME: &str = "192.0.2.7";
const AWAY: &str = "198.51.100.9";

impl TestApp {
    /// The code that a sign-in is refused with, or "ok"; and the seconds to wait.
    async fn try_login(&self, address: &str, name: &str, password: &str) -> (String, Option<u64>) {
        match self.login_from(at_address(address), name, password).await {
            Ok(_) => ("ok".into(), None),
            Err(error) => {
                let wait = error.context.get("retry_after").map(|text| text.parse().unwrap());
                (error.code.to_string(), wait)
            }
        }
    }

    async fn fail_logins(&self, address: &str, name: &str, times: usize) {
        for _ in 0..times {
            let refused = self.try_login(address, name, "not the password").await;
            assert_eq!(refused, ("unauthorized".into(), None), "{name} from {address}");
        }
    }
}

fn locked(seconds: u64) -> (String, Option<u64>) {
    ("rate_limit_exceeded".into(), Some(seconds))
}

fn ok() -> (String, Option<u64>) {
    ("ok".into(), None)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_failures_make_the_right_password_wait_15_minutes_and_only_from_there() {
    let app = TestApp::new().await;
    app.admin().await;
    app.fail_logins(HOME, "admin", 4).await;
    app.fail_logins(HOME, " ADMIN", 1).await;
    assert_eq!(app.try_login(HOME, "admin", PASSWORD).await, locked(900));
    assert_eq!(
        app.try_login(AWAY, "admin", PASSWORD).await,
        ok(),
        "nobody is shut out from elsewhere"
    );
    app.clock.advance(TimeDelta::seconds(899));
    assert_eq!(app.try_login(HOME, "admin", PASSWORD).await, locked(1));
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(app.try_login(HOME, "admin", PASSWORD).await, ok());
    assert_eq!(app.audited().await.matches("login_locked").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_slides() {
    let app = TestApp::new().await;
    app.admin().await;
    for _ in 0..12 {
        app.fail_logins(HOME, "admin", 1).await;
        app.clock.advance(TimeDelta::minutes(4));
    }
    app.fail_logins(HOME, "admin", 1).await;
    app.clock.advance(TimeDelta::minutes(1));
    app.fail_logins(HOME, "admin", 1).await;
    assert_eq!(app.try_login(HOME, "admin", PASSWORD).await, locked(900));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_exist_is_answered_and_locked_just_the_same() {
    let app = TestApp::new().await;
    app.admin().await;
    let mut answers = Vec::new();
    for name in ["admin", "nobody"] {
        let mut of_name = Vec::new();
        for _ in 0..7 {
            of_name.push(app.login_from(at_address(HOME), name, "wrong").await.err().unwrap());
        }
        answers.push(of_name);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0][5].code, ErrorCode::RateLimitExceeded);
    let stored = app
        .query_text("SELECT string_agg(login_attempts::text, ' ') FROM login_attempts")
        .await;
    assert!(!stored.contains("nobody"), "what was typed may be a password");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_clears_the_failures_of_its_own_name_only() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.person(&admin, "berta", Role::User).await;
    app.fail_logins(HOME, "admin", 4).await;
    app.fail_logins(HOME, "berta", 4).await;
    app.fail_logins(AWAY, "admin", 4).await;
    assert_eq!(app.try_login(HOME, "admin", PASSWORD).await, ok());
    app.fail_logins(HOME, "admin", 4).await;
    app.fail_logins(HOME, "berta", 1).await;
    assert_eq!(app.try_login(HOME, "berta", PASSWORD).await, locked(900));
    app.fail_logins(AWAY, "admin", 1).await;
    assert_eq!(app.try_login(AWAY, "admin", PASSWORD).await, locked(900));
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_failures_over_many_names_shut_out_the_address_with_its_ipv6_network() {
    let app = TestApp::new().await;
    app.admin().await;
    for number in 0..30 {
        app.fail_logins(&format!("2001:db8:1:2::{number:x}"), &format!("name{number}"), 1)
            .await;
    }
    assert_eq!(
        app.try_login("2001:db8:1:2:ffff::1", "admin", PASSWORD).await,
        locked(900)
    );
    assert_eq!(app.try_login("2001:db8:1:3::1", "admin", PASSWORD).await, ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_and_in_two_processes_get_no_more_tries() {
    let app = TestApp::new().await;
    app.admin().await;
    let other = app.restarted();
    let guess = |number: usize| {
        let services = if number.is_multiple_of(2) {
            app.services.clone()
        } else {
            other.clone()
        };
        let form = types::people::LoginForm {
            username: "admin".into(),
            password: format!("guess number {number}"),
        };
        tokio::spawn(async move { auth::login(&services, form, at_address(HOME)).await.err().unwrap().code })
    };
    let guesses: Vec<_> = (0..20).map(guess).collect();
    let mut checked = 0;
    for guess in guesses {
        checked += usize::from(guess.await.unwrap() == ErrorCode::Unauthorized);
    }
    assert_eq!(checked, 5);
    assert_eq!(app.try_login(HOME, "admin", PASSWORD).await, locked(900));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_that_has_to_wait_is_neither_counted_nor_hashed() {
    let app = TestApp::new().await;
    app.admin().await;
    app.fail_logins(HOME, "admin", 5).await;
    app.run_sql("UPDATE users SET password_hash = 'unreadable'").await;
    app.clock.advance(TimeDelta::minutes(10));
    for _ in 0..3 {
        assert_eq!(app.try_login(HOME, "admin", PASSWORD).await, locked(300));
    }
    assert_eq!(app.query_text("SELECT count(*) FROM login_attempts").await, "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_that_the_server_could_not_check_is_not_counted() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let form = || ChangePasswordForm {
        current_password: PASSWORD.into(),
        new_password: "another password".into(),
    };
    app.run_sql("ALTER TABLE users RENAME TO users_away").await;
    for _ in 0..6 {
        let failed = app.login_from(at_address(HOME), "admin", PASSWORD).await.err().unwrap();
        assert_eq!(failed.code, ErrorCode::DatabaseError);
        let failed = auth::change_password(&app.services, &admin, form()).await.unwrap_err();
        assert_eq!(failed.code, ErrorCode::DatabaseError);
    }
    app.run_sql("ALTER TABLE users_away RENAME TO users").await;
    assert_eq!(app.query_text("SELECT count(*) FROM login_attempts").await, "0");
    assert_eq!(app.try_login(HOME, "admin", PASSWORD).await, ok());
    auth::change_password(&app.services, &admin, form()).await.unwrap();
    app.fail_logins(HOME, "admin", 5).await;
    assert_eq!(app.try_login(HOME, "admin", PASSWORD).await, locked(900));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_that_could_not_be_taken_back_is_so_before_the_next_one() {
    let app = TestApp::new().await;
    app.admin().await;
    app.run_sql("ALTER TABLE users RENAME TO users_away").await;
    app.run_sql("CREATE RULE keep_guesses AS ON DELETE TO login_attempts DO INSTEAD SELECT 1 / 0")
        .await;
    for _ in 0..5 {
        assert!(app.login_from(at_address(HOME), "admin", PASSWORD).await.is_err());
    }
    assert_eq!(app.query_text("SELECT count(*) FROM login_attempts").await, "5");
    app.run_sql("DROP RULE keep_guesses ON login_attempts").await;
    app.run_sql("ALTER TABLE users_away RENAME TO users").await;
    assert_eq!(app.try_login(HOME, "admin", PASSWORD).await, ok());
    assert_eq!(app.query_text("SELECT count(*) FROM login_attempts").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_who_resets_a_password_lifts_the_wait() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let berta = app.person(&admin, "berta", Role::User).await;
    app.fail_logins(HOME, "berta", 5).await;
    let form = ResetPasswordForm {
        new_password: "another password".into(),
    };
    users::reset_password(&app.services, &admin, berta.user_id().unwrap(), form)
        .await
        .unwrap();
    assert_eq!(app.try_login(HOME, "berta", "another password").await, ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_sign_in_cannot_guess_the_current_password() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let change = |current: &str| {
        let form = ChangePasswordForm {
            current_password: current.into(),
            new_password: "another password".into(),
        };
        auth::change_password(&app.services, &admin, form)
    };
    for _ in 0..5 {
        assert!(
            change("wrong")
                .await
                .unwrap_err()
                .context
                .contains_key("current_password")
        );
    }
    assert_eq!(change(PASSWORD).await.unwrap_err().code, ErrorCode::RateLimitExceeded);
    app.clock.advance(TimeDelta::minutes(15));
    change(PASSWORD).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_tokens_and_refresh_tokens_are_not_guessed_for_long() {
    let app = TestApp::new().await;
    let token = setup::ensure_setup_token(&app.services).await.unwrap().unwrap();
    let set_up = async |token: &str, address: &str| {
        let form = SetupForm {
            token: token.into(),
            username: "anna".into(),
            password: PASSWORD.into(),
        };
        setup::complete_setup(&app.services, form, at_address(address))
            .await
            .map(|_| ())
            .map_err(|error| error.code)
    };
    for _ in 0..30 {
        assert_eq!(set_up("guess", AWAY).await, Err(ErrorCode::ValidationError));
        let refused = auth::refresh(&app.services, "guess", at_address(AWAY))
            .await
            .err()
            .unwrap();
        assert_eq!(refused.code, ErrorCode::Unauthorized);
    }
    assert_eq!(set_up(&token, AWAY).await, Err(ErrorCode::RateLimitExceeded));
    assert_eq!(set_up(&token, HOME).await, Ok(()));
    let refused = auth::refresh(&app.services, "guess", at_address(AWAY))
        .await
        .err()
        .unwrap();
    assert_eq!(refused.code, ErrorCode::RateLimitExceeded);
    let signed_in = app.login_from(at_address(AWAY), "anna", PASSWORD).await.unwrap();
    let refreshed = auth::refresh(&app.services, &signed_in.tokens.refresh_token, at_address(AWAY)).await;
    assert!(refreshed.is_ok(), "a token of ours is no guess");
    assert!(
        auth::login(
            &app.services,
            types::people::LoginForm {
                username: "anna".into(),
                password: PASSWORD.into()
            },
            Origin::default()
        )
        .await
        .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refused_sign_in_costs_one_hashing_whoever_it_is_about() {
    let gate = Gate::open().await;
    let app = &gate.app;
    let bert = app.person(&gate.admin, "bert", Role::User).await;
    users::set_user_active(&app.services, &gate.admin, bert.user_id().unwrap(), false)
        .await
        .unwrap();
    // Comes by single sign-on alone: nobody knows a password.
    let newcomer = gate.sign_in().await.unwrap().user.username;
    for (what, name, password) in [
        ("a wrong password", "admin", "not the password"),
        ("an unknown name", "nobody", "not the password"),
        ("an unknown name again", "nobody", PASSWORD),
        ("switched off", "bert", "not the password"),
        ("switched off, and the password is right", "bert", PASSWORD),
        ("single sign-on alone", newcomer.as_str(), "not the password"),
        ("no name", "", "not the password"),
    ] {
        let before = auth::count_hashings(&app.services);
        let refused = app.try_login(HOME, name, password).await;
        assert_eq!(refused, ("unauthorized".into(), None), "{what}");
        assert_eq!(auth::count_hashings(&app.services) - before, 1, "{what}");
    }
}
