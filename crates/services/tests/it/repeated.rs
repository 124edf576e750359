//! Writes that are sent again under a key.

use services::idempotency::{KeyedRequest, run_once};
use services::{Actor, auth, users};
use types::ErrorCode;
use types::people::Role;

use crate::support::{PASSWORD, TestApp};

async fn send(app: &TestApp, actor: &Actor) -> Result<(u32, bool), ErrorCode> {
    let request = KeyedRequest {
        route: "wants",
        key: "same".into(),
        needed: Role::Manager,
        body: b"Dune".to_vec(),
    };
    let sent = run_once(&app.services, actor, request, async { Ok(7) }).await;
    sent.map(|answer| (answer.value, answer.is_replayed))
        .map_err(|error| error.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_given_again_only_to_who_still_may_ask() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let berta = app.person(&admin, "berta", Role::Manager).await;
    assert_eq!(send(&app, &berta).await, Ok((7, false)));
    assert_eq!(send(&app, &berta).await, Ok((7, true)));
    users::set_role(&app.services, &admin, berta.user_id().unwrap(), Role::Viewer)
        .await
        .unwrap();
    let tokens = app.login("berta", PASSWORD).await.unwrap().tokens;
    let demoted = auth::authenticate(&app.services, &tokens.access_token).await.unwrap();
    assert_eq!(send(&app, &demoted).await, Err(ErrorCode::Forbidden));
}
