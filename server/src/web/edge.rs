//! What the layers around the routes share.

use std::ops::Deref;
use std::sync::Arc;

use crate::config::EdgeConfig;

use super::overload::Places;
use super::rate::RateLimiter;
use super::streams::EventStreams;

/// Settings, counts, open streams and places of this process. Cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<Parts>);

/// What is behind [`Edge`].
pub struct Parts {
    pub config: EdgeConfig,
    pub limiter: RateLimiter,
    pub streams: Arc<EventStreams>,
    pub places: Places,
}

impl Edge {
    pub fn new(config: EdgeConfig) -> Self {
        Self(Arc::new(Parts {
            limiter: RateLimiter::new(&config.rates),
            streams: Arc::new(EventStreams::new(config.event_streams_per_person)),
            places: Places::new(config.requests_at_once, config.request_wait),
            config,
        }))
    }
}

impl Deref for Edge {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
