//! The library: lists, one book with everything, filters and sizes. Its covers are in [`crate::covers`].

use chrono::DateTime;
use db::books::BookRow;
use db::library_groups::GroupKind;
use domain::normalise::search_key;
use types::integrations::Integration;
use types::library::{BookDetail, BookFilter, BookGroup, BookQuery, BookSummary, Facets, GroupQuery, LibraryCounts};
use types::people::Role;
use types::{BookId, IntegrationId, Page, PersonId, SeriesId};
use url::Url;
use uuid::Uuid;

use crate::Services;
use crate::actor::{Actor, require};
pub use crate::covers::{Cover, fetch_cover};
use crate::error::{Result, ServiceError};

/// One page of the books that match, in the asked order.
pub async fn list_books(services: &Services, actor: &Actor, query: BookQuery) -> Result<Page<BookSummary>> {
    require(actor, Role::Viewer)?;
    let query = BookQuery {
        filter: fold_text(query.filter),
        ..query
    };
    let mut conn = services.connection().await?;
    Ok(db::book_list::list_books(&mut conn, &query).await?)
}

/// One page of the authors of the library's books.
pub async fn list_authors(services: &Services, actor: &Actor, query: GroupQuery) -> Result<Page<BookGroup>> {
    list_groups(services, actor, GroupKind::Author, query).await
}

/// An author with a book.
pub async fn get_author(services: &Services, actor: &Actor, id: PersonId) -> Result<BookGroup> {
    let found = find_group(services, actor, GroupKind::Author, id.0).await?;
    found.ok_or_else(|| ServiceError::not_found("author"))
}

/// One page of the series of the library's books.
pub async fn list_series(services: &Services, actor: &Actor, query: GroupQuery) -> Result<Page<BookGroup>> {
    list_groups(services, actor, GroupKind::Series, query).await
}

/// A series with a book.
pub async fn get_series(services: &Services, actor: &Actor, id: SeriesId) -> Result<BookGroup> {
    let found = find_group(services, actor, GroupKind::Series, id.0).await?;
    found.ok_or_else(|| ServiceError::not_found("series"))
}

async fn list_groups(
    services: &Services,
    actor: &Actor,
    kind: GroupKind,
    query: GroupQuery,
) -> Result<Page<BookGroup>> {
    require(actor, Role::Viewer)?;
    let query = GroupQuery {
        text: query.text.map(|text| search_key(&text)),
        ..query
    };
    let mut conn = services.connection().await?;
    Ok(db::library_groups::list_groups(&mut conn, kind, &query).await?)
}

async fn find_group(services: &Services, actor: &Actor, kind: GroupKind, id: Uuid) -> Result<Option<BookGroup>> {
    require(actor, Role::Viewer)?;
    let mut conn = services.connection().await?;
    Ok(db::library_groups::find_group(&mut conn, kind, id).await?)
}

/// A book with everything known about it.
pub async fn get_book(services: &Services, actor: &Actor, id: BookId) -> Result<BookDetail> {
    require(actor, Role::Viewer)?;
    let mut conn = services.connection().await?;
    let summary = db::book_list::find_book_summary(&mut conn, id).await?;
    let row = db::books::find_book_row(&mut conn, id).await?;
    let (Some(summary), Some(row)) = (summary, row) else {
        return Err(ServiceError::not_found("book"));
    };
    let integration = find_source(&mut conn, &row).await?;
    Ok(BookDetail {
        summary,
        description: db::books::find_book_description(&mut conn, id).await?,
        files: db::books::list_book_files(&mut conn, id).await?,
        download_id: db::downloads::find_download_of_book(&mut conn, id).await?,
        source: format!("{} ({})", integration.kind.label(), integration.name),
        source_url: item_url(&integration.url, &row.external_id),
        source_updated_at: DateTime::from_timestamp_millis(row.source_updated_ms),
        publisher: row.publisher,
        published_date: row.published_date,
        isbn: row.isbn,
        asin: row.asin,
        genres: row.genres,
        tags: row.tags,
        is_abridged: row.is_abridged,
        is_explicit: row.is_explicit,
        chapters_count: row.chapters_count,
        path: row.path,
        synced_at: row.synced_at,
    })
}

/// What the books of a filter can be narrowed to.
pub async fn get_facets(services: &Services, actor: &Actor, filter: BookFilter) -> Result<Facets> {
    require(actor, Role::Viewer)?;
    let mut conn = services.connection().await?;
    Ok(db::book_facets::list_facets(&mut conn, &fold_text(filter)).await?)
}

/// How large the library is.
pub async fn get_counts(services: &Services, actor: &Actor) -> Result<LibraryCounts> {
    require(actor, Role::Viewer)?;
    let mut conn = services.connection().await?;
    Ok(db::book_facets::count_library(&mut conn).await?)
}

/// Folded as the stored search text is, so that words are found in any case, accent and script.
fn fold_text(filter: BookFilter) -> BookFilter {
    BookFilter {
        text: filter.text.map(|text| search_key(&text)),
        ..filter
    }
}

async fn find_source(conn: &mut db::Connection, row: &BookRow) -> Result<Integration> {
    let source = db::integrations::find_integration(conn, IntegrationId(row.integration_id)).await?;
    Ok(source.ok_or_else(|| ServiceError::not_found("book"))?.view()?)
}

/// The book's page in Audiobookshelf; its id comes from outside, so it is escaped.
fn item_url(base: &str, external_id: &str) -> Option<String> {
    let mut url = Url::parse(base).ok()?;
    url.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .extend(["item", external_id]);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_links_to_its_page_below_any_base_address() {
        for (base, id, expected) in [
            ("http://abs:13378", "li_1", Some("http://abs:13378/item/li_1")),
            (
                "https://home.test/abs/",
                "li_1",
                Some("https://home.test/abs/item/li_1"),
            ),
            ("http://abs", "a/../b?c", Some("http://abs/item/a%2F..%2Fb%3Fc")),
            ("not an address", "li_1", None),
        ] {
            assert_eq!(item_url(base, id).as_deref(), expected, "{base}");
        }
    }
}
