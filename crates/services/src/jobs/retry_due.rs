//! Goes on with what waits for a time: searches that found nothing, holds, and failures by circumstance.

use db::Connection;
use db::downloads::{DownloadChanges, DownloadRow};
use diesel_async::AsyncConnection;
use domain::download_life::retry_delay;
use jobs::{JobError, Outcome, RunContext};
use types::DownloadId;
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::jobs::{JobKind, LogLevel};

use super::{JOB_ACTOR, complaint_of};
use crate::Services;
use crate::downloads::has_usable_release;
use crate::error::{Result, ServiceError};
use crate::grab::enqueue_advance;
use crate::settings::read_settings;
use crate::transition::{Step, take_step};
use crate::wants::enqueue_search;

/// The job: searches for the wants that were found nowhere, or not searched for yet; no more than settings allow.
pub async fn search_wanted(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let most = read_settings(services).await?.max_automatic_grabs;
    let waiting = {
        let mut conn = services.connection().await?;
        let states = [DownloadState::NotFound, DownloadState::Wanted];
        db::downloads::list_downloads_in(&mut conn, &states)
            .await
            .map_err(ServiceError::from)?
    };
    let due: Vec<DownloadRow> = waiting
        .into_iter()
        .filter(|download| is_due(services, download))
        .collect();
    let mut queued = 0;
    for download in &due {
        if queued == most {
            break;
        }
        ctx.check_cancelled()?;
        queued += u32::from(queue_search(services, download.id()).await?);
    }
    ctx.count("queued", queued.into());
    Ok(match queued {
        0 => Outcome::NothingToDo("No want is due for a search.".into()),
        1 => Outcome::Done("Queued 1 search.".into()),
        _ => Outcome::Done(format!("Queued {queued} searches of {} that are due.", due.len())),
    })
}

/// Waits for no later time.
pub(super) fn is_due(services: &Services, download: &DownloadRow) -> bool {
    download.next_at.is_none_or(|next_at| next_at <= services.now())
}

/// Whether a search was queued: one that waits or runs already is enough.
async fn queue_search(services: &Services, id: DownloadId) -> Result<bool> {
    let mut conn = services.connection().await?;
    if jobs::has_live_run(&mut conn, &format!("{}:{id}", JobKind::SearchWant)).await? {
        return Ok(false);
    }
    enqueue_search(services, &mut conn, &JOB_ACTOR, id).await?;
    Ok(true)
}

/// The job: takes every held or failed download whose time has come one step on.
pub async fn retry_due(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let due = {
        let mut conn = services.connection().await?;
        let states = [DownloadState::Hold, DownloadState::Failed];
        db::downloads::list_due_downloads(&mut conn, &states, services.now())
            .await
            .map_err(ServiceError::from)?
    };
    let mut retried = 0;
    for download in due {
        ctx.check_cancelled()?;
        match look_again(services, download.id()).await {
            Ok(has_moved) => {
                retried += i64::from(has_moved);
                ctx.report_success(download.id);
            }
            // The others are not held up by one that can't go on.
            Err(error) => {
                ctx.log(LogLevel::Warning, format!("{}: {error}", download.id())).await;
                ctx.report_failure(download.id, complaint_of(error));
            }
        }
    }
    ctx.count("retried", retried);
    Ok(match retried {
        0 => Outcome::NothingToDo("Nothing is due.".into()),
        1 => Outcome::Done("Went on with 1 download.".into()),
        _ => Outcome::Done(format!("Went on with {retried} downloads.")),
    })
}

async fn look_again(services: &Services, id: DownloadId) -> Result<bool> {
    let mut conn = services.connection().await?;
    conn.transaction(async |conn| {
        let download = db::downloads::lock_download(conn, id).await?;
        // Somebody may have been faster than this lock.
        if !is_due(services, &download) {
            return Ok(false);
        }
        match download.state()? {
            DownloadState::Hold => look_at_held(services, conn, &download).await,
            DownloadState::Failed => retry_failed(services, conn, &download).await,
            _ => Ok(false),
        }
    })
    .await
}

/// With a release what holds it is checked anew; without one it is searched for. Until that is done it stays held, so that
/// only what changes is in its history.
async fn look_at_held(services: &Services, conn: &mut Connection, download: &DownloadRow) -> Result<bool> {
    // Only a manager approves.
    if download.hold_reason.as_deref() == Some(HoldReason::Approval.as_str()) {
        return Ok(false);
    }
    if download.release_id.is_none() {
        enqueue_search(services, conn, &JOB_ACTOR, download.id()).await?;
        return Ok(true);
    }
    enqueue_advance(services, conn, &JOB_ACTOR, download.id()).await?;
    Ok(true)
}

/// By the policy of `domain::download_life::retry_delay`: so many times, then a person decides.
async fn retry_failed(services: &Services, conn: &mut Connection, download: &DownloadRow) -> Result<bool> {
    if db::downloads::find_active_download(conn, download.work_id.into())
        .await?
        .is_some()
    {
        let changes = DownloadChanges {
            next_at: Some(None),
            ..DownloadChanges::default()
        };
        db::downloads::update_download(conn, download, changes, None, services.now()).await?;
        return Ok(false);
    }
    let attempt = download.attempts.saturating_add(1);
    if retry_delay(attempt.unsigned_abs(), 0.5).is_none() {
        let sentence =
            format!("It failed {attempt} times and is not tried again. Choose another release, or retry it.");
        let step = Step::new(DownloadState::Abandoned, EventCode::Abandoned, sentence);
        take_step(
            services,
            conn,
            &JOB_ACTOR,
            download,
            step.with(|changes| changes.next_at = Some(None)),
        )
        .await?;
        return Ok(true);
    }
    let to = match has_usable_release(conn, download).await? {
        true => DownloadState::Queued,
        false => DownloadState::Searching,
    };
    let step = Step::new(to, EventCode::Retried, format!("Tried again after failure {attempt}.")).with(|changes| {
        changes.attempts = Some(attempt);
        changes.next_at = Some(None);
    });
    take_step(services, conn, &JOB_ACTOR, download, step).await?;
    match to {
        DownloadState::Queued => enqueue_advance(services, conn, &JOB_ACTOR, download.id()).await?,
        _ => enqueue_search(services, conn, &JOB_ACTOR, download.id()).await?,
    }
    Ok(true)
}
