//! Downloads in a list: what each does or waits for, and how far it is.

use leptos::prelude::*;
use types::downloads::DownloadSummary;

use super::moment::Moment;
use super::states::{Badge, download_face, hold_label};
use crate::format;
use crate::link::link_to;

/// Downloads one below the other.
#[component]
pub fn DownloadList(downloads: Vec<DownloadSummary>) -> impl IntoView {
    let rows = downloads
        .into_iter()
        .map(|download| view! { <DownloadRow download=download /> })
        .collect_view();
    view! { <ul class="rows">{rows}</ul> }
}

#[component]
fn DownloadRow(download: DownloadSummary) -> impl IntoView {
    let authors = format::join_names(download.authors.iter().map(String::as_str));
    let hold = download.hold_reason.map(hold_label);
    let next_at = download.next_at.filter(|_| download.state.is_active());
    view! {
        <li class="row" data-key=download.id.to_string()>
            <div class="row-head">
                <a class="row-title clamp-2" href=link_to(format_args!("/downloads/{}", download.id))><bdi>{download.title.clone()}</bdi></a>
                <Badge face=download_face(download.state) />
                {hold.map(|hold| view! { <span class="tag">{hold}</span> })}
            </div>
            <p class="row-sub clamp-1"><bdi>{authors}</bdi></p>
            <DownloadProgress download=download.clone() />
            <p class="row-sentence" dir="auto">{download.sentence}</p>
            <p class="row-meta">
                {next_at.map(|at| view! { <span>"Next step "<Moment at=at /></span> })}
                <span>"Changed "<Moment at=download.updated_at /></span>
            </p>
        </li>
    }
}

/// How far a download is, how fast, and how long it takes; nothing before a client has it.
#[component]
pub fn DownloadProgress(download: DownloadSummary) -> impl IntoView {
    let is_moving = download.state.is_active() && download.state.is_in_client();
    let progress = download.progress.filter(|_| is_moving);
    let size = download.size_bytes.map(format::format_bytes);
    let speed = download
        .speed_bytes_per_second
        .filter(|speed| *speed > 0)
        .map(format::format_speed);
    let eta = download
        .eta_seconds
        .map(|seconds| format!("{} left", format::format_duration(seconds)));
    let seeders = download
        .seeders
        .map(|seeders| format::format_counted(u64::try_from(seeders).unwrap_or_default(), "seeder", "seeders"));
    progress.map(|progress| view! {
        <div class="progress">
            <progress max="1" value=progress.to_string() aria-label=format!("Progress of {}", download.title)></progress>
            <p class="progress-facts num">
                <strong>{format::format_percent(progress)}</strong>
                {[size.map(|size| format!("of {size}")), speed, eta, seeders]
                    .into_iter()
                    .flatten()
                    .map(|fact| view! { <span>{fact}</span> })
                    .collect_view()}
            </p>
        </div>
    })
}
