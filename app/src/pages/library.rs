//! The library: search as you type, filters, covers or a list.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use leptos_router::params::ParamsMap;
use types::library::{BookFilter, BookQuery, BookSort, BookSummary, Facet, Facets, MissingField};
use types::{Page, PageRequest};
use wasm_bindgen::JsCast;

use crate::api::library::{get_facets, list_books};
use crate::components::books::{BookGrid, BookTable};
use crate::components::layout::PageHead;
use crate::components::loaded::show_loaded;
use crate::components::notices::Empty;
use crate::components::pager::{Pager, link_with};
use crate::format;
use crate::state::live::use_live;
use crate::state::load::load;
use crate::state::post::encode;

/// Books by what the address asks for.
#[component]
pub fn LibraryPage() -> impl IntoView {
    let live = use_live();
    let query = use_query_map();
    let wanted = Memo::new(move |_| query.with(read_query));
    let books = load(
        move || (wanted.get(), live.library.get()),
        |(query, _)| list_books(query),
    );
    let facets = load(
        move || (wanted.get().filter, live.library.get()),
        |(filter, _)| get_facets(filter),
    );
    let navigate = use_navigate();
    let search = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Ok(data) = leptos::form::form_data_from_event(&event) {
            // Typing makes no history of half words.
            let options = NavigateOptions {
                replace: true,
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&format!("/library?{}", encode(&data)), options);
        }
    };
    view! {
        <PageHead title="Library"><ViewSwitch /></PageHead>
        <form method="get" action="/library" class="library-form" role="search" on:submit=search>
            <SearchBox />
            // A view that was chosen stays while one searches.
            {move || query.with(is_list).then(|| view! { <input type="hidden" name="view" value="list" /> })}
            {show_loaded(facets, move |facets| {
                view! { <Filters facets=facets query=query.get_untracked() /> }.into_any()
            })}
        </form>
        {show_loaded(books, |page| view! { <Found page=page /> }.into_any())}
    }
}

/// Text to look for. Typing sends the form after a pause; without JavaScript the button does.
#[component]
fn SearchBox() -> impl IntoView {
    let text = use_query_map().with_untracked(|query| query.get("q").unwrap_or_default());
    let mut send = debounce(
        std::time::Duration::from_millis(250),
        |field: web_sys::HtmlInputElement| submit_form(field.form()),
    );
    view! {
        <div class="search-box">
            <label for="library-search" class="visually-hidden">"Title, author, narrator or series"</label>
            <input
                id="library-search" type="search" name="q" value=text dir="auto" autocomplete="off" spellcheck="false"
                placeholder="Title, author, narrator or series"
                on:input:target=move |event| send(event.target())
            />
            <button class="button" type="submit">"Search"</button>
        </div>
    }
}

fn submit_form(form: Option<web_sys::HtmlFormElement>) {
    if let Some(form) = form {
        // Refused only for an invalid form, which the browser then explains.
        let _ = form.request_submit();
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
        <div class="filters" on:change=|event| {
            let select = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
            let form = select.and_then(|select| select.closest("form").ok().flatten());
            submit_form(form.and_then(|form| form.dyn_into().ok()));
        }>
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
fn ViewSwitch() -> impl IntoView {
    let query = use_query_map();
    let is_list = move || query.with(is_list);
    let link = move |view: Option<&'static str>| query.with(|query| link_with("/library", query, "view", view));
    view! {
        <div class="switch" role="group" aria-label="View">
            <a href=move || link(None) aria-current=move || (!is_list()).then_some("true")>"Covers"</a>
            <a href=move || link(Some("list")) aria-current=move || is_list().then_some("true")>"List"</a>
        </div>
    }
}

#[component]
fn Found(page: Page<BookSummary>) -> impl IntoView {
    let query = use_query_map();
    let is_narrowed = query.with_untracked(|query| {
        let filters = ["q", "author", "narrator", "series", "language", "missing"];
        filters
            .iter()
            .any(|name| query.get_str(name).is_some_and(|value| !value.is_empty()))
    });
    if page.items.is_empty() {
        return view! { <NothingFound is_narrowed=is_narrowed /> }.into_any();
    }
    let is_list = Memo::new(move |_| query.with(is_list));
    let (books, next) = (page.items, page.next_cursor);
    view! {
        <p class="found num" role="status">
            {format::format_counted(page.total, "book", "books")}
            {is_narrowed.then(|| view! { " · " <a href="/library">"Show all"</a> })}
        </p>
        {move || if is_list.get() {
            view! { <BookTable books=books.clone() /> }.into_any()
        } else {
            view! { <BookGrid books=books.clone() /> }.into_any()
        }}
        {move || view! { <Pager path="/library" query=query.get() next_cursor=next.clone() /> }}
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
                <p><a href="/library">"Show all books"</a>", or "<a href="/search">"look for it at the indexers"</a>"."</p>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Empty title="The library is empty.">
                <p>
                    "Books appear once Audiobookshelf is connected under "<a href="/integrations">"Integrations"</a>
                    " and was read. The "<a href="/jobs">"Jobs"</a>" page shows how far that is."
                </p>
            </Empty>
        }
        .into_any()
    }
}

/// What the address asks for. Words that mean nothing are left out, as if they were not there.
fn read_query(query: &ParamsMap) -> BookQuery {
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
        let query = read_query(&map);
        assert_eq!(query.filter.text.as_deref(), Some("Ведьмак"));
        assert_eq!(query.filter.missing, Some(MissingField::Narrator));
        assert_eq!(query.sort, Some(BookSort::AddedDesc));
        assert_eq!(query.page.cursor.as_deref(), Some("c"));
    }

    #[test]
    fn words_that_mean_nothing_are_left_out() {
        let map: ParamsMap = [("q", " "), ("author", "nobody"), ("sort", "up")].into_iter().collect();
        assert_eq!(read_query(&map), BookQuery::default());
    }
}
