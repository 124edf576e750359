//! Who may read `/metrics`, and that strangers can't fill it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::Api;
use crate::stage::{PASSWORD, bare_server};

const TOKEN: &str = "0000000000000000";

/// The series of a scrape, without their values.
fn series_of(scrape: &str) -> BTreeSet<String> {
    let lines = scrape.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').expect("a series has a value").0.to_owned())
        .collect()
}

#[tokio::test]
async fn metrics_are_closed_until_a_setting_opens_them() {
    let (mut server, _database) = bare_server().await;
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let ask = async |url: &str, token: Option<&str>| {
        let call = http.get(format!("{url}/metrics"));
        let call = match token {
            Some(token) => call.bearer_auth(token),
            None => call,
        };
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let main = server.url.clone();
    assert_eq!(ask(&main, Some(TOKEN)).await.0, 404);

    let [port] = testing::ports::pick_ports().unwrap();
    let (address, own) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"));
    server.terminate(std::time::Duration::from_secs(20)).await;
    server.set("MAMCRAWLER_METRICS_LISTEN", &address);
    server.start().await;
    assert_eq!(ask(&main, Some(TOKEN)).await.0, 404);
    let (status, text) = ask(&own, None).await;
    assert_eq!(status, 200);
    assert!(text.contains("\nmamcrawler_database_up 1\n"), "{text}");

    server.terminate(std::time::Duration::from_secs(20)).await;
    server.set("MAMCRAWLER_METRICS_TOKEN", TOKEN);
    server.set("MAMCRAWLER_ALLOWED_HOSTS", "shelf.example");
    server.start().await;
    for url in [&main, &own] {
        assert_eq!(ask(url, None).await.0, 401, "{url}");
        assert_eq!(ask(url, Some("0000000000000001")).await.0, 401, "{url}");
        let (status, text) = ask(url, Some(TOKEN)).await;
        assert_eq!(status, 200, "{url}");
        assert!(text.contains("\nmamcrawler_build_info{"), "{text}");
    }
}

#[tokio::test]
async fn a_used_refresh_token_that_comes_again_is_counted_from_zero_on() {
    let api = Api::start_with(|server| server.set("MAMCRAWLER_METRICS_TOKEN", TOKEN)).await;
    let count = async || {
        let url = format!("{}/metrics", api.server.url);
        let scrape = api.http.get(url).bearer_auth(TOKEN).send().await.unwrap();
        let text = scrape.text().await.unwrap();
        let series = "mamcrawler_refusals_total{what=\"refresh_token_reused\"} ";
        let found = text.lines().find_map(|line| line.strip_prefix(series));
        found.unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    assert_eq!(count().await, "0", "the first one is an increase");
    let login = json!({ "username": "anna", "password": PASSWORD });
    let signed_in = api.call("post", "/auth/login").json(&login).send().await.unwrap();
    let mut token = signed_in.json::<Value>().await.unwrap()["refresh_token"].take();
    let spent = json!({ "refresh_token": token.clone() });
    for _ in 0..2 {
        let form = json!({ "refresh_token": token });
        let answer = api.call("post", "/auth/refresh").json(&form).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        token = answer.json::<Value>().await.unwrap()["refresh_token"].take();
    }
    assert_eq!(count().await, "0");
    let stolen = api.call("post", "/auth/refresh").json(&spent).send().await.unwrap();
    assert_eq!(stolen.status(), 401);
    assert_eq!(count().await, "1");
}

#[tokio::test]
async fn a_thousand_odd_requests_make_no_series() {
    let [port] = testing::ports::pick_ports().unwrap();
    let api = Api::start_with(|server| server.set("MAMCRAWLER_METRICS_LISTEN", &format!("127.0.0.1:{port}"))).await;
    let scrape = async || {
        let url = format!("http://127.0.0.1:{port}/metrics");
        series_of(&api.http.get(url).send().await.unwrap().text().await.unwrap())
    };
    let storm = async |number: u32| {
        let address = |path: &str| format!("{}{path}", api.server.url);
        let odd = reqwest::Method::from_bytes(format!("ODD{number}").as_bytes()).unwrap();
        let wrong = json!({ "username": format!("name {number}"), "password": "wrong" });
        for call in [
            api.http.request(odd, address(&format!("/nowhere/{number}"))),
            api.http.get(address(&format!("/api/v1/books/{number}"))),
            api.http.get(address(&format!("/api/v2/{number}"))),
            api.http.post(address(&format!("/sfn/function_{number}"))),
            api.http.post(address("/api/v1/auth/login")).json(&wrong),
        ] {
            assert!(!call.send().await.unwrap().status().is_success());
        }
    };
    // Each route and outcome is there once, that of too many wrong passwords too.
    for number in 0..100 {
        storm(number).await;
    }
    let before = scrape().await;
    for number in 100..200 {
        storm(number).await;
    }
    let after = scrape().await;
    let is_ours = |series: &&String| series.contains("http_") || series.contains("refusals");
    let new: Vec<&String> = after.difference(&before).filter(is_ours).collect();
    assert!(new.is_empty(), "{new:#?}");
    assert!(
        before.iter().any(|series| series.contains("method=\"other\"")),
        "{before:#?}"
    );
    assert!(after.len() < 2_000, "{}", after.len());
}
