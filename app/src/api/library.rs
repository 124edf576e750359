//! Books, and the choices of their filters.

use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use types::library::{BookDetail, BookFilter, BookQuery, BookSummary, Facets};
use types::{BookId, Page};

use super::{Answer, AppError};

/// One page of books.
#[server(input = Json)]
pub async fn list_books(query: BookQuery) -> Result<Answer<Page<BookSummary>>, AppError> {
    let (services, actor) = super::caller()?;
    Answer::of(&services::library::list_books(&services, &actor, query).await?)
}

/// Everything about a book.
#[server(input = Json)]
pub async fn get_book(id: BookId) -> Result<Answer<BookDetail>, AppError> {
    let (services, actor) = super::caller()?;
    Answer::of(&services::library::get_book(&services, &actor, id).await?)
}

/// The choices that the filters offer.
#[server(input = Json)]
pub async fn get_facets(filter: BookFilter) -> Result<Answer<Facets>, AppError> {
    let (services, actor) = super::caller()?;
    Answer::of(&services::library::get_facets(&services, &actor, filter).await?)
}
