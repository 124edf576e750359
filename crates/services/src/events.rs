//! Changes for open pages, from every process of the installation.

use std::sync::OnceLock;

use futures::{Stream, StreamExt};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use types::events::LiveEvent;

use crate::Services;
use crate::error::Result;

/// Events that a slow page may lag behind; it misses the older ones and fetches what it shows anyway.
const BUFFER: usize = 256;

/// One connection to the database for all pages of this process.
#[derive(Default)]
pub(crate) struct Broadcast {
    sender: OnceLock<broadcast::Sender<LiveEvent>>,
}

/// Every change from now on, until dropped.
pub fn subscribe(services: &Services) -> impl Stream<Item = LiveEvent> + Send + Unpin + use<> {
    let sender = services
        .inner
        .events
        .sender
        .get_or_init(|| start_listening(services.database_url()));
    Box::pin(BroadcastStream::new(sender.subscribe()).filter_map(|event| async { event.ok() }))
}

/// Tells open pages of a change, in the caller's transaction.
pub async fn publish(conn: &mut db::Connection, event: &LiveEvent) -> Result<()> {
    Ok(db::events::notify(conn, event).await?)
}

fn start_listening(database_url: &str) -> broadcast::Sender<LiveEvent> {
    let (sender, _) = broadcast::channel(BUFFER);
    let mut events = db::events::listen(database_url);
    let forwarder = sender.clone();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            // An error means that no page is open.
            let _ = forwarder.send(event);
        }
    });
    sender
}
