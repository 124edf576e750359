//! Backups of a real database: everything comes back, and what can't be trusted is refused.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use chrono::TimeDelta;
use domain::backup_rotation::backup_name;
use services::backups::{MadeBackup, make_backup, prove_newest_backup, restore_backup};
use services::{Keys, ServiceConfig, Services, SystemRandom};
use testing::TestDatabase;
use testing::scripts::install_script;

use crate::support::{TestApp, TestClock};

const ENCRYPTION: [u8; 32] = [1; 32];

/// Rows in most tables.
pub async fn fill(app: &TestApp) {
    app.admin().await;
    let anna = "INSERT INTO users (id, username, username_key, password_hash, role, created_at)
        VALUES ('00000000-0000-0000-0000-00000000ffff', 'anna', 'anna', '', 'user', now())";
    app.run_sql(anna).await;
    app.database
        .run_sql(include_str!("../../../../server/tests/it/seed.sql"))
        .await;
}

/// The use cases on a database, with the backup folder of `app`.
pub fn services_on(app: &TestApp, url: &str, keys: &Keys, postgres_bin: Option<&Path>) -> Services {
    let config = ServiceConfig {
        postgres_bin: postgres_bin.map(Path::to_owned),
        ..ServiceConfig::new(app.data_dir())
    };
    let clock = Arc::new(TestClock(Arc::clone(&app.clock)));
    let pool = db::connect(url, 4).unwrap();
    Services::new(pool, url, config, keys, clock, Arc::new(SystemRandom))
}

pub fn keys(backup: Option<[u8; 32]>) -> Keys {
    Keys {
        backup,
        ..Keys::new(ENCRYPTION, [2; 32])
    }
}

/// A database with nothing in it, not even tables.
async fn empty_database() -> TestDatabase {
    let database = TestDatabase::new().await;
    destroy(&database).await;
    database
}

async fn destroy(database: &TestDatabase) {
    database
        .run_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .await;
}

pub fn list_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Every row as text but what a restore itself adds: its line in the audit log.
async fn read_all(database: &TestDatabase) -> Vec<(String, String)> {
    let sorted = |text: String| {
        let mut lines: Vec<&str> = text.lines().filter(|line| !line.contains("restore_backup")).collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    let mut tables: Vec<_> = database.dump().await;
    tables.sort();
    tables.into_iter().map(|(name, text)| (name, sorted(text))).collect()
}

async fn make(app: &TestApp, backup_key: Option<[u8; 32]>) -> MadeBackup {
    let services = services_on(app, app.database.url(), &keys(backup_key), None);
    make_backup(&services, None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_database_is_destroyed_everything_comes_back() {
    for key in [None, Some([7; 32])] {
        let app = TestApp::new().await;
        fill(&app).await;
        services::key_rotation::check_key(&app.services).await.unwrap();
        let before = read_all(&app.database).await;
        let started = Instant::now();
        let made = make(&app, key).await;
        let backed_up = started.elapsed();
        assert_eq!(made.is_encrypted, key.is_some());
        destroy(&app.database).await;

        let started = Instant::now();
        let services = services_on(&app, app.database.url(), &keys(key), None);
        let restored = restore_backup(&services, &made.path).await.unwrap();
        println!(
            "{} rows: backed up in {:.2} s, restored in {:.2} s",
            restored.manifest.rows(),
            backed_up.as_secs_f64(),
            started.elapsed().as_secs_f64()
        );
        assert_eq!((restored.migrated, restored.secrets), (0, Ok(())));
        // Which backups there are is noted after the snapshot.
        let mut after = read_all(&app.database).await;
        after.retain(|(name, _)| name != "table backups");
        let before: Vec<_> = before.into_iter().filter(|(name, _)| name != "table backups").collect();
        assert_eq!(after, before);
        // Counters go on from where they were.
        app.run_sql("INSERT INTO blocklist (info_hash, reason, created_at) VALUES ('ef', '', now())")
            .await;
        assert_eq!(
            app.query_text("SELECT count(*) FROM audit_log WHERE action = 'restore_backup' AND actor = 'restore'")
                .await,
            "1"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_an_older_schema_is_brought_up_to_date() {
    let app = TestApp::new().await;
    fill(&app).await;
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut later: Vec<String> = list_names(&migrations);
    later.retain(|name| name.as_str() >= "2026-11-22-000026");
    for name in later.iter().rev() {
        let down = std::fs::read_to_string(migrations.join(name).join("down.sql")).unwrap();
        app.database.run_sql(&down).await;
    }
    let forget = "DELETE FROM __diesel_schema_migrations WHERE version >= '20261122000026'";
    app.run_sql(forget).await;
    let made = make(&app, None).await;
    assert_eq!(made.removed, [""; 0], "a schema without notes is no obstacle");
    destroy(&app.database).await;
    let restored = restore_backup(&app.services, &made.path).await.unwrap();
    assert_eq!(restored.migrated, 6);
    assert_eq!(app.query_text("SELECT count(*) FROM books").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_on_a_restore_that_brought_something_else_back_until_it_was_done_anew() {
    let app = TestApp::new().await;
    fill(&app).await;
    let made = make(&app, None).await;
    destroy(&app.database).await;
    // Something in the database that takes rows away once they are there.
    let thief = "CREATE FUNCTION steal() RETURNS event_trigger LANGUAGE plpgsql AS
            'BEGIN IF to_regclass(''public.users'') IS NOT NULL THEN DELETE FROM public.account_snapshots; END IF; END';
        CREATE EVENT TRIGGER thief ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION steal()";
    app.database.run_sql(thief).await;
    let error = restore_backup(&app.services, &made.path).await.unwrap_err().to_string();
    assert!(error.contains("account_snapshots"), "{error}");
    let refused = db::migrate(app.database.url()).await.unwrap_err().to_string();
    assert!(refused.contains("did not come to its end"), "{refused}");

    app.database.run_sql("DROP EVENT TRIGGER thief").await;
    destroy(&app.database).await;
    restore_backup(&app.services, &made.path).await.unwrap();
    assert_eq!(db::migrate(app.database.url()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_left_the_database_empty_is_no_obstacle_to_a_start() {
    let target = empty_database().await;
    db::dumps::mark_restore(target.url()).await.unwrap();
    assert!(db::migrate(target.url()).await.unwrap() > 0);
    assert_eq!(db::migrate(target.url()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_restored_is_noted_and_so_is_what_a_test_finds_of_one_that_was_not() {
    let app = TestApp::new().await;
    fill(&app).await;
    let made = make(&app, Some([7; 32])).await;
    let services = services_on(&app, app.database.url(), &keys(Some([7; 32])), None);
    destroy(&app.database).await;
    restore_backup(&services, &made.path).await.unwrap();
    let notes = format!(
        "SELECT string_agg(is_encrypted || ' ' || (proven_at IS NOT NULL), ',') FROM backups WHERE name = '{}'",
        made.name
    );
    assert_eq!(app.query_text(&notes).await, "true false");
    app.run_sql("DELETE FROM backups").await;
    prove_newest_backup(&services).await.unwrap();
    assert_eq!(app.query_text(&notes).await, "true true");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_says_when_the_encryption_key_is_another_one() {
    let app = TestApp::new().await;
    services::key_rotation::check_key(&app.services).await.unwrap();
    let made = make(&app, None).await;
    let target = empty_database().await;
    let other = services_on(&app, target.url(), &Keys::new([9; 32], [2; 32]), None);
    let restored = restore_backup(&other, &made.path).await.unwrap();
    let error = restored.secrets.unwrap_err().to_string();
    assert!(error.contains("does not fit this database"), "{error}");
}

/// Restores a file into an empty database, which must refuse and leave it empty.
async fn refuse(app: &TestApp, file: &Path, key: Option<[u8; 32]>) -> String {
    let target = empty_database().await;
    let services = services_on(app, target.url(), &keys(key), None);
    let error = restore_backup(&services, file).await.unwrap_err().to_string();
    assert!(db::dumps::is_empty(target.url()).await.unwrap(), "{error}");
    error
}

fn write_beside(file: &Path, bytes: &[u8]) -> PathBuf {
    let path = file.with_extension("changed");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_and_foreign_files_and_other_keys_are_refused_with_what_to_do() {
    let app = TestApp::new().await;
    fill(&app).await;
    let key = Some([7; 32]);
    let sealed = make(&app, key).await.path;
    app.clock.advance(TimeDelta::days(1));
    let plain = make(&app, None).await.path;
    for (file, given, words) in [
        (&sealed, None, "is encrypted. Set MAMCRAWLER_BACKUP_KEY"),
        (&sealed, Some([8; 32]), "another key than MAMCRAWLER_BACKUP_KEY"),
    ] {
        let error = refuse(&app, file, given).await;
        assert!(error.contains(words), "{error}");
    }
    let damaged = "is damaged or cut off";
    for file in [&sealed, &plain] {
        let bytes = std::fs::read(file).unwrap();
        let half = bytes.len() / 2;
        for kept in [half, bytes.len() - 1, bytes.len() - 32, 300] {
            let error = refuse(&app, &write_beside(file, &bytes[..kept]), key).await;
            assert!(error.contains(damaged), "cut to {kept}: {error}");
        }
        for place in [40, half, bytes.len() - 100, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1;
            let error = refuse(&app, &write_beside(file, &flipped), key).await;
            assert!(error.contains(damaged), "byte {place}: {error}");
        }
        let error = refuse(&app, &write_beside(file, &[&bytes[..], b"more"].concat()), key).await;
        assert!(error.contains(damaged), "{error}");
    }
    let foreign = write_beside(&plain, b"PGDMP\x01\x0e");
    assert!(
        refuse(&app, &foreign, key)
            .await
            .ends_with("is no backup of mamcrawler.")
    );
    let newer = write_beside(&plain, b"mamcrawler backup 2\nsomething new");
    assert!(refuse(&app, &newer, key).await.contains("by a newer mamcrawler"));
    let missing = refuse(&app, Path::new("/nowhere/at.all"), key).await;
    assert!(missing.contains("/nowhere/at.all can't be read"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_and_a_database_with_something_in_it_are_refused() {
    let app = TestApp::new().await;
    fill(&app).await;
    app.run_sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')")
        .await;
    let newer = make(&app, None).await.path;
    let error = refuse(&app, &newer, None).await;
    assert!(
        error.contains("schema 20991231000000") && error.contains("or newer"),
        "{error}"
    );
    app.run_sql("DELETE FROM __diesel_schema_migrations WHERE version = '20991231000000'")
        .await;

    app.clock.advance(TimeDelta::days(1));
    let made = make(&app, None).await.path;
    let before = read_all(&app.database).await;
    let error = restore_backup(&app.services, &made).await.unwrap_err().to_string();
    assert!(error.starts_with("The database is not empty"), "{error}");
    assert_eq!(read_all(&app.database).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pg_dump_that_fails_or_dies_half_way_leaves_no_file() {
    let app = TestApp::new().await;
    let programs = tempfile::tempdir().unwrap();
    for (end, words) in [
        (
            "echo 'pg_dump: error: no room' >&2; exit 1",
            "pg_dump failed: pg_dump: error: no room",
        ),
        ("kill -9 $$", "pg_dump failed: it ended with signal: 9"),
    ] {
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo 'pg_dump (PostgreSQL) 99.1'; exit; }}\nhead -c 300000 /dev/zero; {end}\n"
        );
        install_script(&programs.path().join("pg_dump"), &script);
        let services = services_on(&app, app.database.url(), &keys(None), Some(programs.path()));
        let error = make_backup(&services, None).await.unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
        assert_eq!(list_names(&app.data_dir().join("backups")), [""; 0]);
    }
    let noted = db::backups::list_backups(&mut *app.database.connection().await)
        .await
        .unwrap();
    assert_eq!(noted, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_given_up_half_way_leaves_neither_file_nor_program() {
    let app = TestApp::new().await;
    let programs = tempfile::tempdir().unwrap();
    let (begun, folder) = (programs.path().join("begun"), app.data_dir().join("backups"));
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo 'pg_dump (PostgreSQL) 99.1'; exit; }}\n\
         head -c 300000 /dev/zero; echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600\n",
        begun.display()
    );
    install_script(&programs.path().join("pg_dump"), &script);
    let services = services_on(&app, app.database.url(), &keys(None), Some(programs.path()));
    let making = tokio::spawn(async move { make_backup(&services, None).await.map(drop) });
    for _ in 0..1000 {
        if begun.exists() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let process = std::fs::read_to_string(&begun).unwrap();
    assert_eq!(list_names(&folder).len(), 1, "the draft");
    making.abort();
    assert!(making.await.unwrap_err().is_cancelled());
    assert_eq!(list_names(&folder), [""; 0]);
    let status = PathBuf::from(format!("/proc/{}/stat", process.trim()));
    for _ in 0..500 {
        // A dead one may wait to be collected.
        if std::fs::read_to_string(&status).map_or(true, |stat| stat.contains(") Z")) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("pg_dump {process} still runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_tables_of_ours_is_not_backed_up() {
    let app = TestApp::new().await;
    let target = empty_database().await;
    let services = services_on(&app, target.url(), &keys(None), None);
    let error = make_backup(&services, None).await.unwrap_err().to_string();
    assert!(
        error.starts_with("The database holds no tables of mamcrawler"),
        "{error}"
    );
    assert_eq!(list_names(&app.data_dir().join("backups")), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_backups_that_meet_in_a_second_are_both_made_and_can_be_restored() {
    let app = TestApp::new().await;
    fill(&app).await;
    let folder = tempfile::tempdir().unwrap();
    let make = || make_backup(&app.services, Some(folder.path()));
    let (one, other) = tokio::join!(make(), make());
    let mut made = [one.unwrap(), other.unwrap()];
    made.sort_by_key(|backup| backup.made_at);
    assert_eq!(
        made.each_ref().map(|backup| backup.name.clone()).as_slice(),
        list_names(folder.path())
    );
    let now = app.clock.now();
    assert_eq!(
        made.each_ref().map(|backup| backup.made_at),
        [now, now + TimeDelta::seconds(1)]
    );
    for backup in made {
        let target = empty_database().await;
        let services = services_on(&app, target.url(), &keys(None), None);
        let restored = restore_backup(&services, &backup.path).await.unwrap();
        assert_eq!(
            (restored.header.made_at, restored.manifest.rows()),
            (backup.made_at, backup.manifest.rows())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backup_from_before_an_update_outlives_those_after_it() {
    let app = TestApp::new().await;
    let before = make(&app, None).await.name;
    app.run_sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')")
        .await;
    app.clock.advance(TimeDelta::minutes(5));
    let after = make(&app, None).await;
    assert_eq!(after.removed, [""; 0]);
    app.clock.advance(TimeDelta::minutes(5));
    let last = make(&app, None).await;
    assert_eq!(last.removed, [after.name]);
    assert_eq!(list_names(&app.data_dir().join("backups")), [before, last.name]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_keeps_what_it_must_and_touches_no_other_file() {
    let app = TestApp::new().await;
    let folder = app.data_dir().join("backups");
    std::fs::create_dir(&folder).unwrap();
    let now = app.clock.now();
    let name = |days| backup_name(now - TimeDelta::days(days));
    for days in 1..60 {
        std::fs::write(folder.join(name(days)), "x").unwrap();
    }
    for other in ["mamcrawler-old.backup", "notes.txt", ".hidden"] {
        std::fs::write(folder.join(other), "").unwrap();
    }
    let made = make(&app, None).await;
    let left = list_names(&folder);
    assert_eq!(left.len(), 7 + 4 + 3, "{left:?}");
    assert_eq!(made.removed.len(), 60 - 11);
    for days in 0..7 {
        assert!(left.contains(&name(days)), "{left:?}");
    }
    for other in ["mamcrawler-old.backup", "notes.txt", ".hidden"] {
        assert!(left.contains(&other.to_owned()), "{left:?}");
    }
    // Elsewhere nothing is removed.
    let elsewhere = tempfile::tempdir().unwrap();
    for days in 1..20 {
        std::fs::write(elsewhere.path().join(name(days)), "x").unwrap();
    }
    let made = make_backup(&app.services, Some(elsewhere.path())).await.unwrap();
    assert_eq!((made.removed.len(), list_names(elsewhere.path()).len()), (0, 20));
}
