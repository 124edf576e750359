//! Verifies a complete download and brings it into the library. Each stage looks at what an earlier try left.

use std::path::Path;

use chrono::Duration;
use clients::torrent_client::TorrentClient;
use db::downloads::DownloadRow;
use db::imports::ImportStatus;
use diesel_async::AsyncConnection;
use domain::payload::{PayloadPlan, plan_payload};
use jobs::{JobError, Outcome, RunContext};
use types::DownloadId;
use types::downloads::{DownloadState, EventCode};
use types::jobs::LogLevel;

use super::poll_clients::{say, waiting_until};
use super::{JOB_ACTOR, import_pack};
use crate::error::{Result, ServiceError};
use crate::import::bring_in::{Arrival, Brought, bring_in};
use crate::import::plan::{facts_of, names_of};
use crate::import::verify::{Verified, client_of, locate_payload, read_files, verify_payload};
use crate::transition::{Remark, Step, make_remark, note_job_event, take_step};
use crate::{Services, failover};

/// Something outside must change first; looked at again after this.
const BLOCKED_PAUSE: Duration = Duration::minutes(5);

/// The job: takes the download named in its payload from `downloaded` to `imported`.
pub async fn import_download(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let id: DownloadId = ctx.subject()?.into();
    let mut sentence = None;
    // Each turn does one stage; a stage that can't go on answers what it said about that.
    while let Some(download) = load(services, id).await? {
        ctx.check_cancelled()?;
        let stage = match download.state().map_err(ServiceError::from)? {
            DownloadState::Downloaded | DownloadState::Verifying => verify(services, ctx, &download).await,
            DownloadState::Importing => import(services, ctx, &download).await,
            _ => break,
        };
        match stage {
            Ok(Stage::Next) => {}
            Ok(Stage::End(said)) => {
                sentence = Some(said);
                break;
            }
            Err(error) => {
                // What a stop broke off is no fault of the download.
                ctx.check_cancelled()?;
                return block_after(services, &download, error).await;
            }
        }
    }
    Ok(match sentence {
        Some(sentence) => Outcome::Done(sentence),
        None => Outcome::NothingToDo("The download does not wait for verifying or importing.".into()),
    })
}

pub(super) enum Stage {
    /// The state moved on: look again.
    Next,
    End(String),
}

async fn load(services: &Services, id: DownloadId) -> Result<Option<DownloadRow>> {
    let mut conn = services.connection().await?;
    Ok(db::downloads::find_download(&mut conn, id).await?)
}

/// The download says why it stands still; the job engine or `check_imports` comes back.
async fn block_after(
    services: &Services,
    download: &DownloadRow,
    error: ServiceError,
) -> std::result::Result<Outcome, JobError> {
    // It may have moved on since the caller read it, and a word about an earlier state is not written.
    if let Some(download) = load(services, download.id()).await? {
        block(services, &download, EventCode::ImportFailed, &error.message).await?;
    }
    Err(error.into())
}

pub(super) async fn block(
    services: &Services,
    download: &DownloadRow,
    code: EventCode,
    sentence: &str,
) -> Result<Stage> {
    let mut conn = services.connection().await?;
    let next = Some(services.now() + BLOCKED_PAUSE);
    if download.sentence == sentence {
        say(&mut conn, download, sentence, next, services.now()).await?;
    } else {
        let (sentence, changes) = (sentence.to_owned(), waiting_until(next));
        make_remark(
            services,
            &mut conn,
            download,
            Remark {
                code,
                sentence,
                changes,
            },
        )
        .await?;
    }
    Ok(Stage::End(sentence.to_owned()))
}

async fn verify(services: &Services, ctx: &RunContext, download: &DownloadRow) -> Result<Stage> {
    let download = &advance(
        services,
        download,
        DownloadState::Verifying,
        EventCode::VerifyStarted,
        "Checking every file.",
    )
    .await?;
    let (integration, client) = client_of(services, download).await?;
    let payload = locate_payload(services, &integration, client.as_ref(), download).await?;
    let (content, runtime) = read_content(services, download).await?;
    match verify_payload(services, ctx, &payload, runtime).await? {
        Verified::Passed { sentence } => {
            ctx.log(LogLevel::Info, sentence.clone()).await;
            let (mut conn, code) = (services.connection().await?, EventCode::Verified);
            note_job_event(services, &mut conn, download, code, &sentence).await?;
        }
        Verified::Blocked(sentence) => return block(services, download, EventCode::VerifyFailed, &sentence).await,
        Verified::Failed(sentence) => {
            ctx.log(LogLevel::Warning, sentence.clone()).await;
            return reject(services, client.as_ref(), download, sentence).await;
        }
    }
    match content {
        PayloadPlan::SingleBook { .. } => {
            let sentence = "Bringing the files into the library.";
            let to = DownloadState::Importing;
            advance(services, download, to, EventCode::ImportStarted, sentence).await?;
            Ok(Stage::Next)
        }
        PayloadPlan::Pack { .. } => import_pack::split(services, ctx, download).await,
        PayloadPlan::NoAudio => {
            let sentence = "There is no audio in it.";
            failover::take_next(services, download, EventCode::VerifyFailed, sentence).await?;
            Ok(Stage::End(sentence.into()))
        }
    }
}

/// What the torrent holds, and the runtime in seconds that is expected of a single book.
async fn read_content(services: &Services, download: &DownloadRow) -> Result<(PayloadPlan, Option<i64>)> {
    let mut conn = services.connection().await?;
    let stored = read_files(&mut conn, download).await?;
    let content = plan_payload(&stored.name, &stored.files);
    let runtime = match content {
        PayloadPlan::SingleBook { .. } => facts_of(&mut conn, download).await?.runtime_seconds,
        PayloadPlan::Pack { .. } | PayloadPlan::NoAudio => None,
    };
    Ok((content, runtime))
}

/// The first time the client checks its pieces, as the disk may be at fault; what then still fails is the release.
///
/// Downloading again would fetch the same bytes: the pieces' hashes say that they are what the uploader made.
async fn reject(
    services: &Services,
    client: &dyn TorrentClient,
    download: &DownloadRow,
    sentence: String,
) -> Result<Stage> {
    let hash = download.info_hash.clone().unwrap_or_default();
    let mut conn = services.connection().await?;
    let torrent = db::downloads::find_torrent(&mut conn, download.id()).await?;
    if torrent.is_some_and(|torrent| torrent.rechecks == 0) {
        // Not while the client is asked: connections are few.
        drop(conn);
        client.recheck(&hash).await?;
        let mut conn = services.connection().await?;
        let sentence = format!("{sentence} The client checks its pieces again.");
        let step = Step::new(DownloadState::Downloading, EventCode::Rechecked, sentence.clone());
        conn.transaction::<_, ServiceError, _>(async |conn| {
            db::downloads::record_recheck(conn, download.id()).await?;
            take_step(services, conn, &JOB_ACTOR, download, step).await
        })
        .await?;
        return Ok(Stage::End(sentence));
    }
    drop(conn);
    failover::take_next(services, download, EventCode::VerifyFailed, &sentence).await?;
    Ok(Stage::End(sentence))
}

async fn import(services: &Services, ctx: &RunContext, download: &DownloadRow) -> Result<Stage> {
    let mut conn = services.connection().await?;
    let parts = db::download_parts::list_parts(&mut conn, download.id()).await?;
    if !parts.is_empty() {
        drop(conn);
        return import_pack::import_next(services, ctx, download, &parts).await;
    }
    let stored = read_files(&mut conn, download).await?;
    let PayloadPlan::SingleBook { files } = plan_payload(&stored.name, &stored.files) else {
        return Err(ServiceError::conflict(
            "The files no longer look like one book. Cancel the download, then retry it.",
        ));
    };
    let arrival = Arrival {
        part: 0,
        work: download.work_id.into(),
        names: names_of(&mut conn, download).await?,
        files,
    };
    drop(conn);
    let (book, sentence) = match bring_in(services, ctx, download, &arrival).await? {
        Brought::Shelved { book, library } => {
            let title = &arrival.names.title;
            let sentence = format!("On the shelf as \"{title}\" in {library}. The torrent goes on seeding.");
            (Some(book), sentence)
        }
        Brought::Placed(folder) => (None, tell_placed(&folder)),
        Brought::Unseen(sentence) => return block(services, download, EventCode::NotSeenByLibrary, &sentence).await,
    };
    finish(services, download, book, &sentence).await?;
    Ok(Stage::End(sentence))
}

/// Where files are that no library shows.
pub(super) fn tell_placed(folder: &Path) -> String {
    format!(
        "The files are in \"{}\". No Audiobookshelf is connected.",
        folder.display()
    )
}

/// Book, import, want and download end in one transaction.
async fn finish(
    services: &Services,
    download: &DownloadRow,
    book: Option<types::BookId>,
    sentence: &str,
) -> Result<()> {
    let mut conn = services.connection().await?;
    conn.transaction(async |conn| {
        let step = Step::new(DownloadState::Imported, EventCode::Imported, sentence).with(|changes| {
            changes.book_id = Some(book.map(Into::into));
            changes.next_at = Some(None);
        });
        take_step(services, conn, &JOB_ACTOR, download, step).await?;
        if let Some(import) = db::imports::find_live_import(conn, download.id(), 0).await? {
            db::imports::set_import_status(conn, import.id.into(), ImportStatus::Done, services.now()).await?;
        }
        db::wants::close_want(
            conn,
            download.want_id.into(),
            types::wants::WantStatus::Fulfilled,
            services.now(),
        )
        .await?;
        db::events::notify(conn, &types::events::LiveEvent::Library).await?;
        Ok(())
    })
    .await
}

pub(super) async fn advance(
    services: &Services,
    download: &DownloadRow,
    to: DownloadState,
    code: EventCode,
    sentence: &str,
) -> Result<DownloadRow> {
    if download.state()? == to {
        return Ok(download.clone());
    }
    let mut conn = services.connection().await?;
    take_step(services, &mut conn, &JOB_ACTOR, download, Step::new(to, code, sentence)).await
}
