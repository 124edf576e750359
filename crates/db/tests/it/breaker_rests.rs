//! Which process leaves which integration alone.

use chrono::{DateTime, TimeDelta, Utc};
use db::breaker_rests::{BreakerRestRow, delete_rest, delete_rests_before, list_rests, save_rest};
use db::integrations::delete_integration;
use diesel_async::SimpleAsyncConnection;
use testing::TestDatabase;
use types::IntegrationId;
use uuid::Uuid;

const TRACKER: IntegrationId = IntegrationId(Uuid::from_u128(1));

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_348_800, 0).unwrap()
}

fn rest(process: u128, seconds: i64) -> BreakerRestRow {
    BreakerRestRow {
        integration_id: TRACKER.0,
        process_id: Uuid::from_u128(process),
        process: format!("worker on attic (process {process})"),
        revision: 1,
        failures: 5,
        rests_until: now() + TimeDelta::seconds(seconds),
        reason: "It can't be reached.".into(),
    }
}

async fn new_database() -> (TestDatabase, db::PooledConnection) {
    let database = TestDatabase::new().await;
    let tracker = format!(
        "INSERT INTO integrations (id, kind, name, url, created_at, updated_at)
         VALUES ('{TRACKER}', 'torznab', 'Feed', 'http://127.0.0.1:1', now(), now())"
    );
    let mut conn = database.connection().await;
    conn.batch_execute(&tracker).await.unwrap();
    (database, conn)
}

#[tokio::test]
async fn each_process_says_the_newest_of_itself_and_what_is_over_is_not_listed() {
    let (_database, mut conn) = new_database().await;
    for said in [rest(2, 30), rest(1, 30), rest(3, 0), rest(2, 90)] {
        save_rest(&mut conn, &said).await.unwrap();
    }
    assert_eq!(list_rests(&mut conn, now()).await.unwrap(), [rest(1, 30), rest(2, 90)]);
    assert!(delete_rest(&mut conn, TRACKER, Uuid::from_u128(2)).await.unwrap());
    assert!(!delete_rest(&mut conn, TRACKER, Uuid::from_u128(2)).await.unwrap());
    assert_eq!(list_rests(&mut conn, now()).await.unwrap(), [rest(1, 30)]);
}

#[tokio::test]
async fn what_ended_long_ago_is_removed_and_so_is_what_an_integration_leaves() {
    let (_database, mut conn) = new_database().await;
    for said in [rest(1, -3601), rest(2, -3600), rest(3, 30)] {
        save_rest(&mut conn, &said).await.unwrap();
    }
    let an_hour_ago = now() - TimeDelta::hours(1);
    assert_eq!(delete_rests_before(&mut conn, an_hour_ago).await.unwrap(), 1);
    let epoch = DateTime::UNIX_EPOCH;
    assert_eq!(
        list_rests(&mut conn, epoch).await.unwrap(),
        [rest(2, -3600), rest(3, 30)]
    );
    assert!(delete_integration(&mut conn, TRACKER).await.unwrap());
    assert_eq!(list_rests(&mut conn, epoch).await.unwrap(), []);
}
