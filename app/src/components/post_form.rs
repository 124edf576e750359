//! A form that posts to a server function, with and without JavaScript.

use leptos::prelude::*;

use crate::state::post::Post;

/// The form around fields and buttons.
#[component]
pub fn PostForm(action: Post, children: Children) -> impl IntoView {
    view! { <form method="post" action=action.path() on:submit=move |event| action.submit(&event)>{children()}</form> }
}
