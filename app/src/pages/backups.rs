//! Backups: which there are, whether a test brought everything back from them, and one now.

use leptos::prelude::*;
use types::backups::Backup;
use types::jobs::JobKind;

use crate::api::backups::list_backups;
use crate::api::jobs::RunNow;
use crate::components::layout::PageHead;
use crate::components::moment::Moment;
use crate::components::notices::Empty;
use crate::components::post_form::{ButtonForm, Post, PostErrors};
use crate::components::states::{Badge, backup_face};
use crate::format;
use crate::link::link_to;
use crate::pages::show;

/// The backups of the database, newest first.
#[component]
pub fn BackupsPage() -> impl IntoView {
    let run = Post::to::<RunNow>();
    view! {
        <PageHead title="Backups" topics="run"><a class="button" href=link_to("/jobs")>"Jobs"</a></PageHead>
        <PostErrors posts=vec![run.clone()] />
        {show(async move {
            let backups = list_backups().await?;
            if backups.is_empty() {
                return Ok(view! { <NoBackups /><Actions run=run /> }.into_any());
            }
            let rows = backups.into_iter().map(|backup| view! { <BackupRow backup=backup /> }).collect_view();
            Ok(view! {
                <Actions run=run />
                <ul class="rows">{rows}</ul>
                <p class="hint">
                    "Kept are one of each of 7 days, and before those one of each of 4 weeks. \"mamcrawler restore\" brings one back into an empty database."
                </p>
            }
            .into_any())
        })}
    }
}

#[component]
fn NoBackups() -> impl IntoView {
    view! {
        <Empty title="There is no backup yet.">
            <p>"One is made every day, if the job is switched on."</p>
        </Empty>
    }
}

#[component]
fn Actions(run: Post) -> impl IntoView {
    view! {
        <div class="actions">
            <JobButton post=run.clone() kind=JobKind::Backup word="Back up now" />
            <JobButton post=run kind=JobKind::TestRestore word="Test the newest" />
        </div>
    }
}

#[component]
fn JobButton(post: Post, kind: JobKind, word: &'static str) -> impl IntoView {
    view! {
        <ButtonForm post=post>
            <input type="hidden" name="kind" value=kind.as_str() />
            <button class="button" type="submit">{word}</button>
        </ButtonForm>
    }
}

#[component]
fn BackupRow(backup: Backup) -> impl IntoView {
    let size = i64::try_from(backup.size_bytes).unwrap_or(i64::MAX);
    let encrypted = match backup.is_encrypted {
        Some(true) => "encrypted",
        Some(false) => "not encrypted",
        None => "not noted whether it is encrypted",
    };
    let key = backup.name.clone();
    view! {
        <li class="row row-tight" data-key=key>
            <div class="row-head">
                <span class="row-title" dir="auto">{backup.name}</span>
                <Badge face=backup_face(backup.state) />
            </div>
            {backup.fault.map(|fault| view! { <p class="row-sentence" dir="auto">{fault}</p> })}
            <p class="row-meta">
                <span>"made "<Moment at=backup.made_at /></span>
                <span class="num">{format::format_bytes(size)}</span>
                <span>{encrypted}</span>
                {backup.proven_at.map(|at| view! { <span>"brought back by a test "<Moment at=at /></span> })}
            </p>
        </li>
    }
}
