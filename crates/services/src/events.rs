//! Changes for open pages, from every process of the installation.

use std::collections::VecDeque;
use std::iter;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures::{Stream, StreamExt, stream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::BroadcastStream;
use types::events::LiveEvent;
use uuid::Uuid;

use crate::Services;
use crate::error::Result;

/// Changes that are kept for who comes late to them, and that a slow page may lag behind.
const KEPT: usize = 256;

/// One connection to the database for all pages of this process.
#[derive(Default)]
pub(crate) struct Broadcast {
    feed: OnceLock<Arc<Feed>>,
    forwarder: Mutex<Option<JoinHandle<()>>>,
}

/// A change, and the position behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub position: String,
    pub event: LiveEvent,
}

/// Where the changes are now: a page that is read from here on misses none of those after it.
pub fn position(services: &Services) -> String {
    let feed = feed(services);
    let last = feed.lock().last;
    feed.name(last)
}

/// The changes after a position, and every one from now on, until dropped. Without a position only the latter. Where some
/// can't be told any more, [`LiveEvent::Missed`] takes their place.
pub fn subscribe(services: &Services, after: Option<&str>) -> impl Stream<Item = Change> + Send + Unpin + use<> {
    let feed = feed(services);
    let told = feed.lock();
    let missed = after.map(|after| feed.since(&told, after)).unwrap_or_default();
    let coming = BroadcastStream::new(feed.sender.subscribe());
    drop(told);
    let changes = stream::iter(missed).chain(coming.map({
        let feed = Arc::clone(&feed);
        move |told| told.unwrap_or_else(|_| (feed.lock().last, LiveEvent::Missed))
    }));
    changes.map(move |(number, event)| Change {
        position: feed.name(number),
        event,
    })
}

/// Tells open pages of a change, in the caller's transaction.
pub async fn publish(conn: &mut db::Connection, event: &LiveEvent) -> Result<()> {
    Ok(db::events::notify(conn, event).await?)
}

/// Hears of no more changes, so that the database can be stopped without anybody missing it.
pub async fn stop_listening(services: &Services) {
    let forwarder = services.inner.events.lock_forwarder().take();
    if let Some(forwarder) = forwarder {
        forwarder.abort();
        // That it was aborted is what was wanted.
        let _ = forwarder.await;
    }
}

impl Broadcast {
    fn lock_forwarder(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.forwarder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn feed(services: &Services) -> Arc<Feed> {
    let feed = services.inner.events.feed.get_or_init(|| start_listening(services));
    Arc::clone(feed)
}

fn start_listening(services: &Services) -> Arc<Feed> {
    let feed = Arc::new(Feed::new(services.inner.process_id));
    let mut events = db::events::listen(services.database_url());
    let told = Arc::clone(&feed);
    let forwarder = tokio::spawn(async move {
        while let Some(event) = events.next().await {
            told.tell(event);
        }
    });
    *services.inner.events.lock_forwarder() = Some(forwarder);
    feed
}

type Numbered = (u64, LiveEvent);

/// What this process told, by numbers that go up from 1.
struct Feed {
    process_id: Uuid,
    told: Mutex<Told>,
    sender: broadcast::Sender<Numbered>,
}

#[derive(Default)]
struct Told {
    last: u64,
    kept: VecDeque<Numbered>,
}

impl Feed {
    fn new(process_id: Uuid) -> Self {
        Self {
            process_id,
            told: Mutex::default(),
            sender: broadcast::channel(KEPT).0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: LiveEvent) {
        let mut told = self.lock();
        told.last += 1;
        let change = (told.last, event);
        if told.kept.len() == KEPT {
            told.kept.pop_front();
        }
        told.kept.push_back(change.clone());
        // An error means that no page is open. Under the lock, so that who comes now hears it exactly once.
        let _ = self.sender.send(change);
    }

    /// Numbers of another process say nothing here.
    fn name(&self, number: u64) -> String {
        format!("{}-{number}", self.process_id.simple())
    }

    fn since(&self, told: &Told, after: &str) -> Vec<Numbered> {
        let first_kept = told.kept.front().map_or(told.last + 1, |(number, _)| *number);
        let number = after
            .rsplit_once('-')
            .filter(|(process, _)| *process == self.process_id.simple().to_string())
            .and_then(|(_, number)| number.parse::<u64>().ok())
            .filter(|number| (first_kept - 1..=told.last).contains(number));
        match number {
            Some(number) => told.kept.iter().filter(|(kept, _)| *kept > number).cloned().collect(),
            None => iter::once((told.last, LiveEvent::Missed)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed_that_told(count: u64) -> Feed {
        let feed = Feed::new(Uuid::from_u128(7));
        (0..count).for_each(|_| feed.tell(LiveEvent::Wants));
        feed
    }

    fn numbers(feed: &Feed, after: &str) -> Vec<u64> {
        let told = feed.since(&feed.lock(), after);
        assert!(told.iter().all(|(_, event)| *event == LiveEvent::Wants), "{told:?}");
        told.into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn who_comes_late_is_told_what_came_meanwhile() {
        let feed = feed_that_told(3);
        assert_eq!(numbers(&feed, &feed.name(0)), [1, 2, 3]);
        assert_eq!(numbers(&feed, &feed.name(2)), [3]);
        assert_eq!(numbers(&feed, &feed.name(3)), Vec::<u64>::new());
        let fresh = feed_that_told(0);
        assert_eq!(numbers(&fresh, &fresh.name(0)), Vec::<u64>::new());
    }

    #[test]
    fn what_is_kept_no_more_is_missed_and_not_passed_over() {
        let feed = feed_that_told(KEPT as u64 + 2);
        assert_eq!(numbers(&feed, &feed.name(2)).len(), KEPT);
        let missed = vec![(KEPT as u64 + 2, LiveEvent::Missed)];
        assert_eq!(feed.since(&feed.lock(), &feed.name(1)), missed);
    }

    #[test]
    fn a_position_of_another_process_or_of_nobody_is_one_that_missed_something() {
        let feed = feed_that_told(2);
        let other = Feed::new(Uuid::from_u128(8)).name(2);
        for after in [
            other.as_str(),
            "",
            "2",
            "x-2",
            &feed.name(3),
            &format!("{}-x", Uuid::from_u128(7).simple()),
        ] {
            assert_eq!(feed.since(&feed.lock(), after), [(2, LiveEvent::Missed)], "{after}");
        }
    }
}
