//! A run: how far it is, its figures, its log as it is written.

use leptos::prelude::*;
use types::RunId;
use types::jobs::{Counter, LogLevel, RunDetail, RunLogLine};
use types::people::Role;

use crate::api::jobs::{CancelRun, get_run};
use crate::api::may;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::post_form::{ButtonForm, Post, PostErrors};
use crate::components::runs::{RunProgress, took_text};
use crate::components::states::{Badge, run_face};
use crate::format;
use crate::pages::{read_id, show};

/// One run by its id; follows it while it goes on.
#[component]
pub fn RunPage() -> impl IntoView {
    show(async {
        let run = get_run(read_id::<RunId>("run")?).await?;
        let cancel = Post::to::<CancelRun>();
        Ok(view! {
            <PostErrors posts=vec![cancel.clone()] />
            <Everything run=run cancel=cancel />
        }
        .into_any())
    })
}

#[component]
fn Everything(run: RunDetail, cancel: Post) -> impl IntoView {
    let summary = run.summary;
    let took = took_text(&summary);
    let can_cancel = run.can_cancel && may(Role::Admin);
    let id = summary.id.to_string();
    view! {
        <PageHead title=summary.kind.label() topics=format!("run:{}", summary.id)><Badge face=run_face(summary.status) /></PageHead>
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
                <ButtonForm post=cancel>
                    <input type="hidden" name="id" value=id />
                    <button class="button" type="submit">"Stop it"</button>
                </ButtonForm>
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
