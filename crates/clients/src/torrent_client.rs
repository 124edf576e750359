//! What downloads torrents: qBittorrent.

use async_trait::async_trait;
use types::integrations::TestOutcome;

use crate::error::Result;

/// A torrent as the client reports it. Unset numbers are `None`; hashes are lower-case hex.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TorrentStatus {
    /// The client's own key: v1 hash, or the first 20 bytes of the v2 hash for v2 and hybrid torrents.
    pub hash: String,
    pub infohash_v1: Option<String>,
    pub infohash_v2: Option<String>,
    pub name: String,
    pub state: ClientState,
    /// The client's word for the state.
    pub state_word: String,
    pub size_bytes: i64,
    pub completed_bytes: i64,
    /// 0.0..=1.0
    pub progress: f64,
    pub speed_bytes_per_second: i64,
    pub eta_seconds: Option<i64>,
    pub seeders: i32,
    pub availability: Option<f64>,
    pub save_path: String,
    /// Absolute, as the client sees it; the file of a single-file torrent, else its folder.
    pub content_path: String,
    pub category: String,
    pub tags: Vec<String>,
}

/// The client's state, by what it means for us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientState {
    /// Downloading, or about to: queued, metadata, allocating.
    Downloading,
    StalledDownloading,
    QueuedDownloading,
    StoppedDownloading,
    Checking,
    /// Complete and available to peers (`stalledUP` is healthy).
    Seeding,
    StoppedSeeding,
    Moving,
    MissingFiles,
    Error,
    /// A word this version does not know.
    #[default]
    Other,
}

impl TorrentStatus {
    /// Every wanted byte is there, checked, and not being moved. A level, not an edge.
    pub fn is_complete(&self) -> bool {
        self.progress >= 1.0 && matches!(self.state, ClientState::Seeding | ClientState::StoppedSeeding)
    }

    /// Whether it is the torrent with this v1 or v2 hash (lower-case hex).
    pub fn has_hash(&self, hash: &str) -> bool {
        self.hash == hash
            || self.infohash_v1.as_deref() == Some(hash)
            || self.infohash_v2.as_deref() == Some(hash)
            || (hash.len() == 64 && hash.get(..40) == Some(self.hash.as_str()))
    }
}

/// A file within a torrent, as the client reports it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientFile {
    /// Relative to the save path, with '/'.
    pub path: String,
    pub size_bytes: i64,
    pub progress: f64,
    /// Not deselected.
    pub is_wanted: bool,
}

/// A tracker's word on a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackerReport {
    /// Host only: the address holds a passkey.
    pub host: String,
    pub is_working: bool,
    pub message: String,
}

/// What is handed to the client.
#[derive(Clone)]
pub struct AddTorrent {
    pub torrent: Vec<u8>,
    pub category: String,
    pub tags: Vec<String>,
    /// As the client sees it; empty = its default.
    pub save_path: String,
}

/// A private tracker's torrent holds the member's key.
impl std::fmt::Debug for AddTorrent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddTorrent")
            .field("torrent_bytes", &self.torrent.len())
            .field("category", &self.category)
            .field("tags", &self.tags)
            .field("save_path", &self.save_path)
            .finish()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    New,
    /// The client had it before; nothing was changed.
    AlreadyThere,
}

#[async_trait]
pub trait TorrentClient: Send + Sync {
    /// Makes an authenticated call and says in words what works or what is wrong.
    async fn test(&self) -> Result<TestOutcome>;
    /// Everything the client has, from `sync/maindata` with its deltas merged.
    async fn poll(&self) -> Result<Vec<TorrentStatus>>;
    /// Those of the hashes (v1 or v2) that the client has.
    async fn find(&self, hashes: &[String]) -> Result<Vec<TorrentStatus>>;
    /// Looks the hashes up first; checks afterwards that it is really there.
    async fn add(&self, hashes: &[String], torrent: &AddTorrent) -> Result<Added>;
    async fn files(&self, hash: &str) -> Result<Vec<ClientFile>>;
    async fn trackers(&self, hash: &str) -> Result<Vec<TrackerReport>>;
    async fn reannounce(&self, hash: &str) -> Result<()>;
    async fn recheck(&self, hash: &str) -> Result<()>;
    async fn start(&self, hash: &str) -> Result<()>;
    async fn stop(&self, hash: &str) -> Result<()>;
    /// Removes the torrent and, when asked, its files. Never called for a torrent that owes seeding.
    async fn remove(&self, hash: &str, with_files: bool) -> Result<()>;
    async fn default_save_path(&self) -> Result<String>;
    /// Free bytes where the client saves; `None` when it does not tell.
    async fn free_bytes(&self) -> Result<Option<i64>>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_is_taken_for_a_hash_that_it_does_not_begin_with(text in "[0-9a-fé]{0,64}|\\PC{20,64}", own in "[0-9a-f]{40}") {
            let torrent = TorrentStatus { hash: own.clone(), ..TorrentStatus::default() };
            prop_assert_eq!(torrent.has_hash(&text), text == own);
            let long = format!("{own}{}", "0".repeat(24));
            prop_assert!(torrent.has_hash(&long));
        }
    }

    #[test]
    fn a_letter_across_the_middle_of_a_long_hash_is_no_hash() {
        let text = format!("{}é{}", "a".repeat(39), "a".repeat(23));
        assert_eq!(text.len(), 64);
        assert!(!TorrentStatus::default().has_hash(&text));
    }
}
