//! Verifies a complete download and brings it into the library. Each stage looks at what an earlier try left.

use std::path::{Path, PathBuf};

use chrono::Duration;
use clients::torrent_client::TorrentClient;
use db::Connection;
use db::downloads::DownloadRow;
use db::imports::{ImportFileRow, ImportRow, ImportStatus};
use diesel_async::AsyncConnection;
use domain::naming::BookNames;
use jobs::{JobError, Outcome, RunContext};
use types::downloads::{DownloadState, EventCode};
use types::integrations::Integration;
use types::jobs::LogLevel;
use types::search::ReleaseFacts;
use types::{DownloadId, ImportId};

use super::JOB_ACTOR;
use super::poll_clients::say;
use crate::error::{Result, ServiceError};
use crate::failover;
use crate::import::place::{Placement, discard_draft, place_book};
use crate::import::plan::{Content, choose_folder, names_of, placements, plan_content};
use crate::import::shelve::{choose_root, scan_for, write_names};
use crate::import::verify::{Verified, locate_payload, verify_payload};
use crate::settings::read_settings;
use crate::text::counted;
use crate::transition::{Step, note_event, take_step};
use crate::{Services, connected, library_sync, paths};

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
            Err(error) => return block_after(services, &download, error).await,
        }
    }
    Ok(match sentence {
        Some(sentence) => Outcome::Done(sentence),
        None => Outcome::NothingToDo("The download does not wait for verifying or importing.".into()),
    })
}

enum Stage {
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
    block(services, download, EventCode::ImportFailed, &error.message).await?;
    Err(error.into())
}

async fn block(services: &Services, download: &DownloadRow, code: EventCode, sentence: &str) -> Result<Stage> {
    let mut conn = services.connection().await?;
    let next = services.now() + BLOCKED_PAUSE;
    if download.sentence != sentence {
        note_event(services, &mut conn, &JOB_ACTOR, download.id(), code, sentence).await?;
    }
    say(&mut conn, download, sentence, Some(next), services.now()).await?;
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
    let facts = facts_of(services, download).await?;
    match verify_payload(services, ctx, &payload, &facts).await? {
        Verified::Passed { sentence } => {
            ctx.log(LogLevel::Info, sentence.clone()).await;
            let mut conn = services.connection().await?;
            note_event(
                services,
                &mut conn,
                &JOB_ACTOR,
                download.id(),
                EventCode::Verified,
                &sentence,
            )
            .await?;
        }
        Verified::Blocked(sentence) => return block(services, download, EventCode::VerifyFailed, &sentence).await,
        Verified::Failed(sentence) => {
            ctx.log(LogLevel::Warning, sentence.clone()).await;
            return reject(services, client.as_ref(), download, sentence).await;
        }
    }
    match plan_content(&payload) {
        Content::Book(_) => {
            advance(
                services,
                download,
                DownloadState::Importing,
                EventCode::ImportStarted,
                "Bringing the files into the library.",
            )
            .await?;
            Ok(Stage::Next)
        }
        Content::Review(sentence) => {
            advance(
                services,
                download,
                DownloadState::Review,
                EventCode::NeedsReview,
                &sentence,
            )
            .await?;
            Ok(Stage::End(sentence))
        }
        Content::Nothing(sentence) => {
            failover::take_next(services, download, EventCode::VerifyFailed, &sentence).await?;
            Ok(Stage::End(sentence))
        }
    }
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
    if download.attempts == 0 {
        client.recheck(&hash).await?;
        let sentence = format!("{sentence} The client checks its pieces again.");
        let step = Step::new(DownloadState::Downloading, EventCode::Rechecked, sentence.clone())
            .with(|changes| changes.attempts = Some(1));
        let mut conn = services.connection().await?;
        take_step(services, &mut conn, &JOB_ACTOR, download, step).await?;
        return Ok(Stage::End(sentence));
    }
    failover::take_next(services, download, EventCode::VerifyFailed, &sentence).await?;
    Ok(Stage::End(sentence))
}

async fn import(services: &Services, ctx: &RunContext, download: &DownloadRow) -> Result<Stage> {
    let facts = facts_of(services, download).await?;
    let names = {
        let mut conn = services.connection().await?;
        names_of(&mut conn, download, &facts).await?
    };
    let folder = place(services, ctx, download, &names).await?;
    let Some((integration, library)) = connected::find_library(services).await? else {
        let sentence = format!(
            "The files are in \"{}\". No Audiobookshelf is connected.",
            folder.display()
        );
        finish(services, download, None, &sentence).await?;
        return Ok(Stage::End(sentence));
    };
    let root = choose_root(&integration, library.as_ref()).await?;
    if download.sentence != SCANNING {
        let mut conn = services.connection().await?;
        note_event(
            services,
            &mut conn,
            &JOB_ACTOR,
            download.id(),
            EventCode::ScanRequested,
            SCANNING,
        )
        .await?;
    }
    let Some(head) = scan_for(&integration, library.as_ref(), &root, &folder).await? else {
        let sentence = format!(
            "{} does not show the book at \"{}\" yet. Check that it sees that folder (path maps in Integrations); it is looked for again.",
            integration.name,
            paths::to_remote(&integration.options.path_maps, &folder)
        );
        return block(services, download, EventCode::NotSeenByLibrary, &sentence).await;
    };
    let item = write_names(library.as_ref(), &head.id, &names).await?;
    let book = library_sync::store_item(services, &integration, &item, Some(download.work_id.into())).await?;
    let sentence = format!(
        "On the shelf as \"{}\" in {}. The torrent goes on seeding.",
        names.title, integration.name
    );
    finish(services, download, Some(book), &sentence).await?;
    Ok(Stage::End(sentence))
}

const SCANNING: &str = "Asked the library for a scan and waits for the book.";

/// Puts the files where they belong, or finds that an earlier try did.
async fn place(services: &Services, ctx: &RunContext, download: &DownloadRow, names: &BookNames) -> Result<PathBuf> {
    let mut conn = services.connection().await?;
    let earlier = db::imports::find_live_import(&mut conn, download.id()).await?;
    if let Some(import) = earlier
        .as_ref()
        .filter(|import| import.status != ImportStatus::Planned.as_str())
    {
        return Ok(PathBuf::from(&import.target_path));
    }
    let (integration, client) = client_of(services, download).await?;
    let payload = locate_payload(services, &integration, client.as_ref(), download).await?;
    let Content::Book(files) = plan_content(&payload) else {
        return Err(ServiceError::conflict(
            "The files no longer look like one book. Retry to verify them again.",
        ));
    };
    let files = placements(&payload, &files);
    let (import, folder) = match earlier {
        Some(import) => (ImportId(import.id), PathBuf::from(import.target_path)),
        None => plan_import(services, &mut conn, download, names, &files).await?,
    };
    drop(conn);
    let settings = read_settings(services).await?;
    let draft = format!(".mamcrawler-{import}");
    let placed = {
        let (folder, files, draft) = (folder.clone(), files.clone(), draft.clone());
        tokio::task::spawn_blocking(move || place_book(&folder, &draft, &files, settings.import_policy))
            .await
            .map_err(ServiceError::internal)?
    };
    let methods = match placed {
        Ok(methods) => methods,
        Err(error) => {
            undo_plan(services, import, &folder, &draft).await?;
            return Err(ServiceError::conflict(format!("{error}.")));
        }
    };
    let mut conn = services.connection().await?;
    let words: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    for (word, position) in words.iter().zip(0..) {
        db::imports::record_file_method(&mut conn, import, position, word).await?;
    }
    db::imports::set_import_status(&mut conn, import, ImportStatus::Linked, services.now()).await?;
    let sentence = format!(
        "{} went into \"{}\" ({}).",
        counted(files.len(), "file"),
        folder.display(),
        summarize(&words)
    );
    ctx.log(LogLevel::Info, sentence.clone()).await;
    note_event(
        services,
        &mut conn,
        &JOB_ACTOR,
        download.id(),
        EventCode::FilesImported,
        &sentence,
    )
    .await?;
    Ok(folder)
}

/// Writes down what is about to be placed where, so that a crash is finished or undone.
async fn plan_import(
    services: &Services,
    conn: &mut Connection,
    download: &DownloadRow,
    names: &BookNames,
    files: &[Placement],
) -> Result<(ImportId, PathBuf)> {
    let settings = read_settings(services).await?;
    let library = library_folder(services, &settings.library_path).await?;
    let taken = db::imports::list_live_targets(conn).await?;
    let is_taken = |path: &Path| taken.iter().any(|taken| Path::new(taken) == path);
    let folder = choose_folder(&library, &settings, names, files, is_taken)?;
    let id: ImportId = services.new_id();
    let rows: Vec<ImportFileRow> = files
        .iter()
        .zip(0..)
        .map(|(file, position)| ImportFileRow {
            import_id: id.0,
            position,
            method: None,
            source: file.source.to_string_lossy().into_owned(),
            target: folder.join(&file.target).to_string_lossy().into_owned(),
            size_bytes: std::fs::metadata(&file.source).map_or(0, |data| i64::try_from(data.len()).unwrap_or(i64::MAX)),
        })
        .collect();
    let import = ImportRow {
        id: id.0,
        download_id: download.id,
        status: ImportStatus::Planned.as_str().into(),
        target_path: folder.to_string_lossy().into_owned(),
        created_at: services.now(),
        finished_at: None,
    };
    db::imports::insert_import(conn, &import, &rows).await?;
    Ok((id, folder))
}

/// The setting, else the first folder of the connected library as this server sees it.
async fn library_folder(services: &Services, setting: &str) -> Result<PathBuf> {
    let folder = if setting.is_empty() {
        let Some((integration, library)) = connected::find_library(services).await? else {
            return Err(ServiceError::conflict(
                "No library folder is known. Set one in Settings, or connect Audiobookshelf.",
            ));
        };
        let root = choose_root(&integration, library.as_ref()).await?;
        let first = root
            .folders
            .first()
            .ok_or_else(|| ServiceError::conflict(format!("The library \"{}\" has no folder.", root.name)))?;
        paths::to_local(&integration.options.path_maps, first)
    } else {
        PathBuf::from(setting)
    };
    if folder.is_dir() {
        return Ok(folder);
    }
    let advice = "Add a path map to Audiobookshelf in Integrations, or set the library folder in Settings.";
    Err(ServiceError::conflict(format!(
        "This server does not see the library folder \"{}\". {advice}",
        folder.display()
    )))
}

async fn undo_plan(services: &Services, import: ImportId, folder: &Path, draft: &str) -> Result<()> {
    if let Some(parent) = folder.parent() {
        discard_draft(&parent.join(draft)).map_err(|error| ServiceError::conflict(format!("{error}.")))?;
    }
    let mut conn = services.connection().await?;
    Ok(db::imports::set_import_status(&mut conn, import, ImportStatus::Undone, services.now()).await?)
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
        if let Some(import) = db::imports::find_live_import(conn, download.id()).await? {
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

async fn advance(
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

async fn client_of(
    services: &Services,
    download: &DownloadRow,
) -> Result<(Integration, std::sync::Arc<dyn TorrentClient>)> {
    let id = download
        .client_id
        .ok_or_else(|| ServiceError::conflict("Its torrent client was removed. Connect it again, then retry."))?;
    connected::find_torrent_client(services, id.into()).await
}

async fn facts_of(services: &Services, download: &DownloadRow) -> Result<ReleaseFacts> {
    let Some(id) = download.release_id else {
        return Ok(ReleaseFacts::default());
    };
    let mut conn = services.connection().await?;
    match db::releases::find_release(&mut conn, id.into()).await? {
        Some(release) => Ok(release.facts()?),
        None => Ok(ReleaseFacts::default()),
    }
}

fn summarize(methods: &[&str]) -> String {
    let count = |word: &str| methods.iter().filter(|method| **method == word).count();
    ["hardlink", "reflink", "copy"]
        .into_iter()
        .filter(|word| count(word) > 0)
        .map(|word| format!("{} by {word}", count(word)))
        .collect::<Vec<_>>()
        .join(", ")
}
