//! Downloads as people see and steer them.

use clients::torrent_client::TorrentStatus;
use db::Connection;
use db::downloads::{DownloadChanges, DownloadRow};
use db::imports::{ImportFileRow, ImportRow};
use diesel_async::AsyncConnection;
use domain::download_life::{actions, can_confirm_split};
use serde_json::json;
use types::downloads::{
    DownloadActions, DownloadDetail, DownloadPart, DownloadScope, DownloadState, DownloadSummary, EventCode,
    ImportAttempt, PlannedFile,
};
use types::people::Role;
use types::{DownloadId, Page, PageRequest, SearchId};

use crate::actor::{Actor, require};
use crate::audit::record_action;
use crate::error::{Result, ServiceError};
use crate::failover::find_blocklist_reason;
use crate::grab::enqueue_advance;
use crate::import::split::{self, Proposal};
use crate::jobs::enqueue_import;
use crate::text::counted;
use crate::transition::{Step, note_job_event, take_step};
use crate::wants::{enqueue_search, form_of_want};
use crate::{Services, connected, searches};

/// Downloads, newest change first.
pub async fn list_downloads(
    services: &Services,
    actor: &Actor,
    scope: DownloadScope,
    page: PageRequest,
) -> Result<Page<DownloadSummary>> {
    require(actor, Role::Viewer)?;
    let mut conn = services.connection().await?;
    Ok(db::download_list::list_downloads(&mut conn, scope, &page).await?)
}

/// A download with its history, its files and what can be done with it.
pub async fn get_download(services: &Services, actor: &Actor, id: DownloadId) -> Result<DownloadDetail> {
    require(actor, Role::Viewer)?;
    let mut conn = services.connection().await?;
    // One snapshot: between two reads the download may go on, and "imported" without its book would be shown.
    conn.build_transaction()
        .repeatable_read()
        .read_only()
        .run(async |conn| read_download(conn, actor, id).await)
        .await
}

async fn read_download(conn: &mut Connection, actor: &Actor, id: DownloadId) -> Result<DownloadDetail> {
    let row = db::downloads::find_download(conn, id)
        .await?
        .ok_or_else(|| ServiceError::not_found("download"))?;
    let summary = db::download_list::find_download_summary(conn, id).await?;
    let summary = summary.ok_or_else(|| ServiceError::not_found("download"))?;
    let verdict = match row.candidate_id {
        Some(candidate) => db::candidates::find_candidate_row(conn, candidate.into()).await?,
        None => None,
    };
    let verdict = verdict.map(|candidate| candidate.verdict()).transpose()?;
    let client = match row.client_id {
        Some(client) => db::integrations::find_integration(conn, client.into()).await?,
        None => None,
    };
    let parts = split::list_parts(conn, &row).await?;
    Ok(DownloadDetail {
        actions: list_actions(actor, summary.state, &parts),
        parts,
        summary,
        client: client.map(|client| client.name),
        client_id: row.client_id.map(Into::into),
        verdict_summary: verdict.map(|verdict| verdict.summary),
        candidate_id: row.candidate_id.map(Into::into),
        search_id: row.search_id.map(Into::into),
        book_id: row.book_id.map(Into::into),
        attempts: row.attempts.unsigned_abs(),
        events: db::download_events::list_events(conn, id).await?,
        files: db::imports::list_imported_files(conn, id).await?,
    })
}

/// Every attempt to bring the download's files into the library, oldest first.
pub async fn list_imports(services: &Services, actor: &Actor, id: DownloadId) -> Result<Vec<ImportAttempt>> {
    require(actor, Role::Viewer)?;
    let mut conn = services.connection().await?;
    if db::downloads::find_download(&mut conn, id).await?.is_none() {
        return Err(ServiceError::not_found("download"));
    }
    let attempts = db::imports::list_imports(&mut conn, id).await?;
    Ok(attempts.into_iter().map(view_import).collect())
}

fn view_import((row, files): (ImportRow, Vec<ImportFileRow>)) -> ImportAttempt {
    let view_file = |file: ImportFileRow| PlannedFile {
        source: file.source,
        target: file.target,
        size_bytes: file.size_bytes,
        method: file.method,
    };
    ImportAttempt {
        id: row.id.into(),
        status: row.status,
        target_path: row.target_path,
        created_at: row.created_at,
        finished_at: row.finished_at,
        files: files.into_iter().map(view_file).collect(),
    }
}

/// Only a manager has any.
fn list_actions(actor: &Actor, state: DownloadState, parts: &[DownloadPart]) -> DownloadActions {
    if require(actor, Role::Manager).is_err() {
        return DownloadActions::default();
    }
    let new_books = parts.iter().filter(|part| !part.is_owned).count();
    DownloadActions {
        can_confirm_split: can_confirm_split(state, new_books),
        ..actions(state)
    }
}

/// Goes on with a download that waits or ended: with its release if it has one, else with a new search.
pub async fn retry_download(services: &Services, actor: &Actor, id: DownloadId) -> Result<()> {
    require(actor, Role::Manager)?;
    let mut conn = services.connection().await?;
    conn.transaction(async |conn| {
        let download = lock_download(conn, id).await?;
        if !actions(download.state()?).can_retry {
            return Err(ServiceError::conflict(format!(
                "A download that is {} can't be retried.",
                download.state()?
            )));
        }
        db::wants::reopen_want(conn, download.want_id.into()).await?;
        note_decision(services, conn, actor, "retry_download", &download).await?;
        if has_usable_release(conn, &download).await? {
            let sentence = format!("{} retried it.", actor.name());
            let step = Step::new(DownloadState::Queued, EventCode::Retried, sentence).with(|changes| {
                changes.next_at = Some(None);
                changes.attempts = Some(0);
            });
            take_step(services, conn, actor, &download, step).await?;
            return enqueue_advance(services, conn, actor, id).await;
        }
        let sentence = format!("{} asked for a new search.", actor.name());
        take_step(
            services,
            conn,
            actor,
            &download,
            Step::new(DownloadState::Searching, EventCode::Retried, sentence)
                .with(|changes| changes.attempts = Some(0)),
        )
        .await?;
        enqueue_search(services, conn, actor, id).await
    })
    .await
}

/// Cancels a download. A torrent that the client has goes on seeding: it is never removed.
pub async fn cancel_download(services: &Services, actor: &Actor, id: DownloadId) -> Result<()> {
    require(actor, Role::Manager)?;
    let mut conn = services.connection().await?;
    let download = conn
        .transaction(async |conn| {
            let download = lock_download(conn, id).await?;
            if !actions(download.state()?).can_cancel {
                return Err(ServiceError::conflict(format!(
                    "A download that is {} can't be cancelled.",
                    download.state()?
                )));
            }
            let sentence = match download.state()?.is_in_client() {
                true => format!(
                    "{} cancelled it. The torrent stays in the client: it may owe seeding.",
                    actor.name()
                ),
                false => format!("{} cancelled it.", actor.name()),
            };
            let download = take_step(
                services,
                conn,
                actor,
                &download,
                Step::new(DownloadState::Cancelled, EventCode::Cancelled, sentence),
            )
            .await?;
            note_decision(services, conn, actor, "cancel_download", &download).await?;
            Ok(download)
        })
        .await?;
    // The client may take its time; connections are few.
    drop(conn);
    stop_unfinished(services, &download).await;
    Ok(())
}

/// Searches anew for the download's want, for a person to choose from; the download waits in `review`.
pub async fn choose_another(services: &Services, actor: &Actor, id: DownloadId) -> Result<SearchId> {
    require(actor, Role::Manager)?;
    let mut conn = services.connection().await?;
    let download = db::downloads::find_download(&mut conn, id)
        .await?
        .ok_or_else(|| ServiceError::not_found("download"))?;
    if !actions(download.state()?).can_choose_another {
        return Err(ServiceError::conflict(format!(
            "Nothing else can be chosen for a download that is {}.",
            download.state()?
        )));
    }
    let want = download.want_id.into();
    let form = form_of_want(&mut conn, want).await?;
    let search = conn
        .transaction::<_, ServiceError, _>(async |conn| {
            note_decision(services, conn, actor, "choose_another", &download).await?;
            searches::insert_search(services, conn, actor, (&form, Some(want))).await
        })
        .await?;
    searches::run_in_background(services, search, form);
    Ok(search)
}

/// Takes the proposed parts of a pack for books of their own and imports them; what they are is said by `get_download`.
pub async fn confirm_split(services: &Services, actor: &Actor, id: DownloadId) -> Result<()> {
    require(actor, Role::Manager)?;
    let mut conn = services.connection().await?;
    conn.transaction(async |conn| {
        let download = lock_download(conn, id).await?;
        let (state, proposal) = (download.state()?, split::find_waiting_split(conn, &download).await?);
        let new_books = proposal.as_ref().map_or(0, Proposal::count_new);
        let Some(proposal) = proposal.filter(|_| can_confirm_split(state, new_books)) else {
            return Err(ServiceError::conflict(
                "No pack with a book that is not in the library waits here. Reload the page to see where it is now.",
            ));
        };
        split::store_split(services, conn, &download, proposal).await?;
        let sentence = format!(
            "{} confirmed that it holds {} to import. They are checked and imported.",
            actor.name(),
            counted(new_books, "book")
        );
        let step = Step::new(DownloadState::Verifying, EventCode::SplitConfirmed, sentence)
            .with(|changes| changes.next_at = Some(None));
        let download = take_step(services, conn, actor, &download, step).await?;
        note_decision(services, conn, actor, "confirm_split", &download).await?;
        enqueue_import(services, conn, &download).await
    })
    .await
}

/// The audit log's line about what a person decided, under the title that is wanted.
async fn note_decision(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    action: &str,
    download: &DownloadRow,
) -> Result<()> {
    let form = form_of_want(conn, download.want_id.into()).await?;
    let about = (Some(form.title), json!({ "download": download.id() }));
    record_action(conn, services, actor, action, about).await
}

async fn lock_download(conn: &mut Connection, id: DownloadId) -> Result<DownloadRow> {
    Ok(db::downloads::lock_download(conn, id).await?)
}

/// A blocklisted release is not tried again.
pub(crate) async fn has_usable_release(conn: &mut Connection, download: &DownloadRow) -> Result<bool> {
    let Some(release) = download.release_id else {
        return Ok(false);
    };
    Ok(
        find_blocklist_reason(conn, Some(release.into()), download.info_hash.as_deref())
            .await?
            .is_none(),
    )
}

/// What became of a torrent that nobody wants any more.
pub(crate) enum Ending {
    /// It is complete and goes on seeding, or no client has it.
    NothingToStop,
    Stopped,
    /// It may go on loading: why, and what to do. The download says so, too.
    RunsOn(String),
}

/// A cancelled torrent that is not complete should not go on costing ratio; a complete one goes on seeding.
pub(crate) async fn stop_unfinished(services: &Services, download: &DownloadRow) -> Ending {
    let error = match stop_torrent(services, download).await {
        Ok(ending) => return ending,
        Err(error) => error,
    };
    tracing::warn!(download.id = %download.id(), "a cancelled torrent could not be stopped: {error}");
    let sentence = format!(
        "The torrent could not be stopped and may go on loading. {} Stop it in the torrent client yourself.",
        error.message
    );
    if let Err(error) = say_it_runs_on(services, download, &sentence).await {
        tracing::error!(download.id = %download.id(), "could not store that a cancelled torrent runs on: {error}");
    }
    Ending::RunsOn(sentence)
}

async fn stop_torrent(services: &Services, download: &DownloadRow) -> Result<Ending> {
    let (Some(client), Some(hash)) = (download.client_id, &download.info_hash) else {
        return Ok(Ending::NothingToStop);
    };
    if download.progress.unwrap_or(0.0) >= 1.0 {
        return Ok(Ending::NothingToStop);
    }
    let (_, client) = connected::find_torrent_client(services, client.into()).await?;
    let found = client.find(std::slice::from_ref(hash)).await?;
    let unfinished = |torrent: &&TorrentStatus| !torrent.is_complete() && torrent.progress < 1.0;
    let Some(torrent) = found.iter().find(unfinished) else {
        return Ok(Ending::NothingToStop);
    };
    client.stop(&torrent.hash).await?;
    Ok(Ending::Stopped)
}

/// A line of history; and the download's sentence goes on with it, unless it began anew meanwhile.
async fn say_it_runs_on(services: &Services, download: &DownloadRow, sentence: &str) -> Result<()> {
    let mut conn = services.connection().await?;
    conn.transaction(async |conn| {
        note_job_event(services, conn, download, EventCode::NotStopped, sentence).await?;
        if !download.state()?.is_terminal() {
            return Ok(());
        }
        let (both, now) = (format!("{} {sentence}", download.sentence), services.now());
        Ok(db::downloads::update_download(conn, download, DownloadChanges::default(), Some(&both), now).await?)
    })
    .await
}
