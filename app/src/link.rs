//! Links: the one place where an address of ours becomes what a browser calls it.
//!
//! Within, addresses begin at `/`, wherever the server is on its host. `Location` needs nothing of this: the server adds
//! to redirects what is missing. A gate refuses addresses in pages that don't come through here.

use std::fmt::Display;

use leptos::prelude::use_context;
use types::BasePath;

/// The address for `href`, `action`, `src` and scripts: `link_to(format_args!("/books/{id}"))`.
pub fn link_to(path: impl Display) -> String {
    base().at(path)
}

/// Where our addresses begin, put into the context by the server.
pub fn base() -> BasePath {
    use_context().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use leptos::prelude::{Owner, provide_context};

    use super::*;

    #[test]
    fn links_begin_where_the_server_is() {
        Owner::new().with(|| {
            assert_eq!(link_to("/books"), "/books");
            provide_context::<BasePath>("/apps/books".parse().unwrap());
            assert_eq!(link_to(format_args!("/books/{}", 7)), "/apps/books/books/7");
        });
    }
}
