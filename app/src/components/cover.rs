//! Covers, always through our own cache.

use leptos::prelude::*;
use types::library::BookSummary;

use crate::link::link_to;

/// A book's cover, or a plain one with its title when it has none. The title always stands beside it, so the picture
/// itself is not announced.
#[component]
pub fn Cover(
    /// The book.
    book: BookSummary,
    /// Width on the page, in CSS pixels.
    width: u32,
    /// Shown above the fold: loaded at once.
    #[prop(optional)]
    is_first: bool,
) -> impl IntoView {
    if !book.has_cover {
        return view! {
            <span class="cover cover-blank" aria-hidden="true">
                <bdi class="cover-blank-title">{book.title}</bdi>
            </span>
        }
        .into_any();
    }
    let address = |width: u32| link_to(format_args!("/covers/{}?v={}&w={width}", book.id, book.cover_version));
    let (normal, sharp) = (address(width), address(width * 2));
    view! {
        <img
            class="cover"
            src=normal.clone()
            srcset=format!("{normal} 1x, {sharp} 2x")
            width=width
            height=width
            alt=""
            loading=if is_first { "eager" } else { "lazy" }
            decoding="async"
        />
    }
    .into_any()
}
