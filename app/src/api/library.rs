//! Books, and the choices of their filters.

use types::library::{BookDetail, BookFilter, BookQuery, BookSummary, Facets};
use types::{BookId, Page};

use super::AppError;

/// One page of books.
pub async fn list_books(query: BookQuery) -> Result<Page<BookSummary>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::library::list_books(&services, &actor, query).await?)
}

/// Everything about a book.
pub async fn get_book(id: BookId) -> Result<BookDetail, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::library::get_book(&services, &actor, id).await?)
}

/// The choices that the filters offer.
pub async fn get_facets(filter: BookFilter) -> Result<Facets, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::library::get_facets(&services, &actor, filter).await?)
}
