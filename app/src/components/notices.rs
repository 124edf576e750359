//! Sentences that stand out: errors, good news, and what an empty page says.

use leptos::prelude::*;
use types::{ApiError, ErrorCode};

use super::icons::{Drawing, Icon};
use crate::api::request_id;
use crate::link::link_to;

/// How a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Warning,
    Bad,
    Plain,
}

impl Tone {
    /// The class that colours by meaning.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "tone-good",
            Self::Warning => "tone-warning",
            Self::Bad => "tone-bad",
            Self::Plain => "tone-plain",
        }
    }

    const fn icon(self) -> Icon {
        match self {
            Self::Good => Icon::Check,
            Self::Warning => Icon::Warning,
            Self::Bad => Icon::Stop,
            Self::Plain => Icon::Question,
        }
    }
}

/// A sentence in a coloured box.
#[component]
pub fn Notice(tone: Tone, children: Children) -> impl IntoView {
    let role = if tone == Tone::Bad { "alert" } else { "status" };
    view! {
        <div class=format!("notice {}", tone.class()) role=role>
            <Drawing icon=tone.icon() />
            <div class="notice-text" dir="auto">{children()}</div>
        </div>
    }
}

/// What did not work, and where to go from here.
#[component]
pub fn ErrorNotice(error: ApiError) -> impl IntoView {
    let is_signed_out = error.code == ErrorCode::Unauthorized;
    let is_ours = error.code.status() >= 500;
    view! {
        <Notice tone=Tone::Bad>
            <p>{error.message}</p>
            {is_signed_out.then(|| view! { <p><a href=link_to("/login")>"Sign in"</a></p> })}
            {is_ours.then(|| view! { <RequestName /> })}
        </Notice>
    }
}

/// The request's id, for whoever looks into the log.
#[component]
pub fn RequestName() -> impl IntoView {
    request_id().map(|id| view! { <p><small>"When you report this, name the request "<code>{id}</code>"."</small></p> })
}

/// A page, or a part of one, that has nothing to show yet.
#[component]
pub fn Empty(
    #[prop(into)] title: String,
    /// What to do about it.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="empty">
            <p class="empty-title">{title}</p>
            <div class="empty-text">{children()}</div>
        </div>
    }
}
