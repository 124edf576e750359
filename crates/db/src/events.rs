//! Change notices for open pages, over PostgreSQL's NOTIFY, so that they reach every process.

use std::time::Duration;

use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use futures::{Stream, StreamExt, future, stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, NoTls};
use types::events::LiveEvent;

use crate::error::DbResult;
use crate::pool::Connection;

const CHANNEL: &str = "mamcrawler_events";
const RECONNECT: Duration = Duration::from_secs(2);
/// Events that a slow reader may lag behind before the listener waits for it.
const BUFFER: usize = 1024;

/// Sends `event` when the surrounding transaction commits, or at once outside of one.
pub async fn notify(conn: &mut Connection, event: &LiveEvent) -> DbResult<()> {
    let payload = serde_json::to_string(event)?;
    diesel::sql_query("SELECT pg_notify($1, $2)")
        .bind::<Text, _>(CHANNEL)
        .bind::<Text, _>(payload)
        .execute(conn)
        .await?;
    Ok(())
}

/// Every event from now on, until dropped. Reconnects by itself; [`LiveEvent::Missed`] stands for those of the time before
/// each connection.
pub fn listen(url: &str) -> impl Stream<Item = LiveEvent> + Send + Unpin + use<> {
    let (sender, receiver) = mpsc::channel(BUFFER);
    let listening = Listening(tokio::spawn(keep_listening(url.to_owned(), sender)));
    Box::pin(stream::unfold(
        (receiver, listening),
        |(mut receiver, listening)| async move { Some((receiver.recv().await?, (receiver, listening))) },
    ))
}

/// Ends with its reader: once dropped, it says no more, whatever becomes of the database.
struct Listening(JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep_listening(url: String, sender: mpsc::Sender<LiveEvent>) {
    loop {
        if let Err(error) = listen_once(&url, &sender).await {
            tracing::warn!("lost the change notices, listening again in 2 s: {error}");
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn listen_once(url: &str, sender: &mpsc::Sender<LiveEvent>) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
    let mut messages = stream::poll_fn(move |ctx| connection.poll_message(ctx)).fuse();
    let listening = client.batch_execute(concat!("LISTEN ", "mamcrawler_events"));
    let reading = async {
        while let Some(message) = messages.next().await {
            let AsyncMessage::Notification(notification) = message? else {
                continue;
            };
            // A word of a newer version is no reason to stop listening.
            let Ok(event) = serde_json::from_str(notification.payload()) else {
                continue;
            };
            // Without a reader there is nobody to listen for.
            let _ = sender.send(event).await;
        }
        Ok(())
    };
    // LISTEN is answered through `reading`, which ends only with the connection.
    let listening_forever = async {
        listening.await?;
        let _ = sender.send(LiveEvent::Missed).await;
        future::pending().await
    };
    tokio::select! {
        result = reading => result,
        result = listening_forever => result,
    }
}
