//! Every route × every role and kind of credential, as the document says. Generated from it: a new route is in here.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use testing::clock::FakeClock;
use types::access::Scope;
use types::people::{LoginForm, Role};

use crate::api::{Answer, Api, answer};
use crate::api_document::{operations, resolve};
use crate::stage::{PASSWORD, services_at};

struct PastClock(FakeClock);

impl services::Clock for PastClock {
    fn now(&self) -> chrono::DateTime<Utc> {
        self.0.now()
    }
}

/// The operation with the examples of its document.
async fn call(api: &Api, document: &Value, (method, path): (&str, &str), credential: Option<&str>) -> Answer {
    let operation = &document["paths"][path][method];
    let mut concrete = path.trim_start_matches("/api/v1").to_owned();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = resolve(document, parameter);
        if parameter["in"] == "path" {
            let name = parameter["name"].as_str().unwrap();
            concrete = concrete.replace(&format!("{{{name}}}"), parameter["example"].as_str().unwrap());
        }
    }
    let mut call = api.call(method, &concrete);
    if let Some(credential) = credential {
        call = call.bearer_auth(credential);
    }
    let body = &operation["requestBody"]["content"]["application/json"]["example"];
    if !body.is_null() {
        call = call.json(body);
    }
    answer(call).await
}

fn check(document: &Value, (method, path): (&str, &str), who: &str, answer: &Answer, expected: Expected) {
    let status = answer.status;
    let about = format!("{method} {path} as {who}: {status} {}", answer.body);
    match expected {
        Expected::Status(wanted) => assert_eq!(status, wanted, "{about}"),
        Expected::Documented => {}
        Expected::Let => assert!(status != 401 && status != 403, "{about}"),
    }
    let responses = document["paths"][path][method]["responses"].as_object().unwrap();
    assert!(responses.contains_key(&status.to_string()), "not documented: {about}");
    if status >= 400 {
        assert_eq!(answer.body["status_code"], status, "{about}");
        for field in ["code", "message", "context", "timestamp", "request_id"] {
            assert!(!answer.body[field].is_null(), "no {field}: {about}");
        }
    }
}

#[derive(Clone, Copy)]
enum Expected {
    Status(u16),
    /// Nobody need be signed in; the examples may still be the wrong password.
    Documented,
    /// Whatever else the examples lead to.
    Let,
}

#[tokio::test]
async fn every_route_lets_in_whom_the_document_names_and_nobody_else() {
    let api = Api::start().await;
    let document = api.document().await;
    let mut tokens = BTreeMap::new();
    for role in Role::ALL {
        api.add_person(*role).await;
        tokens.insert(*role, api.sign_in(role.as_str()).await);
    }
    let mut keys = BTreeMap::new();
    for scope in Scope::ALL {
        let form = json!({ "name": scope.as_str(), "scope": scope, "expires_in_days": 1 });
        let made = api.ask("post", "/keys", Some(form)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        keys.insert(*scope, made.body["secret"].as_str().unwrap().to_owned());
    }
    let (expired, revoked) = (expired_token(&api).await, revoked_token(&api).await);
    for (method, path, operation) in operations(&document) {
        let route = (method, path);
        let Ok(role) = operation["x-required-role"].as_str().unwrap().parse::<Role>() else {
            let answer = call(&api, &document, route, None).await;
            check(&document, route, "nobody", &answer, Expected::Documented);
            continue;
        };
        for (who, credential) in [
            ("nobody", None),
            ("an expired token", Some(&expired)),
            ("a revoked one", Some(&revoked)),
        ] {
            let answer = call(&api, &document, route, credential.map(String::as_str)).await;
            check(&document, route, who, &answer, Expected::Status(401));
        }
        for actual in Role::ALL {
            let expected = if actual.includes(role) {
                Expected::Let
            } else {
                Expected::Status(403)
            };
            let answer = call(&api, &document, route, Some(&tokens[actual])).await;
            check(&document, route, actual.as_str(), &answer, expected);
            if path.ends_with("/auth/logout") {
                tokens.insert(*actual, api.sign_in(actual.as_str()).await);
            }
        }
        let scope: Scope = operation["x-required-scope"].as_str().unwrap().parse().unwrap();
        for actual in Scope::ALL {
            let expected = if *actual >= scope {
                Expected::Let
            } else {
                Expected::Status(403)
            };
            let answer = call(&api, &document, route, Some(&keys[actual])).await;
            check(&document, route, &format!("a key of scope {actual}"), &answer, expected);
        }
    }
}

/// Signed an hour ago; good for a quarter of one.
async fn expired_token(api: &Api) -> String {
    let past = PastClock(FakeClock::new(Utc::now() - TimeDelta::hours(1)));
    let services = services_at(&api.server, &api.database, Arc::new(past));
    let form = LoginForm {
        username: "anna".into(),
        password: PASSWORD.into(),
    };
    let signed_in = services::auth::login(&services, form, services::Origin::default())
        .await
        .unwrap();
    signed_in.tokens.access_token
}

async fn revoked_token(api: &Api) -> String {
    let token = api.sign_in("anna").await;
    assert_eq!(
        answer(api.call("post", "/auth/logout").bearer_auth(&token))
            .await
            .status,
        204
    );
    token
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_out_of_reach() {
    let api = Api::start().await;
    for role in [Role::User, Role::Viewer] {
        api.add_person(role).await;
    }
    let (user, viewer) = (api.sign_in("user").await, api.sign_in("viewer").await);
    let by = |method: &str, path: String, token: &str| answer(api.call(method, &path).bearer_auth(token));

    let sessions = by("get", "/sessions".into(), &user).await.body;
    let session = sessions["items"][0]["id"].as_str().unwrap();
    let owner = sessions["items"][0]["user_id"].as_str().unwrap();
    assert_eq!(by("delete", format!("/sessions/{session}"), &viewer).await.status, 404);
    assert_eq!(
        by("get", format!("/sessions?user_id={owner}"), &viewer).await.status,
        403
    );
    assert_eq!(by("get", format!("/users/{owner}"), &viewer).await.status, 403);

    let form = json!({ "name": "script", "scope": "read" });
    let made = answer(api.call("post", "/keys").bearer_auth(&user).json(&form)).await;
    let key = made.body["key"]["id"].as_str().unwrap();
    for (method, path) in [("get", format!("/keys/{key}")), ("delete", format!("/keys/{key}"))] {
        assert_eq!(by(method, path, &viewer).await.status, 404);
    }
    assert_eq!(by("get", format!("/keys?user_id={owner}"), &viewer).await.status, 403);
    let rotate = answer(
        api.call("post", &format!("/keys/{key}/rotate"))
            .bearer_auth(&viewer)
            .json(&json!({})),
    )
    .await;
    assert_eq!(rotate.status, 404);

    let want = api.ask("post", "/wants", Some(json!({ "title": "Dune" }))).await;
    assert_eq!(want.status, 201, "{}", want.body);
    let want = want.body["id"].as_str().unwrap();
    assert_eq!(by("post", format!("/wants/{want}/cancel"), &user).await.status, 403);

    assert_eq!(by("get", format!("/keys/{key}"), &user).await.status, 200);
    assert_eq!(by("delete", format!("/sessions/{session}"), &user).await.status, 204);
    assert_eq!(by("get", "/books".into(), &user).await.status, 401);
}
