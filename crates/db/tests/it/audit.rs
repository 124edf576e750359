//! The audit log is append-only, whatever a program with our own rights tries.

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use testing::TestDatabase;

const LINES: &str = "INSERT INTO audit_log (at, actor, action) VALUES
    (now() - INTERVAL '400 days', 'anna', 'oldest'), (now() - INTERVAL '40 days', 'anna', 'old'), (now(), 'anna', 'new')";

async fn count(database: &TestDatabase) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let query = sql_query("SELECT count(*) AS count FROM audit_log");
    let Count { count } = query.get_result(&mut *database.connection().await).await.unwrap();
    count
}

#[tokio::test]
async fn lines_can_neither_be_changed_nor_removed() {
    let database = TestDatabase::new().await;
    database.connection().await.batch_execute(LINES).await.unwrap();
    for sql in [
        "UPDATE audit_log SET actor = 'mallory'",
        "DELETE FROM audit_log",
        "DELETE FROM audit_log WHERE action = 'oldest'",
        "TRUNCATE audit_log",
        "TRUNCATE audit_log CASCADE",
        "INSERT INTO audit_log (id, at, actor, action) OVERRIDING SYSTEM VALUE VALUES (1, now(), 'x', 'x')
            ON CONFLICT (id) DO UPDATE SET actor = 'mallory'",
        // The setting alone opens nothing but what is old.
        "SET mamcrawler.audit_retention = 'on'; UPDATE audit_log SET actor = 'mallory'",
        "SET mamcrawler.audit_retention = 'on'; TRUNCATE audit_log",
        "SET mamcrawler.audit_retention = 'on'; DELETE FROM audit_log WHERE action = 'new'",
        "SET session_replication_role = 'replica'; DELETE FROM audit_log",
    ] {
        let error = database.connection().await.batch_execute(sql).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
        assert_eq!(count(&database).await, 3, "{sql}");
    }
}

#[tokio::test]
async fn old_lines_are_removed_by_the_one_function_and_the_last_30_days_stay() {
    let database = TestDatabase::new().await;
    database.connection().await.batch_execute(LINES).await.unwrap();
    let remove = async |days: i64| {
        let moment = now(&database).await - chrono::TimeDelta::days(days);
        let mut conn = database.connection().await;
        db::audit_log::delete_audit_entries_before(&mut conn, moment)
            .await
            .unwrap()
    };
    assert_eq!(remove(365).await, 1);
    assert_eq!(remove(-1).await, 1, "the newest is younger than 30 days");
    assert_eq!(count(&database).await, 1);
    let after = database.connection().await.batch_execute("DELETE FROM audit_log").await;
    assert!(after.is_err(), "the way is closed again");
    let at_once = "BEGIN; SELECT remove_audit_log_before(now());
        INSERT INTO audit_log (at, actor, action) VALUES (now() - INTERVAL '40 days', 'anna', 'old'); DELETE FROM audit_log";
    let error = database.connection().await.batch_execute(at_once).await.unwrap_err();
    assert!(
        error.to_string().contains("append-only"),
        "in the same transaction too: {error}"
    );
}

async fn now(database: &TestDatabase) -> chrono::DateTime<chrono::Utc> {
    #[derive(QueryableByName)]
    struct Now {
        #[diesel(sql_type = diesel::sql_types::Timestamptz)]
        now: chrono::DateTime<chrono::Utc>,
    }
    let query = sql_query("SELECT now() AS now");
    let Now { now } = query.get_result(&mut *database.connection().await).await.unwrap();
    now
}
