//! What monitors and the one who looks after the system are told.

use serde_json::{Value, json};
use testing::TestDatabase;
use types::people::Role;

use crate::api::Api;
use crate::callers::Callers;
use crate::seed::seed;
use crate::stage::{bare_server, set_up};
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
