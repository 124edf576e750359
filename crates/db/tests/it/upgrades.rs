//! Databases of before, with data in them, under newer migrations: nothing is lost on the way up or down.

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncMigrationHarness, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::MigrationHarness;
use testing::TestDatabase;

/// The schema whose rows `schema_14.sql` holds.
const SEEDED: &str = "20261122000014";

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
}

async fn connect(database: &TestDatabase) -> db::Connection {
    db::Connection::establish(database.url()).await.unwrap()
}

async fn harness(database: &TestDatabase) -> AsyncMigrationHarness<db::Connection> {
    AsyncMigrationHarness::new(connect(database).await)
}

/// The migrations after the seeded schema, in order.
fn list_newer() -> Vec<Box<dyn Migration<Pg>>> {
    let mut all: Vec<Box<dyn Migration<Pg>>> = db::MIGRATIONS.migrations().unwrap();
    all.sort_by_key(|migration| migration.name().version().to_string());
    all.retain(|migration| migration.name().version().to_string().as_str() > SEEDED);
    all
}

/// A database of the seeded schema with rows in every table.
async fn make_seeded() -> TestDatabase {
    let database = TestDatabase::new().await;
    database
        .run_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .await;
    let mut all: Vec<Box<dyn Migration<Pg>>> = db::MIGRATIONS.migrations().unwrap();
    all.sort_by_key(|migration| migration.name().version().to_string());
    all.retain(|migration| migration.name().version().to_string().as_str() <= SEEDED);
    let mut harness = harness(&database).await;
    // Makes the table of the migrations itself.
    assert_eq!(harness.applied_migrations().unwrap().len(), 0);
    for migration in &all {
        harness.run_migration(migration).unwrap();
    }
    connect(&database)
        .await
        .batch_execute(include_str!("schema_14.sql"))
        .await
        .unwrap();
    database
}

/// Tables with their columns: "users: created_at, email, …".
async fn list_columns(database: &TestDatabase) -> Vec<(String, String)> {
    let sql = "SELECT table_name || ':' || string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) AS text
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'
        GROUP BY table_name ORDER BY table_name";
    let rows: Vec<Row> = diesel::sql_query(sql).load(&mut connect(database).await).await.unwrap();
    let split = |row: &Row| {
        let (table, columns) = row.text.split_once(':').unwrap();
        (table.to_owned(), columns.to_owned())
    };
    rows.iter().map(split).collect()
}

/// Every value of these columns, as text.
async fn read_values(database: &TestDatabase, columns: &[(String, String)]) -> Vec<(String, String)> {
    let mut conn = connect(database).await;
    let mut values = Vec::new();
    for (table, columns) in columns {
        let sql = format!(
            "SELECT coalesce(string_agg(line, E'\\n' ORDER BY line), '') AS text
             FROM (SELECT ROW({columns})::text AS line FROM {table}) AS lines"
        );
        let row: Row = diesel::sql_query(sql).get_result(&mut conn).await.unwrap();
        values.push((table.clone(), row.text));
    }
    values
}

fn check_same(before: &[(String, String)], after: &[(String, String)], when: &str) {
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before, after, "{when}");
    }
    assert_eq!(before.len(), after.len(), "{when}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_of_an_older_schema_is_there_after_the_update() {
    let database = make_seeded().await;
    let columns = list_columns(&database).await;
    let before = read_values(&database, &columns).await;
    for (table, values) in &before {
        assert!(!values.is_empty(), "schema_14.sql has no rows for {table}");
    }
    assert_eq!(db::migrate(database.url()).await.unwrap(), list_newer().len());
    let after = read_values(&database, &columns).await;
    check_same(&before, &after, "after the update");
    // What is counted goes on from where it was.
    database
        .run_sql(
            "INSERT INTO run_log (run_id, at, level, sentence) SELECT run_id, at, level, 'new' FROM run_log LIMIT 1",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_newer_migration_goes_up_down_and_up_again_with_data_in_it() {
    let database = make_seeded().await;
    let newer = list_newer();
    assert!(!newer.is_empty());
    for migration in &newer {
        let name = migration.name().to_string();
        let columns = list_columns(&database).await;
        let before = read_values(&database, &columns).await;
        let mut harness = harness(&database).await;
        harness.run_migration(migration).unwrap();
        check_same(
            &before,
            &read_values(&database, &columns).await,
            &format!("after {name}"),
        );
        harness.revert_migration(migration).unwrap();
        assert_eq!(
            list_columns(&database).await,
            columns,
            "{name} down leaves other columns"
        );
        check_same(
            &before,
            &read_values(&database, &columns).await,
            &format!("after {name} down"),
        );
        harness.run_migration(migration).unwrap();
        check_same(
            &before,
            &read_values(&database, &columns).await,
            &format!("after {name} again"),
        );
    }
    assert_eq!(db::migrate(database.url()).await.unwrap(), 0, "that was all of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_newest_schema_all_the_way_down_to_the_older_one_and_up_again_keeps_its_data() {
    let database = make_seeded().await;
    let columns = list_columns(&database).await;
    let before = read_values(&database, &columns).await;
    db::migrate(database.url()).await.unwrap();
    let newest = db::schema_dump::print_schema(&mut *database.connection().await)
        .await
        .unwrap();
    let mut harness = harness(&database).await;
    for migration in list_newer().iter().rev() {
        harness.revert_migration(migration).unwrap();
    }
    assert_eq!(list_columns(&database).await, columns);
    check_same(&before, &read_values(&database, &columns).await, "down");
    db::migrate(database.url()).await.unwrap();
    check_same(&before, &read_values(&database, &columns).await, "up again");
    let again = db::schema_dump::print_schema(&mut *database.connection().await)
        .await
        .unwrap();
    assert_eq!(newest, again);
}
