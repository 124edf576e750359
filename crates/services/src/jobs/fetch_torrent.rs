//! Gets the .torrent of a download: fetched once, parsed by us, stored before anything is handed to a client.

use clients::ClientError;
use clients::torrent_file::TorrentFile;
use db::Connection;
use db::downloads::DownloadRow;
use diesel_async::AsyncConnection;
use jobs::RunContext;
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::integrations::Integration;
use types::jobs::LogLevel;
use types::{DownloadId, IntegrationId};

use super::JOB_ACTOR;
use super::advance_download::{Obstacle, hold, release_hold};
use crate::error::{Result, ServiceError};
use crate::failover::find_blocklist_reason;
use crate::ownership::find_library_obstacle;
use crate::search_judgement::download_ref_context;
use crate::text::{counted, size_text};
use crate::transition::{Step, take_step};
use crate::{Services, budget, connected};

/// The bytes and what they say; from an earlier try if there was one.
pub(super) async fn obtain_torrent(
    services: &Services,
    ctx: &RunContext,
    download: &DownloadRow,
) -> std::result::Result<(Vec<u8>, TorrentFile), Obstacle> {
    let stored = {
        let mut conn = services.connection().await?;
        db::downloads::find_torrent(&mut conn, download.id()).await?
    };
    // A retry may have chosen another release since: only with its hash is the stored .torrent this release's.
    let Some(stored) = stored.filter(|_| download.info_hash.is_some()) else {
        check_before_fetch(services, download).await?;
        return fetch(services, ctx, download).await;
    };
    let bytes = services
        .secrets()
        .open(&torrent_context(download.id()), &stored.torrent)
        .map_err(ServiceError::from)?;
    let torrent = TorrentFile::parse(&bytes).map_err(bad_torrent)?;
    Ok((bytes, torrent))
}

/// Where a stored .torrent is bound to.
pub(crate) fn torrent_context(id: DownloadId) -> String {
    format!("downloads/{id}/torrent")
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
    let context = download_ref_context(IntegrationId(release.integration_id), &release.external_id);
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
                // The trouble, be it just seen or the reason why the indexer is left alone: looking again adds no line.
                format!("The .torrent could not be fetched: {}", error.trouble()),
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
            let download = release_hold(services, conn, download.clone()).await?;
            take_step(services, conn, &JOB_ACTOR, &download, step).await
        })
        .await;
    match stored {
        Ok(_) => Ok(()),
        // downloads_one_per_hash, or the download is elsewhere by now, which the next try of this job sees.
        Err(error) if error.code == types::ErrorCode::Conflict => match describe_twin(&mut conn, torrent).await? {
            Some(sentence) => Err(Obstacle::Step(Box::new(Step::new(
                DownloadState::Cancelled,
                EventCode::AlreadyInClient,
                sentence,
            )))),
            None => Err(Obstacle::Service(error)),
        },
        Err(error) => Err(Obstacle::Service(error)),
    }
}

/// Which download has this very torrent: two listings may be one torrent, which shows only now.
async fn describe_twin(conn: &mut Connection, torrent: &TorrentFile) -> Result<Option<String>> {
    let twins = db::downloads::list_downloads_with_hash(conn, &torrent.hashes()).await?;
    Ok(twins.first().map(|twin| {
        format!(
            "Another download has this very torrent already (it is {}), so this one ends here. See that one, or choose a \
             different release.",
            twin.state
        )
    }))
}

fn bad_torrent(error: impl std::fmt::Display) -> Obstacle {
    Obstacle::BadRelease(format!("Its .torrent is refused: {error}"))
}
