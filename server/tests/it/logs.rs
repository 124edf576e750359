//! What the log says, and that each line can be led back to the request or the run that it belongs to.

use serde_json::Value;
use services::auth::authenticate;
use types::jobs::{JobKind, RunStatus};

use crate::stage::{bare_server, services_beside, wait_until};

const GIVEN_ID: &str = "given-request-1";

/// Lines within a span of this name, with its id.
fn ids_of<'a>(lines: &'a [Value], span: &str) -> Vec<(&'a str, &'a str)> {
    let with_id = lines.iter().filter_map(|line| {
        let spans = line["spans"].as_array()?;
        let id = spans.iter().find(|one| one["name"] == span)?["id"].as_str()?;
        Some((id, line["fields"]["message"].as_str().unwrap_or_default()))
    });
    with_id.collect()
}

fn read_lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

#[tokio::test]
async fn every_line_of_a_request_and_of_a_run_carries_its_id_in_the_file_and_on_standard_error() {
    let (mut server, database) = bare_server().await;
    let path = server.scratch().join("mamcrawler.log");
    for (name, value) in [
        ("MAMCRAWLER_LOG", "debug"),
        ("MAMCRAWLER_LOG_FORMAT", "json"),
        ("MAMCRAWLER_LOG_FILE", path.to_str().unwrap()),
    ] {
        server.set(name, value);
    }
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let token = set_up_in_json(&server, &http).await;
    let asked = http
        .get(format!("{}/api/v1/wants", server.url))
        .bearer_auth(&token)
        .header("x-request-id", GIVEN_ID);
    assert_eq!(asked.send().await.unwrap().headers()["x-request-id"], GIVEN_ID);
    let services = services_beside(&server, &database);
    let admin = authenticate(&services, &token).await.unwrap();
    let run = services::runs::run_now(&services, &admin, JobKind::CleanUp)
        .await
        .unwrap();
    wait_until(async || {
        let summary = services::runs::get_run(&services, &admin, run).await.unwrap().summary;
        match summary.status {
            RunStatus::Queued | RunStatus::Running => Err(format!("{summary:?}")),
            _ => Ok(()),
        }
    })
    .await;

    let run = run.to_string();
    let ended = wait_until(async || {
        let lines = read_lines(&path);
        let ended = ids_of(&lines, "run")
            .iter()
            .any(|(id, message)| *id == run && message.starts_with("the run ended as "));
        if ended {
            Ok(lines)
        } else {
            Err("the end of the run is not logged".into())
        }
    });
    let lines = ended.await;
    let answers = |lines: &[Value]| {
        let messages = lines.iter().filter_map(|line| line["fields"]["message"].as_str());
        messages.filter(|message| message.starts_with("answered ")).count()
    };
    let named = ids_of(&lines, "request");
    assert!(named.contains(&(GIVEN_ID, "answered 200")), "{named:?}");
    let within = named
        .iter()
        .filter(|(_, message)| message.starts_with("answered "))
        .count();
    assert_eq!(within, answers(&lines), "each answer's line is within its request");
    // Standard error has the same lines, and perhaps those of a moment later.
    let log = server.log();
    for line in std::fs::read_to_string(&path).unwrap().lines().take(lines.len()) {
        assert!(log.contains(line), "{line}");
    }
    let (status, _) = server.terminate(std::time::Duration::from_secs(30)).await;
    assert!(status.success());
}

/// The setup token stands in a JSON line here.
async fn set_up_in_json(server: &crate::support::Server, http: &reqwest::Client) -> String {
    let log = server.log();
    let line = log.lines().find(|line| line.contains("setup token: ")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let message = line["fields"]["message"].as_str().unwrap();
    let token = message.rsplit("setup token: ").next().unwrap().trim();
    let form = serde_json::json!({ "token": token, "username": "anna", "password": crate::stage::PASSWORD });
    let answer = http.post(format!("{}/api/v1/setup", server.url)).json(&form).send();
    let tokens: Value = answer.await.unwrap().error_for_status().unwrap().json().await.unwrap();
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_worker_with_the_servers_log_file_is_refused_and_other_commands_leave_it_alone() {
    let (mut server, _database) = bare_server().await;
    let path = server.scratch().join("mamcrawler.log");
    server.set("MAMCRAWLER_LOG_FILE", path.to_str().unwrap());
    server.start().await;
    let ended = server.run("worker");
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        !ended.status.success() && said.contains("another process writes the log file"),
        "{said}"
    );
    assert!(server.run("migrate").status.success());
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.contains("mamcrawler serves"), "{log}");
    assert!(!log.contains("the database is up to date"), "{log}");
}
