//! Finds downloads whose next step nobody is going to take: a process died, or a step gave up for the moment.

use db::Connection;
use db::downloads::DownloadRow;
use diesel_async::AsyncConnection;
use jobs::{JobError, Outcome, RunContext};
use types::DownloadId;
use types::downloads::DownloadState;
use types::jobs::JobKind;

use super::JOB_ACTOR;
use super::poll_clients::enqueue_import;
use super::retry_due::is_due;
use crate::error::Result;
use crate::grab::enqueue_advance;
use crate::wants::enqueue_search;
use crate::{Services, searches};

/// States in which a job of ours has the next step; in all others a person, the client or time has it.
pub(crate) const OURS: [DownloadState; 6] = [
    DownloadState::Wanted,
    DownloadState::Searching,
    DownloadState::Queued,
    DownloadState::Downloaded,
    DownloadState::Verifying,
    DownloadState::Importing,
];

/// The job: sets unfinished downloads and lost searches right.
pub async fn check_imports(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let resumed = enqueue_unfinished(services).await?;
    let ended = searches::end_lost_searches(services).await?;
    ctx.count("resumed", i64::try_from(resumed).unwrap_or(i64::MAX));
    ctx.count("lost searches", i64::try_from(ended).unwrap_or(i64::MAX));
    Ok(match (resumed, ended) {
        (0, 0) => Outcome::NothingToDo("Every download has its next step.".into()),
        (_, 0) => Outcome::Done(format!("Resumed {resumed} downloads.")),
        _ => Outcome::Done(format!("Resumed {resumed} downloads and ended {ended} lost searches.")),
    })
}

/// Queues the next step of every download that has none queued or running; answers how many. Also called at each start.
pub async fn enqueue_unfinished(services: &Services) -> Result<u64> {
    let mut conn = services.connection().await?;
    let unfinished = db::downloads::list_downloads_in(&mut conn, &OURS).await?;
    let mut resumed = 0;
    for download in unfinished.iter().filter(|download| is_due(services, download)) {
        resumed += u64::from(resume(services, &mut conn, download.id()).await?);
    }
    Ok(resumed)
}

/// Other processes work meanwhile: what they finished since the list was read is not begun again.
async fn resume(services: &Services, conn: &mut Connection, id: DownloadId) -> Result<bool> {
    conn.transaction(async |conn| {
        let download = db::downloads::lock_download(conn, id).await?;
        if !OURS.contains(&download.state()?) || !is_due(services, &download) {
            return Ok(false);
        }
        enqueue_next(services, conn, &download).await
    })
    .await
}

/// Whether a run was queued. One that waits for its next try keeps its time.
pub(crate) async fn enqueue_next(services: &Services, conn: &mut Connection, download: &DownloadRow) -> Result<bool> {
    let kind = match download.state()? {
        DownloadState::Wanted | DownloadState::Searching => JobKind::SearchWant,
        DownloadState::Queued => JobKind::AdvanceDownload,
        _ => JobKind::ImportDownload,
    };
    let id = download.id();
    if jobs::has_live_run(conn, &format!("{kind}:{id}")).await? {
        return Ok(false);
    }
    match kind {
        JobKind::SearchWant => enqueue_search(services, conn, &JOB_ACTOR, id).await?,
        JobKind::AdvanceDownload => enqueue_advance(services, conn, &JOB_ACTOR, id).await?,
        _ => enqueue_import(services, conn, download).await?,
    }
    Ok(true)
}
