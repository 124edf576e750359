//! When a release turns out to be no good: it ends, is blocklisted, and the next candidate takes its place.

use chrono::{DateTime, Utc};
use db::Connection;
use db::blocklist::BlocklistEntry;
use db::downloads::{DownloadRow, NewDownload};
use diesel_async::AsyncConnection;
use domain::download_life::retry_delay;
use types::downloads::{DownloadState, EventCode};
use types::{DownloadId, ReleaseId, SearchId};

use crate::Services;
use crate::error::Result;
use crate::grab::{Chosen, GrabOptions, queue_chosen};
use crate::jobs::JOB_ACTOR;
use crate::transition::{Step, new_event, note_job_event, take_step};
use crate::wants::new_download;

/// Releases that are tried for one want before a person decides.
const MOST_TRIES: i64 = 3;

/// Fails the download with `sentence`, blocklists its release and queues the next accepted candidate of its search as a new download.
///
/// Answers the new download, or `None` when a person has to decide.
pub async fn take_next(
    services: &Services,
    download: &DownloadRow,
    code: EventCode,
    sentence: &str,
) -> Result<Option<DownloadId>> {
    let mut conn = services.connection().await?;
    conn.transaction(async |conn| {
        let download = db::downloads::lock_download(conn, download.id()).await?;
        blocklist(services, conn, &download, sentence).await?;
        let next = find_next(conn, &download).await?;
        let retry_at = next.is_none().then(|| retry_time(services, &download)).flatten();
        let outlook = match (&next, retry_at) {
            (Some(_), _) => "The next release is tried.",
            (None, None) => "No other release is acceptable: search again, choose another, or cancel.",
            (None, Some(_)) => {
                "No other release is acceptable: search again, choose another, or cancel. A new search also comes by itself."
            }
        };
        let step = Step::new(DownloadState::Failed, code, format!("{sentence} {outlook}"))
            .with(|changes| changes.next_at = Some(retry_at));
        let download = take_step(services, conn, &JOB_ACTOR, &download, step).await?;
        match next {
            Some(candidate) => {
                // Nobody has to do anything about it.
                jobs::forget_failures(conn, download.id).await?;
                replace(services, conn, &download, &candidate).await.map(Some)
            }
            None => Ok(None),
        }
    })
    .await
}

/// When it is searched for again by itself; `None` after the last try of the policy.
fn retry_time(services: &Services, download: &DownloadRow) -> Option<DateTime<Utc>> {
    let mut byte = [0];
    services.random().fill(&mut byte);
    let attempt = download.attempts.saturating_add(1).unsigned_abs();
    let delay = retry_delay(attempt, f64::from(byte[0]) / 255.0)?;
    Some(services.now() + delay)
}

async fn blocklist(services: &Services, conn: &mut Connection, download: &DownloadRow, reason: &str) -> Result<()> {
    if download.release_id.is_none() && download.info_hash.is_none() {
        return Ok(());
    }
    let entry = BlocklistEntry {
        release_id: download.release_id,
        info_hash: download.info_hash.clone(),
        reason: reason.to_owned(),
        created_at: services.now(),
    };
    db::blocklist::insert_blocklist_entry(conn, &entry).await?;
    let sentence = "The release is on the blocklist and won't be grabbed again.";
    note_job_event(services, conn, download, EventCode::Blocklisted, sentence).await
}

/// Why a release or a content is never grabbed again.
pub(crate) async fn find_blocklist_reason(
    conn: &mut Connection,
    release: Option<ReleaseId>,
    hash: Option<&str>,
) -> Result<Option<String>> {
    let (releases, hashes): (Vec<ReleaseId>, Vec<String>) = (
        release.into_iter().collect(),
        hash.map(str::to_owned).into_iter().collect(),
    );
    let entries = db::blocklist::list_blocklist_entries(conn, &releases, &hashes).await?;
    Ok(entries.into_iter().next().map(|entry| entry.reason))
}

async fn find_next(conn: &mut Connection, download: &DownloadRow) -> Result<Option<db::candidates::CandidateRow>> {
    let Some(search) = download.search_id else {
        return Ok(None);
    };
    if db::commitments::count_tries(conn, download.want_id.into(), SearchId(search)).await? >= MOST_TRIES {
        return Ok(None);
    }
    Ok(db::candidates::find_next_accepted(conn, SearchId(search)).await?)
}

async fn replace(
    services: &Services,
    conn: &mut Connection,
    download: &DownloadRow,
    candidate: &db::candidates::CandidateRow,
) -> Result<DownloadId> {
    let verdict = candidate.verdict()?;
    let new = NewDownload {
        replaces_id: Some(download.id),
        ..new_download(services, download.want_id.into(), download.work_id.into())
    };
    let event = new_event(
        services,
        &JOB_ACTOR,
        EventCode::NextCandidate,
        "Takes the place of a release that failed.",
    );
    db::downloads::insert_download(conn, &new, &event).await?;
    let chosen = Chosen {
        candidate,
        verdict: &verdict,
        want: download.want_id.into(),
        work: download.work_id.into(),
        options: &GrabOptions::default(),
        attempts: download.attempts,
    };
    queue_chosen(services, conn, &JOB_ACTOR, &chosen).await
}
