//! Reads every torrent client and moves our downloads by what it says. Completion is a level: progress 1 is enough,
//! whatever was seen before.

use chrono::{DateTime, Duration, Utc};
use clients::ClientError;
use clients::torrent_client::{TorrentClient, TorrentStatus};
use db::Connection;
use db::downloads::{DownloadChanges, DownloadRow};
use diesel_async::AsyncConnection;
use jobs::{JobError, NewRun, Outcome, RunContext};
use types::downloads::{DownloadState, EventCode};
use types::integrations::{Health, Integration, TestOutcome};
use types::jobs::{JobKind, LogLevel};

use super::stall_ladder::{climb_ladder, healthy_sentence};
use super::{JOB_ACTOR, complaint_of};
use crate::connect::Connected;
use crate::error::{Result, ServiceError};
use crate::transition::{Step, take_step};
use crate::{Services, connect};

/// States in which the client's word matters: progress, completion, or that it is gone.
const FOLLOWED: [DownloadState; 5] = [
    DownloadState::Sent,
    DownloadState::Downloading,
    DownloadState::Downloaded,
    DownloadState::Verifying,
    DownloadState::Importing,
];

/// The job: one look at every client that has something of ours.
pub async fn poll_clients(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let ours = {
        let mut conn = services.connection().await?;
        db::downloads::list_downloads_in(&mut conn, &FOLLOWED)
            .await
            .map_err(ServiceError::from)?
    };
    if ours.is_empty() {
        return Ok(Outcome::NothingToDo(
            "No client has anything that is on its way.".into(),
        ));
    }
    look_again_soon(services).await?;
    let mut moved = 0;
    let mut failed = Vec::new();
    for Connected { integration, client } in connect::connect_torrent_clients(services).await? {
        let mine: Vec<&DownloadRow> = ours
            .iter()
            .filter(|row| row.client_id == Some(integration.id.0))
            .collect();
        if mine.is_empty() {
            continue;
        }
        let polled = match &client {
            Ok(client) => client.poll().await.map(|torrents| (client, torrents)),
            Err(error) => Err(error.clone()),
        };
        match polled {
            Ok((client, torrents)) => {
                record_health(
                    services,
                    &integration,
                    Health::Ok,
                    format!("{} torrents.", torrents.len()),
                )
                .await?;
                moved += follow_all(services, ctx, client.as_ref(), &mine, &torrents).await?;
            }
            Err(error) => {
                // The trouble, be the client just asked or left alone: each look tells the same.
                let sentence = error.trouble().to_string();
                ctx.log(LogLevel::Warning, format!("{}: {sentence}", integration.name))
                    .await;
                // Nothing was found out; what is stored says when it will be.
                if !matches!(error, ClientError::Resting { .. }) {
                    record_health(services, &integration, Health::Failing, sentence.clone()).await?;
                }
                say_client_is_away(services, &mine, &sentence).await?;
                failed.push(integration.name);
            }
        }
    }
    ctx.count("changed", moved);
    if failed.is_empty() {
        Ok(Outcome::Done(format!(
            "Looked at {} downloads; {moved} changed their state.",
            ours.len()
        )))
    } else {
        let sentence = format!(
            "{} could not be read; its downloads are looked at again.",
            failed.join(", ")
        );
        Err(JobError::Fail(sentence.into()))
    }
}

/// While something is on its way, the clients are looked at more often than their schedule says.
pub(crate) async fn look_again_soon(services: &Services) -> Result<()> {
    let soon = services.now() + Duration::milliseconds(i64::from(services.config().poll_active_ms));
    let mut conn = services.connection().await?;
    Ok(jobs::hasten_job(&mut conn, JobKind::PollClients, soon).await?)
}

async fn follow_all(
    services: &Services,
    ctx: &RunContext,
    client: &dyn TorrentClient,
    downloads: &[&DownloadRow],
    torrents: &[TorrentStatus],
) -> std::result::Result<i64, JobError> {
    let mut moved = 0;
    for download in downloads {
        let hashes = [download.info_hash.as_deref(), download.info_hash_v2.as_deref()];
        let torrent = torrents
            .iter()
            .find(|torrent| hashes.iter().flatten().any(|hash| torrent.has_hash(hash)));
        let followed = match torrent {
            Some(torrent) => follow(services, client, download, torrent).await,
            None => give_up_gone(services, client, download).await,
        };
        match followed {
            Ok(has_moved) => {
                moved += i64::from(has_moved);
                ctx.report_success(download.id);
            }
            Err(error) => {
                ctx.log(LogLevel::Warning, format!("{}: {error}", download.id())).await;
                ctx.report_failure(download.id, complaint_of(error));
            }
        }
    }
    Ok(moved)
}

/// Stores the figures and takes the step that they call for. Whether the state changed.
async fn follow(
    services: &Services,
    client: &dyn TorrentClient,
    download: &DownloadRow,
    torrent: &TorrentStatus,
) -> Result<bool> {
    let mut conn = services.connection().await?;
    let now = services.now();
    let figures = figures_of(download, torrent, now);
    db::downloads::update_download(&mut conn, download, figures, None, now).await?;
    let state = download.state()?;
    if !matches!(state, DownloadState::Sent | DownloadState::Downloading) {
        return Ok(false);
    }
    if torrent.is_complete() {
        let sentence = "Every byte is there. Verifying comes next.";
        return complete(
            services,
            &mut conn,
            download,
            Step::new(DownloadState::Downloaded, EventCode::Completed, sentence),
        )
        .await;
    }
    if state == DownloadState::Sent && torrent.completed_bytes > 0 {
        let sentence = healthy_sentence(DownloadState::Downloading);
        take_step(
            services,
            &mut conn,
            &JOB_ACTOR,
            download,
            Step::new(DownloadState::Downloading, EventCode::Progress, sentence),
        )
        .await?;
        return Ok(true);
    }
    drop(conn);
    climb_ladder(services, client, download, torrent, now).await
}

fn figures_of(download: &DownloadRow, torrent: &TorrentStatus, now: DateTime<Utc>) -> DownloadChanges {
    let has_grown = torrent.completed_bytes > download.completed_bytes.unwrap_or(0);
    DownloadChanges {
        progress: Some(Some(torrent.progress)),
        speed_bytes_per_second: Some(Some(torrent.speed_bytes_per_second)),
        eta_seconds: Some(torrent.eta_seconds),
        seeders: Some(Some(torrent.seeders)),
        client_state: Some(Some(torrent.state_word.clone())),
        completed_bytes: Some(Some(torrent.completed_bytes)),
        content_path: Some(Some(torrent.content_path.clone())),
        last_bytes_at: has_grown.then_some(Some(now)),
        // Bytes that come in take the download off the stall ladder.
        stall_step: has_grown.then_some(0),
        ..DownloadChanges::default()
    }
}

/// The step and the job that goes on from it, in one transaction.
async fn complete(services: &Services, conn: &mut Connection, download: &DownloadRow, step: Step) -> Result<bool> {
    conn.transaction(async |conn| {
        take_step(services, conn, &JOB_ACTOR, download, step).await?;
        enqueue_import(services, conn, download).await?;
        Ok(true)
    })
    .await
}

/// Queues verifying and importing in the caller's transaction.
pub(crate) async fn enqueue_import(services: &Services, conn: &mut Connection, download: &DownloadRow) -> Result<()> {
    let now = services.now();
    let run = NewRun::about(
        services.new_id(),
        JobKind::ImportDownload,
        download.id,
        "mamcrawler",
        now,
    );
    jobs::enqueue(conn, NewRun { priority: 10, ..run }, now).await?;
    Ok(())
}

/// What it waits for, on its pages.
pub(crate) async fn say(
    conn: &mut Connection,
    download: &DownloadRow,
    sentence: &str,
    next_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    Ok(db::downloads::update_download(conn, download, waiting_until(next_at), Some(sentence), now).await?)
}

/// When it is looked at again; `None` = as usual.
pub(crate) fn waiting_until(next_at: Option<DateTime<Utc>>) -> DownloadChanges {
    DownloadChanges {
        next_at: Some(next_at),
        ..DownloadChanges::default()
    }
}

/// The client answers and does not have it: asked once more by hash, as a list may be a moment old.
async fn give_up_gone(services: &Services, client: &dyn TorrentClient, download: &DownloadRow) -> Result<bool> {
    let hashes: Vec<String> = [&download.info_hash, &download.info_hash_v2]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    if !matches!(download.state()?, DownloadState::Sent | DownloadState::Downloading)
        || !client.find(&hashes).await?.is_empty()
    {
        return Ok(false);
    }
    let sentence = "The torrent client no longer has it; somebody removed it there. Retry adds it again.";
    let mut conn = services.connection().await?;
    take_step(
        services,
        &mut conn,
        &JOB_ACTOR,
        download,
        Step::new(DownloadState::Failed, EventCode::GoneFromClient, sentence),
    )
    .await?;
    Ok(true)
}

async fn say_client_is_away(services: &Services, downloads: &[&DownloadRow], reason: &str) -> Result<()> {
    let mut conn = services.connection().await?;
    for download in downloads {
        // What is complete is verified and imported, which says for itself what it waits for.
        if !matches!(download.state()?, DownloadState::Sent | DownloadState::Downloading) {
            continue;
        }
        let sentence = format!("{reason} It goes on as soon as the client answers.");
        if download.sentence != sentence {
            say(&mut conn, download, &sentence, None, services.now()).await?;
        }
    }
    Ok(())
}

async fn record_health(services: &Services, integration: &Integration, health: Health, sentence: String) -> Result<()> {
    if integration.health == health && health == Health::Ok {
        return Ok(());
    }
    let outcome = TestOutcome {
        health,
        sentence,
        facts: Vec::new(),
        version: None,
    };
    let mut conn = services.connection().await?;
    Ok(db::integrations::record_health(&mut conn, integration.id, &outcome, services.now()).await?)
}
