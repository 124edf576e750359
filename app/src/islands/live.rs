//! The part of every page that listens: it starts what keeps the page up to date, and says when that does not work.

use leptos::prelude::*;

/// A notice that is empty as long as all is well.
#[island]
pub fn Live() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    let text = follow();
    #[cfg(not(feature = "hydrate"))]
    let text = || None::<&str>;
    view! { <div class="trouble" role="status">{text}</div> }
}

#[cfg(feature = "hydrate")]
fn follow() -> impl Fn() -> Option<&'static str> + Send {
    use crate::browser::{Trouble, start};

    let trouble = RwSignal::new(None);
    start(trouble);
    move || {
        Some(match trouble.get()? {
            Trouble::Cut => "The connection to the server is lost. What you see may be old; trying again…",
            Trouble::Unanswered => "The server did not answer. Check that it runs and try again.",
        })
    }
}
