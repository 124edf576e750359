//! Background work: schedules, and what ran.

use leptos::prelude::*;
use types::jobs::{JobKind, JobSummary};
use types::people::Role;

use crate::api::jobs::{RunNow, SetJobEnabled, list_jobs, list_runs};
use crate::api::may;
use crate::components::icons::Icon;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::notices::{Empty, Tone};
use crate::components::pager::Pager;
use crate::components::post_form::{ButtonForm, Post, PostErrors};
use crate::components::runs::RunList;
use crate::components::states::{Badge, run_face};
use crate::pages::{read_page_request, read_query, show};

/// What can be done with a job.
#[derive(Clone)]
struct Posts {
    run: Post,
    set_enabled: Post,
}

/// Jobs on top, runs below, newest first.
#[component]
pub fn JobsPage() -> impl IntoView {
    let posts = Posts {
        run: Post::to::<RunNow>(),
        set_enabled: Post::to::<SetJobEnabled>(),
    };
    view! {
        <PageHead title="Jobs" topics="run" />
        <PostErrors posts=vec![posts.run.clone(), posts.set_enabled.clone()] />
        {show(async move {
            let jobs = list_jobs().await?;
            let rows = jobs.into_iter().map(|job| view! { <JobRow job=job posts=posts.clone() /> }).collect_view();
            Ok(view! { <ul class="rows rows-two">{rows}</ul> }.into_any())
        })}
        <Runs />
    }
}

#[component]
fn Runs() -> impl IntoView {
    let query = read_query();
    let kind: Option<JobKind> = query.get_str("kind").and_then(|kind| kind.parse().ok());
    view! {
        <section class="section">
            <h2>"Runs"</h2>
            {kind.map(|_| view! { <p class="row-meta">"Of one job. "<a href="/jobs">"Show all"</a></p> })}
            {show(async move {
                let page = list_runs(kind, read_page_request(&query)).await?;
                if page.items.is_empty() {
                    return Ok(view! { <Empty title="Nothing ran yet."><p>"Runs are kept for 30 days."</p></Empty> }.into_any());
                }
                Ok(view! {
                    <RunList runs=page.items />
                    <Pager path="/jobs" query=query next_cursor=page.next_cursor />
                }
                .into_any())
            })}
        </section>
    }
}

#[component]
fn JobRow(job: JobSummary, posts: Posts) -> impl IntoView {
    let face = if job.is_enabled {
        ("On", Icon::Clock, Tone::Plain)
    } else {
        ("Off", Icon::Pause, Tone::Warning)
    };
    let next_at = job.next_at.filter(|_| job.is_enabled);
    let key = job.kind.as_str();
    view! {
        <li class="row row-tight" data-key=key>
            <div class="row-head">
                <a class="row-title" href=format!("/jobs?kind={}", job.kind)>{job.kind.label()}</a>
                <Badge face=face />
            </div>
            <p class="row-meta">
                <span>{job.schedule.clone()}</span>
                {next_at.map(|at| view! { <span>"next "<Moment at=at /></span> })}
            </p>
            {job.last_run.clone().map(|run| view! {
                <p class="row-meta">
                    <Badge face=run_face(run.status) />
                    <a href=format!("/runs/{}", run.id)>"Last run"</a>
                    <Moment at=run.finished_at.or(run.started_at).unwrap_or(run.queued_at) />
                </p>
            })}
            <JobActions job=job posts=posts />
        </li>
    }
}

#[component]
fn JobActions(job: JobSummary, posts: Posts) -> impl IntoView {
    may(Role::Admin).then(|| {
        view! {
            <div class="actions">
                {job.kind.is_runnable_by_hand().then(|| view! {
                    <ButtonForm post=posts.run>
                        <input type="hidden" name="kind" value=job.kind.as_str() />
                        <button class="button button-quiet" type="submit">"Run now"</button>
                    </ButtonForm>
                })}
                <ButtonForm post=posts.set_enabled>
                    <input type="hidden" name="kind" value=job.kind.as_str() />
                    <input type="hidden" name="is_enabled" value=(!job.is_enabled).to_string() />
                    <button class="button button-quiet" type="submit">
                        {if job.is_enabled { "Switch off" } else { "Switch on" }}
                    </button>
                </ButtonForm>
            </div>
        }
    })
}
