//! What is known of the provider: kept for an hour, and for longer while it does not answer. A failure is kept for a
//! moment, so that clicks don't become requests.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use clients::oidc::{Keys, Metadata, OidcClient, OidcError};
use tokio::sync::Mutex;

use super::config::{Stored, adopt_issuer};
use super::refusal::Refused;
use crate::Services;

const FRESH: TimeDelta = TimeDelta::hours(1);
/// A made-up key id must not make us ask the provider again and again.
const KEYS_AT_MOST_EVERY: TimeDelta = TimeDelta::seconds(60);
/// A provider that failed is left alone this long.
const FAILED_AT_MOST_EVERY: TimeDelta = TimeDelta::seconds(30);

/// A provider that has answered.
#[derive(Clone)]
pub(super) struct Known {
    pub client: OidcClient,
    pub metadata: Metadata,
    pub keys: Keys,
    asked_at: DateTime<Utc>,
    keys_asked_at: DateTime<Utc>,
}

impl Known {
    /// Scopes that the provider does not name among its own. It need not name them, so this is a hint.
    pub fn absent_scopes(&self, asked: &[String]) -> Vec<String> {
        let Some(offered) = &self.metadata.scopes else {
            return Vec::new();
        };
        asked.iter().filter(|scope| !offered.contains(scope)).cloned().collect()
    }
}

/// The provider of the settings as this process knows it. People who come while it is asked wait for that answer.
#[derive(Default)]
pub(crate) struct ProviderCache {
    memory: Mutex<Memory>,
}

/// Of one provider, the newest one.
#[derive(Default)]
struct Memory {
    known: Option<Arc<Known>>,
    /// When it was asked for everything, and when for new keys.
    failure: Option<Failure>,
    keys_failure: Option<Failure>,
}

/// A question that was not answered as it should be.
struct Failure {
    issuer: String,
    at: DateTime<Utc>,
    error: OidcError,
}

impl Failure {
    fn new(issuer: &str, at: DateTime<Utc>, error: OidcError) -> Self {
        Self {
            issuer: issuer.into(),
            at,
            error,
        }
    }

    /// Whether the provider of `issuer` failed so shortly ago that it is not asked again.
    fn holds(&self, issuer: &str, now: DateTime<Utc>) -> bool {
        // A clock that was set back must not make anybody wait longer.
        is_same(&self.issuer, issuer) && (self.at..self.at + FAILED_AT_MOST_EVERY).contains(&now)
    }

    fn is_outage(&self) -> bool {
        matches!(self.error, OidcError::Client(_))
    }

    fn refuse(&self) -> Refused {
        let mut refused = Refused::from(self.error.clone());
        let sentence = &mut refused.error.message;
        sentence.push_str(" A provider that failed is asked again after 30 seconds; try again then.");
        refused
    }
}

/// After an edit of the settings the provider is asked at once.
pub(super) async fn forget_failures(services: &Services) {
    let mut memory = services.inner.oidc.memory.lock().await;
    (memory.failure, memory.keys_failure) = (None, None);
}

/// The provider of the settings; asked for its configuration if that is old or of another issuer.
pub(super) async fn load(services: &Services, stored: &Stored) -> Result<Arc<Known>, Refused> {
    let issuer = &stored.settings.issuer;
    let known = services
        .inner
        .oidc
        .memory
        .lock()
        .await
        .recall(issuer, services.now())
        .await?;
    if known.metadata.issuer != *issuer {
        adopt_issuer(services, &stored.settings, &known.metadata.issuer).await?;
    }
    Ok(known)
}

impl Memory {
    async fn recall(&mut self, issuer: &str, now: DateTime<Utc>) -> Result<Arc<Known>, Refused> {
        let usable = self
            .known
            .clone()
            .filter(|known| is_same(&known.metadata.issuer, issuer));
        if let Some(known) = usable.as_ref().filter(|known| now < known.asked_at + FRESH) {
            return Ok(Arc::clone(known));
        }
        if self.failure.as_ref().is_none_or(|failure| !failure.holds(issuer, now)) {
            self.ask(issuer, now).await;
        }
        match (&self.failure, usable) {
            (None, _) => Ok(Arc::clone(self.known.as_ref().expect("an answer was just kept"))),
            // It may be restarting, and what is known is most likely still true.
            (Some(failure), Some(known)) if failure.is_outage() => Ok(known),
            (Some(failure), _) => Err(failure.refuse()),
        }
    }

    /// Keeps the answer, or what was wrong with it.
    async fn ask(&mut self, issuer: &str, now: DateTime<Utc>) {
        match ask(issuer, now).await {
            Ok(known) => {
                *self = Self {
                    known: Some(Arc::new(known)),
                    ..Self::default()
                }
            }
            Err(error) => {
                tracing::warn!("the sign-in provider's configuration could not be read: {error}");
                self.failure = Some(Failure::new(issuer, now, error));
            }
        }
    }
}

/// The provider with its newest keys, after a token named one that is not among `known`. At most once a minute.
pub(super) async fn reload_keys(services: &Services, known: &Arc<Known>) -> Result<Arc<Known>, Refused> {
    let now = services.now();
    let mut memory = services.inner.oidc.memory.lock().await;
    let newest = match memory.known.as_ref() {
        Some(newest) if newest.metadata == known.metadata => Arc::clone(newest),
        _ => Arc::clone(known),
    };
    // Somebody else's sign-in may have fetched them since; and nobody may make us fetch them all the time.
    if now < newest.keys_asked_at + KEYS_AT_MOST_EVERY {
        return Ok(newest);
    }
    let issuer = &newest.metadata.issuer;
    if let Some(failure) = memory
        .keys_failure
        .as_ref()
        .filter(|failure| failure.holds(issuer, now))
    {
        return Err(failure.refuse());
    }
    let keys = match newest.client.fetch_keys(&newest.metadata).await {
        Ok(keys) => keys,
        Err(error) => return Err(memory.keys_failure.insert(Failure::new(issuer, now, error)).refuse()),
    };
    let refreshed = Arc::new(Known {
        keys,
        keys_asked_at: now,
        ..(*newest).clone()
    });
    memory.known = Some(Arc::clone(&refreshed));
    Ok(refreshed)
}

/// Asks a provider for its configuration and keys.
pub(super) async fn ask(issuer: &str, now: DateTime<Utc>) -> Result<Known, OidcError> {
    let client = OidcClient::new()?;
    let metadata = client.discover(issuer).await?;
    Ok(Known {
        keys: client.fetch_keys(&metadata).await?,
        client,
        metadata,
        asked_at: now,
        keys_asked_at: now,
    })
}

/// The settings are adopted from the provider, so they differ by a slash for a moment at most.
pub(super) fn is_same(known: &str, entered: &str) -> bool {
    known.strip_suffix('/').unwrap_or(known) == entered.strip_suffix('/').unwrap_or(entered)
}
