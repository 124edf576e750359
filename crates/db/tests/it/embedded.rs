//! The embedded PostgreSQL, started for real.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use db::embedded::{EmbeddedError, EmbeddedOptions, EmbeddedPostgres};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn make_data_dir() -> tempfile::TempDir {
    let data_dir = tempfile::tempdir().unwrap();
    // The postgres user must be able to walk to it when the tests run as root.
    fs::set_permissions(data_dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    data_dir
}

async fn start(data_dir: &Path) -> Result<EmbeddedPostgres, EmbeddedError> {
    let options = EmbeddedOptions {
        data_dir: data_dir.join("postgres"),
        bin_dir: None,
        dies_with_parent: true,
    };
    EmbeddedPostgres::start(options).await
}

async fn run(postgres: &EmbeddedPostgres, sql: &str) {
    db::Connection::establish(&postgres.url("app"))
        .await
        .unwrap()
        .batch_execute(sql)
        .await
        .unwrap();
}

async fn count(postgres: &EmbeddedPostgres) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let mut conn = db::Connection::establish(&postgres.url("app")).await.unwrap();
    let query = diesel::sql_query("SELECT count(*) AS count FROM kept");
    query.get_result::<Count>(&mut conn).await.unwrap().count
}

#[tokio::test]
async fn cluster_keeps_its_data_over_a_stop() {
    let data_dir = make_data_dir();
    let postgres = start(data_dir.path()).await.unwrap();
    postgres.ensure_database("app").await.unwrap();
    postgres.ensure_database("app").await.unwrap();
    run(&postgres, "CREATE TABLE kept AS SELECT 1").await;
    let process = postgres.process_id().unwrap();
    postgres.stop().await;
    assert!(!Path::new(&format!("/proc/{process}")).exists());
    let postgres = start(data_dir.path()).await.unwrap();
    assert_eq!(count(&postgres).await, 1);
    postgres.stop().await;
}

#[tokio::test]
async fn cluster_is_private_durable_and_not_run_by_root() {
    let data_dir = make_data_dir();
    let postgres = start(data_dir.path()).await.unwrap();
    let facts = fs::metadata(data_dir.path().join("postgres")).unwrap();
    assert_eq!(facts.mode() & 0o777, 0o700);
    let process = fs::metadata(format!("/proc/{}", postgres.process_id().unwrap())).unwrap();
    assert_ne!(process.uid(), 0);
    assert_eq!(process.uid(), facts.uid());
    postgres.ensure_database("app").await.unwrap();
    let sql = "DO $$ BEGIN ASSERT current_setting('fsync') = 'on' AND current_setting('data_checksums') = 'on'
        AND current_setting('listen_addresses') = '' AND current_setting('server_encoding') = 'UTF8'; END $$";
    run(&postgres, sql).await;
    postgres.stop().await;
}

#[tokio::test]
async fn killed_postmaster_comes_back_with_everything_committed() {
    let data_dir = make_data_dir();
    let postgres = start(data_dir.path()).await.unwrap();
    postgres.ensure_database("app").await.unwrap();
    run(&postgres, "CREATE TABLE kept AS SELECT generate_series(1, 1000)").await;
    let killed = postgres.process_id().unwrap();
    kill(Pid::from_raw(killed), Signal::SIGKILL).unwrap();
    // A start on the same directory waits for the recovery that the first supervisor does, or does it itself.
    let again = start(data_dir.path()).await.unwrap();
    assert_eq!(count(&again).await, 1000);
    assert_ne!(again.process_id(), Some(killed));
    postgres.stop().await;
    again.stop().await;
}

#[tokio::test]
async fn running_postmaster_is_adopted() {
    let data_dir = make_data_dir();
    let first = start(data_dir.path()).await.unwrap();
    let second = start(data_dir.path()).await.unwrap();
    assert_eq!(first.process_id(), second.process_id());
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn released_postmaster_goes_on_if_it_ran_before_and_stops_if_it_is_ours() {
    let data_dir = make_data_dir();
    let first = start(data_dir.path()).await.unwrap();
    let guest = start(data_dir.path()).await.unwrap();
    let process = first.process_id();
    guest.release().await;
    first.ensure_database("app").await.unwrap();
    assert_eq!(first.process_id(), process, "it was not even started again");
    let process = process.unwrap();
    first.release().await;
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}

#[tokio::test]
async fn stale_lock_file_of_a_dead_process_is_no_obstacle() {
    let data_dir = make_data_dir();
    let postgres = start(data_dir.path()).await.unwrap();
    let lock = data_dir.path().join("postgres/cluster/postmaster.pid");
    let text = fs::read_to_string(&lock).unwrap();
    postgres.stop().await;
    fs::write(&lock, text).unwrap();
    start(data_dir.path()).await.unwrap().stop().await;
}

#[tokio::test]
async fn cluster_of_another_major_version_is_refused_with_advice() {
    let data_dir = make_data_dir();
    start(data_dir.path()).await.unwrap().stop().await;
    fs::write(data_dir.path().join("postgres/cluster/PG_VERSION"), "9\n").unwrap();
    let error = start(data_dir.path()).await.err().unwrap();
    assert!(
        matches!(&error, EmbeddedError::OtherMajor { stored, .. } if stored == "9"),
        "{error}"
    );
    assert!(error.to_string().contains("Install postgresql-9, or dump"), "{error}");
}

#[tokio::test]
async fn missing_installation_says_what_to_install() {
    let data_dir = make_data_dir();
    let options = EmbeddedOptions {
        data_dir: data_dir.path().join("postgres"),
        bin_dir: Some(data_dir.path().to_owned()),
        dies_with_parent: true,
    };
    let error = EmbeddedPostgres::start(options).await.err().unwrap();
    assert!(error.to_string().contains("apt-get install postgresql"), "{error}");
}

#[tokio::test]
async fn directory_that_the_postgres_user_cannot_enter_is_named() {
    if !nix::unistd::Uid::effective().is_root() {
        // A plain user runs PostgreSQL as itself, so there is no other user to keep out.
        return;
    }
    let closed = tempfile::tempdir().unwrap();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = start(closed.path()).await.err().unwrap();
    assert!(
        matches!(&error, EmbeddedError::NotReachable { directory, .. } if Path::new(directory) == closed.path()),
        "{error}"
    );
}

#[tokio::test]
async fn long_data_dir_gets_a_short_socket() {
    let data_dir = make_data_dir();
    let long = data_dir.path().join("x".repeat(120));
    let postgres = start(&long).await.unwrap();
    assert!(!postgres.url("app").contains("xxx"));
    postgres.stop().await;
}
