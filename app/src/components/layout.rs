//! The frame: navigation at the side of a desk, at the foot of a phone; the page between.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use types::people::{CurrentUser, Role};

use super::icons::{Drawing, Icon};
use crate::link::link_to;

/// A place in the navigation.
#[derive(Clone, Copy)]
struct Place {
    path: &'static str,
    word: &'static str,
    icon: Icon,
    needed: Role,
}

const fn place(path: &'static str, word: &'static str, icon: Icon, needed: Role) -> Place {
    Place {
        path,
        word,
        icon,
        needed,
    }
}

/// Always at hand.
const MAIN: [Place; 4] = [
    place("/", "Home", Icon::Home, Role::Viewer),
    place("/library", "Library", Icon::Library, Role::Viewer),
    place("/search", "Search", Icon::Search, Role::User),
    place("/downloads", "Downloads", Icon::Download, Role::Viewer),
];

/// Behind "More" on a phone.
const MORE: [Place; 8] = [
    place("/wants", "Wants", Icon::Bookmark, Role::Viewer),
    place("/jobs", "Jobs", Icon::Jobs, Role::Viewer),
    place("/problems", "Problems", Icon::Warning, Role::Manager),
    place("/integrations", "Integrations", Icon::Plug, Role::Admin),
    place("/settings", "Settings", Icon::Cog, Role::Admin),
    place("/users", "Users", Icon::Users, Role::Admin),
    place("/audit", "Audit log", Icon::Shield, Role::Admin),
    place("/account", "Account", Icon::Account, Role::Viewer),
];

/// The frame around a signed-in page.
#[component]
pub fn Frame(user: CurrentUser, has_sandbox: bool, changes: String, children: Children) -> impl IntoView {
    view! {
        <a class="skip-link" href="#page">"Skip to the page"</a>
        <div class="frame">
            <SideBar user=user.clone() />
            <div class="frame-page">
                {has_sandbox.then(|| view! { <SandboxBanner /> })}
                <main id="page" tabindex="-1" data-live-page=changes>{children()}</main>
            </div>
            <BottomBar user=user />
        </div>
    }
}

#[component]
fn SandboxBanner() -> impl IntoView {
    view! {
        <p class="sandbox-banner">
            <Drawing icon=Icon::Box />
            "Sandbox: services marked so are stand-ins on this machine, not the real ones."
        </p>
    }
}

#[component]
fn SideBar(user: CurrentUser) -> impl IntoView {
    let role = user.role;
    view! {
        <header class="side-bar">
            <PlaceLink path="/" class="brand">"mamcrawler"</PlaceLink>
            <nav aria-label="Main">
                <PlaceLinks places=&MAIN role=role />
                <hr />
                <PlaceLinks places=&MORE role=role />
            </nav>
            <p class="side-bar-user"><bdi>{user.username}</bdi>" · "{role.as_str()}</p>
        </header>
    }
}

#[component]
fn BottomBar(user: CurrentUser) -> impl IntoView {
    view! {
        <nav class="bottom-bar" aria-label="Main">
            <PlaceLinks places=&MAIN role=user.role />
            <details class="bottom-more">
                <summary class="place"><Drawing icon=Icon::More /><span>"More"</span></summary>
                <div class="bottom-menu"><PlaceLinks places=&MORE role=user.role /></div>
            </details>
        </nav>
    }
}

#[component]
fn PlaceLinks(places: &'static [Place], role: Role) -> impl IntoView {
    let links = places
        .iter()
        .filter(|place| role.includes(place.needed))
        .map(|place| {
            view! {
                <li>
                    <PlaceLink path=place.path class="place">
                        <Drawing icon=place.icon />
                        <span>{place.word}</span>
                    </PlaceLink>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="places">{links}</ul> }
}

/// A link that says where one is.
#[component]
fn PlaceLink(path: &'static str, class: &'static str, children: Children) -> impl IntoView {
    let is_here = use_location().pathname.with_untracked(|shown| is_within(path, shown));
    view! { <a href=link_to(path) class=class aria-current=is_here.then_some("page")>{children()}</a> }
}

/// Whether an address is a place or something in it. In the first page, which is a slash alone, is nothing but itself.
fn is_within(place: &str, shown: &str) -> bool {
    let rest = shown.strip_prefix(place);
    rest.is_some_and(|rest| rest.is_empty() || (place.len() > 1 && rest.starts_with('/')))
}

/// The head of a page: its title, and what can be done with all of it.
#[component]
pub fn PageHead(
    #[prop(into)] title: String,
    /// The changes that the page is shown anew for: topics of `types::events::LiveEvent`, "download" or "download:<id>",
    /// with blanks between.
    #[prop(optional, into)]
    topics: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <leptos_meta::Title text=shorten(&title) />
        <header class="page-head" data-topics=(!topics.is_empty()).then_some(topics)>
            <h1 class="clamp-3"><bdi>{title}</bdi></h1>
            {children.map(|children| view! { <div class="page-head-actions">{children()}</div> })}
        </header>
    }
}

/// A title for the browser's tab: one line, of a length that a tab can hold.
fn shorten(title: &str) -> String {
    let line: String = title
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(80)
        .collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_where_one_is_in_it() {
        for (place, shown) in [
            ("/", "/"),
            ("/search", "/search"),
            ("/search", "/search/7"),
            ("/search", "/search/"),
        ] {
            assert!(is_within(place, shown), "{place} {shown}");
        }
        for (place, shown) in [
            ("/", "/search"),
            ("/search", "/"),
            ("/search", "/searches"),
            ("/search/7", "/search"),
        ] {
            assert!(!is_within(place, shown), "{place} {shown}");
        }
    }

    #[test]
    fn a_tab_title_is_one_short_line() {
        assert_eq!(shorten("a\nb"), "a b");
        assert_eq!(shorten(&"x".repeat(4000)).len(), 80);
    }
}
