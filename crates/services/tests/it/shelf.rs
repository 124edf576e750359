//! A connected Audiobookshelf, and books that were read from it.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use db::books::{BookRow, NewBook};
use db::people::NewPerson;
use db::works::NewWork;
use domain::normalise::{name_key, search_key, sort_key, title_key};
use services::{Actor, integrations};
use types::integrations::IntegrationKind;
use types::{BookId, IntegrationId};

use crate::support::{TestApp, form};

pub async fn connect_audiobookshelf(app: &TestApp, admin: &Actor, url: &str) -> IntegrationId {
    let abs = form(IntegrationKind::Audiobookshelf, url, "key");
    integrations::save_integration(&app.services, admin, abs).await.unwrap()
}

/// What tests change about a book.
pub struct Book<'a> {
    pub external_id: &'a str,
    pub title: &'a str,
    pub author: &'a str,
    pub version: i64,
    pub has_cover: bool,
}

impl Default for Book<'_> {
    fn default() -> Self {
        Self {
            external_id: "li_1",
            title: "Dune",
            author: "Frank Herbert",
            version: 1,
            has_cover: true,
        }
    }
}

/// Stores the book as a sync would; again with the same id, it is changed.
pub async fn shelve(app: &TestApp, integration: IntegrationId, book: &Book<'_>) -> BookId {
    let mut conn = app.database.connection().await;
    let now = app.clock.now();
    let author = NewPerson {
        name: book.author.into(),
        name_key: name_key(book.author),
    };
    let work = NewWork {
        title: book.title.into(),
        title_key: title_key(book.title).key,
        authors: vec![author.clone()],
        series: Vec::new(),
        sequence_key: String::new(),
        external_ids: Vec::new(),
        now,
    };
    let work = db::works::ensure_work(&mut conn, &work).await.unwrap();
    let row = BookRow {
        search_text: search_key(&format!("{} {}", book.title, book.author)),
        title_sort: sort_key(book.title),
        author_sort: search_key(book.author),
        language: Some("English".into()),
        published_year: Some(1965),
        duration_seconds: Some(3600),
        added_at: Some(now),
        missing_since: None,
        has_cover: book.has_cover,
        asin: None,
        work_id: work.0,
        integration_id: integration.0,
        external_id: book.external_id.into(),
        path: format!("/audiobooks/{}/{}", book.author, book.title),
        title: book.title.into(),
        subtitle: None,
        publisher: None,
        published_date: None,
        isbn: None,
        genres: Vec::new(),
        tags: Vec::new(),
        is_abridged: None,
        is_explicit: None,
        size_bytes: Some(1000),
        chapters_count: None,
        source_updated_ms: book.version,
        synced_at: now,
    };
    let book = NewBook {
        row,
        description: None,
        authors: vec![author],
        narrators: Vec::new(),
        series: Vec::new(),
        files: Vec::new(),
    };
    db::books::upsert_book(&mut conn, &book).await.unwrap()
}
