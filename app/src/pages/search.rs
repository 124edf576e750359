//! Looking for a book at the indexers.

use leptos::prelude::*;
use types::search::SearchForm;

use crate::api::searches::StartSearch;
use crate::components::layout::PageHead;
use crate::components::post_form::{Post, PostForm};
use crate::components::search_fields::SearchFields;
use crate::pages::read_query;

/// The form; `?title=` and `?author=` fill it.
#[component]
pub fn SearchPage() -> impl IntoView {
    let query = read_query();
    let form = SearchForm {
        title: query.get("title").unwrap_or_default(),
        author: query.get("author").unwrap_or_default(),
        ..SearchForm::default()
    };
    view! {
        <PageHead title="Search" />
        <section class="section">
            <p class="hint">"Asks all connected indexers at once, and says for each release why it fits or not."</p>
            <PostForm post={Post::to::<StartSearch>()}>
                <SearchFields form=form />
                <button class="button button-primary" type="submit" data-busy="Searching…">"Search"</button>
            </PostForm>
        </section>
    }
}
