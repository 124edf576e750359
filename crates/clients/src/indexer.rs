//! What searches releases: MyAnonamouse, Prowlarr, any Torznab feed.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use types::integrations::TestOutcome;
use types::search::ReleaseFacts;

use crate::error::Result;

/// One question to an indexer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexerQuery {
    /// Free text; the indexer's client cleans it as the service needs.
    pub text: String,
    /// English names; the client sends those that the service knows, and none if the list is empty.
    pub languages: Vec<String>,
}

/// A release with what is needed to get it.
#[derive(Debug, Clone)]
pub struct FoundRelease {
    /// Stable id within the integration: MAM torrent id, or indexer id and guid.
    pub external_id: String,
    pub facts: ReleaseFacts,
    /// Opaque to everybody but the client that made it; holds keys, so it is stored encrypted.
    pub download_ref: SecretString,
    /// v1 hash in lower-case hex, where the indexer tells.
    pub info_hash: Option<String>,
}

/// Answer to one question.
#[derive(Debug, Default)]
pub struct Found {
    pub releases: Vec<FoundRelease>,
    /// Parts that did not answer, in words: "Prowlarr's indexer X is switched off until 14:20".
    pub warnings: Vec<String>,
}

/// The member's account. What the site did not say is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountFacts {
    pub username: Option<String>,
    pub class: Option<String>,
    pub ratio: Option<f64>,
    pub uploaded_bytes: Option<i64>,
    pub downloaded_bytes: Option<i64>,
    pub points: Option<i64>,
    pub wedges: Option<i64>,
    pub vip_until: Option<DateTime<Utc>>,
    pub unsatisfied_count: Option<i64>,
    pub unsatisfied_limit: Option<i64>,
    pub connectable: Option<String>,
}

#[async_trait]
pub trait Indexer: Send + Sync {
    /// Makes an authenticated call and says in words what works or what is wrong.
    async fn test(&self) -> Result<TestOutcome>;
    async fn search(&self, query: &IndexerQuery) -> Result<Found>;
    /// The bytes of a .torrent; checked to be bencode, not parsed.
    async fn fetch_torrent(&self, download_ref: &SecretString) -> Result<Vec<u8>>;
    /// `None` where the indexer has no account call.
    async fn account(&self) -> Result<Option<AccountFacts>>;
}

/// Where a rotating secret lives between calls. `save` returns only after it is durable.
#[async_trait]
pub trait SessionStore: Send + Sync {
    async fn load(&self) -> anyhow::Result<Option<SecretString>>;
    async fn save(&self, secret: &SecretString) -> anyhow::Result<()>;
}

/// Held while a request is in flight; the next one may start after it is dropped.
pub type Turn = Box<dyn Send + Sync>;

/// The one queue for a service: one request at a time over all processes, spaced and counted.
#[async_trait]
pub trait RequestQueue: Send + Sync {
    /// Waits for our turn. `ClientError::Paused` when the day's budget is used up or the queue is stopped.
    async fn wait_turn(&self) -> Result<Turn>;
    /// Stops the queue until `until`, or until a person acts (`None`).
    async fn pause(&self, until: Option<DateTime<Utc>>, sentence: &str) -> anyhow::Result<()>;
    fn now(&self) -> DateTime<Utc>;
}

/// An indexer that several tasks share.
pub type SharedIndexer = Arc<dyn Indexer>;
