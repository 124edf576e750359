//! Points in time.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use crate::api;
use crate::format;

/// "5 min ago", with the exact time on the element; both go on in the browser.
#[component]
pub fn Moment(at: DateTime<Utc>) -> impl IntoView {
    let now = api::services().map_or(at, |services| services.now());
    view! {
        // Not announced where it stands among what is: it changes by itself.
        <time class="moment" aria-live="off" datetime=at.to_rfc3339() title=format::format_moment(at)>
            {format::format_relative(at, now)}
        </time>
    }
}
