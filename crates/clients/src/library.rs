//! What holds the books: Audiobookshelf.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use types::integrations::TestOutcome;

use crate::error::Result;

/// A library of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryRoot {
    pub id: String,
    pub name: String,
    pub is_books: bool,
    /// Absolute, as the service sees them.
    pub folders: Vec<String>,
    pub last_scan_ms: Option<i64>,
}

/// What the list of items tells: enough to know what to read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemHead {
    pub id: String,
    pub path: String,
    pub updated_ms: i64,
    pub is_missing: bool,
}

/// One page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPage {
    pub items: Vec<ItemHead>,
    pub total: u64,
}

/// A file of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemFile {
    pub relative_path: String,
    pub size_bytes: i64,
    pub duration_seconds: Option<f64>,
    pub codec: Option<String>,
    pub bitrate_bps: Option<i64>,
    pub format: Option<String>,
}

/// A series membership; the sequence is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemSeries {
    pub name: String,
    pub sequence: Option<String>,
}

/// An item with everything that we keep of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    pub id: String,
    pub library_id: String,
    pub path: String,
    pub is_missing: bool,
    pub added_at: Option<DateTime<Utc>>,
    pub updated_ms: i64,
    pub title: Option<String>,
    pub subtitle: Option<String>,
    pub authors: Vec<String>,
    pub narrators: Vec<String>,
    pub series: Vec<ItemSeries>,
    pub genres: Vec<String>,
    pub tags: Vec<String>,
    pub published_year: Option<String>,
    pub published_date: Option<String>,
    pub publisher: Option<String>,
    /// May hold HTML.
    pub description: Option<String>,
    pub isbn: Option<String>,
    pub asin: Option<String>,
    pub language: Option<String>,
    pub is_explicit: Option<bool>,
    pub is_abridged: Option<bool>,
    pub has_cover: bool,
    pub duration_seconds: Option<f64>,
    pub size_bytes: Option<i64>,
    pub chapters: usize,
    pub audio_files: Vec<ItemFile>,
}

/// A change to an item. `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemPatch {
    pub title: Option<String>,
    pub subtitle: Option<String>,
    pub authors: Option<Vec<String>>,
    pub narrators: Option<Vec<String>>,
    pub series: Option<Vec<ItemSeries>>,
    pub asin: Option<String>,
    pub isbn: Option<String>,
    pub published_year: Option<String>,
    pub language: Option<String>,
    pub is_abridged: Option<bool>,
    pub tags: Option<Vec<String>>,
}

/// A picture as the service sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverImage {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// A backup that the service made of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryBackup {
    pub file_name: String,
    /// 0 = empty, or the service doesn't tell.
    pub size_bytes: u64,
    pub made_ms: i64,
}

#[async_trait]
pub trait Library: Send + Sync {
    /// Makes an authenticated call and says in words what works or what is wrong.
    async fn test(&self) -> Result<TestOutcome>;
    async fn libraries(&self) -> Result<Vec<LibraryRoot>>;
    /// Page `page` (from 0) in a stable order.
    async fn items(&self, library_id: &str, page: u64, limit: u64) -> Result<ItemPage>;
    /// Full items for at most 100 ids; ids that are gone are left out.
    async fn items_by_id(&self, ids: &[String]) -> Result<Vec<Item>>;
    async fn item(&self, id: &str) -> Result<Item>;
    /// Starts a scan, which goes on after this returns.
    async fn start_scan(&self, library_id: &str) -> Result<()>;
    async fn is_scanning(&self, library_id: &str) -> Result<bool>;
    /// Newest items first, for finding what a scan brought.
    async fn newest_items(&self, library_id: &str, limit: u64) -> Result<Vec<ItemHead>>;
    /// Writes, reads back, and treats a field that was ignored as an error.
    async fn update(&self, id: &str, patch: &ItemPatch) -> Result<Item>;
    /// `None` when the item has no cover.
    async fn cover(&self, id: &str, width: u32) -> Result<Option<CoverImage>>;
    /// The backups that the service keeps of itself.
    async fn backups(&self) -> Result<Vec<LibraryBackup>>;
    /// Makes one more; returns when it is whole, or when the service has not said so within 10 minutes.
    async fn make_backup(&self) -> Result<()>;
}
