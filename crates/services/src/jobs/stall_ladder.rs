//! What is done about a torrent that brings no bytes: reannounce, recheck, next candidate, a person.

use chrono::{DateTime, Utc};
use clients::torrent_client::{ClientState, TorrentClient, TorrentStatus};
use db::downloads::{DownloadChanges, DownloadRow};
use domain::stall::{ClientActivity, LadderStep, StallFacts, StallStep, next_step};
use types::downloads::{DownloadState, EventCode};

use super::poll_clients::{say, waiting_until};
use crate::Services;
use crate::error::Result;
use crate::failover;
use crate::settings::read_settings;
use crate::transition::{Remark, make_remark};

/// One rung a time, explained. Whether the state changed.
pub(super) async fn climb_ladder(
    services: &Services,
    client: &dyn TorrentClient,
    download: &DownloadRow,
    torrent: &TorrentStatus,
    now: DateTime<Utc>,
) -> Result<bool> {
    let facts = stall_facts(services, client, download, torrent, now).await?;
    // A connection only where no client is asked meanwhile: they are few.
    match next_step(&facts) {
        StallStep::Healthy => {
            // What was said of a stall or of a client that was away is over.
            if download.sentence != healthy_sentence(download.state()?) {
                let mut conn = services.connection().await?;
                say(&mut conn, download, healthy_sentence(download.state()?), None, now).await?;
            }
            Ok(false)
        }
        StallStep::Wait { until, sentence } => {
            let mut conn = services.connection().await?;
            say(&mut conn, download, &sentence, Some(until), now).await?;
            Ok(false)
        }
        StallStep::Reannounce(sentence) => {
            client.reannounce(&torrent.hash).await?;
            let mut conn = services.connection().await?;
            let changes = rung(1, now);
            make_remark(
                services,
                &mut conn,
                download,
                Remark {
                    code: EventCode::Reannounced,
                    sentence,
                    changes,
                },
            )
            .await?;
            Ok(false)
        }
        StallStep::Recheck(sentence) => {
            client.recheck(&torrent.hash).await?;
            client.start(&torrent.hash).await?;
            let mut conn = services.connection().await?;
            let changes = rung(2, now);
            make_remark(
                services,
                &mut conn,
                download,
                Remark {
                    code: EventCode::Rechecked,
                    sentence,
                    changes,
                },
            )
            .await?;
            Ok(false)
        }
        StallStep::NextCandidate(sentence) => {
            failover::take_next(services, download, EventCode::Stalled, &sentence).await?;
            Ok(true)
        }
        StallStep::AskPerson(sentence) => {
            if download.sentence != sentence {
                let changes = waiting_until(None);
                let mut conn = services.connection().await?;
                make_remark(
                    services,
                    &mut conn,
                    download,
                    Remark {
                        code: EventCode::Stalled,
                        sentence,
                        changes,
                    },
                )
                .await?;
            }
            Ok(false)
        }
    }
}

/// What is said while nothing is wrong.
pub(super) const fn healthy_sentence(state: DownloadState) -> &'static str {
    match state {
        DownloadState::Downloading => "Bytes are coming in.",
        _ => "The client has the torrent; the first bytes are waited for.",
    }
}

fn rung(step: i32, now: DateTime<Utc>) -> DownloadChanges {
    DownloadChanges {
        stall_step: Some(step),
        stall_step_at: Some(Some(now)),
        ..DownloadChanges::default()
    }
}

async fn stall_facts(
    services: &Services,
    client: &dyn TorrentClient,
    download: &DownloadRow,
    torrent: &TorrentStatus,
    now: DateTime<Utc>,
) -> Result<StallFacts> {
    let settings = read_settings(services).await?;
    let has_grown = torrent.completed_bytes > download.completed_bytes.unwrap_or(0);
    let last_progress_at = if has_grown {
        now
    } else {
        download.last_bytes_at.unwrap_or(download.updated_at)
    };
    let trackers = if has_grown {
        Vec::new()
    } else {
        client.trackers(&torrent.hash).await?
    };
    let message = trackers
        .iter()
        .find(|tracker| !tracker.is_working && !tracker.message.is_empty());
    let step = match download.stall_step {
        1 => Some(LadderStep::Reannounced),
        2 => Some(LadderStep::Rechecked),
        _ => None,
    };
    Ok(StallFacts {
        now,
        activity: activity_of(torrent),
        last_progress_at,
        last_step: step.zip(download.stall_step_at),
        seeders: Some(torrent.seeders),
        availability: torrent.availability,
        tracker_message: message.map(|tracker| format!("{}: {}", tracker.host, tracker.message)),
        disk_error: (torrent.state == ClientState::Error)
            .then(|| "it reports an error, mostly a full or unwritable disk".to_owned()),
        stall_minutes: settings.stall_minutes,
    })
}

fn activity_of(torrent: &TorrentStatus) -> ClientActivity {
    match torrent.state {
        ClientState::QueuedDownloading => ClientActivity::Queued,
        ClientState::StoppedDownloading => ClientActivity::Stopped,
        ClientState::Checking => ClientActivity::Checking,
        ClientState::Moving => ClientActivity::Moving,
        ClientState::Seeding | ClientState::StoppedSeeding => ClientActivity::Complete,
        ClientState::MissingFiles => ClientActivity::MissingFiles,
        ClientState::Error => ClientActivity::Errored,
        ClientState::Downloading | ClientState::StalledDownloading | ClientState::Other => ClientActivity::Downloading,
    }
}
