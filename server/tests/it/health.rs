//! What monitors and the one who looks after the system are told.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use testing::TestDatabase;
use types::people::Role;

use crate::api::Api;
use crate::callers::Callers;
use crate::seed::seed;
use crate::stage::{bare_server, set_up, wait_until};
use crate::support::Server;

const MIGRATIONS: &str = "__diesel_schema_migrations";

async fn ask_ready(server: &Server) -> (u16, Value) {
    let http = testing::sandbox::http_client().unwrap();
    let answer = http.get(format!("{}/health/ready", server.url)).send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn check_unready(server: &Server, words: &str) {
    let (status, body) = ask_ready(server).await;
    assert_eq!((status, &body["code"]), (503, &json!("service_unavailable")), "{body}");
    assert!(body["message"].as_str().unwrap().contains(words), "{body}");
    let http = testing::sandbox::http_client().unwrap();
    let live = http.get(format!("{}/health/live", server.url)).send().await.unwrap();
    assert_eq!(live.status(), 200);
}

#[tokio::test]
async fn a_schema_that_lacks_something_makes_the_server_unready_but_not_dead_and_a_newer_one_does_not() {
    let (mut server, database) = bare_server().await;
    server.start().await;
    assert_eq!(ask_ready(&server).await, (200, json!("ready")));

    database
        .run_sql(&format!("INSERT INTO {MIGRATIONS} (version) VALUES ('99990101000000')"))
        .await;
    assert_eq!(ask_ready(&server).await.0, 200);
    let missing = format!("DELETE FROM {MIGRATIONS} WHERE version IN (SELECT max(version) FROM {MIGRATIONS})");
    database.run_sql(&missing).await;
    assert_eq!(ask_ready(&server).await.0, 200);
    database.run_sql(&missing).await;
    check_unready(&server, "lacks 1 migrations").await;
}

#[tokio::test]
async fn a_database_that_does_not_answer_makes_the_server_unready() {
    let (mut server, database) = bare_server().await;
    server.start().await;
    let held = database.lock_table(MIGRATIONS).await;
    check_unready(&server, "did not answer within 2 s").await;
    drop(held);
}

#[tokio::test]
async fn the_details_are_for_managers_and_say_what_to_do() {
    let api = Api::start().await;
    seed(&api.database).await;
    let callers = Callers::gather(&api).await;
    let ask = async |token: &str| {
        let call = api.call("get", "/health/details").bearer_auth(token);
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(ask(&callers.tokens[&Role::User]).await.0, 403);
    let (status, report) = ask(&callers.tokens[&Role::Manager]).await;
    assert_eq!(status, 200, "{report}");
    assert_eq!(report["versions"]["program"], env!("CARGO_PKG_VERSION"));
    assert!(
        report["versions"]["schema"].as_str().unwrap().starts_with("2026"),
        "{report}"
    );
    assert!(!report["versions"]["postgresql"].as_str().unwrap().is_empty());
    let sentence_of = |name: &str| {
        let checks = report["checks"].as_array().unwrap().iter();
        let check = checks.filter(|check| check["name"] == name).collect::<Vec<_>>();
        assert_eq!(check.len(), 1, "{name}: {report:#}");
        format!("{} {}", check[0]["health"], check[0]["sentence"])
    };
    assert!(sentence_of("database").starts_with("\"ok\""));
    assert!(
        sentence_of("integration Tracker 1").contains("Press Test"),
        "never checked"
    );
    assert!(
        sentence_of("account Tracker 1").starts_with("\"failing\""),
        "read three weeks ago"
    );
    assert!(sentence_of("disk data").contains("GiB are free"));
    assert!(sentence_of("job clean_up").contains("succeeded"));
    assert_eq!(report["health"], "failing");
    let jobs = report["jobs"].as_array().unwrap();
    let clean_up = jobs.iter().find(|job| job["kind"] == "clean_up").unwrap();
    assert!(clean_up["last_success_at"].is_string(), "{clean_up}");
    assert_eq!(clean_up["longest_pause_seconds"], 86_400, "{clean_up}");
}

#[tokio::test]
async fn a_job_that_was_late_is_not_when_its_schedule_was_just_switched_on_again() {
    let api = Api::start().await;
    let tell = async || {
        let report = api.ask("get", "/health/details", None).await.body;
        let checks = report["checks"].as_array().unwrap().iter();
        let check = checks
            .clone()
            .find(|check| check["name"] == "job test_restore")
            .unwrap();
        let jobs = report["jobs"].as_array().unwrap().iter();
        let job = jobs.clone().find(|job| job["kind"] == "test_restore").unwrap();
        let (told, late_from) = (check["health"].as_str().unwrap().to_owned(), job["late_from"].clone());
        (told, late_from.as_str().map(|at| at.parse::<DateTime<Utc>>().unwrap()))
    };
    api.database
        .run_sql(
            "UPDATE job_definitions SET scheduled_since = NULL;
             INSERT INTO runs (id, kind, status, started_by, run_at, queued_at, finished_at)
             SELECT gen_random_uuid(), 'test_restore', 'succeeded', 'test', at, at, at
             FROM (SELECT now() - INTERVAL '30 days' AS at) AS long_ago",
        )
        .await;
    let now = api.services.now();
    let (told, late_from) = tell().await;
    assert!(told == "failing" && late_from.unwrap() < now, "{told} {late_from:?}");
    let switch = async |is_enabled: bool| {
        let change = json!({ "is_enabled": is_enabled });
        let answer = api.ask("patch", "/jobs/test_restore", Some(change)).await;
        assert!(answer.status < 300, "{}", answer.body);
    };
    switch(false).await;
    assert_eq!(tell().await, ("unknown".to_owned(), None));
    switch(true).await;
    let (told, late_from) = tell().await;
    assert!(
        told == "ok" && late_from.unwrap() > now + TimeDelta::days(14),
        "{told} {late_from:?}"
    );
}

/// What the doctor printed, and whether all was well.
fn examine(server: &Server) -> (bool, String) {
    let output = server.run("doctor");
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.success(), text)
}

fn line_of<'a>(text: &'a str, name: &str) -> &'a str {
    let mut lines = text.lines();
    let found = lines.find(|line| {
        line.split_once(' ')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with(name))
    });
    found.unwrap_or_else(|| panic!("no line about {name}:\n{text}"))
}

#[tokio::test]
async fn the_doctor_says_of_each_thing_how_it_is_and_fails_when_one_is_failing() {
    let (mut server, database) = bare_server().await;
    server.start().await;
    set_up(&server, &testing::sandbox::http_client().unwrap()).await;
    let (is_well, text) = examine(&server);
    assert!(is_well, "{text}");
    assert!(line_of(&text, "server").starts_with("ok"), "{text}");
    assert!(line_of(&text, "database").starts_with("ok"), "{text}");
    assert!(line_of(&text, "versions").contains("PostgreSQL"), "{text}");
    assert!(line_of(&text, "backup").contains("mamcrawler backup"), "{text}");

    let broken =
        "INSERT INTO integrations (id, kind, name, url, health, health_sentence, checked_at, created_at, updated_at)
        VALUES (gen_random_uuid(), 'qbittorrent', 'Client', 'http://127.0.0.1:1', 'failing',
            'Client refused the password. Enter it again.', now(), now(), now())";
    database.run_sql(broken).await;
    let (is_well, text) = examine(&server);
    assert!(!is_well, "{text}");
    let line = line_of(&text, "integration Client");
    assert!(
        line.starts_with("failing") && line.contains("Enter it again."),
        "{text}"
    );
}

#[tokio::test]
async fn the_doctor_has_something_to_say_when_the_database_is_down_and_nothing_runs() {
    let database = TestDatabase::new().await;
    let (mut server, _database) = bare_server().await;
    server.set("DATABASE_URL", &database.url().replace("/test_", "/gone_"));
    let (is_well, text) = examine(&server);
    assert!(!is_well, "{text}");
    let line = line_of(&text, "database");
    assert!(line.starts_with("failing") && line.contains("DATABASE_URL"), "{text}");
    assert!(line_of(&text, "server").contains("mamcrawler serve"), "{text}");
}

#[tokio::test]
async fn the_doctor_names_the_process_that_leaves_an_integration_alone() {
    let api = Api::start_with(|server| server.set("MAMCRAWLER_POLL_ACTIVE_MS", "60000")).await;
    let [port] = testing::ports::pick_ports().unwrap();
    let form = json!({
        "kind": "audiobookshelf", "name": "Shelf", "url": format!("http://127.0.0.1:{port}"), "is_enabled": true,
        "secret": "key",
    });
    let shelf = api.ask("post", "/integrations", Some(form)).await;
    assert_eq!(shelf.status, 201, "{}", shelf.body);
    let check = format!("/integrations/{}/check", shelf.body["id"].as_str().unwrap());
    for _ in 0..5 {
        let checked = api.ask("post", &check, None).await;
        assert_eq!(checked.body["health"], "failing", "{}", checked.body);
    }
    let line = wait_until(async || {
        let (is_well, text) = examine(&api.server);
        let line = line_of(&text, "integration Shelf");
        match line.contains("leaves it alone until") {
            true => Ok((is_well, line.to_owned())),
            false => Err(text),
        }
    });
    let (is_well, line) = line.await;
    assert!(!is_well && line.starts_with("failing"), "{line}");
    for words in ["The server on ", "5 calls in a row failed.", "Test under Integrations"] {
        assert!(line.contains(words), "{line}");
    }
    let report = api.ask("get", "/health/details", None).await.body;
    let rest = &report["integrations"][0]["left_alone_by"][0];
    let process = rest["process"].as_str().unwrap();
    assert!(
        line.contains(process) && process.contains("(process "),
        "{rest}: {line}"
    );
    let page = api.ask("get", "/integrations", None).await.body.to_string();
    assert!(page.contains(process), "{page}");
}
