//! A run: how far it is, its figures, its log as it is written.

use leptos::prelude::*;
use types::RunId;
use types::jobs::{Counter, LogLevel, RunDetail, RunLogLine};
use types::people::Role;

use crate::api::jobs::{CancelRun, get_run};
use crate::components::fields::FormErrors;
use crate::components::layout::PageHead;
use crate::components::loaded::show_loaded;
use crate::components::moment::Moment;
use crate::components::post_form::PostForm;
use crate::components::runs::{RunProgress, took_text};
use crate::components::states::{Badge, run_face};
use crate::format;
use crate::pages::{fetch_by, use_id};
use crate::state::live::use_live;
use crate::state::load::load;
use crate::state::me::use_me;
use crate::state::post::Post;

/// One run by its id; follows it while it goes on.
#[component]
pub fn RunPage() -> impl IntoView {
    let (id, live) = (use_id::<RunId>(), use_live());
    let cancel = Post::to::<CancelRun>();
    let run = load(
        move || (id.get(), live.runs.get(), cancel.version.get()),
        |(id, ..)| fetch_by(id, "run", get_run),
    );
    view! {
        <FormErrors error=cancel.error />
        {show_loaded(run, move |run| view! { <Everything run=run cancel=cancel /> }.into_any())}
    }
}

#[component]
fn Everything(run: RunDetail, cancel: Post) -> impl IntoView {
    let summary = run.summary;
    let took = took_text(&summary);
    let can_cancel = run.can_cancel && use_me().includes(Role::Admin);
    let id = summary.id.to_string();
    view! {
        <PageHead title=summary.kind.label()><Badge face=run_face(summary.status) /></PageHead>
        <section class="section" aria-live="polite">
            <p class="download-sentence" dir="auto">{summary.sentence.clone()}</p>
            <RunProgress run=summary.clone() />
            <p class="row-meta">
                <span>"Started "<Moment at=summary.started_at.unwrap_or(summary.queued_at) /></span>
                {took.map(|took| view! { <span class="num">{took}</span> })}
                <span>"by "<bdi>{summary.started_by.clone()}</bdi></span>
                {(summary.attempt > 1).then(|| view! { <span>{format!("attempt {}", summary.attempt)}</span> })}
            </p>
            {can_cancel.then(|| view! {
                <PostForm action=cancel>
                    <input type="hidden" name="id" value=id />
                    <button class="button" type="submit">"Stop it"</button>
                </PostForm>
            })}
        </section>
        <Counters counters=run.counters />
        <Log lines=run.log />
    }
}

#[component]
fn Counters(counters: Vec<Counter>) -> impl IntoView {
    let rows = counters
        .into_iter()
        .map(|counter| {
            let value = format::format_count(counter.value.unsigned_abs());
            view! { <div><dt>{counter.name}</dt><dd class="num">{value}</dd></div> }
        })
        .collect::<Vec<_>>();
    (!rows.is_empty())
        .then(|| view! { <section class="section"><h2>"Figures"</h2><dl class="facts">{rows}</dl></section> })
}

#[component]
fn Log(lines: Vec<RunLogLine>) -> impl IntoView {
    let is_empty = lines.is_empty();
    let rows = lines
        .into_iter()
        .map(|line| {
            let (class, word) = match line.level {
                LogLevel::Info => ("log-line", None),
                LogLevel::Warning => ("log-line log-warning", Some("Warning: ")),
                LogLevel::Error => ("log-line log-error", Some("Error: ")),
            };
            view! {
                <li class=class>
                    <time class="num" datetime=line.at.to_rfc3339() title=format::format_moment(line.at)>{format::format_clock(line.at)}</time>
                    <span dir="auto">{word}{line.sentence}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="section">
            <h2>"Log"</h2>
            {is_empty.then(|| view! { <p class="hint">"It has not said anything."</p> })}
            <ol class="log" role="log">{rows}</ol>
        </section>
    }
}
