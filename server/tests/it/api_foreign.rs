//! Other people's things by their ids. Each route with a parameter has a row; a new one without fails.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use types::people::Role;

use crate::api::{Answer, Api, answer};
use crate::api_document::operations;
use crate::seed::{Seeded, seed};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    /// As if it were not there.
    Hidden,
    /// Everybody may see it, not do this.
    Refused,
    /// It is everybody's who has the role that the document names.
    Shared,
    /// Everybody's, but the seeded one has none.
    Lacking,
}

use Answered::{Hidden, Lacking, Refused, Shared};

/// (method, path, whose id, what anna's gives to somebody else).
fn rows(owned: &Owned) -> Vec<(&'static str, &'static str, String, Answered)> {
    let seeded = |what: Seeded| what.id(1);
    let job = || "clean_up".to_owned();
    vec![
        (
            "delete",
            "/auth/identities/{identity_id}",
            seeded(Seeded::Identity),
            Hidden,
        ),
        ("get", "/authors/{id}", seeded(Seeded::Person), Shared),
        ("get", "/books/{id}", seeded(Seeded::Book), Shared),
        ("get", "/books/{id}/cover", seeded(Seeded::Book), Lacking),
        ("get", "/downloads/{id}", seeded(Seeded::Download), Shared),
        ("get", "/downloads/{id}/imports", seeded(Seeded::Download), Shared),
        ("post", "/downloads/{id}/cancel", seeded(Seeded::Download), Shared),
        (
            "post",
            "/downloads/{id}/choose-another",
            seeded(Seeded::Download),
            Shared,
        ),
        (
            "post",
            "/downloads/{id}/confirm-split",
            seeded(Seeded::Download),
            Shared,
        ),
        ("post", "/downloads/{id}/retry", Seeded::Download.id(2), Shared),
        ("post", "/failures/{id}/dismiss", Seeded::Failure.id(2), Shared),
        // Last, as the job that it starts settles them all.
        ("post", "/failures/{id}/retry", seeded(Seeded::Failure), Shared),
        ("get", "/integrations/{id}", seeded(Seeded::Integration), Shared),
        ("put", "/integrations/{id}", seeded(Seeded::Integration), Shared),
        ("patch", "/integrations/{id}", seeded(Seeded::Integration), Shared),
        ("delete", "/integrations/{id}", Seeded::Integration.id(2), Shared),
        ("post", "/integrations/{id}/check", seeded(Seeded::Integration), Shared),
        ("get", "/jobs/{kind}", job(), Shared),
        ("patch", "/jobs/{kind}", job(), Shared),
        ("post", "/jobs/{kind}/runs", job(), Shared),
        ("get", "/keys/{id}", owned.key.clone(), Hidden),
        ("delete", "/keys/{id}", owned.key.clone(), Hidden),
        ("post", "/keys/{id}/rotate", owned.key.clone(), Hidden),
        ("get", "/runs/{id}", seeded(Seeded::Run), Shared),
        ("post", "/runs/{id}/cancel", seeded(Seeded::Run), Shared),
        ("get", "/searches/{id}", seeded(Seeded::Search), Shared),
        ("get", "/series/{id}", seeded(Seeded::Series), Shared),
        ("delete", "/sessions/{id}", owned.session.clone(), Hidden),
        // Only admins, and to them everybody's.
        ("get", "/users/{id}", seeded(Seeded::User), Shared),
        ("patch", "/users/{id}", seeded(Seeded::User), Shared),
        ("delete", "/users/{id}", Seeded::User.id(2), Shared),
        ("put", "/users/{id}/email", seeded(Seeded::User), Shared),
        ("post", "/users/{id}/password", seeded(Seeded::User), Shared),
        ("get", "/wants/{id}", Seeded::Want.id(3), Shared),
        ("post", "/wants/{id}/cancel", Seeded::Want.id(3), Refused),
        ("post", "/wants/{id}/search", Seeded::Want.id(3), Shared),
    ]
}

/// Of the admin "anna".
struct Owned {
    key: String,
    session: String,
}

impl Owned {
    async fn make(api: &Api) -> Self {
        let form = json!({ "name": "script", "scope": "read" });
        let made = api.ask("post", "/keys", Some(form)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let sessions = api.ask("get", "/sessions", None).await.body;
        Self {
            key: made.body["key"]["id"].as_str().unwrap().to_owned(),
            session: sessions["items"][0]["id"].as_str().unwrap().to_owned(),
        }
    }
}

async fn sign_in_all(api: &Api) -> BTreeMap<Role, String> {
    let mut tokens = BTreeMap::new();
    for role in Role::ALL {
        api.add_person(*role).await;
        tokens.insert(*role, api.sign_in(role.as_str()).await);
    }
    tokens
}

/// Who asks for it, of those whom the document lets in. What a write changes is changed once, by the least of them.
fn askers(method: &str, needed: Role, answered: Answered) -> Vec<Role> {
    let all = Role::ALL.iter().copied().filter(|role| role.includes(needed));
    match answered {
        // Admins end anybody's sign-ins and keys.
        Hidden => all.filter(|role| *role != Role::Admin).collect(),
        Refused => all.filter(|role| !role.includes(Role::Manager)).collect(),
        Shared | Lacking if method == "get" => all.collect(),
        Shared | Lacking => all.take(1).collect(),
    }
}

async fn ask(api: &Api, (method, path, operation): (&str, &str, &Value), token: &str) -> Answer {
    let call = api.call(method, path).bearer_auth(token);
    let body = &operation["requestBody"]["content"]["application/json"]["example"];
    answer(if body.is_null() { call } else { call.json(body) }).await
}

#[tokio::test]
async fn other_peoples_things_are_out_of_reach_and_shared_ones_are_not() {
    let api = Api::start().await;
    seed(&api.database).await;
    // A manager retries what failed at a download; jobs are started by admins.
    let (failure, download) = (Seeded::Failure.id(1), Seeded::Download.id(3));
    api.database
        .run_sql(&format!(
            "UPDATE failures SET item = '{download}' WHERE id = '{failure}'"
        ))
        .await;
    let document = api.document().await;
    let (tokens, owned) = (sign_in_all(&api).await, Owned::make(&api).await);
    let rows = rows(&owned);
    let listed: BTreeSet<_> = rows.iter().map(|(method, path, ..)| (*method, *path)).collect();
    let documented: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(method, path, _)| (method, path.trim_start_matches("/api/v1")))
        .filter(|(_, path)| path.contains('{'))
        .collect();
    assert_eq!(listed, documented, "each route with a parameter has its row");
    for (method, path, id, answered) in rows {
        let operation = &document["paths"][format!("/api/v1{path}")][method];
        let needed: Role = operation["x-required-role"].as_str().unwrap().parse().unwrap();
        let parameter = path.split(['{', '}']).nth(1).unwrap();
        let concrete = path.replace(&format!("{{{parameter}}}"), &id);
        for lesser in Role::ALL.iter().filter(|role| !role.includes(needed)) {
            let answer = ask(&api, (method, &concrete, operation), &tokens[lesser]).await;
            assert_eq!(answer.status, 403, "{method} {path} as {lesser}: {}", answer.body);
        }
        let askers = askers(method, needed, answered);
        assert!(!askers.is_empty(), "nobody asks: {method} {path}");
        for asker in askers {
            let Answer { status, body, .. } = ask(&api, (method, &concrete, operation), &tokens[&asker]).await;
            let is_right = match answered {
                Hidden | Lacking => status == 404,
                Refused => status == 403,
                Shared => status < 500 && ![401, 403, 404].contains(&status),
            };
            assert!(
                is_right,
                "{method} {path} as {asker} is not {answered:?}: {status} {body}"
            );
        }
    }
    // Nothing of it happened.
    assert_eq!(api.ask("get", &format!("/keys/{}", owned.key), None).await.status, 200);
    let want = api.ask("get", &format!("/wants/{}", Seeded::Want.id(3)), None).await;
    assert_eq!(want.body["status"], "open", "{}", want.body);
    let mine = api.ask("get", "/auth/identities", None).await.body;
    assert_eq!(mine["identities"].as_array().map(Vec::len), Some(3), "{mine}");
}
