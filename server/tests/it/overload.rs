//! More requests than there are places: the real program refuses early and says that it lives.

use std::time::{Duration, Instant};

use db::Connection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use reqwest::{Client, Response};
use serde_json::Value;

use crate::api::Api;
use crate::stage::wait_until;

const PLACES: i64 = 2;
/// Two seconds in line, and what a busy machine takes.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Requests that wait for the lock on the keys; a job only deletes there.
async fn count_stuck(conn: &mut Connection) -> i64 {
    let query = sql_query(
        "SELECT count(*) AS count FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE relation = 'api_keys'::regclass AND NOT granted AND query LIKE 'SELECT%'",
    );
    query.get_result::<Count>(conn).await.unwrap().count
}

fn ask(api: &Api, path: &str) -> reqwest::RequestBuilder {
    api.http
        .get(format!("{}{path}", api.server.url))
        .bearer_auth(&api.token)
}

async fn send(call: reqwest::RequestBuilder) -> Response {
    let answer = tokio::time::timeout(REFUSED_WITHIN, call.send());
    answer.await.expect("an answer in time").unwrap()
}

async fn read_metric(http: &Client, port: u16, why: &str) -> u64 {
    let text = http
        .get(format!("http://127.0.0.1:{port}/metrics"))
        .send()
        .await
        .unwrap();
    let text = text.text().await.unwrap();
    let name = format!("mamcrawler_http_requests_refused_total{{why=\"{why}\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&name));
    value.expect("it is counted from the start").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_slow_requests_have_all_places_others_are_refused_soon_and_health_is_told() {
    let [port] = testing::ports::pick_ports().unwrap();
    let api = Api::start_with(|server| {
        server.set("MAMCRAWLER_REQUESTS_AT_ONCE", &PLACES.to_string());
        server.set("MAMCRAWLER_METRICS_LISTEN", &format!("127.0.0.1:{port}"));
    })
    .await;
    // A live page, opened before, takes none of the places.
    let events = send(ask(&api, "/events")).await;
    assert_eq!(events.status(), 200);
    let mut conn = api.database.connection().await;
    let locked = api.database.lock_table("api_keys").await;
    let slow: Vec<_> = (0..PLACES)
        .map(|_| tokio::spawn(ask(&api, "/api/v1/keys").send()))
        .collect();
    wait_until(async || match count_stuck(&mut conn).await {
        stuck if stuck >= PLACES => Ok(()),
        stuck => Err(format!("{stuck} wait for the lock")),
    })
    .await;

    let refused = send(ask(&api, "/api/v1/books")).await;
    assert_eq!(refused.status(), 503);
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["retry_after"], seconds);
    assert_eq!(body["code"], "service_unavailable");
    let page = send(ask(&api, "/library").header("accept", "text/html")).await;
    assert_eq!(page.status(), 503);
    assert!(page.text().await.unwrap().contains("Try again in"));
    assert_eq!(read_metric(&api.http, port, "waited_long").await, 2);
    assert_eq!(read_metric(&api.http, port, "line_full").await, 0);
    for path in ["/health/live", "/health/ready"] {
        let began = Instant::now();
        assert_eq!(send(ask(&api, path)).await.status(), 200, "{path}");
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{path} took {:?}",
            began.elapsed()
        );
    }
    let told = api
        .server
        .log()
        .matches("more to do than can be answered in time")
        .count();
    assert_eq!(told, 1, "{}", api.server.log());

    drop(locked);
    for answer in slow {
        assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(send(ask(&api, "/api/v1/books")).await.status(), 200);
    drop(events);
}
