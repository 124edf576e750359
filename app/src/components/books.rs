//! Books in a grid or a list: covers lead.

use leptos::prelude::*;
use types::library::{BookSummary, PersonRef, SeriesRef};

use super::cover::Cover;
use super::icons::Icon;
use super::notices::Tone;
use super::states::Badge;
use crate::format;
use crate::link::link_to;

/// Covers beside each other.
#[component]
pub fn BookGrid(books: Vec<BookSummary>) -> impl IntoView {
    let cards = books
        .into_iter()
        .enumerate()
        .map(|(index, book)| {
            let key = book.id.to_string();
            view! { <li data-key=key><BookCard book=book is_first={index < 12} /></li> }
        })
        .collect_view();
    view! { <ul class="book-grid">{cards}</ul> }
}

/// One cover with what one needs to know it by.
#[component]
fn BookCard(book: BookSummary, is_first: bool) -> impl IntoView {
    let authors = format::join_names(book.authors.iter().map(|author| author.name.as_str()));
    let series = book.series.first().map(series_text);
    let length = book.duration_seconds.map(format::format_duration);
    let is_missing = book.is_missing;
    let (address, title) = (link_to(format_args!("/books/{}", book.id)), book.title.clone());
    view! {
        <a class="book-card" href=address data-missing=is_missing.then_some("")>
            <Cover book=book width=180 is_first=is_first />
            <span class="book-card-text">
                <bdi class="book-title clamp-2">{title}</bdi>
                <bdi class="book-author clamp-1">{authors}</bdi>
                {series.map(|series| view! { <bdi class="book-series clamp-1">{series}</bdi> })}
                {length.map(|length| view! { <span class="book-length num">{length}</span> })}
                {is_missing.then(|| view! { <Badge face=("Files missing", Icon::Warning, Tone::Warning) /> })}
            </span>
        </a>
    }
}

/// One book a line.
#[component]
pub fn BookTable(books: Vec<BookSummary>) -> impl IntoView {
    let rows = books
        .into_iter()
        .map(|book| view! { <BookRow book=book /> })
        .collect_view();
    view! {
        <ul class="book-list" aria-label="Books">{rows}</ul>
    }
}

#[component]
fn BookRow(book: BookSummary) -> impl IntoView {
    let authors = format::join_names(book.authors.iter().map(|author| author.name.as_str()));
    let narrators = format::join_names(book.narrators.iter().map(|narrator| narrator.name.as_str()));
    let series = book.series.first().map(series_text);
    let year = book.published_year.map(|year| year.to_string());
    let length = book.duration_seconds.map(format::format_duration);
    let (key, address) = (book.id.to_string(), link_to(format_args!("/books/{}", book.id)));
    let (title, is_missing) = (book.title.clone(), book.is_missing);
    view! {
        <li class="book-row" data-key=key>
            <Cover book=book width=48 />
            <div class="book-row-main">
                <a class="book-title clamp-2" href=address><bdi>{title}</bdi></a>
                <bdi class="book-author clamp-1">{authors}</bdi>
                {series.map(|series| view! { <bdi class="book-series clamp-1">{series}</bdi> })}
            </div>
            <bdi class="book-row-narrator clamp-2">{narrators}</bdi>
            <span class="book-row-facts num">
                {length.map(|length| view! { <span>{length}</span> })} {year.map(|year| view! { <span>{year}</span> })}
                {is_missing.then(|| view! { <Badge face=("Files missing", Icon::Warning, Tone::Warning) /> })}
            </span>
        </li>
    }
}

/// "Earthsea, 1.5".
pub fn series_text(series: &SeriesRef) -> String {
    match &series.sequence {
        Some(sequence) => format!("{}, {sequence}", series.name),
        None => series.name.clone(),
    }
}

/// Names that lead to the person's books.
#[component]
pub fn PeopleLinks(
    people: Vec<PersonRef>,
    /// The filter that the link sets: "author" or "narrator".
    filter: &'static str,
) -> impl IntoView {
    let links = people
        .into_iter()
        .map(|person| {
            view! { <li><a href=link_to(format_args!("/library?{filter}={}", person.id))><bdi>{person.name}</bdi></a></li> }
        })
        .collect_view();
    view! { <ul class="inline-list">{links}</ul> }
}
