//! Background work: schedules, and what ran.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use types::jobs::JobSummary;
use types::people::Role;

use crate::api::jobs::{RunNow, SetJobEnabled, list_jobs, list_runs};
use crate::components::fields::FormErrors;
use crate::components::icons::Icon;
use crate::components::layout::PageHead;
use crate::components::loaded::show_loaded;
use crate::components::moment::Moment;
use crate::components::notices::{Empty, Tone};
use crate::components::pager::Pager;
use crate::components::post_form::PostForm;
use crate::components::runs::RunList;
use crate::components::states::{Badge, run_face};
use crate::pages::use_page_request;
use crate::state::live::use_live;
use crate::state::load::load;
use crate::state::me::use_me;
use crate::state::post::Post;

/// What can be done with a job.
#[derive(Clone, Copy)]
struct Actions {
    run: Post,
    set_enabled: Post,
}

/// Jobs on top, runs below, newest first.
#[component]
pub fn JobsPage() -> impl IntoView {
    let (live, query, page) = (use_live(), use_query_map(), use_page_request());
    let actions = Actions {
        run: Post::to::<RunNow>(),
        set_enabled: Post::to::<SetJobEnabled>(),
    };
    let jobs = load(
        move || (live.runs.get(), actions.set_enabled.version.get()),
        |_| list_jobs(),
    );
    let kind = Memo::new(move |_| query.with(|query| query.get_str("kind")?.parse().ok()));
    let runs = load(
        move || (kind.get(), page.get(), live.runs.get()),
        |(kind, page, _)| list_runs(kind, page),
    );
    view! {
        <PageHead title="Jobs" />
        <FormErrors error=actions.run.error />
        <FormErrors error=actions.set_enabled.error />
        {show_loaded(jobs, move |jobs| {
            let rows = jobs.into_iter().map(|job| view! { <JobRow job=job actions=actions /> }).collect_view();
            view! { <ul class="rows rows-two">{rows}</ul> }.into_any()
        })}
        <section class="section">
            <h2>"Runs"</h2>
            {move || kind.get().map(|_: types::jobs::JobKind| view! { <p class="row-meta">"Of one job. "<a href="/jobs">"Show all"</a></p> })}
            {show_loaded(runs, move |page| {
                if page.items.is_empty() {
                    return view! { <Empty title="Nothing ran yet."><p>"Runs are kept for 30 days."</p></Empty> }.into_any();
                }
                view! {
                    <RunList runs=page.items />
                    <Pager path="/jobs" query=query.get_untracked() next_cursor=page.next_cursor />
                }
                .into_any()
            })}
        </section>
    }
}

#[component]
fn JobRow(job: JobSummary, actions: Actions) -> impl IntoView {
    let face = if job.is_enabled {
        ("On", Icon::Clock, Tone::Plain)
    } else {
        ("Off", Icon::Pause, Tone::Warning)
    };
    let next_at = job.next_at.filter(|_| job.is_enabled);
    view! {
        <li class="row row-tight">
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
            <JobActions job=job actions=actions />
        </li>
    }
}

#[component]
fn JobActions(job: JobSummary, actions: Actions) -> impl IntoView {
    use_me().includes(Role::Admin).then(|| {
        view! {
            <div class="actions">
                {job.kind.is_runnable_by_hand().then(|| view! {
                    <PostForm action=actions.run>
                        <input type="hidden" name="kind" value=job.kind.as_str() />
                        <button class="button button-quiet" type="submit">"Run now"</button>
                    </PostForm>
                })}
                <PostForm action=actions.set_enabled>
                    <input type="hidden" name="kind" value=job.kind.as_str() />
                    <input type="hidden" name="is_enabled" value=(!job.is_enabled).to_string() />
                    <button class="button button-quiet" type="submit">
                        {if job.is_enabled { "Switch off" } else { "Switch on" }}
                    </button>
                </PostForm>
            </div>
        }
    })
}
