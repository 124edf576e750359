//! Points in time.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use crate::format;
use crate::state::clock::use_now;

/// "5 min ago", with the exact time on the element.
#[component]
pub fn Moment(at: DateTime<Utc>) -> impl IntoView {
    let now = use_now();
    view! {
        <time class="moment" datetime=at.to_rfc3339() title=format::format_moment(at)>
            {move || format::format_relative(at, now.get())}
        </time>
    }
}
