//! Versions, repeated writes and pages, as programs rely on them.

use serde_json::{Value, json};

use crate::api::{Api, answer};

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
async fn every_list_is_paged_without_gaps_or_repeats() {
    let api = Api::start().await;
    for title in ["Dune", "Emma", "Persuasion"] {
        assert_eq!(
            api.ask("post", "/wants", Some(json!({ "title": title }))).await.status,
            201
        );
    }
    for name in ["one", "two", "three"] {
        let form = json!({ "name": name, "scope": "read" });
        assert_eq!(api.ask("post", "/keys", Some(form)).await.status, 201);
    }
    for (path, field) in [
        ("/wants", "id"),
        ("/keys", "id"),
        ("/jobs", "kind"),
        ("/runs", "id"),
        ("/audit", "id"),
    ] {
        let whole = api.ask("get", &format!("{path}?limit=200"), None).await.body;
        let total = whole["items"].as_array().unwrap().len();
        assert!(total >= 2, "{path}: {whole}");
        let mut seen = Vec::new();
        let mut next = format!("{path}?limit=2");
        loop {
            let page = api.ask("get", &next, None).await;
            assert_eq!(page.status, 200, "{path}: {}", page.body);
            let items = page.body["items"].as_array().unwrap();
            assert!(items.len() <= 2);
            seen.extend(items.iter().map(|item| item[field].to_string()));
            let Some(cursor) = page.body["next_cursor"].as_str() else {
                break;
            };
            next = format!("{path}?limit=2&cursor={cursor}");
        }
        // New rows may come in front meanwhile, as jobs run; none may be shown twice or left out.
        let old: Vec<String> = whole["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item[field].to_string())
            .collect();
        assert!(
            old.iter().all(|id| seen.contains(id)),
            "{path}: {seen:?} lacks some of {old:?}"
        );
        let mut distinct = seen.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), seen.len(), "{path}: {seen:?}");
        assert_eq!(
            api.ask("get", &format!("{path}?cursor=zz"), None).await.status,
            422,
            "{path}"
        );
    }
}
