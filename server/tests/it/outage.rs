//! A database that comes late, goes away and comes back; and what a container's health check says meanwhile.

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use db::embedded::{EmbeddedOptions, EmbeddedPostgres};
use serde_json::{Value, json};

use crate::stage::{PASSWORD, bare_server, set_up, wait_until};
use crate::support::Server;

/// A PostgreSQL of this test alone, as it is stopped.
struct Database {
    data_dir: PathBuf,
    running: Option<EmbeddedPostgres>,
    // Must be the last field: removed after PostgreSQL has ended.
    _dir: tempfile::TempDir,
}

impl Database {
    fn new() -> Self {
        // PostgreSQL, which runs as another user when we are root, must be able to enter it.
        let dir = tempfile::Builder::new().prefix("mamcrawler-outage-").tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Self {
            data_dir: dir.path().join("postgres"),
            running: None,
            _dir: dir,
        }
    }

    /// Its address, which stays the same over restarts.
    async fn start(&mut self) -> String {
        let options = EmbeddedOptions {
            data_dir: self.data_dir.clone(),
            bin_dir: None,
            dies_with_parent: true,
        };
        let postgres = EmbeddedPostgres::start(options).await.unwrap();
        postgres.ensure_database("books").await.unwrap();
        let url = postgres.url("books");
        self.running = Some(postgres);
        url
    }

    async fn stop(&mut self) {
        self.running.take().expect("it runs").stop().await;
    }
}

fn check_health(server: &Server, is_well: bool, words: &str) {
    check_health_by("healthcheck", server, is_well, words);
}

fn check_health_by(command: &str, server: &Server, is_well: bool, words: &str) {
    let Output { status, stdout, stderr } = server.run(command);
    let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert_eq!(status.code(), Some(i32::from(!is_well)), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "one sentence: {said}");
    assert!(said.contains(words), "{said}");
}

async fn call(server: &Server, (method, path): (&str, &str), (token, body): (&str, Value)) -> (u16, Value) {
    let http = testing::sandbox::http_client().unwrap();
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut call = http.request(method, format!("{}/api/v1{path}", server.url));
    if !token.is_empty() {
        call = call.bearer_auth(token);
    }
    if !body.is_null() {
        call = call.json(&body);
    }
    let answer = call.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// Runs a job through the API, so that the queue is at work again.
async fn run_job(server: &Server, token: &str) {
    let (status, run) = call(server, ("POST", "/jobs/clean_up/runs"), (token, Value::Null)).await;
    assert!(status < 300, "{status}: {run}");
    let path = format!("/runs/{}", run["id"].as_str().unwrap());
    wait_until(async || {
        let (_, run) = call(server, ("GET", &path), (token, Value::Null)).await;
        let shown = run.to_string();
        match shown.contains("\"succeeded\"") || shown.contains("\"nothing_to_do\"") {
            true => Ok(()),
            false => Err(run.to_string()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_that_comes_late_goes_away_and_comes_back_needs_no_restart_of_the_server() {
    let mut database = Database::new();
    let url = database.start().await;
    database.stop().await;
    let mut server = Server::new(&[("DATABASE_URL", &url), ("MAMCRAWLER_POLL_ACTIVE_MS", "300")]);
    // Monitors go by address, whatever people call the server.
    server.set("MAMCRAWLER_ALLOWED_HOSTS", "books.example,127.0.0.1");
    check_health(&server, false, &server.url);

    server.launch();
    wait_until(async || {
        let log = server.log();
        let times = log.matches("the database can't be reached yet").count();
        if times >= 2 { Ok(()) } else { Err(log) }
    })
    .await;
    database.start().await;
    server.wait_until_ready().await;
    check_health(&server, true, "is ready");
    let http = testing::sandbox::http_client().unwrap();
    let tokens = set_up(&server, &http).await;
    let token = tokens["access_token"].as_str().unwrap();
    run_job(&server, token).await;

    database.stop().await;
    check_health(&server, false, "is not ready (HTTP 503)");
    database.start().await;
    server.wait_until_ready().await;
    check_health(&server, true, "is ready");
    run_job(&server, token).await;
    let form = json!({ "username": "anna", "password": PASSWORD });
    assert_eq!(call(&server, ("POST", "/auth/login"), ("", form)).await.0, 200);
    // The database forgot who uses the key, and was told again.
    wait_until(async || {
        let log = server.log();
        if log.contains("holds that the encryption key is in use") {
            Ok(())
        } else {
            Err(log)
        }
    })
    .await;
    let rotation = server.run("rotate-key");
    let said = String::from_utf8(rotation.stderr).unwrap();
    assert!(!rotation.status.success() && said.contains("Stop every"), "{said}");
    let (status, _) = server.terminate(Duration::from_secs(30)).await;
    assert!(status.success(), "{}", server.log());
    check_health(&server, false, &server.url);
}

/// What the systemd unit and the containers wait for before they end it by force.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_stop_while_the_database_is_away_does_not_wait_for_a_job_that_can_not_write_its_end() {
    let mut database = Database::new();
    let url = database.start().await;
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = hanging.local_addr().unwrap();
    let mut server = Server::new(&[("DATABASE_URL", &url)]);
    let provision = server.scratch().join("provision.toml");
    let integration = format!(
        "[[integration]]\nkind = \"prowlarr\"\nname = \"Slow\"\nurl = \"http://{address}\"\nsecret = \"key\"\nis_sandbox = true\n"
    );
    std::fs::write(&provision, integration).unwrap();
    server.set("MAMCRAWLER_PROVISION", provision.to_str().unwrap());
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let tokens = set_up(&server, &http).await;
    let token = tokens["access_token"].as_str().unwrap();
    let (status, run) = call(&server, ("POST", "/jobs/check_integrations/runs"), (token, Value::Null)).await;
    assert!(status < 300, "{status}: {run}");
    // The job waits for an answer that does not come.
    let _asked = tokio::time::timeout(Duration::from_secs(20), hanging.accept())
        .await
        .expect("the job asks the integration")
        .unwrap();

    database.stop().await;
    let (status, took) = server.terminate(STOPS_WITHIN).await;
    assert!(status.success(), "{status} after {took:?}: {}", server.log());
    assert!(
        server.log().contains("could not write the end of run"),
        "{}",
        server.log()
    );
}

#[tokio::test]
async fn a_database_that_never_comes_ends_the_start_with_a_sentence() {
    let [port] = testing::ports::pick_ports().unwrap();
    let mut server = Server::new(&[("DATABASE_URL", &format!("postgres://127.0.0.1:{port}/books"))]);
    server.set("MAMCRAWLER_DATABASE_WAIT_SECONDS", "1");
    for command in ["serve", "worker"] {
        let ended = server.run(command);
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success(), "{said}");
        for words in ["can't be reached yet", "could not be reached for 1 s", "DATABASE_URL"] {
            assert!(said.contains(words), "{command}: {said}");
        }
    }
}

#[tokio::test]
async fn a_worker_is_healthy_while_it_reaches_its_database_and_answers_where_its_metrics_are() {
    let mut database = Database::new();
    let url = database.start().await;
    let mut server = Server::new(&[("DATABASE_URL", &url)]);
    let check = |server: &Server, is_well, words: &str| check_health_by("healthcheck --worker", server, is_well, words);
    check(&server, false, "Set MAMCRAWLER_METRICS_LISTEN");
    let [port] = testing::ports::pick_ports().unwrap();
    let address = format!("127.0.0.1:{port}");
    server.set("MAMCRAWLER_METRICS_LISTEN", &address);
    server.set("MAMCRAWLER_METRICS_TOKEN", "0000000000000000");
    check(&server, false, &address);

    let mut worker = server.spawn_worker();
    let wait_for = async |is_well: bool| {
        wait_until(async || {
            let Output { status, stdout, stderr } = server.run("healthcheck --worker");
            match status.success() == is_well {
                true => Ok(()),
                false => Err(format!("{stdout:?} {stderr:?} {}", server.log())),
            }
        })
        .await;
    };
    wait_for(true).await;
    check(&server, true, "runs and reaches its database; it looked at its queue");
    check_health(&server, false, &server.url);
    database.stop().await;
    wait_for(false).await;
    database.start().await;
    wait_for(true).await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    check(&server, false, &address);
}

#[tokio::test]
async fn a_workers_check_waits_for_what_it_says_of_a_database_that_hangs() {
    let (mut server, database) = bare_server().await;
    let [port] = testing::ports::pick_ports().unwrap();
    server.set("MAMCRAWLER_METRICS_LISTEN", &format!("127.0.0.1:{port}"));
    let mut worker = server.spawn_worker();
    let check = || {
        let Output { status, stdout, stderr } = server.run("healthcheck --worker");
        let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (status.success(), said.concat())
    };
    let wait_for = async |expected: bool| {
        wait_until(async || match check() {
            (is_well, said) if is_well == expected => Ok(said),
            (_, said) => Err(said),
        })
        .await
    };
    wait_for(true).await;
    let held = database.lock_table("settings").await;
    let said = wait_for(false).await;
    assert!(said.contains("its database does not answer"), "{said}");
    drop(held);
    wait_for(true).await;
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[tokio::test]
async fn a_restore_and_a_backup_wait_for_the_database_like_a_start() {
    let mut database = Database::new();
    let url = database.start().await;
    database.stop().await;
    let mut server = Server::new(&[("DATABASE_URL", &url)]);
    server.set("MAMCRAWLER_DATABASE_WAIT_SECONDS", "1");
    for command in ["restore /nowhere.backup", "backup"] {
        let ended = server.run(command);
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success(), "{said}");
        for words in ["can't be reached yet", "could not be reached for 1 s", "DATABASE_URL"] {
            assert!(said.contains(words), "{command}: {said}");
        }
    }

    server.set("MAMCRAWLER_DATABASE_WAIT_SECONDS", "60");
    let restore = server.spawn_command("restore /nowhere.backup");
    wait_until(
        async || match server.log().contains("the database can't be reached yet") {
            true => Ok(()),
            false => Err(server.log()),
        },
    )
    .await;
    database.start().await;
    let ended = restore.wait_with_output().unwrap();
    let said = server.log();
    assert!(!ended.status.success(), "there is no such file: {said}");
    assert!(said.contains("/nowhere.backup can't be read"), "{said}");
}
