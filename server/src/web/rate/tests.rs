//! What each kind of request counts against, by who asks; and that the document says the same.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::Method;
use serde_json::Value;
use types::access::Scope;
use types::people::CurrentUser;
use types::{ApiKeyId, UserId};
use uuid::Uuid;

use super::*;
use crate::web::api::read_document;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
const PERSON: UserId = UserId(Uuid::from_u128(1));
const KEY: ApiKeyId = ApiKeyId(Uuid::from_u128(2));

fn request(method: &Method, path: &str, actor: Option<Actor>) -> Request {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method.clone();
    *request.uri_mut() = path.parse().unwrap();
    request.extensions_mut().insert(ClientAddress(ADDRESS));
    if let Some(actor) = actor {
        request.extensions_mut().insert(actor);
    }
    request
}

fn actor(role: Role, credential: Credential) -> Option<Actor> {
    let user = CurrentUser {
        id: PERSON,
        username: "anna".into(),
        role,
    };
    let origin = Origin {
        credential,
        ..Origin::default()
    };
    Some(Actor::User(user, origin))
}

fn signed_in(role: Role) -> Option<Actor> {
    actor(role, Credential::Session(Uuid::from_u128(3).into()))
}

fn program() -> Option<Actor> {
    let credential = Credential::ApiKey {
        id: KEY,
        scope: Scope::Request,
        requests_per_minute: None,
        is_retiring: false,
    };
    actor(Role::User, credential)
}

/// In words: "download of the person".
fn counts(method: &Method, path: &str, actor: Option<Actor>) -> Vec<String> {
    let request = request(method, path, actor);
    let asker = Asker::of(&request).unwrap();
    let counts = asker.counts(class_of(method, path)).into_iter();
    counts
        .map(|(class, key)| {
            let whose = match key {
                Key::Address(address) if *address == ADDRESS => "address",
                Key::Person(PERSON) => "person",
                Key::Program(KEY) => "key",
                other => panic!("{other:?} is nobody who asked"),
            };
            format!("{} of the {whose}", class.as_str())
        })
        .collect()
}

/// Of a stranger, a person, an admin and an API key.
fn check(method: &Method, path: &str, expected: [&[&str]; 4]) {
    let askers = [None, signed_in(Role::User), signed_in(Role::Admin), program()];
    for (actor, expected) in askers.into_iter().zip(expected) {
        let who = actor
            .as_ref()
            .map(|actor| (actor.name().to_owned(), actor.credential()));
        assert_eq!(counts(method, path, actor), expected, "{method} {path} by {who:?}");
    }
}

/// The same for everybody.
fn check_all(path: &str, expected: &[&str]) {
    check(&Method::GET, path, [expected; 4]);
}

/// By the API: the general rates, then that of the deed for the person, whatever they came with.
fn check_call(method: &Method, path: &str, deed: &str) {
    let (by_address, by_person) = (format!("{deed} of the address"), format!("{deed} of the person"));
    check(
        method,
        path,
        [
            &["public of the address", &by_address],
            &["authenticated of the person", &by_person],
            &["admin of the person", &by_person],
            &["authenticated of the key", &by_person],
        ],
    );
}

fn check_function(path: &str, deed: &str) {
    let (by_address, by_person) = (format!("{deed} of the address"), format!("{deed} of the person"));
    let person: &[&str] = &["page of the person", &by_person];
    check(
        &Method::POST,
        path,
        [&["page of the address", &by_address], person, person, person],
    );
}

#[test]
fn a_plain_call_counts_for_who_makes_it() {
    let expected: [&[&str]; 4] = [
        &["public of the address"],
        &["authenticated of the person"],
        &["admin of the person"],
        &["authenticated of the key"],
    ];
    check(&Method::GET, "/api/v1/books", expected);
    check(&Method::PUT, "/api/v1/settings", expected);
}

#[test]
fn a_sign_in_by_the_api_counts_for_its_address() {
    let public = "public of the address";
    for path in ["/api/v1/auth/login", "/api/v1/auth/password"] {
        check(
            &Method::POST,
            path,
            [
                &[public],
                &["authenticated of the person", public],
                &["admin of the person", public],
                &["authenticated of the key", public],
            ],
        );
    }
}

#[test]
fn grabs_searches_look_ups_and_uploads_count_by_the_api() {
    check_call(&Method::POST, "/api/v1/downloads", "download");
    check_call(&Method::POST, "/api/v1/downloads/7/retry", "download");
    check_call(&Method::POST, "/api/v1/downloads/7/choose-another", "download");
    check_call(&Method::POST, "/api/v1/searches", "search");
    check_call(&Method::POST, "/api/v1/wants", "search");
    check_call(&Method::POST, "/api/v1/wants/7/search", "search");
    check_call(&Method::GET, "/api/v1/metadata/lookup", "metadata");
    check_call(&Method::POST, "/api/v1/uploads", "upload");
}

#[test]
fn grabs_and_searches_count_the_same_by_the_pages() {
    check_function("/sfn/grab_candidate", "download");
    check_function("/sfn/retry_download", "download");
    check_function("/sfn/choose_another", "download");
    check_function("/sfn/start_search", "search");
    check_function("/sfn/create_want", "search");
    check_function("/sfn/search_now", "search");
}

#[test]
fn pages_health_and_files_count_for_themselves() {
    let page: &[&str] = &["page of the person"];
    for path in ["/", "/downloads", "/sfn/save_settings", "/events", "/api/docs"] {
        check(&Method::GET, path, [&["page of the address"], page, page, page]);
    }
    for path in ["/health/live", "/health/ready", "/api/v1/health"] {
        check_all(path, &["health of the address"]);
    }
    for path in [
        "/pkg/mamcrawler.js",
        "/covers/7",
        "/favicon.svg",
        "/api/v1/books/7/cover",
    ] {
        check_all(path, &[]);
    }
}

#[test]
fn a_sign_in_by_a_page_counts_for_its_address_too() {
    let public = "public of the address";
    let person: &[&str] = &["page of the person", public];
    for path in [
        "/sfn/login",
        "/sfn/complete_setup",
        "/sfn/change_password",
        "/auth/oidc/callback",
    ] {
        check(
            &Method::POST,
            path,
            [&["page of the address", public], person, person, person],
        );
    }
}

/// (method, path, least role, rate class) of every operation in the document.
fn documented() -> Vec<(Method, String, Option<Role>, String)> {
    let document = read_document();
    let text = |value: &Value| value.as_str().expect("an operation says it").to_owned();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                continue;
            };
            if operation["x-rate-class"].is_null() {
                continue;
            }
            let role = text(&operation["x-required-role"]);
            let role = (role != "none").then(|| role.parse().unwrap());
            all.push((method, path.clone(), role, text(&operation["x-rate-class"])));
        }
    }
    all
}

#[test]
fn every_operation_counts_against_the_rate_that_the_document_names() {
    let all = documented();
    assert_eq!(all.len(), crate::web::api::list_calls().len());
    for (method, path, role, class) in all {
        // Parts of a path that stand for something can't be in an address.
        let address = path.replace(['{', '}'], "");
        let counted = counts(&method, &address, role.and_then(signed_in));
        let narrowest = counted.last().map_or("address", |last| last.split(' ').next().unwrap());
        assert_eq!(class, narrowest, "{method} {path}");
    }
}

#[test]
fn the_document_names_the_rate_of_calls_that_are_unlike_their_neighbours() {
    let all = documented();
    for (call, expected) in [
        ("GET /api/v1/health", "health"),
        ("GET /api/v1/books/{id}/cover", "address"),
        ("POST /api/v1/auth/login", "public"),
        ("POST /api/v1/auth/password", "public"),
        ("POST /api/v1/downloads", "download"),
        ("POST /api/v1/wants/{id}/search", "search"),
        ("POST /api/v1/users", "admin"),
    ] {
        let found = all.iter().find(|(method, path, ..)| format!("{method} {path}") == call);
        let (.., class) = found.unwrap_or_else(|| panic!("{call} is in the document"));
        assert_eq!(class, expected, "{call}");
    }
}
