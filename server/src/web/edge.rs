//! What the layers around the routes share.

use std::ops::Deref;
use std::sync::Arc;

use crate::config::EdgeConfig;

use super::rate::RateLimiter;
use super::streams::EventStreams;

/// Settings, counts and open streams of this process. Cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<Parts>);

/// What is behind [`Edge`].
pub struct Parts {
    pub config: EdgeConfig,
    pub limiter: RateLimiter,
    pub streams: Arc<EventStreams>,
}

impl Edge {
    pub fn new(config: EdgeConfig) -> Self {
        Self(Arc::new(Parts {
            limiter: RateLimiter::new(&config.rates),
            streams: Arc::new(EventStreams::new(config.event_streams_per_person)),
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
