//! An address that leads nowhere.

use leptos::prelude::*;

use crate::components::notices::{Empty, RequestName};
use crate::link::link_to;

/// Says so, and leads back.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <leptos_meta::Title text="Not found" />
        <main class="lone-page">
            <Empty title="There is nothing at this address.">
                <p>"It may have been removed, or the link is mistyped. " <a href=link_to("/")>"Go to the first page"</a></p>
                <RequestName />
            </Empty>
        </main>
    }
}
