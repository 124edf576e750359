//! Works that somebody would like to have, and where each stands.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use types::people::Role;
use types::wants::{Want, WantStatus};

use crate::api::wants::{CancelWant, SearchNow, list_wants};
use crate::api::{AppError, may};
use crate::components::confirm::Confirm;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::notices::Empty;
use crate::components::pager::Pager;
use crate::components::post_form::{ButtonForm, Post, PostErrors};
use crate::components::states::{Badge, download_face, reason_label, want_face};
use crate::format;
use crate::link::link_to;
use crate::pages::{read_page_request, read_query, show};

/// The tabs: word in the address, word on the tab, what it shows.
const TABS: [(&str, &str, Option<WantStatus>); 4] = [
    ("open", "Open", Some(WantStatus::Open)),
    ("fulfilled", "Fulfilled", Some(WantStatus::Fulfilled)),
    ("cancelled", "Cancelled", Some(WantStatus::Cancelled)),
    ("all", "All", None),
];

/// What can be done with a want.
#[derive(Clone)]
struct Posts {
    search: Post,
    cancel: Post,
}

/// One list with a tab for each status.
#[component]
pub fn WantsPage() -> impl IntoView {
    let posts = Posts {
        search: Post::to::<SearchNow>(),
        cancel: Post::to::<CancelWant>(),
    };
    let query = read_query();
    let tab = read_tab(query.get_str("show"));
    let tabs = TABS
        .into_iter()
        .enumerate()
        .map(|(index, (word, label, _))| {
            let is_here = (tab == index).then_some("page");
            view! { <li><a href=link_to(format_args!("/wants?show={word}")) aria-current=is_here>{label}</a></li> }
        })
        .collect_view();
    view! {
        <PageHead title="Wants" topics="wants download"><a class="button" href=link_to("/search")>"Want something"</a></PageHead>
        <PostErrors posts=vec![posts.search.clone(), posts.cancel.clone()] />
        <nav aria-label="Which wants"><ul class="tabs">{tabs}</ul></nav>
        {show(show_wants(TABS[tab].2, query, posts))}
    }
}

async fn show_wants(status: Option<WantStatus>, query: ParamsMap, posts: Posts) -> Result<AnyView, AppError> {
    let page = list_wants(status, read_page_request(&query)).await?;
    if page.items.is_empty() {
        return Ok(view! {
            <Empty title="Nothing here."><p>"Search for a book and press "<strong>"Want it"</strong>": it is searched again until it is there."</p></Empty>
        }
        .into_any());
    }
    let rows = page
        .items
        .into_iter()
        .map(|want| view! { <WantRow want=want posts=posts.clone() /> })
        .collect_view();
    Ok(view! {
        <ul class="rows" aria-live="polite">{rows}</ul>
        <Pager path="/wants" query=query next_cursor=page.next_cursor />
    }
    .into_any())
}

fn read_tab(word: Option<&str>) -> usize {
    TABS.iter().position(|tab| Some(tab.0) == word).unwrap_or_default()
}

#[component]
fn WantRow(want: Want, posts: Posts) -> impl IntoView {
    let face = match want.state {
        Some(state) if want.status == WantStatus::Open => download_face(state),
        _ => want_face(want.status),
    };
    let is_open = want.status == WantStatus::Open;
    let by = format::join_names(want.authors.iter().map(String::as_str));
    let series = want.series.clone().map(|series| match &want.sequence {
        Some(sequence) => format!("{series}, {sequence}"),
        None => series,
    });
    let asked = format::join_names(want.wanted_by.iter().map(String::as_str));
    let key = want.id.to_string();
    view! {
        <li class="row" data-key=key>
            <div class="row-head">
                <bdi class="row-title clamp-2">{want.title.clone()}</bdi>
                <Badge face=face />
                <span class="tag">{reason_label(want.reason)}</span>
            </div>
            <p class="row-sub clamp-2">
                <bdi>{by}</bdi>
                {series.map(|series| view! { " · "<bdi>{series}</bdi> })}
                {want.narrator.clone().map(|narrator| view! { " · read by "<bdi>{narrator}</bdi> })}
            </p>
            <p class="row-sentence" dir="auto">{want.sentence.clone()}</p>
            <p class="row-meta">
                {want.next_at.filter(|_| is_open).map(|at| view! { <span>"Next step "<Moment at=at /></span> })}
                <span>"Wanted by "<bdi>{asked}</bdi>", "<Moment at=want.created_at /></span>
            </p>
            <WantActions want=want posts=posts />
        </li>
    }
}

#[component]
fn WantActions(want: Want, posts: Posts) -> impl IntoView {
    let is_open = want.status == WantStatus::Open;
    let can_change = is_open && may(Role::User);
    let can_search = is_open && may(Role::Manager);
    let id = want.id.to_string();
    let cancel_id = id.clone();
    view! {
        <div class="actions">
            {want.download_id.map(|id| view! { <a class="button button-quiet" href=link_to(format_args!("/downloads/{id}"))>"Download"</a> })}
            {want.search_id.map(|id| view! { <a class="button button-quiet" href=link_to(format_args!("/search/{id}"))>"Last search"</a> })}
            {can_search.then(|| view! {
                <ButtonForm post=posts.search>
                    <input type="hidden" name="id" value=id />
                    <button class="button button-quiet" type="submit">"Search now"</button>
                </ButtonForm>
            })}
            {can_change.then(|| view! {
                <Confirm label="Cancel…" question="It is no longer looked for.">
                    <ButtonForm post=posts.cancel>
                        <input type="hidden" name="id" value=cancel_id />
                        <button class="button button-danger" type="submit">"Cancel the want"</button>
                    </ButtonForm>
                </Confirm>
            })}
        </div>
    }
}
