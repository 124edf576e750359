//! Versions and repeated writes, as programs rely on them.

use serde_json::{Value, json};

use crate::api::{Api, answer};
use crate::api_document::operations;
use crate::stage::PASSWORD;

#[tokio::test]
async fn what_is_known_is_not_sent_again_and_what_changed_is_not_overwritten() {
    let api = Api::start().await;
    let read = async |tag: Option<&str>| {
        let call = api.call("get", "/settings").bearer_auth(&api.token);
        answer(match tag {
            Some(tag) => call.header("if-none-match", tag),
            None => call,
        })
        .await
    };
    let write = async |tag: &str, settings: &Value| {
        answer(
            api.call("put", "/settings")
                .bearer_auth(&api.token)
                .header("if-match", tag)
                .json(settings),
        )
        .await
    };
    let first = read(None).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(read(Some(&tag)).await.status, 304);
    assert_eq!(read(Some(&format!("W/{tag}"))).await.status, 304);

    let mut settings = first.body;
    settings["min_seeders"] = 3.into();
    let written = write(&tag, &settings).await;
    assert_eq!(
        (written.status, &written.body["min_seeders"]),
        (200, &json!(3)),
        "{}",
        written.body
    );
    let late = write(&tag, &settings).await;
    assert_eq!(
        (late.status, &late.body["code"], &late.body["status_code"]),
        (412, &json!("conflict"), &json!(412))
    );
    let now = read(Some(&tag)).await;
    assert_eq!(now.status, 200);
    assert_eq!(
        write(now.headers["etag"].to_str().unwrap(), &settings).await.status,
        200
    );
    assert_eq!(write("*", &settings).await.status, 200);
}

#[tokio::test]
async fn a_change_of_a_user_that_is_refused_in_part_changes_nothing() {
    let api = Api::start().await;
    let me = api.ask("get", "/auth/me", None).await.body;
    let path = format!("/users/{}", me["id"].as_str().unwrap());
    let change = json!({ "username": "renamed", "role": "user" });
    let refused = api.ask("patch", &path, Some(change)).await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("conflict")));
    let user = api.ask("get", &path, None).await.body;
    assert_eq!((&user["username"], &user["role"]), (&json!("anna"), &json!("admin")));
}

#[tokio::test]
async fn a_write_sent_again_under_its_key_happens_once() {
    let api = Api::start().await;
    let want = async |key: &str, title: &str| {
        let call = api.call("post", "/wants").bearer_auth(&api.token);
        answer(call.header("idempotency-key", key).json(&json!({ "title": title }))).await
    };
    let (one, two) = tokio::join!(want("a", "Dune"), want("a", "Dune"));
    assert_eq!((one.status, two.status), (201, 201), "{} {}", one.body, two.body);
    assert_eq!(one.body, two.body);
    let replayed = [&one, &two]
        .iter()
        .filter(|answer| answer.headers.contains_key("idempotency-replayed"))
        .count();
    assert_eq!(replayed, 1);
    let again = want("a", "Dune").await;
    assert_eq!((again.status, &again.body), (201, &one.body));
    assert_eq!(
        again.headers["location"],
        format!("/api/v1/wants/{}", one.body["id"].as_str().unwrap())
    );

    let other = want("a", "Emma").await;
    assert_eq!((other.status, &other.body["code"]), (409, &json!("conflict")));
    let failed = want("b", "").await;
    assert_eq!(failed.status, 422);
    assert_eq!(want("b", "Emma").await.status, 201, "a failure does not use the key up");
    assert_eq!(want(&"x".repeat(201), "Emma").await.status, 422);
    let all = api.ask("get", "/wants", None).await.body;
    assert_eq!(all["total"], 2, "{all}");
}

#[tokio::test]
async fn an_answer_is_given_again_only_to_a_credential_that_may_ask_for_it() {
    let api = Api::start().await;
    let form = json!({ "name": "script", "scope": "read", "expires_in_days": 1 });
    let key = api.ask("post", "/keys", Some(form)).await.body;
    let reader = key["secret"].as_str().unwrap();
    for (path, form, _) in keyed_writes(&api).await {
        let send = async |credential: &str| {
            let call = api.call("post", &path).bearer_auth(credential);
            answer(call.header("idempotency-key", "same").json(&form)).await
        };
        assert_eq!(send(&api.token).await.status, 201, "{path}");
        let refused = send(reader).await;
        assert_eq!(refused.status, 403, "{path}: {}", refused.body);
        assert!(!refused.headers.contains_key("idempotency-replayed"), "{path}");
    }
}

/// What can be sent again: the address, what it asks for, and another request under the same key.
async fn keyed_writes(api: &Api) -> Vec<(String, Value, Value)> {
    let torznab = |name: &str| json!({ "kind": "torznab", "name": name, "url": "http://127.0.0.1:9", "secret": "a key", "is_enabled": true });
    // An indexer makes searches possible.
    assert_eq!(
        api.ask("post", "/integrations", Some(torznab("first"))).await.status,
        201
    );
    let person = |password: &str| json!({ "username": "berta", "password": password, "role": "user" });
    vec![
        (
            "/searches".into(),
            json!({ "title": "Dune" }),
            json!({ "title": "Emma" }),
        ),
        ("/wants".into(), json!({ "title": "Dune" }), json!({ "title": "Emma" })),
        ("/integrations".into(), torznab("second"), torznab("third")),
        // Only the password differs.
        ("/users".into(), person(PASSWORD), person("another long password")),
    ]
}

#[tokio::test]
async fn everything_that_is_made_under_a_key_is_made_once() {
    let api = Api::start().await;
    for (path, form, other) in keyed_writes(&api).await {
        let send = async |form: &Value| {
            let call = api.call("post", &path).bearer_auth(&api.token);
            answer(call.header("idempotency-key", "same").json(form)).await
        };
        let first = send(&form).await;
        assert_eq!(first.status, 201, "{path}: {}", first.body);
        assert!(!first.headers.contains_key("idempotency-replayed"), "{path}");
        let again = send(&form).await;
        assert_eq!((again.status, &again.body), (201, &first.body), "{path}");
        assert_eq!(again.headers["idempotency-replayed"], "true", "{path}");
        assert_eq!(again.headers["location"], first.headers["location"], "{path}");
        let conflict = send(&other).await;
        assert_eq!(
            (conflict.status, &conflict.body["code"]),
            (409, &json!("conflict")),
            "{path}"
        );
    }
    for (path, total) in [("/integrations", 2), ("/users", 2), ("/wants", 1)] {
        assert_eq!(api.ask("get", path, None).await.body["total"], total, "{path}");
    }
}

#[tokio::test]
async fn another_release_is_looked_for_once_under_a_key() {
    let api = Api::start().await;
    for title in ["Dune", "Emma"] {
        let want = api.ask("post", "/wants", Some(json!({ "title": title }))).await;
        assert_eq!(want.status, 201, "{}", want.body);
    }
    let downloads = api.ask("get", "/downloads", None).await.body;
    let ids: Vec<&str> = (0..2)
        .map(|row| downloads["items"][row]["id"].as_str().unwrap())
        .collect();
    let choose = async |id: &str| {
        let call = api.call("post", &format!("/downloads/{id}/choose-another"));
        answer(call.bearer_auth(&api.token).header("idempotency-key", "same")).await
    };
    for id in &ids {
        // A job may have ended it already.
        let ended = api.ask("post", &format!("/downloads/{id}/cancel"), None).await;
        assert!(matches!(ended.status, 204 | 409), "{}", ended.body);
    }
    let first = choose(ids[0]).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let again = choose(ids[0]).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(choose(ids[1]).await.status, 409, "another download is another request");
}

#[tokio::test]
async fn a_method_that_is_not_taken_is_refused_as_such_even_with_a_key() {
    let api = Api::start().await;
    for (method, path) in [("put", "/wants"), ("put", "/keys"), ("delete", "/settings")] {
        let call = api.call(method, path).bearer_auth(&api.token);
        let answer = answer(call.header("idempotency-key", "k")).await;
        assert_eq!(answer.status, 405, "{method} {path}: {}", answer.body);
        assert!(answer.headers.contains_key("allow"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_key_is_refused_wherever_it_would_be_ignored() {
    let api = Api::start().await;
    let document = api.document().await;
    let mut refused = 0;
    for (method, path, operation) in operations(&document) {
        let takes_key = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|parameter| parameter["$ref"] == "#/components/parameters/IdempotencyKey");
        if method == "get" || takes_key {
            continue;
        }
        let id = "018f2f5e-7c1a-7e55-b6a4-0c5a4c9d2f11";
        let path = path.trim_start_matches("/api/v1").replace("{kind}", "clean_up");
        let path: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { id } else { part })
            .collect();
        let call = api.call(method, &path.join("/")).bearer_auth(&api.token);
        let answer = answer(call.header("idempotency-key", "k").json(&json!({}))).await;
        let named = answer.body["context"]["Idempotency-Key"].as_str();
        assert!(
            answer.status == 422 && named.is_some(),
            "{method} {path:?}: {} {}",
            answer.status,
            answer.body
        );
        refused += 1;
    }
    assert!(refused > 25, "{refused}");
    let call = api
        .call("post", "/keys")
        .bearer_auth(&api.token)
        .header("idempotency-key", "k");
    let form = json!({ "name": "script", "scope": "read" });
    let keys = answer(call.json(&form)).await;
    assert!(
        keys.body["message"].as_str().unwrap().contains("shown once"),
        "{}",
        keys.body
    );
    assert_eq!(api.ask("get", "/keys", None).await.body["total"], 0);
}
