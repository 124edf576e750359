//! First start, signing in, health.

use serde_json::{Value, json};
use types::people::{NewUserForm, Role};

use crate::stage::{PASSWORD, bare_server, services_beside, set_up};

#[tokio::test]
async fn the_setup_token_works_once_and_a_sign_in_survives_a_restart() {
    let (mut server, database) = bare_server().await;
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let call = async |door: &str, body: Value| {
        let answer = http
            .post(format!("{}/api/v1/{door}", server.url))
            .json(&body)
            .send()
            .await
            .unwrap();
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap_or_default(),
        )
    };
    for door in ["live", "ready"] {
        let answer = http.get(format!("{}/health/{door}", server.url)).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.unwrap().as_str()),
            (200, door)
        );
    }
    let wrong = call(
        "setup",
        json!({ "token": "guess", "username": "eve", "password": PASSWORD }),
    )
    .await;
    assert_eq!(
        (wrong.0, &wrong.1["code"]),
        (422, &json!("validation_error")),
        "{wrong:?}"
    );
    let tokens = set_up(&server, &http).await;
    let again = json!({ "token": server.setup_token(), "username": "eve", "password": PASSWORD });
    assert_eq!(call("setup", again).await.0, 409);

    let services = services_beside(&server, &database);
    let anna = services::auth::authenticate(&services, tokens["access_token"].as_str().unwrap())
        .await
        .unwrap();
    let bert = NewUserForm {
        username: "bert".into(),
        password: PASSWORD.into(),
        role: Role::User,
    };
    services::users::create_user(&services, &anna, bert).await.unwrap();
    let (status, signed_in) = call("auth/login", json!({ "username": "bert", "password": PASSWORD })).await;
    assert_eq!(status, 200);
    let mut fields: Vec<&String> = signed_in.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["access_token", "expires_in", "refresh_token", "token_type"]);
    assert_eq!(signed_in["token_type"], "Bearer");
    assert!(signed_in["expires_in"].as_u64().unwrap() > 0);
    let refused = call(
        "auth/login",
        json!({ "username": "bert", "password": "something else" }),
    )
    .await;
    assert_eq!(
        (refused.0, &refused.1["code"], &refused.1["status_code"]),
        (401, &json!("unauthorized"), &json!(401))
    );
    assert_eq!(refused.1["message"], "The user name or the password is wrong.");

    server.kill9();
    server.start().await;
    let bearer = |token: &Value| format!("Bearer {}", token.as_str().unwrap());
    let logout = http.post(format!("{}/api/v1/auth/logout", server.url));
    let refreshed = http.post(format!("{}/api/v1/auth/refresh", server.url));
    let refreshed = refreshed
        .json(&json!({ "refresh_token": signed_in["refresh_token"] }))
        .send()
        .await
        .unwrap();
    assert_eq!(refreshed.status(), 200);
    let signed_out = logout
        .header("authorization", bearer(&tokens["access_token"]))
        .send()
        .await
        .unwrap();
    assert_eq!(
        signed_out.status(),
        204,
        "the access token from before the restart counts"
    );
    let ended = services::auth::authenticate(&services, tokens["access_token"].as_str().unwrap()).await;
    assert!(ended.is_err(), "signed out");
}
