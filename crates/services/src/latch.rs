//! Remembers in the database that a torrent client refused our credentials, so that no process and no restart tries them
//! again: qBittorrent bans an address after a few failed logins.

use std::sync::Arc;

use async_trait::async_trait;
use clients::ClientError;
use clients::error::Result;
use clients::torrent_client::{AddTorrent, Added, ClientFile, TorrentClient, TorrentStatus, TrackerReport};
use types::IntegrationId;
use types::events::LiveEvent;
use types::integrations::TestOutcome;

use crate::Services;

/// A torrent client whose refusals are stored.
pub(crate) struct LatchingClient {
    pub inner: Arc<dyn TorrentClient>,
    pub services: Services,
    pub id: IntegrationId,
    pub revision: i32,
}

impl LatchingClient {
    async fn watch<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error @ ClientError::CredentialsRefused { .. }) = &result {
            record_refusal(&self.services, self.id, self.revision, error).await;
        }
        result
    }
}

/// Stores the refusal of this revision; the next edit of address, user or secret starts a new one.
pub(crate) async fn record_refusal(services: &Services, id: IntegrationId, revision: i32, error: &ClientError) {
    let stored = async {
        let mut conn = services.connection().await?;
        db::integrations::record_refusal(&mut conn, id, revision, &error.to_string(), services.now()).await?;
        crate::events::publish(&mut conn, &LiveEvent::Integrations).await
    };
    if let Err(error) = stored.await {
        tracing::error!(integration.id = %id, "could not store that the credentials were refused: {error}");
    }
}

#[async_trait]
impl TorrentClient for LatchingClient {
    async fn test(&self) -> Result<TestOutcome> {
        self.watch(self.inner.test().await).await
    }
    async fn poll(&self) -> Result<Vec<TorrentStatus>> {
        self.watch(self.inner.poll().await).await
    }
    async fn find(&self, hashes: &[String]) -> Result<Vec<TorrentStatus>> {
        self.watch(self.inner.find(hashes).await).await
    }
    async fn add(&self, hashes: &[String], torrent: &AddTorrent) -> Result<Added> {
        self.watch(self.inner.add(hashes, torrent).await).await
    }
    async fn files(&self, hash: &str) -> Result<Vec<ClientFile>> {
        self.watch(self.inner.files(hash).await).await
    }
    async fn trackers(&self, hash: &str) -> Result<Vec<TrackerReport>> {
        self.watch(self.inner.trackers(hash).await).await
    }
    async fn reannounce(&self, hash: &str) -> Result<()> {
        self.watch(self.inner.reannounce(hash).await).await
    }
    async fn recheck(&self, hash: &str) -> Result<()> {
        self.watch(self.inner.recheck(hash).await).await
    }
    async fn start(&self, hash: &str) -> Result<()> {
        self.watch(self.inner.start(hash).await).await
    }
    async fn stop(&self, hash: &str) -> Result<()> {
        self.watch(self.inner.stop(hash).await).await
    }
    async fn remove(&self, hash: &str, with_files: bool) -> Result<()> {
        self.watch(self.inner.remove(hash, with_files).await).await
    }
    async fn default_save_path(&self) -> Result<String> {
        self.watch(self.inner.default_save_path().await).await
    }
    async fn free_bytes(&self) -> Result<Option<i64>> {
        self.watch(self.inner.free_bytes().await).await
    }
}
