//! Keyset paging as links, so that pages can be shared and work without a script.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use crate::link::link_to;

/// Links to the next page and back to the first.
#[component]
pub fn Pager(
    /// The page's address without a query.
    path: &'static str,
    /// The query of this page.
    query: ParamsMap,
    next_cursor: Option<String>,
) -> impl IntoView {
    let is_first = query.get("cursor").is_none();
    let next = next_cursor.map(|cursor| link_with(path, &query, "cursor", Some(&cursor)));
    let first = link_with(path, &query, "cursor", None);
    let is_alone = is_first && next.is_none();
    (!is_alone).then(|| {
        view! {
            <nav class="pager" aria-label="Pages">
                {(!is_first).then(|| view! { <a class="button" href=first>"First page"</a> })}
                {next.map(|next| view! { <a class="button" href=next rel="next">"Next page"</a> })}
            </nav>
        }
    })
}

/// A link to `path` with one value of its query replaced or left out.
pub fn link_with(path: &str, query: &ParamsMap, name: &'static str, value: Option<&str>) -> String {
    let mut changed = query.clone();
    for dropped in [name, "__path", "__err", "done"] {
        changed.remove(dropped);
    }
    if let Some(value) = value {
        changed.insert(name, value.to_owned());
    }
    link_to(format_args!("{path}{}", changed.to_query_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_replaces_one_value_and_keeps_the_others() {
        let query: ParamsMap = [("q", "dune"), ("cursor", "a"), ("__err", "x")].into_iter().collect();
        assert_eq!(
            link_with("/library", &query, "cursor", Some("b&c")),
            "/library?q=dune&cursor=b%26c"
        );
        assert_eq!(link_with("/library", &query, "cursor", None), "/library?q=dune");
    }
}
