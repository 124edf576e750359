//! Background work: schedules, and what ran.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use types::jobs::{JobKind, JobSummary};
use types::people::Role;

use crate::api::jobs::{RunNow, SetJobEnabled, SetJobSchedule, list_jobs, list_runs};
use crate::api::may;
use crate::components::fields::TextField;
use crate::components::icons::Icon;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::notices::{Empty, Tone};
use crate::components::pager::Pager;
use crate::components::post_form::{ButtonForm, Post, PostErrors, PostForm};
use crate::components::runs::RunList;
use crate::components::states::{Badge, run_face};
use crate::link::link_to;
use crate::pages::{read_page_request, read_query, show};

/// What can be done with a job.
#[derive(Clone)]
struct Posts {
    run: Post,
    set_enabled: Post,
}

/// Jobs on top, runs below, newest first. Of one job: how it starts, and its runs.
#[component]
pub fn JobsPage() -> impl IntoView {
    let posts = Posts {
        run: Post::to::<RunNow>(),
        set_enabled: Post::to::<SetJobEnabled>(),
    };
    let chosen = read_kind(&read_query());
    view! {
        <PageHead title="Jobs" topics="run">
            {may(Role::Manager).then(|| view! { <a class="button" href=link_to("/problems")>"Problems"</a> })}
            {may(Role::Admin).then(|| view! { <a class="button" href=link_to("/backups")>"Backups"</a> })}
        </PageHead>
        <PostErrors posts=vec![posts.run.clone(), posts.set_enabled.clone()] />
        {show(async move {
            let mut jobs = list_jobs().await?;
            if let Some(kind) = chosen {
                jobs.retain(|job| job.kind == kind);
            }
            let form = jobs.first().filter(|_| chosen.is_some() && may(Role::Admin)).cloned();
            let rows = jobs.into_iter().map(|job| view! { <JobRow job=job posts=posts.clone() /> }).collect_view();
            Ok(view! {
                <ul class="rows rows-two">{rows}</ul>
                {form.map(|job| view! { <ScheduleForm job=job /> })}
            }
            .into_any())
        })}
        <Runs />
    }
}

/// When a job starts. Empty = as the program says.
#[component]
fn ScheduleForm(job: JobSummary) -> impl IntoView {
    let set = Post::to::<SetJobSchedule>();
    let typed = read_query().get("schedule").filter(|_| set.error.is_some());
    let key = job.kind.as_str();
    view! {
        <section class="section">
            <h2>"When it starts"</h2>
            <PostForm post=set.clone()>
                <input type="hidden" name="kind" value=key />
                <TextField
                    label="Schedule" name="schedule" value=typed.unwrap_or_else(|| job.schedule_text.clone()) autocomplete="off"
                    hint="\"every 30 minutes\", or five fields by the clock: minute, hour, day of the month, month, day of the week. \"30 2 * * 1-5\" is at 02:30 on workdays."
                />
                <button class="button button-primary" type="submit">"Save"</button>
            </PostForm>
            <p class="hint">
                "By the clock, it starts up to a minute later, so that not everything starts at once. Starts that were missed are made up for by one."
            </p>
            {job.is_custom.then(|| view! {
                <ButtonForm post=set>
                    <input type="hidden" name="kind" value=key />
                    <button class="button button-quiet" type="submit">
                        {format!("Reset to \"{}\"", job.default_schedule)}
                    </button>
                </ButtonForm>
            })}
        </section>
    }
}

/// The job that the address names.
fn read_kind(query: &ParamsMap) -> Option<JobKind> {
    query.get_str("kind").and_then(|kind| kind.parse().ok())
}

#[component]
fn Runs() -> impl IntoView {
    let query = read_query();
    let kind = read_kind(&query);
    view! {
        <section class="section">
            <h2>"Runs"</h2>
            {kind.map(|_| view! { <p class="row-meta">"Of one job. "<a href=link_to("/jobs")>"Show all"</a></p> })}
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
                <a class="row-title" href=link_to(format_args!("/jobs?kind={}", job.kind))>{job.kind.label()}</a>
                <Badge face=face />
            </div>
            <p class="row-meta">
                <span>{job.schedule.clone()}</span>
                {job.is_custom.then(|| view! { <span>"changed by an admin"</span> })}
                {next_at.map(|at| view! { <span>"next "<Moment at=at /></span> })}
                {job.next_local.clone().map(|at| view! { <span class="num">{at}</span> })}
            </p>
            {job.last_run.clone().map(|run| view! {
                <p class="row-meta">
                    <Badge face=run_face(run.status) />
                    <a href=link_to(format_args!("/runs/{}", run.id))>"Last run"</a>
                    <Moment at=run.finished_at.or(run.started_at).unwrap_or(run.queued_at) />
                </p>
            })}
            <JobActions job=job posts=posts />
        </li>
    }
}

#[component]
fn JobActions(job: JobSummary, posts: Posts) -> impl IntoView {
    let is_own_page = read_kind(&read_query()) == Some(job.kind);
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
                {(!is_own_page).then(|| view! { <a class="button button-quiet" href=link_to(format_args!("/jobs?kind={}", job.kind))>"Change"</a> })}
            </div>
        }
    })
}
