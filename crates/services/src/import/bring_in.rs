//! Brings one book onto the shelf: places its files, asks for a scan, writes its names and reads them back.
//!
//! The book may be all of a torrent or one part of a pack. Each step first looks at what an earlier try left.

use std::path::{Path, PathBuf};

use db::Connection;
use db::downloads::DownloadRow;
use db::imports::{ImportFileRow, ImportRow, ImportStatus};
use domain::naming::BookNames;
use domain::payload::PlannedFile;
use jobs::RunContext;
use tokio_util::sync::CancellationToken;
use types::downloads::EventCode;
use types::jobs::LogLevel;
use types::{BookId, ImportId, WorkId};

use super::place::{Attempt, Method, PlaceError, Placement, place_book};
use super::plan::{choose_folder, placements};
use super::shelve::{choose_root, scan_for, write_names};
use super::verify::{client_of, locate_payload};
use crate::error::{Result, ServiceError};
use crate::settings::read_settings;
use crate::text::counted;
use crate::transition::note_job_event;
use crate::{Services, connected, library_sync, paths};

/// A book that is to come onto the shelf.
pub struct Arrival {
    /// Position of the part of a pack; 0 for a single book.
    pub part: i32,
    pub work: WorkId,
    pub names: BookNames,
    pub files: Vec<PlannedFile>,
}

/// Where the book is now.
pub enum Brought {
    /// The library shows it.
    Shelved { book: BookId, library: String },
    /// In this folder; no library is connected.
    Placed(PathBuf),
    /// Placed, but the library does not show it yet; the sentence says what to check.
    Unseen(String),
}

/// Brings the book as far as it goes; run again, it goes on from there.
pub async fn bring_in(
    services: &Services,
    ctx: &RunContext,
    download: &DownloadRow,
    arrival: &Arrival,
) -> Result<Brought> {
    let folder = place(services, ctx, download, arrival).await?;
    let Some((integration, library)) = connected::find_library(services).await? else {
        return Ok(Brought::Placed(folder));
    };
    let root = choose_root(&integration, library.as_ref()).await?;
    let asked = "Asked the library for a scan and waits for the book.";
    note(services, download, EventCode::ScanRequested, asked).await?;
    let Some(head) = scan_for(&integration, library.as_ref(), &root, &folder).await? else {
        return Ok(Brought::Unseen(format!(
            "{} does not show the book at \"{}\" yet. Check that it sees that folder (path maps in Integrations); it is looked for again.",
            integration.name,
            paths::to_remote(&integration.options.path_maps, &folder)
        )));
    };
    let item = write_names(library.as_ref(), &head.id, &arrival.names).await?;
    let book = library_sync::store_item(services, &integration, &item, Some(arrival.work)).await?;
    Ok(Brought::Shelved {
        book,
        library: integration.name,
    })
}

/// Puts the files where they belong, or finds that an earlier try did.
async fn place(services: &Services, ctx: &RunContext, download: &DownloadRow, arrival: &Arrival) -> Result<PathBuf> {
    let mut conn = services.connection().await?;
    let earlier = db::imports::find_live_import(&mut conn, download.id(), arrival.part).await?;
    if let Some(import) = earlier
        .as_ref()
        .filter(|import| import.status != ImportStatus::Planned.as_str())
    {
        return Ok(PathBuf::from(&import.target_path));
    }
    // Not while the client is asked: connections are few.
    drop(conn);
    let (integration, client) = client_of(services, download).await?;
    let payload = locate_payload(services, &integration, client.as_ref(), download).await?;
    let files = placements(&payload, &arrival.files);
    let (import, folder) = match earlier {
        Some(import) => (ImportId(import.id), PathBuf::from(import.target_path)),
        None => {
            let mut conn = services.connection().await?;
            plan_import(services, &mut conn, download, arrival, &files).await?
        }
    };
    let words = place_or_undo(services, ctx, (import, &folder), &files).await?;
    let mut conn = services.connection().await?;
    for (word, position) in words.iter().zip(0..) {
        db::imports::record_file_method(&mut conn, import, position, word).await?;
    }
    db::imports::set_import_status(&mut conn, import, ImportStatus::Linked, services.now()).await?;
    drop(conn);
    let sentence = format!(
        "{} went into \"{}\" ({}).",
        counted(files.len(), "file"),
        folder.display(),
        summarize(&words)
    );
    ctx.log(LogLevel::Info, sentence.clone()).await;
    note(services, download, EventCode::FilesImported, &sentence).await?;
    Ok(folder)
}

/// How each file got there. What could not be placed whole is taken back.
async fn place_or_undo(
    services: &Services,
    ctx: &RunContext,
    (import, folder): (ImportId, &Path),
    files: &[Placement],
) -> Result<Vec<&'static str>> {
    let settings = read_settings(services).await?;
    let attempt = Attempt {
        folder: folder.to_path_buf(),
        mark: format!(".mamcrawler-{import}"),
        id: services.new_id(),
        policy: settings.import_policy,
        stop: CancellationToken::new(),
    };
    match place_while_wanted(ctx.cancelled(), attempt, files.to_vec()).await? {
        Ok(methods) => Ok(methods.iter().map(|method| method.as_str()).collect()),
        Err(error) => {
            // What was broken off is still planned: the next run goes on with it.
            if !matches!(error, PlaceError::BrokenOff) {
                let mut conn = services.connection().await?;
                db::imports::set_import_status(&mut conn, import, ImportStatus::Undone, services.now()).await?;
            }
            Err(ServiceError::conflict(format!("{error}.")))
        }
    }
}

/// Places the book in a thread, which would outlive its task: it is told to end when the run is cancelled, and waited for;
/// and when this future is dropped.
async fn place_while_wanted(
    cancelled: impl Future<Output = ()>,
    attempt: Attempt,
    files: Vec<Placement>,
) -> Result<std::result::Result<Vec<Method>, PlaceError>> {
    let stop = attempt.stop.clone();
    let _when_dropped = stop.clone().drop_guard();
    let mut placing = tokio::task::spawn_blocking(move || place_book(&attempt, &files));
    let placed = tokio::select! {
        placed = &mut placing => placed,
        () = cancelled => {
            stop.cancel();
            placing.await
        }
    };
    placed.map_err(ServiceError::internal)
}

/// Writes down what is about to be placed where, so that a crash is finished or undone.
async fn plan_import(
    services: &Services,
    conn: &mut Connection,
    download: &DownloadRow,
    arrival: &Arrival,
    files: &[Placement],
) -> Result<(ImportId, PathBuf)> {
    let settings = read_settings(services).await?;
    let library = library_folder(services, &settings.library_path).await?;
    let taken = db::imports::list_live_targets(conn).await?;
    let is_taken = |path: &Path| taken.iter().any(|taken| Path::new(taken) == path);
    let folder = choose_folder(&library, &settings, &arrival.names, files, is_taken)?;
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
        part: arrival.part,
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

async fn note(services: &Services, download: &DownloadRow, code: EventCode, sentence: &str) -> Result<()> {
    let mut conn = services.connection().await?;
    note_job_event(services, &mut conn, download, code, sentence).await
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::import::place::tests::{SlowBook, list_names, wait_until};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_run_that_is_dropped_while_it_copies_puts_nothing_on_the_shelf() {
        let book = SlowBook::new();
        let attempt = book.attempt(1);
        let (files, mut rest) = book.files(&attempt);
        let run = tokio::spawn(place_while_wanted(std::future::pending(), attempt.clone(), files));
        book.wait_for_half(&attempt);
        run.abort();
        assert!(run.await.unwrap_err().is_cancelled());
        rest.write_all(b"whole").unwrap();
        drop(rest);
        wait_until(|| list_names(book.library.path()).is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_run_that_is_cancelled_while_it_copies_ends_after_its_thread() {
        let book = SlowBook::new();
        let attempt = book.attempt(1);
        let (files, mut rest) = book.files(&attempt);
        let (cancel, cancelled) = tokio::sync::oneshot::channel::<()>();
        let cancelled = async {
            cancelled.await.unwrap();
        };
        let run = tokio::spawn(place_while_wanted(cancelled, attempt.clone(), files));
        book.wait_for_half(&attempt);
        cancel.send(()).unwrap();
        wait_until(|| attempt.stop.is_cancelled());
        rest.write_all(b"whole").unwrap();
        drop(rest);
        let placed = run.await.unwrap().unwrap();
        assert!(matches!(placed, Err(PlaceError::BrokenOff)), "{placed:?}");
        assert_eq!(list_names(book.library.path()), Vec::<String>::new());
    }
}
