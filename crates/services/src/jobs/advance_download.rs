//! Brings a queued download into the torrent client: fetch the .torrent, look everywhere, then hand over the bytes.
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
use jobs::{JobError, Outcome, RunContext};
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::integrations::Integration;
use types::jobs::LogLevel;
use types::{DownloadId, IntegrationId};

use super::JOB_ACTOR;
use crate::connect::Connected;
use crate::error::{Result, ServiceError};
use crate::failover;
use crate::ownership::find_library_obstacle;
use crate::search_run::find_blocklist_reason;
use crate::text::{counted, size_text};
use crate::transition::{Step, take_step};
use crate::{Services, budget, connect, connected, downloads, search_run, settings};

/// A held download is looked at again after this.
const HOLD_PAUSE: Duration = Duration::minutes(10);

/// The job: takes the download named in its payload from `queued` to `sent`, or to a state that says why not.
pub async fn advance_download(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let id: DownloadId = ctx.subject()?.into();
    let download = {
        let mut conn = services.connection().await?;
        db::downloads::find_download(&mut conn, id)
            .await
            .map_err(ServiceError::from)?
    };
    let Some(download) = download.filter(|download| download.state == DownloadState::Queued.as_str()) else {
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
    let sentence = step.sentence.clone();
    let step = match step.to {
        DownloadState::Hold => {
            let next = services.now() + HOLD_PAUSE;
            step.with(|changes| changes.next_at = Some(Some(next)))
        }
        _ => step,
    };
    let mut conn = services.connection().await?;
    // The fetch may have changed the row: its state is what the step is guarded by.
    let download = db::downloads::find_download(&mut conn, id)
        .await
        .map_err(ServiceError::from)?
        .ok_or_else(|| ServiceError::not_found("download"))?;
    let client = step.changes.client_id;
    if download.state == DownloadState::Cancelled.as_str() && step.to == DownloadState::Sent {
        // Cancelled while it was handed over: what is not complete is stopped again.
        drop(conn);
        downloads::stop_unfinished(
            services,
            &DownloadRow {
                client_id: client.flatten(),
                ..download
            },
        )
        .await;
        return Ok(Outcome::Done(
            "It was cancelled while it was handed over; the client was told to stop it.".into(),
        ));
    }
    let download = take_step(services, &mut conn, &JOB_ACTOR, &download, step).await?;
    drop(conn);
    if download.state == DownloadState::Sent.as_str() {
        super::poll_clients::look_again_soon(services).await?;
    }
    Ok(Outcome::Done(sentence))
}

/// Why a download does not get to its client now.
enum Obstacle {
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

/// Where a stored .torrent is bound to.
fn torrent_context(id: DownloadId) -> String {
    format!("downloads/{id}/torrent")
}

fn hold(reason: HoldReason, sentence: impl Into<String>) -> Obstacle {
    Obstacle::Step(Box::new(Step::hold(reason, sentence)))
}

async fn send(services: &Services, ctx: &RunContext, download: &DownloadRow) -> std::result::Result<Step, Obstacle> {
    let stored = {
        let mut conn = services.connection().await?;
        db::downloads::find_torrent(&mut conn, download.id()).await?
    };
    // A retry may have chosen another release since: only with its hash is the stored .torrent this release's.
    let (bytes, torrent) = match stored.filter(|_| download.info_hash.is_some()) {
        Some(stored) => {
            let bytes = services
                .secrets()
                .open(&torrent_context(download.id()), &stored.torrent)
                .map_err(ServiceError::from)?;
            let torrent = TorrentFile::parse(&bytes).map_err(bad_torrent)?;
            (bytes, torrent)
        }
        None => {
            check_before_fetch(services, download).await?;
            fetch(services, ctx, download).await?
        }
    };
    let clients = connect_clients(services).await?;
    if let Some(step) = find_in_clients(&clients, &torrent, services.now()).await? {
        return Ok(step);
    }
    let (integration, client) = &clients[0];
    check_disk(services, integration, client.as_ref(), torrent.total_bytes).await?;
    let sent = hand_over(integration, client.as_ref(), bytes, &torrent, download.id()).await?;
    Ok(sent.with(in_client(integration, services.now())))
}

/// What would make fetching the .torrent itself a mistake.
async fn check_before_fetch(services: &Services, download: &DownloadRow) -> std::result::Result<(), Obstacle> {
    let release = load_release(services, download).await?;
    super::snapshot_account::refresh_account(services, release.integration.id).await?;
    let mut conn = services.connection().await?;
    if download.is_forced {
        return Ok(());
    }
    if let Some(sentence) = find_library_obstacle(&mut conn).await? {
        let sentence = format!("{sentence} Grabbing waits, as nobody can tell what is owned.");
        return Err(hold(HoldReason::LibraryUnreadable, sentence));
    }
    let view = budget::BudgetView::load(services, &mut conn, Some(download.id())).await?;
    match budget::refusal(
        &view,
        &release.integration,
        release.size_bytes,
        release.is_free,
        services.now(),
    ) {
        Some((reason, sentence)) => Err(hold(reason, sentence)),
        None => Ok(()),
    }
}

struct ReleaseSource {
    integration: Integration,
    download_ref: secrecy::SecretString,
    is_free: bool,
    /// 0 = not known.
    size_bytes: i64,
}

async fn load_release(services: &Services, download: &DownloadRow) -> Result<ReleaseSource> {
    let mut conn = services.connection().await?;
    let id = download.release_id.ok_or_else(|| ServiceError::not_found("release"))?;
    let release = db::releases::find_release(&mut conn, id.into())
        .await?
        .ok_or_else(|| ServiceError::not_found("release"))?;
    let integration = db::integrations::find_integration(&mut conn, IntegrationId(release.integration_id))
        .await?
        .ok_or_else(|| ServiceError::not_found("integration"))?;
    let context = search_run::download_ref_context(IntegrationId(release.integration_id), &release.external_id);
    let facts = release.facts()?;
    Ok(ReleaseSource {
        integration: integration.view()?,
        download_ref: services.secrets().open_text(&context, &release.download_ref)?,
        is_free: facts.is_free.unwrap_or(false),
        size_bytes: facts.size_bytes.unwrap_or(0),
    })
}

/// Fetches and parses the .torrent and stores it with its hash, so that a crash does not fetch it twice.
async fn fetch(
    services: &Services,
    ctx: &RunContext,
    download: &DownloadRow,
) -> std::result::Result<(Vec<u8>, TorrentFile), Obstacle> {
    let release = load_release(services, download).await?;
    let (_, indexer) = connected::find_indexer(services, release.integration.id).await?;
    let bytes = match indexer.fetch_torrent(&release.download_ref).await {
        Ok(bytes) => bytes,
        Err(
            error
            @ (ClientError::TooLarge { .. } | ClientError::NotFound { .. } | ClientError::UnexpectedAnswer { .. }),
        ) => {
            return Err(Obstacle::BadRelease(error.to_string()));
        }
        Err(error) => {
            return Err(hold(
                HoldReason::IndexerDown,
                format!("The .torrent could not be fetched: {error}"),
            ));
        }
    };
    let torrent = TorrentFile::parse(&bytes).map_err(bad_torrent)?;
    ctx.log(
        LogLevel::Info,
        format!(
            "Fetched the .torrent of \"{}\" ({}).",
            torrent.name,
            counted(torrent.files.len(), "file")
        ),
    )
    .await;
    store_torrent(services, download, &bytes, &torrent).await?;
    Ok((bytes, torrent))
}

async fn store_torrent(
    services: &Services,
    download: &DownloadRow,
    bytes: &[u8],
    torrent: &TorrentFile,
) -> std::result::Result<(), Obstacle> {
    let mut conn = services.connection().await?;
    let hash = torrent.client_hash();
    if let Some(reason) = find_blocklist_reason(&mut conn, None, Some(&hash)).await? {
        return Err(Obstacle::BadRelease(format!(
            "Its content is on the blocklist: {reason}"
        )));
    }
    let files: serde_json::Value = torrent
        .files
        .iter()
        .map(|file| serde_json::json!({ "path": file.path, "size_bytes": file.size_bytes }))
        .collect::<Vec<_>>()
        .into();
    let sealed = services.secrets().seal(&torrent_context(download.id()), bytes);
    let step = Step::new(
        DownloadState::Queued,
        EventCode::TorrentFetched,
        format!(
            "The .torrent is here: {}, {}.",
            counted(torrent.files.len(), "file"),
            size_text(torrent.total_bytes)
        ),
    )
    .with(|changes| {
        changes.info_hash = Some(Some(hash));
        changes.info_hash_v2 = Some(torrent.infohash_v2.clone());
        changes.size_bytes = Some(Some(torrent.total_bytes));
    });
    let stored = conn
        .transaction::<_, ServiceError, _>(async |conn| {
            db::downloads::save_torrent(conn, download.id(), &sealed, &torrent.name, &files).await?;
            if let Some(release) = download.release_id {
                db::releases::record_info_hash(conn, release.into(), &torrent.client_hash()).await?;
            }
            take_step(services, conn, &JOB_ACTOR, download, step).await
        })
        .await;
    match stored {
        Ok(_) => Ok(()),
        // downloads_one_per_hash: another download has this very torrent.
        Err(error) if error.code == types::ErrorCode::Conflict => {
            let sentence = describe_twin(&mut conn, torrent).await?;
            Err(Obstacle::Step(Box::new(Step::new(
                DownloadState::Cancelled,
                EventCode::AlreadyInClient,
                sentence,
            ))))
        }
        Err(error) => Err(Obstacle::Service(error)),
    }
}

/// Which download has this very torrent: two listings may be one torrent, which shows only now.
async fn describe_twin(conn: &mut Connection, torrent: &TorrentFile) -> Result<String> {
    let twins = db::downloads::list_downloads_with_hash(conn, &torrent.hashes()).await?;
    let state = twins.first().map_or("on its way", |twin| twin.state.as_str());
    Ok(format!(
        "Another download has this very torrent already (it is {state}), so this one ends here. See that one, or choose a \
         different release."
    ))
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
        if found.is_empty() {
            continue;
        }
        let sentence = format!("{} has this torrent already; nothing was added.", integration.name);
        return Ok(Some(
            Step::new(DownloadState::Sent, EventCode::AlreadyInClient, sentence).with(in_client(integration, now)),
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
        tags: vec!["mamcrawler".into(), format!("mamcrawler-{id}")],
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
fn in_client(integration: &Integration, now: DateTime<Utc>) -> impl FnOnce(&mut DownloadChanges) + use<> {
    let client_id = integration.id.0;
    move |changes| {
        changes.client_id = Some(Some(client_id));
        changes.last_bytes_at = Some(Some(now));
        changes.stall_step = Some(0);
    }
}

fn bad_torrent(error: impl std::fmt::Display) -> Obstacle {
    Obstacle::BadRelease(format!("Its .torrent is refused: {error}"))
}

fn client_down(integration: &Integration, error: &ClientError) -> Obstacle {
    let advice = if error.is_retryable() {
        "It is tried again in 10 minutes."
    } else {
        "Then retry."
    };
    let said = error.to_string();
    let name = &integration.name;
    let said = if said.starts_with(name.as_str()) {
        said
    } else {
        format!("{name}: {said}")
    };
    hold(HoldReason::ClientDown, format!("{said} {advice}"))
}
