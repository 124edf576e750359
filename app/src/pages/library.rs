//! The library: search as you type, filters, covers or a list.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use types::library::{BookFilter, BookQuery, BookSort, BookSummary, Facet, Facets, MissingField};
use types::{Page, PageRequest};

use crate::api::library::{get_facets, list_books};
use crate::components::books::{BookGrid, BookTable};
use crate::components::layout::PageHead;
use crate::components::notices::Empty;
use crate::components::pager::{Pager, link_with};
use crate::format;
use crate::link::link_to;
use crate::pages::{read_query, show};

/// Books by what the address asks for.
#[component]
pub fn LibraryPage() -> impl IntoView {
    let query = read_query();
    let is_list = is_list(&query);
    show(async move {
        let wanted = read_query_for_books(&query);
        let text = query.get("q").unwrap_or_default();
        let facets = get_facets(wanted.filter.clone()).await?;
        let page = list_books(wanted).await?;
        let switch = view! { <ViewSwitch query=query.clone() /> };
        Ok(view! {
            <PageHead title="Library" topics="library">{switch}</PageHead>
            <form method="get" action=link_to("/library") class="library-form" role="search" autocomplete="off" data-live="">
                <SearchBox text=text />
                // A view that was chosen stays while one searches.
                {is_list.then(|| view! { <input type="hidden" name="view" value="list" /> })}
                <Filters facets=facets query=query.clone() />
            </form>
            <Found page=page query=query />
        }
        .into_any())
    })
}

/// Text to look for. Typing sends the form after a pause; without JavaScript the button does.
#[component]
fn SearchBox(text: String) -> impl IntoView {
    view! {
        <div class="search-box">
            <label for="library-search" class="visually-hidden">"Title, author, narrator or series"</label>
            <input
                id="library-search" type="search" name="q" value=text dir="auto" autocomplete="off" spellcheck="false"
                placeholder="Title, author, narrator or series"
            />
            <button class="button" type="submit">"Search"</button>
        </div>
    }
}

#[component]
fn Filters(facets: Facets, query: ParamsMap) -> impl IntoView {
    let sort = query.get("sort").unwrap_or_default();
    let missing = facets
        .missing
        .into_iter()
        .map(|facet| Facet {
            label: facet
                .value
                .parse()
                .map_or(facet.label, |field| missing_label(field).to_owned()),
            ..facet
        })
        .collect();
    let sorts = BookSort::ALL
        .iter()
        .map(|choice| {
            view! { <option value=choice.as_str() selected={choice.as_str() == sort}>{sort_label(*choice)}</option> }
        })
        .collect_view();
    view! {
        <div class="filters">
            <FacetSelect label="Author" name="author" all="All authors" facets=facets.authors query=query.clone() />
            <FacetSelect label="Narrator" name="narrator" all="All narrators" facets=facets.narrators query=query.clone() />
            <FacetSelect label="Series" name="series" all="All series" facets=facets.series query=query.clone() />
            <FacetSelect label="Language" name="language" all="All languages" facets=facets.languages query=query.clone() />
            <FacetSelect label="Lacks" name="missing" all="Anything" facets=missing query=query />
            <label class="filter">
                <span>"Order"</span>
                <select name="sort"><option value="">"Default"</option>{sorts}</select>
            </label>
        </div>
    }
}

#[component]
fn FacetSelect(
    label: &'static str,
    name: &'static str,
    all: &'static str,
    facets: Vec<Facet>,
    query: ParamsMap,
) -> impl IntoView {
    let chosen = query.get(name).unwrap_or_default();
    let is_listed = chosen.is_empty() || facets.iter().any(|facet| facet.value == chosen);
    let unlisted = (!is_listed).then(|| view! { <option value=chosen.clone() selected=true>"As chosen"</option> });
    let options = facets
        .into_iter()
        .map(|facet| {
            let is_chosen = facet.value == chosen;
            let count = format::format_count(facet.count);
            view! { <option value=facet.value selected=is_chosen>{format!("{} ({count})", facet.label)}</option> }
        })
        .collect_view();
    view! {
        <label class="filter" data-active=(!chosen.is_empty()).then_some("")>
            <span>{label}</span>
            <select name=name><option value="">{all}</option>{unlisted}{options}</select>
        </label>
    }
}

#[component]
fn ViewSwitch(query: ParamsMap) -> impl IntoView {
    let is_list = is_list(&query);
    let link = |view: Option<&str>| link_with("/library", &query, "view", view);
    view! {
        <div class="switch" role="group" aria-label="View">
            <a href=link(None) aria-current=(!is_list).then_some("true")>"Covers"</a>
            <a href=link(Some("list")) aria-current=is_list.then_some("true")>"List"</a>
        </div>
    }
}

#[component]
fn Found(page: Page<BookSummary>, query: ParamsMap) -> impl IntoView {
    let is_narrowed = ["q", "author", "narrator", "series", "language", "missing"]
        .iter()
        .any(|name| query.get_str(name).is_some_and(|value| !value.is_empty()));
    if page.items.is_empty() {
        return view! { <NothingFound is_narrowed=is_narrowed /> }.into_any();
    }
    let books = if is_list(&query) {
        view! { <BookTable books=page.items /> }.into_any()
    } else {
        view! { <BookGrid books=page.items /> }.into_any()
    };
    view! {
        <p class="found num" role="status">
            {format::format_counted(page.total, "book", "books")}
            {is_narrowed.then(|| view! { " · " <a href=link_to("/library")>"Show all"</a> })}
        </p>
        {books}
        <Pager path="/library" query=query next_cursor=page.next_cursor />
    }
    .into_any()
}

fn is_list(query: &ParamsMap) -> bool {
    query.get_str("view") == Some("list")
}

#[component]
fn NothingFound(is_narrowed: bool) -> impl IntoView {
    if is_narrowed {
        view! {
            <Empty title="No book matches.">
                <p><a href=link_to("/library")>"Show all books"</a>", or "<a href=link_to("/search")>"look for it at the indexers"</a>"."</p>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Empty title="The library is empty.">
                <p>
                    "Books appear once Audiobookshelf is connected under "<a href=link_to("/integrations")>"Integrations"</a>
                    " and was read. The "<a href=link_to("/jobs")>"Jobs"</a>" page shows how far that is."
                </p>
            </Empty>
        }
        .into_any()
    }
}

/// What the address asks for. Words that mean nothing are left out, as if they were not there.
fn read_query_for_books(query: &ParamsMap) -> BookQuery {
    let text = |name: &str| {
        query
            .get(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    BookQuery {
        filter: BookFilter {
            text: text("q"),
            author: text("author").and_then(|id| id.parse().ok()),
            narrator: text("narrator").and_then(|id| id.parse().ok()),
            series: text("series").and_then(|id| id.parse().ok()),
            language: text("language"),
            missing: text("missing").and_then(|word| word.parse().ok()),
        },
        sort: text("sort").and_then(|word| word.parse().ok()),
        page: PageRequest {
            limit: None,
            cursor: text("cursor"),
        },
    }
}

const fn sort_label(sort: BookSort) -> &'static str {
    match sort {
        BookSort::Title => "Title",
        BookSort::TitleDesc => "Title, Z first",
        BookSort::Author => "Author",
        BookSort::AuthorDesc => "Author, Z first",
        BookSort::Added => "Added, oldest first",
        BookSort::AddedDesc => "Added, newest first",
        BookSort::Duration => "Shortest",
        BookSort::DurationDesc => "Longest",
        BookSort::Year => "Year, oldest first",
        BookSort::YearDesc => "Year, newest first",
    }
}

const fn missing_label(field: MissingField) -> &'static str {
    match field {
        MissingField::Asin => "ASIN",
        MissingField::Author => "Author",
        MissingField::Cover => "Cover",
        MissingField::Description => "Description",
        MissingField::Language => "Language",
        MissingField::Narrator => "Narrator",
        MissingField::Series => "Series",
        MissingField::Year => "Year",
        MissingField::Files => "Its files",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_a_query_for_books() {
        let map: ParamsMap = [
            ("q", " Ведьмак "),
            ("missing", "narrator"),
            ("sort", "-added"),
            ("cursor", "c"),
        ]
        .into_iter()
        .collect();
        let query = read_query_for_books(&map);
        assert_eq!(query.filter.text.as_deref(), Some("Ведьмак"));
        assert_eq!(query.filter.missing, Some(MissingField::Narrator));
        assert_eq!(query.sort, Some(BookSort::AddedDesc));
        assert_eq!(query.page.cursor.as_deref(), Some("c"));
    }

    #[test]
    fn words_that_mean_nothing_are_left_out() {
        let map: ParamsMap = [("q", " "), ("author", "nobody"), ("sort", "up")].into_iter().collect();
        assert_eq!(read_query_for_books(&map), BookQuery::default());
    }
}
