//! Downloads by what they are up to.

use leptos::prelude::*;
use types::downloads::DownloadScope;

use crate::api::downloads::list_downloads;
use crate::components::downloads::DownloadList;
use crate::components::layout::PageHead;
use crate::components::notices::Empty;
use crate::components::pager::Pager;
use crate::link::link_to;
use crate::pages::{read_page_request, read_query, show};

/// The tabs: word in the address, word on the tab, what it shows.
const TABS: [(&str, &str, DownloadScope); 5] = [
    ("active", "Under way", DownloadScope::Active),
    ("waiting", "Waiting", DownloadScope::Waiting),
    ("problems", "Problems", DownloadScope::Problems),
    ("finished", "Finished", DownloadScope::Finished),
    ("all", "All", DownloadScope::All),
];

/// One list with a tab for each scope.
#[component]
pub fn DownloadsPage() -> impl IntoView {
    let query = read_query();
    let scope = read_scope(query.get_str("show"));
    let tabs = TABS
        .into_iter()
        .map(|(word, label, tab)| {
            let is_here = (scope == tab).then_some("page");
            view! { <li><a href=link_to(format_args!("/downloads?show={word}")) aria-current=is_here>{label}</a></li> }
        })
        .collect_view();
    view! {
        <PageHead title="Downloads" topics="download" />
        <nav aria-label="Which downloads"><ul class="tabs">{tabs}</ul></nav>
        {show(async move {
            let page = list_downloads(scope, read_page_request(&query)).await?;
            if page.items.is_empty() {
                return Ok(view! { <Nothing scope=scope /> }.into_any());
            }
            Ok(view! {
                <DownloadList downloads=page.items />
                <Pager path="/downloads" query=query next_cursor=page.next_cursor />
            }
            .into_any())
        })}
    }
}

fn read_scope(word: Option<&str>) -> DownloadScope {
    TABS.into_iter()
        .find(|tab| Some(tab.0) == word)
        .map_or(DownloadScope::Active, |tab| tab.2)
}

#[component]
fn Nothing(scope: DownloadScope) -> impl IntoView {
    let title = match scope {
        DownloadScope::Active => "Nothing is under way.",
        DownloadScope::Waiting => "Nothing waits.",
        DownloadScope::Problems => "No problems.",
        DownloadScope::Finished => "Nothing has finished yet.",
        DownloadScope::All => "There are no downloads yet.",
    };
    view! { <Empty title=title><p><a href=link_to("/search")>"Look for an audiobook"</a></p></Empty> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_tab_shows_what_is_under_way() {
        assert_eq!(read_scope(Some("finished")), DownloadScope::Finished);
        assert_eq!(read_scope(Some("x")), DownloadScope::Active);
        assert_eq!(read_scope(None), DownloadScope::Active);
    }
}
