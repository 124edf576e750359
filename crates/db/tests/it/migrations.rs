//! The schema.

use std::path::Path;

use db::{DbError, SchemaState};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, SimpleAsyncConnection};
use diesel_migrations::MigrationHarness;
use testing::TestDatabase;

#[tokio::test]
async fn schema_rs_equals_what_the_migrations_give() {
    let database = TestDatabase::new().await;
    let printed = db::schema_dump::print_schema(&mut *database.connection().await)
        .await
        .unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema.rs");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        printed == committed,
        "run `cargo run -p db --example print_schema -- <url> > crates/db/src/schema.rs`"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_goes_down_and_up_again() {
    let database = TestDatabase::new().await;
    let before = db::schema_dump::print_schema(&mut *database.connection().await)
        .await
        .unwrap();
    let conn = db::Connection::establish(database.url()).await.unwrap();
    let mut harness = AsyncMigrationHarness::new(conn);
    let reverted = harness.revert_all_migrations(db::MIGRATIONS).unwrap();
    assert!(reverted.len() >= 4);
    let empty = db::schema_dump::print_schema(&mut *database.connection().await)
        .await
        .unwrap();
    assert!(!empty.contains("table!"), "left behind: {empty}");
    assert_eq!(db::migrate(database.url()).await.unwrap(), reverted.len());
    let after = db::schema_dump::print_schema(&mut *database.connection().await)
        .await
        .unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn an_ordinary_role_that_owns_its_database_can_migrate_it_and_remove_old_audit_lines() {
    let database = TestDatabase::new().await;
    let (_, name) = database.url().rsplit_once('/').unwrap();
    let give_away = format!(
        "CREATE ROLE ordinary LOGIN NOSUPERUSER; DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION ordinary;
         ALTER DATABASE {name} OWNER TO ordinary"
    );
    database.connection().await.batch_execute(&give_away).await.unwrap();
    let url = database.url().replacen("//postgres@", "//ordinary@", 1);
    assert_ne!(url, database.url());
    assert!(db::migrate(&url).await.unwrap() >= 4);
    let mut conn = db::Connection::establish(&url).await.unwrap();
    let line = "INSERT INTO audit_log (at, actor, action) VALUES (now() - INTERVAL '400 days', 'anna', 'old')";
    conn.batch_execute(line).await.unwrap();
    let closed = conn.batch_execute("DELETE FROM audit_log").await.unwrap_err();
    assert!(closed.to_string().contains("append-only"), "{closed}");
    let remove = "DO $$ BEGIN ASSERT remove_audit_log_before(now()) = 1; END $$";
    conn.batch_execute(remove).await.unwrap();
}

#[tokio::test]
async fn migrating_twice_at_once_applies_everything_once() {
    let database = TestDatabase::new().await;
    database
        .connection()
        .await
        .batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .await
        .unwrap();
    let (first, second) = tokio::join!(db::migrate(database.url()), db::migrate(database.url()));
    let mut applied = [first.unwrap(), second.unwrap()];
    applied.sort_unstable();
    assert_eq!(applied[0], 0);
    assert!(applied[1] >= 4);
}

#[tokio::test]
async fn database_of_a_newer_version_is_refused() {
    let database = TestDatabase::new().await;
    let sql = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')";
    database.connection().await.batch_execute(sql).await.unwrap();
    let error = db::migrate(database.url()).await.unwrap_err();
    assert!(
        matches!(&error, DbError::NewerDatabase(version) if version == "20991231000000"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_older_newer_or_the_same_is_told_apart() {
    let database = TestDatabase::new().await;
    let mut conn = database.connection().await;
    let state = db::read_schema_state(&mut conn).await.unwrap();
    let SchemaState::Current(newest) = state else {
        panic!("{state:?}")
    };
    assert!(newest.starts_with("2026"), "{newest}");

    let mut harness = AsyncMigrationHarness::new(db::Connection::establish(database.url()).await.unwrap());
    harness.revert_last_migration(db::MIGRATIONS).unwrap();
    assert_eq!(db::read_schema_state(&mut conn).await.unwrap(), SchemaState::Behind(1));
    let all = 1 + harness.revert_all_migrations(db::MIGRATIONS).unwrap().len();
    assert_eq!(
        db::read_schema_state(&mut conn).await.unwrap(),
        SchemaState::Behind(all)
    );
    conn.batch_execute("DROP TABLE __diesel_schema_migrations")
        .await
        .unwrap();
    assert_eq!(
        db::read_schema_state(&mut conn).await.unwrap(),
        SchemaState::Behind(all)
    );

    assert_eq!(db::migrate(database.url()).await.unwrap(), all);
    conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')")
        .await
        .unwrap();
    let newer = db::read_schema_state(&mut conn).await.unwrap();
    assert_eq!(newer, SchemaState::Ahead("99990101000000".into()));
}
