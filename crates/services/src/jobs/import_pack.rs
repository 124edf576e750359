//! Imports a pack as one book per part: decides once, then brings in part by part, each whole or not at all.

use std::path::PathBuf;

use db::Connection;
use db::download_parts::DownloadPartRow;
use db::downloads::DownloadRow;
use db::imports::ImportStatus;
use diesel_async::AsyncConnection;
use jobs::RunContext;
use types::downloads::{DownloadState, EventCode};
use types::jobs::LogLevel;
use types::wants::WantStatus;
use types::{BookId, ErrorCode, WorkId};

use super::JOB_ACTOR;
use super::import_download::{Stage, advance, block, tell_placed};
use crate::Services;
use crate::downloads::stop_unfinished;
use crate::error::{Result, ServiceError};
use crate::import::bring_in::{Arrival, Brought, bring_in};
use crate::import::split::{
    Proposal, has_usable_files, has_wanted_part, names_of_part, propose_split, read_parts, store_split,
};
use crate::ownership::find_library_obstacle;
use crate::text::counted;
use crate::transition::{Step, note_job_event, take_step};

/// Decides what becomes of each part, or asks a person.
pub(super) async fn split(services: &Services, ctx: &RunContext, download: &DownloadRow) -> Result<Stage> {
    let mut conn = services.connection().await?;
    if let Some(obstacle) = find_library_obstacle(&mut conn).await? {
        let sentence = format!("{obstacle} Nobody can tell which books of the pack are owned; it waits for that.");
        drop(conn);
        return block(services, download, EventCode::ImportFailed, &sentence).await;
    }
    let proposal = propose_split(&mut conn, download).await?.ok_or_else(|| {
        ServiceError::conflict("The files no longer look like a pack. Cancel the download, then retry it.")
    })?;
    // Decided before, be it by a person: only what came in since is looked at anew.
    let is_decided = !db::download_parts::list_parts(&mut conn, download.id())
        .await?
        .is_empty();
    if let Some(sentence) = proposal.find_doubt().filter(|_| !is_decided) {
        drop(conn);
        advance(
            services,
            download,
            DownloadState::Review,
            EventCode::NeedsReview,
            &sentence,
        )
        .await?;
        return Ok(Stage::End(sentence));
    }
    let (stage, said) = conn
        .transaction(async |conn| begin(services, conn, download, proposal).await)
        .await?;
    for sentence in said {
        ctx.log(LogLevel::Info, sentence).await;
    }
    Ok(stage)
}

/// Writes the decision down with the step that it leads to. Answers also what the run should say.
async fn begin(
    services: &Services,
    conn: &mut Connection,
    download: &DownloadRow,
    proposal: Proposal,
) -> Result<(Stage, Vec<String>)> {
    let parts = store_split(services, conn, download, proposal).await?;
    let skipped: Vec<String> = parts
        .iter()
        .filter_map(|part| Some(format!("\"{}\" is not imported. {}", part.hint, part.skipped.as_ref()?)))
        .collect();
    for sentence in &skipped {
        note_job_event(services, conn, download, EventCode::PartSkipped, sentence).await?;
    }
    let comes_in = parts.len() - skipped.len();
    if comes_in == 0 {
        let open = fulfil_want_of_pack(services, conn, download, &parts).await?;
        let sentence = format!("Every book of the pack is owned already or on its way; nothing was imported.{open}");
        let step = Step::new(DownloadState::Cancelled, EventCode::AlreadyOwned, sentence.clone());
        take_step(services, conn, &JOB_ACTOR, download, step).await?;
        return Ok((Stage::End(sentence), skipped));
    }
    let sentence = format!("Bringing {} of the pack into the library.", counted(comes_in, "book"));
    let step = Step::new(DownloadState::Importing, EventCode::ImportStarted, sentence.clone());
    take_step(services, conn, &JOB_ACTOR, download, step).await?;
    Ok((Stage::Next, [skipped, vec![sentence]].concat()))
}

/// Brings in every part that is not done and can be, or ends the download when all are. One that is stuck holds up
/// no other.
pub(super) async fn import_next(
    services: &Services,
    ctx: &RunContext,
    download: &DownloadRow,
    parts: &[DownloadPartRow],
) -> Result<Stage> {
    let unfinished = list_unfinished(services, parts).await?;
    if unfinished.is_empty() {
        let sentence = finish_pack(services, download, parts).await?;
        return Ok(Stage::End(sentence));
    }
    let mut stuck: Vec<Stuck> = Vec::new();
    for part in unfinished {
        // Somebody may have ended it while the part before came in: the job's next turn looks at that.
        if ctx.is_cancelled() || !is_importing(services, download).await? {
            return Ok(Stage::Next);
        }
        let reason = import_part(services, ctx, download, part).await?;
        stuck.extend(reason.filter(|reason| !stuck.contains(reason)));
    }
    let Some(first) = stuck.first() else {
        return Ok(Stage::Next);
    };
    let sentences: Vec<&str> = stuck.iter().map(|one| one.sentence.as_str()).collect();
    block(services, download, first.code, &sentences.join(" ")).await
}

/// Why a part can't come in for now.
#[derive(PartialEq, Eq)]
struct Stuck {
    code: EventCode,
    sentence: String,
}

/// Answers what holds up this part alone; an error is about all of them.
async fn import_part(
    services: &Services,
    ctx: &RunContext,
    download: &DownloadRow,
    part: &DownloadPartRow,
) -> Result<Option<Stuck>> {
    let brought = async {
        let arrival = arrival_of(services, download, part).await?;
        let brought = bring_in(services, ctx, download, &arrival).await?;
        Ok::<_, ServiceError>((arrival.names.title, brought))
    };
    let (title, brought) = match brought.await {
        // What a stop broke off is no fault of the part.
        Err(error) if !ctx.is_cancelled() && matches!(error.code, ErrorCode::Conflict | ErrorCode::NotFound) => {
            let code = EventCode::ImportFailed;
            let sentence = error.message;
            return Ok(Some(Stuck { code, sentence }));
        }
        brought => brought?,
    };
    let (book, sentence) = match brought {
        Brought::Shelved { book, library } => (Some(book), format!("On the shelf as \"{title}\" in {library}.")),
        Brought::Placed(folder) => (None, format!("\"{title}\": {}", tell_placed(&folder))),
        Brought::Unseen(sentence) => {
            let code = EventCode::NotSeenByLibrary;
            return Ok(Some(Stuck { code, sentence }));
        }
    };
    ctx.log(LogLevel::Info, sentence.clone()).await;
    finish_part(services, download, part, book, &sentence).await?;
    Ok(None)
}

async fn is_importing(services: &Services, download: &DownloadRow) -> Result<bool> {
    let mut conn = services.connection().await?;
    let current = db::downloads::find_download(&mut conn, download.id()).await?;
    Ok(current.is_some_and(|current| current.state == DownloadState::Importing.as_str()))
}

async fn list_unfinished<'a>(services: &Services, parts: &'a [DownloadPartRow]) -> Result<Vec<&'a DownloadPartRow>> {
    let mut conn = services.connection().await?;
    let mut unfinished = Vec::new();
    for part in parts.iter().filter(|part| part.skipped.is_none()) {
        let import = db::imports::find_live_import(&mut conn, part.download_id.into(), part.position).await?;
        if import.is_none_or(|import| import.status != ImportStatus::Done.as_str()) {
            unfinished.push(part);
        }
    }
    Ok(unfinished)
}

async fn arrival_of(services: &Services, download: &DownloadRow, part: &DownloadPartRow) -> Result<Arrival> {
    let mut conn = services.connection().await?;
    let (parts, _) = read_parts(&mut conn, download).await?.unwrap_or_default();
    let found = usize::try_from(part.position)
        .ok()
        .and_then(|position| parts.into_iter().nth(position))
        .filter(|found| found.title_hint == part.hint);
    let found = found.ok_or_else(|| {
        ServiceError::conflict(format!(
            "\"{}\" is no longer found in the pack. Cancel the download, then retry it.",
            part.hint
        ))
    })?;
    Ok(Arrival {
        part: part.position,
        work: part.work_id.into(),
        names: names_of_part(&mut conn, download, part).await?,
        files: found.files,
    })
}

/// Book, import and whoever wants this very work end in one transaction.
async fn finish_part(
    services: &Services,
    download: &DownloadRow,
    part: &DownloadPartRow,
    book: Option<BookId>,
    sentence: &str,
) -> Result<()> {
    let mut conn = services.connection().await?;
    let ended = conn
        .transaction(async |conn| {
            let current = db::downloads::lock_download(conn, download.id()).await?;
            if current.state()? != DownloadState::Importing {
                return Err(ServiceError::conflict(format!(
                    "The download is {} meanwhile; the rest of the pack stays out.",
                    current.state()?
                )));
            }
            if let Some(book) = book {
                db::download_parts::set_part_book(conn, download.id(), part.position, book).await?;
            }
            if let Some(import) = db::imports::find_live_import(conn, download.id(), part.position).await? {
                db::imports::set_import_status(conn, import.id.into(), ImportStatus::Done, services.now()).await?;
            }
            note_job_event(services, conn, download, EventCode::Linked, sentence).await?;
            let ended = fulfil_wants(services, conn, &current, part.work_id.into()).await?;
            db::events::notify(conn, &types::events::LiveEvent::Library).await?;
            Ok(ended)
        })
        .await?;
    drop(conn);
    if let Some(ended) = ended {
        stop_unfinished(services, &ended).await;
    }
    Ok(())
}

/// Whoever wants the part's work has it now; a search, a wait or a transfer for it ends. What a client has whole goes
/// on: it may be a pack with more in it. Answers the download that ended.
async fn fulfil_wants(
    services: &Services,
    conn: &mut Connection,
    pack: &DownloadRow,
    work: WorkId,
) -> Result<Option<DownloadRow>> {
    let Some(want) = db::wants::find_open_want(conn, work).await? else {
        return Ok(None);
    };
    db::wants::close_want(conn, want.id.into(), WantStatus::Fulfilled, services.now()).await?;
    let other = db::downloads::find_active_download(conn, work).await?;
    let Some(other) = other.filter(|other| other.id != pack.id) else {
        return Ok(None);
    };
    if has_usable_files(conn, &other).await? {
        return Ok(None);
    }
    let stays = match other.client_id {
        Some(_) => " The torrent stays in the client: it may owe seeding.",
        None => "",
    };
    let sentence = format!("It came into the library with a pack; nothing more is done for it.{stays}");
    let step = Step::new(DownloadState::Cancelled, EventCode::AlreadyOwned, sentence);
    take_step(services, conn, &JOB_ACTOR, &other, step).await.map(Some)
}

/// Download and want end together, if a wanted book came in. The download's own book is the wanted one.
async fn finish_pack(services: &Services, download: &DownloadRow, parts: &[DownloadPartRow]) -> Result<String> {
    let mut conn = services.connection().await?;
    let told = tell_pack(&mut conn, download, parts).await?;
    // Of a whole set every part is wanted; of a pack without the wanted book none is.
    let book = parts.iter().filter(|part| part.is_wanted).find_map(|part| part.book_id);
    conn.transaction(async |conn| {
        let open = fulfil_want_of_pack(services, conn, download, parts).await?;
        let sentence = told + open;
        let step = Step::new(DownloadState::Imported, EventCode::Imported, sentence.clone()).with(|changes| {
            changes.book_id = Some(book);
            changes.next_at = Some(None);
        });
        take_step(services, conn, &JOB_ACTOR, download, step).await?;
        db::events::notify(conn, &types::events::LiveEvent::Library).await?;
        Ok::<_, ServiceError>(sentence)
    })
    .await
}

/// Ends the want that the pack was taken for if its book is there now. Answers what to say when it stays open.
async fn fulfil_want_of_pack(
    services: &Services,
    conn: &mut Connection,
    download: &DownloadRow,
    parts: &[DownloadPartRow],
) -> Result<&'static str> {
    if !has_wanted_part(conn, download, parts).await? {
        return Ok(
            " The wanted book did not come in with it, so its want stays open: search for it again or cancel it.",
        );
    }
    db::wants::close_want(conn, download.want_id.into(), WantStatus::Fulfilled, services.now()).await?;
    Ok("")
}

async fn tell_pack(conn: &mut Connection, download: &DownloadRow, parts: &[DownloadPartRow]) -> Result<String> {
    let mut titles = Vec::new();
    let mut unlinked: Option<PathBuf> = None;
    for part in parts.iter().filter(|part| part.skipped.is_none()) {
        let work = db::works::find_work(conn, part.work_id.into()).await?;
        titles.push(work.map_or_else(|| part.hint.clone(), |work| work.title));
        if part.book_id.is_none() {
            let import = db::imports::find_live_import(conn, download.id(), part.position).await?;
            unlinked = unlinked.or(import.map(|import| import.target_path.into()));
        }
    }
    let skipped = match parts.len() - titles.len() {
        0 => String::new(),
        count => format!(" {} skipped, as the history says.", counted(count, "other book")),
    };
    let told = format!(
        "{} of the pack: {}.{skipped}",
        counted(titles.len(), "book"),
        titles.join(", ")
    );
    Ok(match unlinked {
        None => format!("On the shelf: {told} The torrent goes on seeding."),
        Some(folder) => format!("In the library's folder: {told} {}", tell_placed(&folder)),
    })
}
