//! Looking for a book at the indexers.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use types::search::SearchForm;

use crate::api::searches::StartSearch;
use crate::components::fields::{FormError, FormErrors};
use crate::components::layout::PageHead;
use crate::components::post_form::PostForm;
use crate::components::search_fields::SearchFields;
use crate::state::post::Post;

/// The form; `?title=` and `?author=` fill it.
#[component]
pub fn SearchPage() -> impl IntoView {
    let action = Post::to::<StartSearch>();
    let error = action.error;
    provide_context(FormError(error));
    let form = use_query_map().with_untracked(|query| SearchForm {
        title: query.get("title").unwrap_or_default(),
        author: query.get("author").unwrap_or_default(),
        ..SearchForm::default()
    });
    view! {
        <PageHead title="Search" />
        <section class="section">
            <p class="hint">"Asks all connected indexers at once, and says for each release why it fits or not."</p>
            <PostForm action=action>
                <FormErrors error=error />
                <SearchFields form=form />
                <button class="button button-primary" type="submit" disabled=move || action.pending.get()>
                    {move || if action.pending.get() { "Searching…" } else { "Search" }}
                </button>
            </PostForm>
        </section>
    }
}
