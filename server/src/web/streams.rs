//! How many event streams a person has open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use services::Actor;
use types::{ErrorCode, UserId};

use super::error::JsonError;

/// A page that was closed without a word is noticed by the next keep-alive.
const RETRY_AFTER_SECONDS: u64 = 20;

/// The open streams of this process.
pub struct EventStreams {
    most_per_person: usize,
    open: Mutex<HashMap<UserId, usize>>,
}

impl EventStreams {
    pub fn new(most_per_person: usize) -> Self {
        Self {
            most_per_person,
            open: Mutex::default(),
        }
    }

    /// Takes a place for one stream; it is free again when the slot is dropped.
    ///
    /// # Errors
    /// The person has as many open as the settings allow.
    pub fn open(self: &Arc<Self>, actor: &Actor) -> Result<StreamSlot, JsonError> {
        let user = actor.user_id().ok_or(ErrorCode::Forbidden)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(user).or_default();
        if *count >= self.most_per_person {
            let message = format!(
                "{} live pages are open already, which is the most. Close one of them.",
                self.most_per_person
            );
            return Err(JsonError::new(ErrorCode::RateLimitExceeded, message).retry_after(RETRY_AFTER_SECONDS));
        }
        *count += 1;
        Ok(StreamSlot {
            streams: Arc::clone(self),
            user,
        })
    }
}

/// One open stream: belongs into it.
pub struct StreamSlot {
    streams: Arc<EventStreams>,
    user: UserId,
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}
