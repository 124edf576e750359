//! `mamcrawler backup` and `mamcrawler restore` as people run them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use testing::TestDatabase;
use types::PageRequest;
use types::jobs::{JobKind, RunStatus};

use crate::seed::seed;
use crate::stage::{PASSWORD, Stage, bare_server, set_up};
use crate::support::Server;

const BACKUP_KEY: &str = "MAMCRAWLER_BACKUP_KEY";

/// The program over a database, with the data directory and the keys of a server.
struct Program<'a> {
    url: &'a str,
    data_dir: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl<'a> Program<'a> {
    fn beside(server: &Server, url: &'a str) -> Self {
        let keys = [
            ("MAMCRAWLER_ENCRYPTION_KEY", STANDARD.encode(crate::stage::ENCRYPTION)),
            ("MAMCRAWLER_SIGNING_KEY", STANDARD.encode(crate::stage::SIGNING)),
        ];
        Self {
            url,
            data_dir: server.data_dir(),
            settings: keys.to_vec(),
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        for name in ["PATH", "HOME", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.env("MAMCRAWLER_DATA_DIR", &self.data_dir);
        if !self.url.is_empty() {
            command.env("DATABASE_URL", self.url);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_mamcrawler"))
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Runs it, which must end well; what it said.
    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    }

    /// Runs it, which must refuse with these words.
    fn refuse(&self, arguments: &[&str], words: &str) {
        let output = self.run(arguments);
        assert!(
            !output.status.success() && said(&output).contains(words),
            "{}",
            said(&output)
        );
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|text| String::from_utf8_lossy(text))
        .concat()
}

fn list_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
    entries.unwrap_or_default()
}

/// The file that a backup says it made. There may be others: at night, a server makes one by itself.
fn find_made(said: &str) -> &str {
    let (_, rest) = said.split_once(" into ").unwrap_or_else(|| panic!("{said}"));
    rest.split_once(" (").unwrap_or_else(|| panic!("{said}")).0
}

async fn destroy(database: &TestDatabase) {
    database
        .run_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .await;
}

/// Every row but what changes while a server runs.
async fn read_all(database: &TestDatabase) -> Vec<(String, String)> {
    let mut tables = database.dump().await;
    let moving = [
        "audit_log",
        "runs",
        "run_log",
        "job_definitions",
        "backups",
        "sessions",
        "login_attempts",
        "failures",
    ];
    tables.retain(|(name, _)| !moving.iter().any(|table| *name == format!("table {table}")));
    tables.sort();
    tables
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drill_back_up_while_it_serves_lose_the_database_restore_and_serve_on() {
    let key = STANDARD.encode([3; 32]);
    let (mut server, database) = bare_server().await;
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    set_up(&server, &http).await;
    seed(&database).await;
    let program = Program::beside(&server, database.url()).with(BACKUP_KEY, &key);
    let said = program.succeed(&["backup"]);
    assert!(said.contains("encrypted)"), "{said}");
    let file = find_made(&said);
    assert!(
        list_files(&server.data_dir().join("backups")).contains(&file.into()),
        "{said}"
    );
    let before = read_all(&database).await;
    server.terminate(Duration::from_secs(30)).await;
    program.refuse(&["restore", file], "The database is not empty");

    destroy(&database).await;
    let keyless = Program::beside(&server, database.url());
    keyless.refuse(&["restore", file], "is encrypted. Set MAMCRAWLER_BACKUP_KEY");
    let started = Instant::now();
    let said = program.succeed(&["restore", file]);
    println!("restored in {:.1} s", started.elapsed().as_secs_f64());
    assert!(
        said.contains("all as they were") && said.contains("the encryption key opens the secrets"),
        "{said}"
    );
    assert_eq!(read_all(&database).await, before);

    server.start().await;
    let form = serde_json::json!({ "username": "anna", "password": PASSWORD });
    let login = http
        .post(format!("{}/api/v1/auth/login", server.url))
        .json(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(login.status(), 200, "whoever could sign in before can again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_no_more_leaves_no_backup_and_is_named() {
    let database = TestDatabase::new().await;
    let server = Server::new(&[]);
    let elsewhere = server.scratch().join("full");
    let program = Program::beside(&server, database.url());
    // A file may have 4 kB: writes fail as on a full disk, as the signal for it is switched off.
    let mut shell = program.command("bash");
    let line = format!(
        "trap '' XFSZ; ulimit -f 4; exec '{}' backup --to '{}'",
        env!("CARGO_BIN_EXE_mamcrawler"),
        elsewhere.display()
    );
    let output = shell.args(["-c", &line]).output().unwrap();
    let said = said(&output);
    assert!(
        !output.status.success() && said.contains("can't be used for backups: File too large"),
        "{said}"
    );
    assert!(list_files(&elsewhere).is_empty(), "{said}");
    program.succeed(&["backup", "--to", elsewhere.to_str().unwrap()]);
    assert_eq!(list_files(&elsewhere).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_database_is_backed_up_while_it_serves_and_restored_into_a_new_one() {
    let mut server = Server::new(&[]);
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    set_up(&server, &http).await;
    let mut program = Program::beside(&server, "");
    program.settings.clear();
    let said = program.succeed(&["backup"]);
    let file = find_made(&said);
    let ready = http.get(format!("{}/health/ready", server.url)).send().await.unwrap();
    assert_eq!(ready.status(), 200, "the database was left running");
    server.terminate(Duration::from_secs(30)).await;

    std::fs::remove_dir_all(server.data_dir().join("postgres")).unwrap();
    let said = program.succeed(&["restore", file]);
    assert!(said.contains("the encryption key opens the secrets"), "{said}");
    server.start().await;
    let form = serde_json::json!({ "username": "anna", "password": PASSWORD });
    let login = http
        .post(format!("{}/api/v1/auth/login", server.url))
        .json(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(login.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_database_none_is_made_and_backed_up() {
    let server = Server::new(&[]);
    let mut program = Program::beside(&server, "");
    program.settings.clear();
    program.refuse(&["backup"], "There is no database: DATABASE_URL is not set");
    assert!(!server.data_dir().join("postgres").exists());
    assert!(list_files(&server.data_dir().join("backups")).is_empty());

    let database = TestDatabase::new().await;
    destroy(&database).await;
    Program::beside(&server, database.url()).refuse(&["backup"], "The database holds no tables of mamcrawler");
    assert!(list_files(&server.data_dir().join("backups")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_key_that_is_none_stops_the_start_and_is_named() {
    let database = TestDatabase::new().await;
    let server = Server::new(&[]);
    Program::beside(&server, database.url())
        .with(BACKUP_KEY, "short")
        .refuse(&["backup"], "MAMCRAWLER_BACKUP_KEY must be 32 bytes in base64");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_starts_on_a_database_of_a_newer_version() {
    let database = TestDatabase::new().await;
    database
        .run_sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')")
        .await;
    let server = Server::new(&[]);
    let program = Program::beside(&server, database.url()).with("MAMCRAWLER_LISTEN", "127.0.0.1:0");
    for command in ["serve", "worker", "migrate"] {
        program.refuse(
            &[command],
            "was written by a newer version of mamcrawler (migration 20991231000000",
        );
    }
    // What is there can be saved all the same.
    program.succeed(&["backup"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_backs_up_the_connected_library_and_its_own_database_and_tests_that() {
    let stage = Stage::start().await;
    let kinds = [
        JobKind::BackUpLibrary,
        JobKind::BackUpLibrary,
        JobKind::Backup,
        JobKind::TestRestore,
    ];
    for kind in kinds {
        stage.run_job(kind).await;
    }
    for (kind, words) in [
        (JobKind::BackUpLibrary, ".audiobookshelf ("),
        (JobKind::Backup, "Backed up "),
        (JobKind::TestRestore, "all as they were."),
    ] {
        let runs = services::runs::list_runs(&stage.services, &stage.admin, Some(kind), PageRequest::default());
        for run in runs.await.unwrap().items {
            assert!(
                run.status == RunStatus::Succeeded && run.sentence.contains(words),
                "{run:?}"
            );
        }
    }
}
