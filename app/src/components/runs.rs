//! Runs of background jobs in a list.

use leptos::prelude::*;
use types::jobs::RunSummary;

use super::moment::Moment;
use super::states::{Badge, run_face};
use crate::format;
use crate::link::link_to;

/// Runs one below the other.
#[component]
pub fn RunList(runs: Vec<RunSummary>) -> impl IntoView {
    let rows = runs.into_iter().map(|run| view! { <RunRow run=run /> }).collect_view();
    view! { <ul class="rows">{rows}</ul> }
}

#[component]
fn RunRow(run: RunSummary) -> impl IntoView {
    let at = run.finished_at.or(run.started_at).unwrap_or(run.queued_at);
    let took = took_text(&run);
    view! {
        <li class="row row-tight" data-key=run.id.to_string()>
            <div class="row-head">
                <a class="row-title" href=link_to(format_args!("/runs/{}", run.id))>{run.kind.label()}</a>
                <Badge face=run_face(run.status) />
            </div>
            <p class="row-sentence clamp-2" dir="auto">{run.sentence.clone()}</p>
            <RunProgress run=run.clone() />
            <p class="row-meta">
                <Moment at=at />
                {took.map(|took| view! { <span class="num">{took}</span> })}
                <span>"by "<bdi>{run.started_by}</bdi></span>
            </p>
        </li>
    }
}

/// How far a run is, while it runs.
#[component]
pub fn RunProgress(run: RunSummary) -> impl IntoView {
    (run.finished_at.is_none() && run.progress_total > 0).then(|| {
        view! {
            <div class="progress">
                <progress
                    max=run.progress_total.to_string()
                    value=run.progress_done.to_string()
                    aria-label=format!("Progress of {}", run.kind.label())
                ></progress>
                <p class="progress-facts num">
                    {format!("{} of {}", format::format_count(run.progress_done), format::format_count(run.progress_total))}
                </p>
            </div>
        }
    })
}

/// "took 12 s", once it ended.
pub fn took_text(run: &RunSummary) -> Option<String> {
    let took = run.finished_at? - run.started_at?;
    Some(match took.num_milliseconds() {
        ..1000 => "took under 1 s".to_owned(),
        _ => format!("took {}", format::format_duration(took.num_seconds())),
    })
}
