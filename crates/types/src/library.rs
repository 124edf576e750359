//! The library: books, their people and series, as pages and API show them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{BookId, DownloadId, PersonId, SeriesId, WorkId};
use crate::paging::PageRequest;
use crate::text_enum::text_enum;

/// A name with its id, for links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonRef {
    pub id: PersonId,
    pub name: String,
}

/// A place in a series. The sequence is text ("1.5", "1-3"), as people write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeriesRef {
    pub id: SeriesId,
    pub name: String,
    pub sequence: Option<String>,
}

/// A book in a grid or list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BookSummary {
    pub id: BookId,
    pub work_id: WorkId,
    pub title: String,
    pub subtitle: Option<String>,
    pub authors: Vec<PersonRef>,
    pub narrators: Vec<PersonRef>,
    pub series: Vec<SeriesRef>,
    pub language: Option<String>,
    pub published_year: Option<i32>,
    pub duration_seconds: Option<i64>,
    pub size_bytes: Option<i64>,
    pub has_cover: bool,
    /// Changes whenever the cover may have, for cache keys.
    pub cover_version: i64,
    pub is_missing: bool,
    pub added_at: Option<DateTime<Utc>>,
}

/// A file of a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BookFile {
    pub relative_path: String,
    pub size_bytes: i64,
    pub duration_seconds: Option<i64>,
    pub codec: Option<String>,
    pub bitrate_kbps: Option<i32>,
    pub format: Option<String>,
}

/// Everything known about a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BookDetail {
    pub summary: BookSummary,
    /// Plain text; markup is removed before it is stored.
    pub description: Option<String>,
    pub publisher: Option<String>,
    pub published_date: Option<String>,
    pub isbn: Option<String>,
    pub asin: Option<String>,
    pub genres: Vec<String>,
    pub tags: Vec<String>,
    pub is_abridged: Option<bool>,
    pub is_explicit: Option<bool>,
    pub chapters_count: Option<i32>,
    pub path: String,
    pub files: Vec<BookFile>,
    /// Where it comes from: "Audiobookshelf (Home)".
    pub source: String,
    /// Its page in Audiobookshelf.
    pub source_url: Option<String>,
    pub source_updated_at: Option<DateTime<Utc>>,
    pub synced_at: DateTime<Utc>,
    /// The download it was imported from, when we did that.
    pub download_id: Option<DownloadId>,
}

text_enum! {
    /// Order of a list of books. Ties go by id.
    BookSort {
        Title => "title",
        TitleDesc => "-title",
        Author => "author",
        AuthorDesc => "-author",
        Added => "added",
        AddedDesc => "-added",
        Duration => "duration",
        DurationDesc => "-duration",
        Year => "year",
        YearDesc => "-year",
    }
}

text_enum! {
    /// A field that a book can lack.
    MissingField {
        Asin => "asin",
        Author => "author",
        Cover => "cover",
        Description => "description",
        Language => "language",
        Narrator => "narrator",
        Series => "series",
        Year => "year",
        /// The files are gone from the library.
        Files => "files",
    }
}

/// What a list of books is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BookFilter {
    /// Words in title, author, narrator or series, in any script.
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub author: Option<PersonId>,
    #[serde(default)]
    pub narrator: Option<PersonId>,
    #[serde(default)]
    pub series: Option<SeriesId>,
    #[serde(default)]
    pub language: Option<String>,
    #[serde(default)]
    pub missing: Option<MissingField>,
}

/// A request for books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookQuery {
    #[serde(flatten)]
    pub filter: BookFilter,
    #[serde(default)]
    pub sort: Option<BookSort>,
    #[serde(flatten)]
    pub page: PageRequest,
}

/// An author or a series, with how many of the library's books it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BookGroup {
    pub id: Uuid,
    pub name: String,
    pub books: u64,
}

text_enum! {
    /// Order of a list of authors or series. Ties go by id.
    GroupSort {
        Name => "name",
        BooksDesc => "-books",
    }
}

/// A request for authors or series.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupQuery {
    /// Words in the name.
    pub text: Option<String>,
    pub sort: Option<GroupSort>,
    pub page: PageRequest,
}

/// A choice in a filter, with how many books it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Facet {
    /// Id, language or word to put into the filter.
    pub value: String,
    pub label: String,
    pub count: u64,
}

/// The choices that filters offer; each list holds the largest first, at most 200.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Facets {
    pub authors: Vec<Facet>,
    pub narrators: Vec<Facet>,
    pub series: Vec<Facet>,
    pub languages: Vec<Facet>,
    pub missing: Vec<Facet>,
}

/// Sizes of the library.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LibraryCounts {
    pub books: u64,
    pub works: u64,
    pub authors: u64,
    pub series: u64,
    pub missing_files: u64,
    pub duration_seconds: u64,
    pub size_bytes: u64,
    pub last_synced_at: Option<DateTime<Utc>>,
}
