//! Every route × every role and kind of credential, as the document says. Generated from it: a new route is in here.

use serde_json::{Value, json};
use types::access::Scope;
use types::people::Role;

use crate::api::{Answer, Api, answer};
use crate::api_document::{operations, resolve};
use crate::callers::{Callers, forget_guesses};

/// Where one gets a credential, so that none is looked at.
const WAYS_IN: [&str; 3] = ["/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/setup"];

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
        Expected::Let => assert!(![401, 403, 500].contains(&status), "{about}"),
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
    let mut callers = Callers::gather(&api).await;
    for (method, path, operation) in operations(&document) {
        let route = (method, path);
        let role = operation["x-required-role"].as_str().unwrap().parse::<Role>().ok();
        let strangers = match role {
            Some(_) => Expected::Status(401),
            None => Expected::Documented,
        };
        let answer = call(&api, &document, route, None).await;
        check(&document, route, "nobody", &answer, strangers);
        let is_way_in = WAYS_IN.contains(&path);
        for (who, credential) in &callers.dead {
            let expected = match is_way_in {
                true => Expected::Documented,
                false => Expected::Status(401),
            };
            let answer = call(&api, &document, route, Some(credential)).await;
            check(&document, route, who, &answer, expected);
        }
        check_roles(&api, &document, (route, role, is_way_in), &mut callers).await;
        check_scopes(&api, &document, (route, is_way_in), &callers).await;
        forget_guesses(&api).await;
    }
}

async fn check_roles(
    api: &Api,
    document: &Value,
    (route, needed, is_way_in): ((&str, &str), Option<Role>, bool),
    callers: &mut Callers,
) {
    for actual in Role::ALL {
        let expected = match needed {
            _ if is_way_in => Expected::Documented,
            Some(needed) if !actual.includes(needed) => Expected::Status(403),
            _ => Expected::Let,
        };
        let answer = call(api, document, route, Some(&callers.tokens[actual])).await;
        check(document, route, actual.as_str(), &answer, expected);
        if route.1.ends_with("/auth/logout") {
            callers.sign_in_again(api, *actual).await;
        }
    }
}

async fn check_scopes(api: &Api, document: &Value, (route, is_way_in): ((&str, &str), bool), callers: &Callers) {
    let operation = &document["paths"][route.1][route.0];
    let needed = operation["x-required-scope"].as_str().unwrap().parse::<Scope>().ok();
    for actual in Scope::ALL {
        let expected = match needed {
            _ if is_way_in => Expected::Documented,
            Some(needed) if *actual < needed => Expected::Status(403),
            _ => Expected::Let,
        };
        let answer = call(api, document, route, Some(&callers.keys[actual])).await;
        check(document, route, &format!("a key of scope {actual}"), &answer, expected);
    }
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
