//! Imports a pack as one book per part: decides once, then brings in one part a turn, each whole or not at all.

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
use types::{BookId, WorkId};

use super::JOB_ACTOR;
use super::import_download::{Stage, advance, block, tell_placed};
use crate::Services;
use crate::error::{Result, ServiceError};
use crate::import::bring_in::{Arrival, Brought, bring_in};
use crate::import::split::{Proposal, names_of_part, propose_split, read_parts, store_split};
use crate::ownership::find_library_obstacle;
use crate::text::counted;
use crate::transition::{Step, note_event, take_step};

/// Decides what becomes of each part, or asks a person.
pub(super) async fn split(services: &Services, ctx: &RunContext, download: &DownloadRow) -> Result<Stage> {
    let mut conn = services.connection().await?;
    if let Some(obstacle) = find_library_obstacle(&mut conn).await? {
        let sentence = format!("{obstacle} Nobody can tell which books of the pack are owned; it waits for that.");
        drop(conn);
        return block(services, download, EventCode::ImportFailed, &sentence).await;
    }
    let proposal = propose_split(&mut conn, download)
        .await?
        .ok_or_else(|| ServiceError::conflict("The files no longer look like a pack. Retry to verify them again."))?;
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
        note_event(
            services,
            conn,
            &JOB_ACTOR,
            download.id(),
            EventCode::PartSkipped,
            sentence,
        )
        .await?;
    }
    let comes_in = parts.len() - skipped.len();
    if comes_in == 0 {
        let sentence = "Every book of the pack is owned already or on its way; nothing was imported.";
        let step = Step::new(DownloadState::Cancelled, EventCode::AlreadyOwned, sentence);
        take_step(services, conn, &JOB_ACTOR, download, step).await?;
        db::wants::close_want(conn, download.want_id.into(), WantStatus::Fulfilled, services.now()).await?;
        return Ok((Stage::End(sentence.into()), skipped));
    }
    let sentence = format!("Bringing {} of the pack into the library.", counted(comes_in, "book"));
    let step = Step::new(DownloadState::Importing, EventCode::ImportStarted, sentence.clone());
    take_step(services, conn, &JOB_ACTOR, download, step).await?;
    Ok((Stage::Next, [skipped, vec![sentence]].concat()))
}

/// Brings in the first part that is not done, or ends the download when all are.
pub(super) async fn import_next(
    services: &Services,
    ctx: &RunContext,
    download: &DownloadRow,
    parts: &[DownloadPartRow],
) -> Result<Stage> {
    let Some(part) = find_unfinished(services, parts).await? else {
        let sentence = finish_pack(services, download, parts).await?;
        return Ok(Stage::End(sentence));
    };
    let arrival = arrival_of(services, download, part).await?;
    let title = &arrival.names.title;
    let (book, sentence) = match bring_in(services, ctx, download, &arrival).await? {
        Brought::Shelved { book, library } => (Some(book), format!("On the shelf as \"{title}\" in {library}.")),
        Brought::Placed(folder) => (None, format!("\"{title}\": {}", tell_placed(&folder))),
        Brought::Unseen(sentence) => return block(services, download, EventCode::NotSeenByLibrary, &sentence).await,
    };
    ctx.log(LogLevel::Info, sentence.clone()).await;
    finish_part(services, download, part, book, &sentence).await?;
    Ok(Stage::Next)
}

async fn find_unfinished<'a>(services: &Services, parts: &'a [DownloadPartRow]) -> Result<Option<&'a DownloadPartRow>> {
    let mut conn = services.connection().await?;
    for part in parts.iter().filter(|part| part.skipped.is_none()) {
        let import = db::imports::find_live_import(&mut conn, part.download_id.into(), part.position).await?;
        if import.is_none_or(|import| import.status != ImportStatus::Done.as_str()) {
            return Ok(Some(part));
        }
    }
    Ok(None)
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
    conn.transaction(async |conn| {
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
        note_event(services, conn, &JOB_ACTOR, download.id(), EventCode::Linked, sentence).await?;
        fulfil_wants(services, conn, &current, part.work_id.into()).await?;
        db::events::notify(conn, &types::events::LiveEvent::Library).await?;
        Ok(())
    })
    .await
}

/// Whoever wants the part's work has it now; a search or a wait for it ends. What a client already has goes on.
async fn fulfil_wants(services: &Services, conn: &mut Connection, pack: &DownloadRow, work: WorkId) -> Result<()> {
    let Some(want) = db::wants::find_open_want(conn, work).await? else {
        return Ok(());
    };
    db::wants::close_want(conn, want.id.into(), WantStatus::Fulfilled, services.now()).await?;
    let other = db::downloads::find_active_download(conn, work).await?;
    let Some(other) = other.filter(|other| other.id != pack.id) else {
        return Ok(());
    };
    if !other.state()?.is_in_client() {
        let sentence = "It came into the library with a pack; nothing more is done for it.";
        let step = Step::new(DownloadState::Cancelled, EventCode::AlreadyOwned, sentence);
        take_step(services, conn, &JOB_ACTOR, &other, step).await?;
    }
    Ok(())
}

/// Download and want end together. The download's own book is the wanted one.
async fn finish_pack(services: &Services, download: &DownloadRow, parts: &[DownloadPartRow]) -> Result<String> {
    let mut conn = services.connection().await?;
    let sentence = tell_pack(&mut conn, download, parts).await?;
    let wanted = parts.iter().filter(|part| part.is_wanted);
    let book = wanted.chain(parts).find_map(|part| part.book_id);
    conn.transaction(async |conn| {
        let step = Step::new(DownloadState::Imported, EventCode::Imported, sentence.clone()).with(|changes| {
            changes.book_id = Some(book);
            changes.next_at = Some(None);
        });
        take_step(services, conn, &JOB_ACTOR, download, step).await?;
        db::wants::close_want(conn, download.want_id.into(), WantStatus::Fulfilled, services.now()).await?;
        db::events::notify(conn, &types::events::LiveEvent::Library).await?;
        Ok::<_, ServiceError>(())
    })
    .await?;
    Ok(sentence)
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
