//! Change notices.

use std::time::Duration;

use db::events::{listen, notify};
use diesel_async::AsyncConnection;
use futures::StreamExt;
use testing::TestDatabase;
use types::DownloadId;
use types::events::LiveEvent;
use uuid::Uuid;

/// Sends `event` until the listener, which connects in the background, has heard something.
async fn hear(
    database: &TestDatabase,
    stream: &mut (impl futures::Stream<Item = LiveEvent> + Unpin),
    event: LiveEvent,
) {
    let mut conn = database.connection().await;
    let heard = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            notify(&mut conn, &event).await.unwrap();
            tokio::select! {
                heard = stream.next() => if heard.as_ref() == Some(&event) { return },
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
    });
    heard.await.expect("the notice arrives");
}

#[tokio::test]
async fn notice_reaches_a_listener_and_survives_a_lost_connection() {
    let database = TestDatabase::new().await;
    let mut stream = listen(database.url());
    hear(&database, &mut stream, LiveEvent::Library).await;
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    diesel_async::RunQueryDsl::execute(diesel::sql_query(sql), &mut database.connection().await)
        .await
        .unwrap();
    hear(
        &database,
        &mut stream,
        LiveEvent::Download(DownloadId(Uuid::from_u128(7))),
    )
    .await;
}

#[tokio::test]
async fn notice_of_a_transaction_that_fails_is_never_sent() {
    let database = TestDatabase::new().await;
    let mut stream = listen(database.url());
    hear(&database, &mut stream, LiveEvent::Library).await;
    let mut conn = database.connection().await;
    let undone: db::DbResult<()> = conn
        .transaction(async |conn| {
            notify(conn, &LiveEvent::Account).await?;
            Err(db::DbError::NotFound)
        })
        .await;
    assert!(undone.is_err());
    notify(&mut conn, &LiveEvent::Integrations).await.unwrap();
    loop {
        match stream.next().await.unwrap() {
            LiveEvent::Library | LiveEvent::Missed => {}
            event => break assert_eq!(event, LiveEvent::Integrations),
        }
    }
}
