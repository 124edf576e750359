//! Brings a download into the torrent client: get the .torrent, look everywhere, then hand over the bytes.
//!
//! Every step looks first, so that a crash between "sent to the client" and "recorded" is settled by info-hash.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use clients::ClientError;
use clients::torrent_client::{AddTorrent, Added, TorrentClient};
use clients::torrent_file::TorrentFile;
use db::downloads::{DownloadChanges, DownloadRow};
use db::{Connection, DbError};
use diesel_async::AsyncConnection;
use domain::download_life::is_to_go_on;
use jobs::{JobError, Outcome, RunContext};
use types::DownloadId;
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::integrations::Integration;

use super::JOB_ACTOR;
use super::fetch_torrent::obtain_torrent;
use crate::connect::{Connected, refused_before};
use crate::downloads::Ending;
use crate::error::{Result, ServiceError};
use crate::failover;
use crate::text::size_text;
use crate::transition::{Step, take_step};
use crate::{Services, connect, downloads, settings};

/// A held download is looked at again after this.
const HOLD_PAUSE: Duration = Duration::minutes(10);
/// On every torrent that we add.
const TAG: &str = "mamcrawler";

/// The job: takes the download named in its payload from `queued`, or from a hold that is due for another look, to `sent`,
/// or to a state that says why not.
pub async fn advance_download(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let id: DownloadId = ctx.subject()?.into();
    let download = {
        let mut conn = services.connection().await?;
        db::downloads::find_download(&mut conn, id)
            .await
            .map_err(ServiceError::from)?
    };
    let Some(download) = download.filter(|download| may_advance(services, download)) else {
        return Ok(Outcome::NothingToDo("The download is not queued.".into()));
    };
    let step = match send(services, ctx, &download).await {
        Ok(step) => step,
        Err(Obstacle::Service(error)) => return Err(error.into()),
        Err(Obstacle::Step(step)) => *step,
        Err(Obstacle::BadRelease(sentence)) => {
            failover::take_next(services, &download, EventCode::TorrentRefused, &sentence).await?;
            return Ok(Outcome::Done(sentence));
        }
    };
    let step = match step.to {
        DownloadState::Hold => {
            let next = services.now() + HOLD_PAUSE;
            step.with(|changes| changes.next_at = Some(Some(next)))
        }
        _ => step,
    };
    Ok(Outcome::Done(settle(services, &download, step).await?))
}

/// Only a manager ends a wait for approval.
fn may_advance(services: &Services, download: &DownloadRow) -> bool {
    let is_due = download.next_at.is_some_and(|next_at| next_at <= services.now());
    let is_held = download.state == DownloadState::Hold.as_str()
        && download.hold_reason.as_deref() != Some(HoldReason::Approval.as_str());
    download.state == DownloadState::Queued.as_str() || (is_held && is_due && download.release_id.is_some())
}

/// Takes the step, unless the download was cancelled or got another release meanwhile. Answers what to say of it.
async fn settle(services: &Services, before: &DownloadRow, step: Step) -> Result<String> {
    let mut conn = services.connection().await?;
    // The fetch may have changed the row: its state is what the step is guarded by.
    let download = db::downloads::find_download(&mut conn, before.id())
        .await?
        .ok_or_else(|| ServiceError::not_found("download"))?;
    let is_waiting = matches!(download.state()?, DownloadState::Queued | DownloadState::Hold);
    if !is_waiting || download.release_id != before.release_id {
        drop(conn);
        return Ok(undo_hand_over(services, download, &step).await);
    }
    let (is_sent, sentence) = (step.to == DownloadState::Sent, step.sentence.clone());
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let download = match is_sent {
            true => release_hold(services, conn, download).await?,
            false => download,
        };
        take_step(services, conn, &JOB_ACTOR, &download, step).await
    })
    .await?;
    drop(conn);
    if is_sent {
        super::poll_clients::look_again_soon(services).await?;
    }
    Ok(sentence)
}

/// What was handed over for nothing and is not complete is stopped again.
async fn undo_hand_over(services: &Services, download: DownloadRow, step: &Step) -> String {
    if step.to != DownloadState::Sent {
        return "It was cancelled or got another release meanwhile; nothing was changed.".into();
    }
    let sent = DownloadRow {
        client_id: step.changes.client_id.flatten(),
        info_hash: step.changes.info_hash.clone().flatten(),
        progress: None,
        ..download
    };
    let end = match downloads::stop_unfinished(services, &sent).await {
        Ending::Stopped => "The client was told to stop it.".to_owned(),
        Ending::NothingToStop => "There was nothing to stop.".to_owned(),
        Ending::RunsOn(sentence) => sentence,
    };
    format!("It was cancelled or got another release while it was handed over. {end}")
}

/// What was held is queued again; anything else is left as it is.
pub(super) async fn release_hold(
    services: &Services,
    conn: &mut Connection,
    download: DownloadRow,
) -> Result<DownloadRow> {
    if download.state()? != DownloadState::Hold {
        return Ok(download);
    }
    let sentence = "What held it is over.";
    let step = Step::new(DownloadState::Queued, EventCode::Released, sentence);
    let step = step.with(|changes| changes.next_at = Some(None));
    take_step(services, conn, &JOB_ACTOR, &download, step).await
}

/// Why a download does not get to its client now.
pub(super) enum Obstacle {
    /// It goes to another state.
    Step(Box<Step>),
    /// The release itself is no good: the next candidate is taken.
    BadRelease(String),
    /// The job is tried again.
    Service(ServiceError),
}

impl From<ServiceError> for Obstacle {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

impl From<DbError> for Obstacle {
    fn from(error: DbError) -> Self {
        Self::Service(error.into())
    }
}

pub(super) fn hold(reason: HoldReason, sentence: impl Into<String>) -> Obstacle {
    Obstacle::Step(Box::new(Step::hold(reason, sentence)))
}

async fn send(services: &Services, ctx: &RunContext, download: &DownloadRow) -> std::result::Result<Step, Obstacle> {
    let (bytes, torrent) = obtain_torrent(services, ctx, download).await?;
    let clients = connect_clients(services).await?;
    if let Some(step) = find_in_clients(&clients, &torrent, services.now()).await? {
        return Ok(step);
    }
    let (integration, client) = &clients[0];
    check_disk(services, integration, client.as_ref(), torrent.total_bytes).await?;
    let sent = hand_over(integration, client.as_ref(), bytes, &torrent, download.id()).await?;
    Ok(sent.with(in_client(integration, &torrent, services.now())))
}

type ConnectedClient = (Integration, Arc<dyn TorrentClient>);

/// All torrent clients; one that can't be used holds the download, as it may have the torrent.
async fn connect_clients(services: &Services) -> std::result::Result<Vec<ConnectedClient>, Obstacle> {
    let connected = connect::connect_torrent_clients(services).await?;
    if connected.is_empty() {
        return Err(hold(
            HoldReason::ClientDown,
            "No torrent client is connected. Add qBittorrent in Integrations.",
        ));
    }
    connected
        .into_iter()
        .map(|Connected { integration, client }| match client {
            Ok(client) => Ok((integration, client)),
            Err(error) => Err(client_down(&integration, &error)),
        })
        .collect()
}

/// Looks the hash up in every client; one that can't be asked may have it, so nothing is added then.
async fn find_in_clients(
    clients: &[ConnectedClient],
    torrent: &TorrentFile,
    now: DateTime<Utc>,
) -> std::result::Result<Option<Step>, Obstacle> {
    for (integration, client) in clients {
        let found = client
            .find(&torrent.hashes())
            .await
            .map_err(|error| client_down(integration, &error))?;
        let Some(torrent_there) = found.first() else {
            continue;
        };
        let mut sentence = format!("{} has this torrent already; nothing was added.", integration.name);
        let is_ours = torrent_there.tags.iter().any(|tag| tag == TAG);
        if is_to_go_on(is_ours, torrent_there.progress) {
            let started = client.start(&torrent_there.hash).await;
            started.map_err(|error| client_down(integration, &error))?;
            sentence = format!(
                "{} has this torrent already, unfinished; it was told to go on.",
                integration.name
            );
        }
        return Ok(Some(
            Step::new(DownloadState::Sent, EventCode::AlreadyInClient, sentence).with(in_client(
                integration,
                torrent,
                now,
            )),
        ));
    }
    Ok(None)
}

/// Keeps max(the setting, twice the download's size) free, where the client tells.
async fn check_disk(
    services: &Services,
    integration: &Integration,
    client: &dyn TorrentClient,
    size_bytes: i64,
) -> std::result::Result<(), Obstacle> {
    let settings = settings::read_settings(services).await?;
    let Some(free) = client
        .free_bytes()
        .await
        .map_err(|error| client_down(integration, &error))?
    else {
        return Ok(());
    };
    let needed = (i64::from(settings.min_free_gib) << 30).max(size_bytes.saturating_mul(2));
    if free >= needed {
        return Ok(());
    }
    let sentence = format!(
        "{} has {} free and {} are to stay free. Free some space; it goes on by itself.",
        integration.name,
        size_text(free),
        size_text(needed)
    );
    Err(hold(HoldReason::DiskLow, sentence))
}

async fn hand_over(
    integration: &Integration,
    client: &dyn TorrentClient,
    bytes: Vec<u8>,
    torrent: &TorrentFile,
    id: DownloadId,
) -> std::result::Result<Step, Obstacle> {
    let category = Some(&integration.options.category).filter(|category| !category.is_empty());
    let add = AddTorrent {
        torrent: bytes,
        category: category.cloned().unwrap_or_else(|| "mamcrawler".into()),
        tags: vec![TAG.into(), format!("{TAG}-{id}")],
        save_path: integration.options.save_path.clone(),
    };
    let sentence = match client.add(&torrent.hashes(), &add).await {
        Ok(Added::New) => format!("{} has the torrent.", integration.name),
        Ok(Added::AlreadyThere) => format!("{} had the torrent already.", integration.name),
        Err(ClientError::UnexpectedAnswer { detail, .. }) => {
            return Err(Obstacle::BadRelease(format!(
                "{} refused the torrent: {detail}",
                integration.name
            )));
        }
        Err(error) => return Err(client_down(integration, &error)),
    };
    Ok(Step::new(DownloadState::Sent, EventCode::Sent, sentence))
}

/// From here on bytes are waited for: the stall ladder counts from now.
fn in_client(
    integration: &Integration,
    torrent: &TorrentFile,
    now: DateTime<Utc>,
) -> impl FnOnce(&mut DownloadChanges) + use<> {
    let (client_id, hash) = (integration.id.0, torrent.client_hash());
    move |changes| {
        changes.info_hash = Some(Some(hash));
        changes.client_id = Some(Some(client_id));
        changes.last_bytes_at = Some(Some(now));
        changes.stall_step = Some(0);
    }
}

fn client_down(integration: &Integration, error: &ClientError) -> Obstacle {
    hold(HoldReason::ClientDown, tell_trouble(&integration.name, error))
}

/// Trouble reads the same whether the client was just asked, is left alone or its refusal is remembered, so that looking
/// again adds no line.
fn tell_trouble(name: &str, error: &ClientError) -> String {
    let error = error.trouble();
    let advice = if error.is_retryable() {
        "It is tried again in 10 minutes."
    } else {
        "Then retry."
    };
    let said = match error {
        ClientError::CredentialsRefused { .. } => refused_before(name).to_string(),
        other => other.to_string(),
    };
    if said.starts_with(name) {
        format!("{said} {advice}")
    } else {
        format!("{name}: {said} {advice}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_the_same_when_it_is_remembered() {
        let fresh = ClientError::CredentialsRefused {
            service: "qBittorrent".into(),
            credential: "user name or password".into(),
            advice: "Enter them again.".into(),
        };
        let told = tell_trouble("Attic", &fresh);
        assert_eq!(told, tell_trouble("Attic", &refused_before("Attic")));
        let resting = |last: ClientError| ClientError::Resting { last: Box::new(last) };
        assert_eq!(told, tell_trouble("Attic", &resting(fresh)));
        assert!(
            told.starts_with("Attic refused the user name") && told.ends_with("Then retry."),
            "{told}"
        );
    }

    #[test]
    fn a_client_that_is_left_alone_reads_as_when_it_was_last_asked() {
        let fresh = ClientError::TimedOut {
            service: "qBittorrent".into(),
            seconds: 30,
        };
        let told = tell_trouble("Attic", &fresh);
        let resting = ClientError::Resting { last: Box::new(fresh) };
        assert_eq!(told, tell_trouble("Attic", &resting));
        assert!(told.ends_with("It is tried again in 10 minutes."), "{told}");
    }
}
