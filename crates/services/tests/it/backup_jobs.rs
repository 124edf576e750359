//! The jobs that back up and that test backups, through the worker that runs them.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::Arc;

use serde_json::{Value, json};
use services::backups::prove_newest_backup;
use types::backups::BackupState;
use types::jobs::{JobKind, RunStatus};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::backups::{fill, keys, list_names, services_on};
use crate::due_jobs::run_job;
use crate::shelf::connect_audiobookshelf;
use crate::support::TestApp;

const NOTES: &str = "SELECT string_agg(name || ' ' || (proven_at IS NOT NULL) || ' ' || coalesce(fault, ''), ',')
    FROM backups WHERE name LIKE 'mamcrawler%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_tested_and_noted() {
    let app = TestApp::new().await;
    fill(&app).await;
    let admin = app.login("admin", crate::support::PASSWORD).await.unwrap();
    let admin = services::auth::authenticate(&app.services, &admin.tokens.access_token)
        .await
        .unwrap();
    let none = run_job(&app, &admin, JobKind::TestRestore).await;
    assert_eq!(none.summary.status, RunStatus::Failed);
    assert!(
        none.summary.sentence.starts_with("There is no backup in "),
        "{}",
        none.summary.sentence
    );

    let made = run_job(&app, &admin, JobKind::Backup).await;
    assert_eq!(made.summary.status, RunStatus::Succeeded, "{}", made.summary.sentence);
    let folder = app.data_dir().join("backups");
    let names = list_names(&folder);
    assert_eq!(
        names,
        ["mamcrawler-20261122T120000Z.backup"],
        "{}",
        made.summary.sentence
    );
    let mut conn = app.database.connection().await;
    let notes = db::backups::list_backups(&mut conn).await.unwrap();
    assert!(
        notes
            .iter()
            .any(|note| note.name == names[0] && note.made_at == app.clock.now())
    );
    assert_eq!(db::backups::last_proof(&mut conn).await.unwrap(), None);

    // What a crash left is removed on the way, and nothing of this test stays.
    db::dumps::create_scratch(app.database.url(), "crashed").await.unwrap();
    let tested = run_job(&app, &admin, JobKind::TestRestore).await;
    assert_eq!(
        tested.summary.status,
        RunStatus::Succeeded,
        "{}",
        tested.summary.sentence
    );
    assert!(
        tested.summary.sentence.ends_with("all as they were."),
        "{}",
        tested.summary.sentence
    );
    assert!(
        tested
            .log
            .iter()
            .any(|line| line.sentence == "books: 3 rows, checksum as it was.")
    );
    assert_eq!(db::dumps::drop_scratches(app.database.url()).await.unwrap(), 0);
    assert_eq!(db::backups::last_proof(&mut conn).await.unwrap(), Some(app.clock.now()));

    let file = folder.join(&names[0]);
    let mut bytes = std::fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let damaged = run_job(&app, &admin, JobKind::TestRestore).await;
    assert_eq!(damaged.summary.status, RunStatus::Failed);
    let expected = format!(
        "{0} false {0} is damaged or cut off: its checksum does not fit. Use another backup.",
        names[0]
    );
    assert_eq!(app.query_text(NOTES).await, expected);
    let listed = services::backups::list_backups(&app.services, &admin).await.unwrap();
    assert_eq!(
        (listed.len(), listed[0].state, listed[0].is_encrypted),
        (4, BackupState::Broken, Some(false))
    );
    assert!(
        listed[0]
            .fault
            .as_ref()
            .is_some_and(|fault| fault.contains("is damaged"))
    );
    // Noted by the seed, without files.
    assert!(listed[1..].iter().all(|backup| backup.state == BackupState::Gone));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_fails_does_not_take_the_new_backup_with_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let folder = app.data_dir().join("backups");
    std::fs::create_dir(&folder).unwrap();
    for day in 10..30 {
        std::fs::write(folder.join(format!("mamcrawler-202001{day}T030000Z.backup")), "x").unwrap();
    }
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$;
        CREATE TRIGGER refuse BEFORE DELETE ON backups FOR EACH STATEMENT EXECUTE FUNCTION refuse()";
    app.database.run_sql(refuse).await;
    let run = run_job(&app, &admin, JobKind::Backup).await;
    let sentence = run.summary.sentence;
    assert_eq!(run.summary.status, RunStatus::Succeeded, "{sentence}");
    assert!(
        sentence.starts_with("Backed up ") && sentence.contains("Older ones could not be removed: "),
        "{sentence}"
    );
    assert!(list_names(&folder).contains(&"mamcrawler-20261122T120000Z.backup".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_without_the_right_to_make_databases_fails_and_blames_no_backup() {
    let app = TestApp::new().await;
    services::backups::make_backup(&app.services, None).await.unwrap();
    let plain = "CREATE ROLE untrusted LOGIN NOSUPERUSER NOCREATEDB";
    app.run_sql(plain).await;
    let url = app.database.url().replacen("//postgres@", "//untrusted@", 1);
    assert_ne!(url, app.database.url());
    let services = services_on(&app, &url, &keys(None), None);
    let error = prove_newest_backup(&services).await.unwrap_err().to_string();
    assert!(error.contains("ALTER ROLE untrusted CREATEDB"), "{error}");
    assert_eq!(app.query_text(NOTES).await, "mamcrawler-20261122T120000Z.backup false ");
}

/// Lists so many more backups with each POST.
struct Shelf {
    made: Arc<std::sync::Mutex<Vec<Value>>>,
    adds: Vec<Value>,
    status: u16,
}

impl Respond for Shelf {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let mut made = self.made.lock().unwrap();
        made.extend(self.adds.iter().cloned());
        ResponseTemplate::new(self.status).set_body_json(json!({ "backups": *made }))
    }
}

/// Runs the job against an Audiobookshelf that has one backup and answers to the wish for another like this.
async fn back_up_library(status: u16, adds: Vec<Value>) -> (RunStatus, String, usize) {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let server = MockServer::start().await;
    let before = json!({ "id": "2026-11-21T0130", "filename": "2026-11-21T0130.audiobookshelf", "fileSize": 5_000_000, "createdAt": 1_000 });
    let made = Arc::new(std::sync::Mutex::new(vec![before]));
    let list = Shelf {
        made: Arc::clone(&made),
        adds: vec![],
        status: 200,
    };
    Mock::given(method("GET"))
        .and(path("/api/backups"))
        .respond_with(list)
        .mount(&server)
        .await;
    let make = Shelf { made, adds, status };
    Mock::given(method("POST"))
        .and(path("/api/backups"))
        .respond_with(make)
        .mount(&server)
        .await;
    connect_audiobookshelf(&app, &admin, &server.uri()).await;
    app.run_sql("DELETE FROM runs").await;
    let run = run_job(&app, &admin, JobKind::BackUpLibrary).await;
    let warnings = run
        .log
        .iter()
        .filter(|line| line.sentence.contains("less than half"))
        .count();
    (run.summary.status, run.summary.sentence, warnings)
}

fn backup(size: u64, at: i64) -> Value {
    json!({ "id": "new", "filename": "new.audiobookshelf", "fileSize": size, "createdAt": at })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_service_backs_itself_up_and_the_backup_is_looked_at() {
    let (status, sentence, warnings) = back_up_library(200, vec![backup(5_100_000, 1_795_000_000_000)]).await;
    assert_eq!((status, warnings), (RunStatus::Succeeded, 0), "{sentence}");
    assert_eq!(
        sentence,
        "Audiobookshelf made new.audiobookshelf (4.9 MiB) at 2026-11-18 11:06 UTC."
    );
    let (status, sentence, warnings) = back_up_library(200, vec![backup(1_000, 2_000)]).await;
    assert_eq!((status, warnings), (RunStatus::Succeeded, 1), "{sentence}");
    // Not answered in time, but made.
    let (status, sentence, _) = back_up_library(504, vec![backup(5_000_000, 2_000)]).await;
    assert_eq!(status, RunStatus::Succeeded, "{sentence}");

    for (answer, adds, words) in [
        (200, vec![], "it lists no new one"),
        (200, vec![backup(5_000_000, 1_000)], "it lists no new one"),
        (200, vec![backup(0, 2_000)], "is empty"),
        (500, vec![], "it could not make a backup"),
        (403, vec![], "admin"),
    ] {
        let (status, sentence, _) = back_up_library(answer, adds).await;
        assert_eq!(status, RunStatus::Failed, "{sentence}");
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_library_service_there_is_nothing_to_back_up() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let run = run_job(&app, &admin, JobKind::BackUpLibrary).await;
    assert_eq!(run.summary.status, RunStatus::NothingToDo);
    assert_eq!(run.summary.sentence, "No Audiobookshelf is connected.");
}
