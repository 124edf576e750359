//! What is known of the provider: kept for an hour, and for longer while it does not answer. A failure is kept for a
//! moment, so that clicks don't become requests.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clients::ClientError;
use clients::oidc::{Keys, Metadata, OidcClient, OidcError};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::Instrument;

use super::config::{Stored, adopt_issuer};
use super::refusal::Refused;
use crate::{ServiceError, Services};

const FRESH: TimeDelta = TimeDelta::hours(1);
/// A made-up key id must not make us ask the provider again and again.
const KEYS_AT_MOST_EVERY: TimeDelta = TimeDelta::seconds(60);
/// A provider that failed is left alone this long.
const FAILED_AT_MOST_EVERY: TimeDelta = TimeDelta::seconds(30);
/// For all that is asked at once.
const ASKED_AT_LONGEST: Duration = Duration::from_secs(20);

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
    memory: Arc<Mutex<Memory>>,
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
    /// When that was known: from then on the provider is left alone.
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
    let mut memory = lock_memory(services).await;
    (memory.failure, memory.keys_failure) = (None, None);
}

/// The provider of the settings; asked for its configuration if that is old or of another issuer.
pub(super) async fn load(services: &Services, stored: &Stored) -> Result<Arc<Known>, Refused> {
    let issuer = &stored.settings.issuer;
    let known = recall_or_ask(services, issuer).await?;
    if known.metadata.issuer != *issuer {
        adopt_issuer(services, &stored.settings, &known.metadata.issuer).await?;
    }
    Ok(known)
}

async fn recall_or_ask(services: &Services, issuer: &str) -> Result<Arc<Known>, Refused> {
    let mut memory = lock_memory(services).await;
    if let Some(recalled) = memory.recall(issuer, services.now()) {
        return recalled;
    }
    let (services, issuer) = (services.clone(), issuer.to_owned());
    see_through(async move { memory.ask(&services, &issuer).await }).await
}

/// One asks at a time.
async fn lock_memory(services: &Services) -> OwnedMutexGuard<Memory> {
    Arc::clone(&services.inner.oidc.memory).lock_owned().await
}

/// Asks to the end, and keeps the answer, also when nobody waits for it any more. Else whoever clicks and hangs up would
/// make a request of every click.
async fn see_through(
    asking: impl Future<Output = Result<Arc<Known>, Refused>> + Send + 'static,
) -> Result<Arc<Known>, Refused> {
    tokio::spawn(asking.in_current_span())
        .await
        .map_err(ServiceError::internal)?
}

impl Memory {
    /// What is known without asking; `None`: it has to be asked.
    fn recall(&self, issuer: &str, now: DateTime<Utc>) -> Option<Result<Arc<Known>, Refused>> {
        let fresh = self.known_of(issuer).filter(|known| now < known.asked_at + FRESH);
        if let Some(known) = fresh {
            return Some(Ok(Arc::clone(known)));
        }
        let failure = self.failure.as_ref().filter(|failure| failure.holds(issuer, now))?;
        Some(self.bear(failure))
    }

    fn known_of(&self, issuer: &str) -> Option<&Arc<Known>> {
        self.known
            .as_ref()
            .filter(|known| is_same(&known.metadata.issuer, issuer))
    }

    /// The provider may be restarting, and what is known of it is most likely still true.
    fn bear(&self, failure: &Failure) -> Result<Arc<Known>, Refused> {
        match self.known_of(&failure.issuer) {
            Some(known) if failure.is_outage() => Ok(Arc::clone(known)),
            _ => Err(failure.refuse()),
        }
    }

    /// Keeps the answer, or what was wrong with it.
    async fn ask(&mut self, services: &Services, issuer: &str) -> Result<Arc<Known>, Refused> {
        match ask(services, issuer).await {
            Ok(known) => {
                let known = Arc::new(known);
                *self = Self {
                    known: Some(Arc::clone(&known)),
                    ..Self::default()
                };
                Ok(known)
            }
            Err(error) => {
                tracing::warn!("the sign-in provider's configuration could not be read: {error}");
                let failure = Failure::new(issuer, services.now(), error);
                let answer = self.bear(&failure);
                self.failure = Some(failure);
                answer
            }
        }
    }

    /// The same for the keys alone.
    async fn ask_for_keys(&mut self, services: &Services, newest: &Known) -> Result<Arc<Known>, Refused> {
        let fetched = end_within(ASKED_AT_LONGEST, newest.client.fetch_keys(&newest.metadata)).await;
        let now = services.now();
        match fetched {
            Ok(keys) => {
                let refreshed = Known {
                    keys,
                    keys_asked_at: now,
                    ..newest.clone()
                };
                Ok(Arc::clone(self.known.insert(Arc::new(refreshed))))
            }
            Err(error) => {
                let failure = Failure::new(&newest.metadata.issuer, now, error);
                Err(self.keys_failure.insert(failure).refuse())
            }
        }
    }
}

/// The provider with its newest keys, after a token named one that is not among `known`. At most once a minute.
pub(super) async fn reload_keys(services: &Services, known: &Arc<Known>) -> Result<Arc<Known>, Refused> {
    let mut memory = lock_memory(services).await;
    // Read after the wait: somebody else may have asked meanwhile.
    let now = services.now();
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
    let services = services.clone();
    see_through(async move { memory.ask_for_keys(&services, &newest).await }).await
}

/// Asks a provider for its configuration and keys.
pub(super) async fn ask(services: &Services, issuer: &str) -> Result<Known, OidcError> {
    let client = OidcClient::new()?;
    let (metadata, keys) = end_within(ASKED_AT_LONGEST, async {
        let metadata = client.discover(issuer).await?;
        let keys = client.fetch_keys(&metadata).await?;
        Ok((metadata, keys))
    })
    .await?;
    // Times count from the end: it may have taken as long as a failure is kept.
    let now = services.now();
    Ok(Known {
        client,
        metadata,
        keys,
        asked_at: now,
        keys_asked_at: now,
    })
}

/// Each lookup, redirect and answer has a limit of its own; together they would be minutes, in which others wait.
async fn end_within<T>(limit: Duration, asking: impl Future<Output = Result<T, OidcError>>) -> Result<T, OidcError> {
    tokio::time::timeout(limit, asking).await.unwrap_or_else(|_| {
        let late = ClientError::TimedOut {
            service: "The sign-in provider".into(),
            seconds: limit.as_secs(),
        };
        Err(late.into())
    })
}

/// The settings are adopted from the provider, so they differ by a slash for a moment at most.
pub(super) fn is_same(known: &str, entered: &str) -> bool {
    known.strip_suffix('/').unwrap_or(known) == entered.strip_suffix('/').unwrap_or(entered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_provider_that_does_not_come_to_an_end_is_given_up() {
        let endless = std::future::pending::<Result<(), OidcError>>();
        let late = end_within(Duration::from_millis(1), endless).await.unwrap_err();
        assert!(
            matches!(late, OidcError::Client(ClientError::TimedOut { .. })),
            "{late:?}"
        );
        assert_eq!(end_within(ASKED_AT_LONGEST, async { Ok(7) }).await, Ok(7));
    }
}
