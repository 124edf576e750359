//! What jobs could not do: counted, newest first, with what can be done about it.

use leptos::prelude::*;
use types::jobs::{FailedItem, FailedItemKind, Failure, JobKind};
use types::people::Role;

use crate::api::jobs::{DismissFailure, RetryFailure, list_failures};
use crate::api::may;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::notices::Empty;
use crate::components::pager::Pager;
use crate::components::post_form::{ButtonForm, Post, PostErrors};
use crate::format;
use crate::link::link_to;
use crate::pages::{read_page_request, read_query, show};

/// What can be done about a problem.
#[derive(Clone)]
struct Posts {
    retry: Post,
    dismiss: Post,
}

/// One row for each job, thing and sort of failure.
#[component]
pub fn ProblemsPage() -> impl IntoView {
    let query = read_query();
    let kind: Option<JobKind> = query.get_str("kind").and_then(|kind| kind.parse().ok());
    let posts = Posts {
        retry: Post::to::<RetryFailure>(),
        dismiss: Post::to::<DismissFailure>(),
    };
    view! {
        <PageHead title="Problems" topics="failures"><a class="button" href=link_to("/jobs")>"Jobs"</a></PageHead>
        <PostErrors posts=vec![posts.retry.clone(), posts.dismiss.clone()] />
        {kind.map(|kind| view! {
            <p class="row-meta">{format!("Of \"{}\". ", kind.label())}<a href=link_to("/problems")>"Show all"</a></p>
        })}
        {show(async move {
            let page = list_failures(kind, read_page_request(&query)).await?;
            if page.items.is_empty() {
                return Ok(view! { <NoProblems /> }.into_any());
            }
            let rows = page.items.into_iter().map(|row| view! { <ProblemRow failure=row posts=posts.clone() /> }).collect_view();
            Ok(view! {
                <ul class="rows" aria-live="polite">{rows}</ul>
                <Pager path="/problems" query=query next_cursor=page.next_cursor />
            }
            .into_any())
        })}
    }
}

#[component]
fn NoProblems() -> impl IntoView {
    view! {
        <Empty title="No job has a problem.">
            <p>"What a job can't do is counted here until it works, or for 30 days. What you dismiss stays away for an hour, then comes back if it happened again."</p>
        </Empty>
    }
}

#[component]
fn ProblemRow(failure: Failure, posts: Posts) -> impl IntoView {
    let id = failure.id.to_string();
    let times = tell_times(failure.count);
    let again = match failure.count_since_dismissal {
        Some(count) => format!("again {} since it was dismissed ", tell_times(count)),
        None => "again since it was dismissed ".to_owned(),
    };
    let can_retry = match failure.item.as_ref().map(|item| item.kind) {
        Some(FailedItemKind::Gone) => false,
        Some(FailedItemKind::Download) => true,
        // The job itself is started again.
        _ => may(Role::Admin),
    };
    view! {
        <li class="row row-tight" data-key=id.clone()>
            <div class="row-head">
                <a class="row-title" href=link_to(format_args!("/problems?kind={}", failure.kind))>{failure.kind.label()}</a>
                <span class="tag num">{times}</span>
            </div>
            {failure.item.map(|item| view! { <p class="row-sub"><ItemLink item=item /></p> })}
            <p class="row-sentence" dir="auto">{failure.sentence}</p>
            <p class="row-meta">
                <span>"last "<Moment at=failure.last_at /></span>
                {(failure.count > 1).then(|| view! { <span>"first "<Moment at=failure.first_at /></span> })}
                {failure.dismissed_at.map(|at| view! { <span>{again.clone()}<Moment at=at /></span> })}
                {failure.last_run.map(|run| view! { <a href=link_to(format_args!("/runs/{run}"))>"Last run"</a> })}
            </p>
            <div class="actions">
                {can_retry.then(|| view! { <ProblemButton post=posts.retry id=id.clone() word="Retry" /> })}
                <ProblemButton post=posts.dismiss id=id.clone() word="Dismiss" />
            </div>
        </li>
    }
}

fn tell_times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{} times", format::format_count(count)),
    }
}

#[component]
fn ProblemButton(post: Post, id: String, word: &'static str) -> impl IntoView {
    view! {
        <ButtonForm post=post>
            <input type="hidden" name="id" value=id />
            <button class="button button-quiet" type="submit">{word}</button>
        </ButtonForm>
    }
}

/// The thing that it failed at.
#[component]
fn ItemLink(item: FailedItem) -> impl IntoView {
    let path = match item.kind {
        FailedItemKind::Download => link_to(format_args!("/downloads/{}", item.id)),
        FailedItemKind::Integration => link_to(format_args!("/integrations/{}", item.id)),
        FailedItemKind::Gone => return "What it was about was removed meanwhile.".into_any(),
    };
    view! { <a href=path><bdi>{item.name}</bdi></a> }.into_any()
}
