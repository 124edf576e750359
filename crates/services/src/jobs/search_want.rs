//! Searches for one want, and grabs, holds, asks or gives up for now by what it found.

use chrono::Duration;
use db::Connection;
use db::downloads::DownloadRow;
use diesel_async::AsyncConnection;
use domain::choice::is_only_budget;
use jobs::{JobError, Outcome, RunContext};
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::jobs::LogLevel;
use types::search::{Decision, SearchForm};
use types::{DownloadId, SearchId};

use super::JOB_ACTOR;
use crate::error::{Result, ServiceError};
use crate::grab::{Chosen, GrabOptions, queue_chosen};
use crate::ownership::{Ownership, find_library_obstacle, find_owned, identity_of_form};
use crate::search_judgement::{SearchSummary, StoredCandidate};
use crate::search_run::run_search;
use crate::settings::read_settings;
use crate::transition::{Step, take_step};
use crate::wants::form_of_want;
use crate::{Services, searches};

/// When nothing was found, the next look.
const NOT_FOUND_PAUSE: Duration = Duration::hours(6);
/// When no indexer could be asked.
const INDEXER_PAUSE: Duration = Duration::minutes(15);
/// When a free release is hoped for, which needs a search.
const RATIO_PAUSE: Duration = Duration::hours(1);
/// When the budget or the library stands in the way.
const HOLD_PAUSE: Duration = Duration::minutes(15);

/// The job: the download named in its payload goes from `wanted` to wherever the search leads.
pub async fn search_want(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let id: DownloadId = ctx.subject()?.into();
    let Some((download, form)) = begin_search(services, id).await? else {
        return Ok(Outcome::NothingToDo(
            "The download no longer waits for a search.".into(),
        ));
    };
    if let Some(sentence) = wait_for_library(services, &download).await? {
        return Ok(Outcome::Done(sentence));
    }
    let sought = (&form, Some(download.want_id.into()));
    let search = searches::insert_search(services, &mut *services.connection().await?, &JOB_ACTOR, sought).await?;
    ctx.log(LogLevel::Info, format!("Searching for \"{}\".", form.title))
        .await;
    let summary = match run_search(services, search, &form).await {
        Ok(summary) => summary,
        Err(error) => {
            searches::fail_search(services, search, &error).await;
            return Err(error.into());
        }
    };
    ctx.log(LogLevel::Info, summary.sentence.clone()).await;
    ctx.count("releases", i64::try_from(summary.judged.len()).unwrap_or(i64::MAX));
    let sentence = conclude(services, &download, search, &form, &summary).await?;
    Ok(Outcome::Done(sentence))
}

/// Moves the download into `searching`; what is held stays so until something was found. `None` = it is somewhere else by
/// now.
async fn begin_search(services: &Services, id: DownloadId) -> Result<Option<(DownloadRow, SearchForm)>> {
    let mut conn = services.connection().await?;
    conn.transaction(async |conn| {
        let download = db::downloads::lock_download(conn, id).await?;
        let state = download.state()?;
        if !matches!(state, DownloadState::Wanted | DownloadState::Searching) && !state.is_waiting() {
            return Ok(None);
        }
        let form = form_of_want(conn, download.want_id.into()).await?;
        let download = match state {
            DownloadState::Hold => download,
            _ => enter_searching(services, conn, &download).await?,
        };
        Ok(Some((download, form)))
    })
    .await
}

async fn enter_searching(services: &Services, conn: &mut Connection, download: &DownloadRow) -> Result<DownloadRow> {
    let step = Step::new(
        DownloadState::Searching,
        EventCode::SearchStarted,
        "Searching all indexers.",
    )
    .with(|changes| changes.next_at = Some(None));
    take_step(services, conn, &JOB_ACTOR, download, step).await
}

/// While nobody can tell what is owned, a search would only cost requests.
async fn wait_for_library(services: &Services, download: &DownloadRow) -> Result<Option<String>> {
    let mut conn = services.connection().await?;
    let Some(obstacle) = find_library_obstacle(&mut conn).await? else {
        return Ok(None);
    };
    let next = services.now() + HOLD_PAUSE;
    let step = library_hold(&obstacle).with(|changes| changes.next_at = Some(Some(next)));
    let sentence = step.sentence.clone();
    take_step(services, &mut conn, &JOB_ACTOR, download, step).await?;
    Ok(Some(sentence))
}

fn library_hold(obstacle: &str) -> Step {
    let sentence = format!("{obstacle} Automatic grabbing waits, as nobody can tell what is owned.");
    Step::hold(HoldReason::LibraryUnreadable, sentence)
}

/// Decides what comes after the search, in one transaction with the grab if there is one. `searched` is the download as it
/// was searched for.
async fn conclude(
    services: &Services,
    searched: &DownloadRow,
    search: SearchId,
    form: &SearchForm,
    summary: &SearchSummary,
) -> Result<String> {
    let settings = read_settings(services).await?;
    let mut conn = services.connection().await?;
    conn.transaction(async |conn| {
        let download = db::downloads::lock_download(conn, searched.id()).await?;
        if (&download.state, download.release_id) != (&searched.state, searched.release_id) {
            return Ok(format!(
                "The download is {} meanwhile; nothing was changed.",
                download.state()?
            ));
        }
        db::works::lock_work(conn, download.work_id.into()).await?;
        let next = next_step(conn, form, search, summary, settings.is_automatic).await?;
        let stays_held = matches!(&next, Next::Step(step) if step.to == DownloadState::Hold);
        let download = match download.state()? {
            DownloadState::Hold if !stays_held => enter_searching(services, conn, &download).await?,
            _ => download,
        };
        let step = match next {
            Next::Grab => {
                grab_best(services, conn, &download, search, summary).await?;
                return Ok(summary.sentence.clone());
            }
            Next::Step(step) => *step,
        };
        let now = services.now();
        let pause = match step.to {
            DownloadState::NotFound => Some(NOT_FOUND_PAUSE),
            DownloadState::Hold if step.changes.hold_reason == Some(HoldReason::IndexerDown) => Some(INDEXER_PAUSE),
            DownloadState::Hold if step.changes.hold_reason == Some(HoldReason::Ratio) => Some(RATIO_PAUSE),
            DownloadState::Hold => Some(HOLD_PAUSE),
            _ => None,
        };
        let sentence = step.sentence.clone();
        let step = step.with(|changes| {
            changes.search_id = Some(Some(search.0));
            changes.next_at = Some(pause.map(|pause| now + pause));
        });
        take_step(services, conn, &JOB_ACTOR, &download, step).await?;
        Ok(sentence)
    })
    .await
}

enum Next {
    Grab,
    Step(Box<Step>),
}

async fn next_step(
    conn: &mut Connection,
    form: &SearchForm,
    search: SearchId,
    summary: &SearchSummary,
    is_automatic: bool,
) -> Result<Next> {
    let step = |step: Step| Ok(Next::Step(Box::new(step)));
    if let Ownership::Owned(_, sentence) = find_owned(conn, &identity_of_form(form)).await? {
        return step(Step::new(DownloadState::Cancelled, EventCode::AlreadyOwned, sentence));
    }
    if summary.has_only_failures {
        let sentence = format!("{} It is tried again in 15 minutes.", summary.sentence);
        return step(Step::hold(HoldReason::IndexerDown, sentence));
    }
    let Some(best) = summary.judged.first() else {
        return step(nothing_to_grab(summary));
    };
    match best.verdict.decision {
        Decision::Accepted => {}
        Decision::Review => {
            return step(Step::new(
                DownloadState::Review,
                EventCode::NeedsReview,
                summary.sentence.clone(),
            ));
        }
        Decision::Rejected if is_only_budget(&best.verdict) => {
            let reason = best.budget_hold.unwrap_or(HoldReason::AccountUnknown);
            return step(hold_for_budget(conn, search, best, reason).await?);
        }
        Decision::Rejected => return step(nothing_to_grab(summary)),
    }
    if let Some(sentence) = find_library_obstacle(conn).await? {
        return step(library_hold(&sentence));
    }
    if !is_automatic {
        let sentence = format!("Automatic choice is switched off. {}", summary.sentence);
        return step(Step::new(DownloadState::Review, EventCode::NeedsReview, sentence));
    }
    Ok(Next::Grab)
}

/// A slot or the account's answer is waited for with the release in hand; the ratio may want another, free one.
async fn hold_for_budget(
    conn: &mut Connection,
    search: SearchId,
    best: &StoredCandidate,
    reason: HoldReason,
) -> Result<Step> {
    let findings: Vec<&str> = best
        .verdict
        .findings
        .iter()
        .map(|finding| finding.sentence.as_str())
        .collect();
    let step = Step::hold(
        reason,
        format!("{} It is looked at again by itself.", findings.join(" ")),
    );
    if !matches!(reason, HoldReason::UnsatisfiedSlots | HoldReason::AccountUnknown) {
        return Ok(step);
    }
    let candidate = db::candidates::find_candidate_of_release(conn, search, best.release_id).await?;
    Ok(step.with(|changes| {
        changes.candidate_id = Some(candidate.map(|candidate| candidate.id));
        changes.release_id = Some(Some(best.release_id.0));
    }))
}

/// What was not found may be where nobody could look: then the next search is soon.
fn nothing_to_grab(summary: &SearchSummary) -> Step {
    if summary.has_failures {
        let sentence = format!("{} It is tried again in 15 minutes.", summary.sentence);
        return Step::hold(HoldReason::IndexerDown, sentence);
    }
    let sentence = format!("{} The next search is in 6 hours.", summary.sentence);
    Step::new(DownloadState::NotFound, EventCode::NothingFound, sentence)
}

async fn grab_best(
    services: &Services,
    conn: &mut Connection,
    download: &DownloadRow,
    search: SearchId,
    summary: &SearchSummary,
) -> Result<()> {
    let best = summary.judged.first().expect("there is a best release to grab");
    let candidate = db::candidates::find_candidate_of_release(conn, search, best.release_id)
        .await?
        .ok_or_else(|| ServiceError::not_found("release"))?;
    let chosen = Chosen {
        candidate: &candidate,
        verdict: &best.verdict,
        want: download.want_id.into(),
        work: download.work_id.into(),
        options: &GrabOptions::default(),
        attempts: download.attempts,
    };
    queue_chosen(services, conn, &JOB_ACTOR, &chosen).await?;
    Ok(())
}
