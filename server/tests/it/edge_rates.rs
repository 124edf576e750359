//! Rate limits: who is refused, and who is not for another's sake.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{StreamExt, stream};
use reqwest::{Client, Response, header};
use serde_json::{Value, json};
use types::people::{NewUserForm, Role};

use crate::stage::{PASSWORD, bare_server, services_beside, set_up};
use crate::support::Server;

async fn ask(server: &Server, http: &Client, token: &str) -> Response {
    let call = http.get(format!("{}/api/v1/auth/me", server.url));
    call.bearer_auth(token).send().await.unwrap()
}

/// Asks until it is refused. One request comes back each second, so that the first or the second after a flood may pass.
async fn ask_until_refused(server: &Server, http: &Client, token: &str) -> Response {
    for _ in 0..10 {
        let answer = ask(server, http, token).await;
        if answer.status() != 200 {
            return answer;
        }
    }
    panic!("ten more passed after a flood");
}

#[tokio::test]
async fn a_flood_of_one_person_leaves_others_served() {
    let (mut server, database) = bare_server().await;
    // Rates are what is tested: on a busy machine, nobody is to be refused because of that.
    server.set("MAMCRAWLER_REQUESTS_AT_ONCE", "64");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let tokens = set_up(&server, &http).await;
    let services = services_beside(&server, &database);
    let anna = services::auth::authenticate(&services, tokens["access_token"].as_str().unwrap())
        .await
        .unwrap();
    let mut people = Vec::new();
    for name in ["bert", "cleo"] {
        let new = NewUserForm {
            username: name.into(),
            password: PASSWORD.into(),
            role: Role::User,
        };
        services::users::create_user(&services, &anna, new).await.unwrap();
        let form = json!({ "username": name, "password": PASSWORD });
        let call = http.post(format!("{}/api/v1/auth/login", server.url)).json(&form);
        let signed_in: Value = call.send().await.unwrap().json().await.unwrap();
        people.push(signed_in["access_token"].as_str().unwrap().to_owned());
    }
    let (bert, cleo) = (&people[0], &people[1]);

    let passed = Arc::new(AtomicUsize::new(0));
    let flood = stream::iter(0..3000).for_each_concurrent(32, |_| async {
        let answer = ask(&server, &http, bert).await;
        match answer.status().as_u16() {
            200 => {
                passed.fetch_add(1, Ordering::SeqCst);
            }
            status => assert_eq!(status, 429),
        }
    });
    let quiet = async {
        for _ in 0..30 {
            assert_eq!(ask(&server, &http, cleo).await.status(), 200);
        }
    };
    let started = std::time::Instant::now();
    tokio::join!(flood, quiet);
    let most = 61 + usize::try_from(started.elapsed().as_secs()).unwrap();
    let passed = passed.load(Ordering::SeqCst);
    assert!((60..=most).contains(&passed), "{passed} of 3000 passed, {most} may");

    let refused = ask_until_refused(&server, &http, bert).await;
    assert_eq!(refused.status(), 429);
    let seconds: u64 = refused.headers()[header::RETRY_AFTER]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let body: Value = refused.json().await.unwrap();
    assert_eq!(
        (&body["code"], &body["retry_after"]),
        (&json!("rate_limit_exceeded"), &json!(seconds))
    );
    assert_eq!(body["context"], json!({ "class": "authenticated", "limit": "60/min" }));
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(
        ask(&server, &http, tokens["access_token"].as_str().unwrap())
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn strangers_are_counted_by_the_address_that_our_proxy_names() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_RATE_PUBLIC", "2/h");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let from = async |server: &Server, address: &str| {
        let call = http.get(format!("{}/api/v1/setup", server.url));
        call.header("x-forwarded-for", address)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let mut statuses = Vec::new();
    for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        statuses.push(from(&server, address).await);
    }
    assert_eq!(statuses, [200, 200, 429], "nobody's word counts");

    server.kill9();
    server.set("MAMCRAWLER_TRUSTED_PROXIES", "127.0.0.0/8");
    server.start().await;
    let mut statuses = Vec::new();
    for address in [
        "192.0.2.1",
        "192.0.2.1",
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.9, 192.0.2.1",
    ] {
        statuses.push(from(&server, address).await);
    }
    assert_eq!(statuses, [200, 200, 429, 200, 429]);
}

#[tokio::test]
async fn pages_and_files_do_not_use_up_what_the_api_allows() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_RATE_PUBLIC", "2/h");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let get = async |path: &str| {
        http.get(format!("{}{path}", server.url))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    for _ in 0..20 {
        assert_eq!(get("/setup").await, 200);
        assert_ne!(get("/favicon.svg").await, 429);
    }
    assert_eq!(
        [
            get("/api/v1/setup").await,
            get("/api/v1/setup").await,
            get("/api/v1/setup").await
        ],
        [200, 200, 429]
    );
    assert_eq!(get("/setup").await, 200);
}

#[tokio::test]
async fn a_form_that_is_sent_too_often_is_told_so_on_its_own_page() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_RATE_PUBLIC", "1/h");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let send_form = async || {
        let form = [("token", "wrong"), ("username", "anna"), ("password", PASSWORD)];
        let call = http.post(format!("{}/sfn/complete_setup", server.url)).form(&form);
        let call = call
            .header("accept", "text/html")
            .header("sec-fetch-site", "same-origin");
        let call = call.header("referer", format!("{}/setup", server.url));
        call.send().await.unwrap()
    };
    let first = send_form().await.text().await.unwrap();
    assert!(!first.contains("Too many requests"), "{first}");
    let second = send_form().await;
    assert_eq!((second.status().as_u16(), second.url().path()), (200, "/setup"));
    let page = second.text().await.unwrap();
    assert!(page.contains("Too many requests: 1/h is the most here."), "{page}");
    assert!(page.contains("complete_setup"), "the form stands there as well: {page}");
}
