//! A download: how far it is, what can be done, and all that happened to it.

use leptos::prelude::*;
use types::DownloadId;
use types::downloads::{DownloadDetail, DownloadEvent, DownloadPart, ImportedFile};
use types::people::Role;

use crate::api::downloads::{CancelDownload, ChooseAnother, ConfirmSplit, RetryDownload, get_download};
use crate::api::may;
use crate::components::confirm::Confirm;
use crate::components::downloads::DownloadProgress;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::post_form::{ButtonForm, Post, PostErrors};
use crate::components::states::{Badge, download_face, hold_label};
use crate::format;
use crate::link::link_to;
use crate::pages::{read_id, show};

/// What can be done with a download.
#[derive(Clone)]
struct Posts {
    retry: Post,
    another: Post,
    cancel: Post,
    split: Post,
}

/// One download by its id.
#[component]
pub fn DownloadPage() -> impl IntoView {
    show(async {
        let download = get_download(read_id::<DownloadId>("download")?).await?;
        let posts = Posts {
            retry: Post::to::<RetryDownload>(),
            another: Post::to::<ChooseAnother>(),
            cancel: Post::to::<CancelDownload>(),
            split: Post::to::<ConfirmSplit>(),
        };
        let all = [&posts.retry, &posts.another, &posts.cancel, &posts.split];
        Ok(view! {
            <PostErrors posts=all.map(Clone::clone).to_vec() />
            <Everything download=download posts=posts />
        }
        .into_any())
    })
}

#[component]
fn Everything(download: DownloadDetail, posts: Posts) -> impl IntoView {
    let summary = download.summary.clone();
    let authors = format::join_names(summary.authors.iter().map(String::as_str));
    let hold = summary.hold_reason.map(hold_label);
    let next_at = summary.next_at.filter(|_| summary.state.is_active());
    view! {
        <PageHead title=summary.title.clone() topics=format!("download:{}", summary.id)>
            <Badge face=download_face(summary.state) />
            {hold.map(|hold| view! { <span class="tag">{hold}</span> })}
        </PageHead>
        <p class="row-sub"><bdi>{authors}</bdi></p>
        <section class="section" aria-live="polite">
            <DownloadProgress download=summary.clone() />
            <p class="download-sentence" dir="auto">{summary.sentence.clone()}</p>
            {next_at.map(|at| view! { <p class="row-meta">"Next step "<Moment at=at /></p> })}
            <ActionButtons download=download.clone() posts=posts />
        </section>
        <Parts parts=download.parts.clone() />
        <Facts download=download.clone() />
        <Files files=download.files />
        <History events=download.events />
    }
}

#[component]
fn ActionButtons(download: DownloadDetail, posts: Posts) -> impl IntoView {
    let can = download.actions;
    let id = download.summary.id.to_string();
    let another_id = id.clone();
    let cancel_id = id.clone();
    let split_id = id.clone();
    let new_books = download.parts.iter().filter(|part| !part.is_owned).count();
    may(Role::Manager).then(move || {
        view! {
            <div class="actions">
                {can.can_confirm_split.then(|| view! {
                    <ButtonForm post=posts.split>
                        <input type="hidden" name="id" value=split_id />
                        <button class="button button-primary" type="submit">{label_split(new_books)}</button>
                    </ButtonForm>
                })}
                {can.can_retry.then(|| view! {
                    <ButtonForm post=posts.retry>
                        <input type="hidden" name="id" value=id />
                        <button class="button button-primary" type="submit">"Try again"</button>
                    </ButtonForm>
                })}
                {can.can_choose_another.then(|| view! {
                    <ButtonForm post=posts.another>
                        <input type="hidden" name="id" value=another_id />
                        <button class="button" type="submit">"Choose another"</button>
                    </ButtonForm>
                })}
                {can.can_cancel.then(|| view! {
                    <Confirm label="Cancel…" question="Nothing more is done for it. What the torrent client already seeds goes on seeding.">
                        <ButtonForm post=posts.cancel>
                            <input type="hidden" name="id" value=cancel_id />
                            <button class="button button-danger" type="submit">"Cancel the download"</button>
                        </ButtonForm>
                    </Confirm>
                })}
            </div>
        }
    })
}

fn label_split(new_books: usize) -> String {
    match new_books {
        1 => "Import as 1 book".into(),
        count => format!("Import as {count} books"),
    }
}

/// The books of a pack, with what becomes of each.
#[component]
fn Parts(parts: Vec<DownloadPart>) -> impl IntoView {
    let rows = parts
        .into_iter()
        .map(|part| {
            let files = match part.files.len() {
                1 => "1 file".to_owned(),
                count => format!("{count} files"),
            };
            let title = match part.book_id {
                Some(id) => {
                    view! { <a href=link_to(format_args!("/books/{id}"))><bdi>{part.title}</bdi></a> }.into_any()
                }
                None => view! { <bdi>{part.title}</bdi> }.into_any(),
            };
            view! {
                <li class="row">
                    <div class="row-head">
                        {title}
                        {part.is_wanted.then(|| view! { <span class="tag">"Wanted"</span> })}
                        {part.is_owned.then(|| view! { <span class="tag">"Skipped"</span> })}
                    </div>
                    <p class="row-meta num"><span>{files}</span><bdi>{part.sentence}</bdi></p>
                </li>
            }
        })
        .collect::<Vec<_>>();
    (!rows.is_empty())
        .then(|| view! { <section class="section"><h2>"Books in it"</h2><ul class="rows">{rows}</ul></section> })
}

#[component]
fn Facts(download: DownloadDetail) -> impl IntoView {
    let summary = download.summary;
    let texts = [
        ("Release", summary.release_title),
        ("Why this one", download.verdict_summary),
        ("Indexer", summary.indexer),
        ("Client", download.client),
        ("Client says", summary.client_state),
        ("Size", summary.size_bytes.map(format::format_bytes)),
        ("Info-hash", summary.info_hash),
        (
            "Attempts",
            (download.attempts > 1).then(|| download.attempts.to_string()),
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(view! { <div><dt>{name}</dt><dd><bdi class="wrap">{value?}</bdi></dd></div> }))
    .collect_view();
    view! {
        <section class="section">
            <h2>"Facts"</h2>
            <dl class="facts facts-wide">
                {texts}
                <div><dt>"Asked for"</dt><dd><Moment at=summary.created_at /></dd></div>
            </dl>
            <div class="actions">
                {download.book_id.map(|id| view! { <a class="button" href=link_to(format_args!("/books/{id}"))>"Open the book"</a> })}
                {download.search_id.map(|id| view! { <a class="button" href=link_to(format_args!("/search/{id}"))>"See the choice"</a> })}
            </div>
        </section>
    }
}

#[component]
fn Files(files: Vec<ImportedFile>) -> impl IntoView {
    let rows = files
        .into_iter()
        .map(|file| {
            view! {
                <li>
                    <bdi class="path">{file.target}</bdi>
                    <span class="row-meta num">{format::format_bytes(file.size_bytes)}" · "{file.method}" of "<bdi class="path">{file.source}</bdi></span>
                </li>
            }
        })
        .collect::<Vec<_>>();
    (!rows.is_empty()).then(
        || view! { <section class="section"><h2>"Files in the library"</h2><ul class="files">{rows}</ul></section> },
    )
}

/// Newest first: what happened last is what one looks for.
#[component]
fn History(events: Vec<DownloadEvent>) -> impl IntoView {
    let rows = events
        .into_iter()
        .rev()
        .map(|event| {
            let has_moved = event.from_state != Some(event.to_state);
            view! {
                <li class="event">
                    <div class="event-head">
                        <Moment at=event.at />
                        {has_moved.then(|| view! { <Badge face=download_face(event.to_state) /> })}
                        <span class="row-meta">"by "<bdi>{event.actor}</bdi></span>
                    </div>
                    <p dir="auto">{event.sentence}</p>
                </li>
            }
        })
        .collect_view();
    view! { <section class="section"><h2>"History"</h2><ol class="events" reversed>{rows}</ol></section> }
}
