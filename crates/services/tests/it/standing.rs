//! What was let in stays as long as what it came with holds.

use chrono::{DateTime, TimeDelta, Utc};
use services::standing::has_standing;
use services::{Actor, api_keys, auth, sessions, users};
use types::access::{NewApiKeyForm, RotateApiKeyForm, Scope};
use types::people::Role;

use crate::support::{PASSWORD, TestApp, at_address};

async fn check(app: &TestApp, actor: &Actor, since: DateTime<Utc>, expected: bool) {
    assert_eq!(has_standing(&app.services, actor, since).await, Ok(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_stays_as_long_as_their_sign_in_and_their_account() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let berta = app.person(&admin, "berta", Role::Viewer).await;
    let since = app.services.now();
    // Longer than an access token, shorter than a sign-in.
    app.clock.advance(TimeDelta::hours(1));
    check(&app, &berta, since, true).await;
    users::set_user_active(&app.services, &admin, berta.user_id().unwrap(), false)
        .await
        .unwrap();
    check(&app, &berta, since, false).await;
    check(&app, &admin, since, true).await;
    let other = app.login("admin", PASSWORD).await.unwrap();
    let other = other.actor(&at_address("192.0.2.7"));
    sessions::end_session(&app.services, &admin, other.session_id().unwrap())
        .await
        .unwrap();
    check(&app, &other, since, false).await;
    app.clock.advance(TimeDelta::days(31));
    check(&app, &admin, since, false).await;
    check(&app, &Actor::System("sync"), since, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_stays_as_long_as_its_key_and_the_secret_that_it_came_with() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let form = NewApiKeyForm {
        name: "watcher".into(),
        scope: Scope::Read,
        expires_in_days: Some(30),
        requests_per_minute: None,
    };
    let issued = api_keys::create_key(&app.services, &admin, form).await.unwrap();
    let identify = async |secret: &str| {
        let found = auth::identify(&app.services, secret, &at_address("192.0.2.7")).await;
        (found.unwrap(), app.services.now())
    };
    let (old, old_since) = identify(&issued.secret).await;
    app.clock.advance(TimeDelta::minutes(1));
    let grace = RotateApiKeyForm { grace_hours: Some(1) };
    let rotated = api_keys::rotate_key(&app.services, &admin, issued.key.id, grace)
        .await
        .unwrap();
    check(&app, &old, old_since, true).await;
    app.clock.advance(TimeDelta::hours(1));
    let (new, new_since) = identify(&rotated.secret).await;
    check(&app, &old, old_since, false).await;
    check(&app, &new, new_since, true).await;
    app.clock.advance(TimeDelta::days(28));
    check(&app, &new, new_since, true).await;
    app.clock.advance(TimeDelta::days(2));
    check(&app, &new, new_since, false).await;
}
