//! Downloads: their rows, and the one way in which their state changes.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::Value;
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::events::LiveEvent;
use types::{BookId, CandidateId, DownloadId, WantId, WorkId};
use uuid::Uuid;

use crate::error::{DbError, DbResult};
use crate::events::notify;
use crate::pool::Connection;
use crate::schema::{download_events, download_parts, download_torrents, downloads};
use crate::text::{storable, storable_json};

/// A row of `downloads`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = downloads, check_for_backend(Pg))]
pub struct DownloadRow {
    pub id: Uuid,
    pub want_id: Uuid,
    pub work_id: Uuid,
    pub search_id: Option<Uuid>,
    pub candidate_id: Option<Uuid>,
    pub release_id: Option<Uuid>,
    pub client_id: Option<Uuid>,
    pub state: String,
    pub hold_reason: Option<String>,
    pub sentence: String,
    pub is_forced: bool,
    pub info_hash: Option<String>,
    pub info_hash_v2: Option<String>,
    pub size_bytes: Option<i64>,
    pub progress: Option<f64>,
    pub speed_bytes_per_second: Option<i64>,
    pub eta_seconds: Option<i64>,
    pub seeders: Option<i32>,
    pub client_state: Option<String>,
    pub content_path: Option<String>,
    pub stall_step: i32,
    pub stall_step_at: Option<DateTime<Utc>>,
    pub completed_bytes: Option<i64>,
    pub last_bytes_at: Option<DateTime<Utc>>,
    /// Retries by itself since a person last decided.
    pub attempts: i32,
    pub next_at: Option<DateTime<Utc>>,
    pub book_id: Option<Uuid>,
    pub replaces_id: Option<Uuid>,
    pub idempotency_key: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl DownloadRow {
    /// Where it is in its life.
    pub fn state(&self) -> DbResult<DownloadState> {
        Ok(self.state.parse()?)
    }

    /// Its id.
    pub fn id(&self) -> DownloadId {
        DownloadId(self.id)
    }
}

/// A download that begins.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDownload {
    pub id: DownloadId,
    pub want_id: WantId,
    pub work_id: WorkId,
    pub search_id: Option<Uuid>,
    pub candidate_id: Option<Uuid>,
    pub release_id: Option<Uuid>,
    pub state: DownloadState,
    pub hold_reason: Option<HoldReason>,
    pub size_bytes: Option<i64>,
    pub is_forced: bool,
    pub replaces_id: Option<Uuid>,
    pub idempotency_key: Option<String>,
}

/// What changes with a state. `None` leaves a column as it is, `Some(None)` empties it.
#[derive(Debug, Clone, Default, PartialEq, AsChangeset)]
#[diesel(table_name = downloads)]
pub struct DownloadChanges {
    pub search_id: Option<Option<Uuid>>,
    pub candidate_id: Option<Option<Uuid>>,
    pub release_id: Option<Option<Uuid>>,
    pub client_id: Option<Option<Uuid>>,
    pub is_forced: Option<bool>,
    pub info_hash: Option<Option<String>>,
    pub info_hash_v2: Option<Option<String>>,
    pub size_bytes: Option<Option<i64>>,
    pub progress: Option<Option<f64>>,
    pub speed_bytes_per_second: Option<Option<i64>>,
    pub eta_seconds: Option<Option<i64>>,
    pub seeders: Option<Option<i32>>,
    pub client_state: Option<Option<String>>,
    pub content_path: Option<Option<String>>,
    pub stall_step: Option<i32>,
    pub stall_step_at: Option<Option<DateTime<Utc>>>,
    pub completed_bytes: Option<Option<i64>>,
    pub last_bytes_at: Option<Option<DateTime<Utc>>>,
    pub attempts: Option<i32>,
    pub next_at: Option<Option<DateTime<Utc>>>,
    pub book_id: Option<Option<Uuid>>,
    /// Not a column: goes with the state `hold`, and only with it.
    #[diesel(skip_update)]
    pub hold_reason: Option<HoldReason>,
}

/// The line of history that goes with a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub at: DateTime<Utc>,
    pub user_id: Option<Uuid>,
    /// A user name, or "mamcrawler".
    pub actor: String,
    pub code: EventCode,
    /// What happened, what comes next; also becomes the download's own sentence.
    pub sentence: String,
}

/// Stores a download with its first event. `Duplicate` names `downloads_one_active_per_work` when the work is already on
/// its way, or `downloads_idempotency_key_key` when this very grab was made before.
pub async fn insert_download(conn: &mut Connection, download: &NewDownload, event: &NewEvent) -> DbResult<DownloadRow> {
    conn.transaction(async |conn| {
        let row: DownloadRow = diesel::insert_into(downloads::table)
            .values((
                downloads::id.eq(download.id.0),
                downloads::want_id.eq(download.want_id.0),
                downloads::work_id.eq(download.work_id.0),
                downloads::search_id.eq(download.search_id),
                downloads::candidate_id.eq(download.candidate_id),
                downloads::release_id.eq(download.release_id),
                downloads::state.eq(download.state.as_str()),
                downloads::hold_reason.eq(download.hold_reason.map(HoldReason::as_str)),
                downloads::sentence.eq(storable(&event.sentence)),
                downloads::size_bytes.eq(download.size_bytes),
                downloads::is_forced.eq(download.is_forced),
                downloads::replaces_id.eq(download.replaces_id),
                downloads::idempotency_key.eq(download.idempotency_key.as_deref()),
                downloads::created_at.eq(event.at),
                downloads::updated_at.eq(event.at),
            ))
            .returning(DownloadRow::as_returning())
            .get_result(conn)
            .await?;
        insert_event(conn, download.id, None, download.state, event).await?;
        notify(conn, &LiveEvent::Download(download.id)).await?;
        Ok(row)
    })
    .await
}

/// Moves a download to another state, with its event, in one transaction. `StateConflict` when it is not in one of
/// `expected_from`: somebody else was faster. The caller has asked `domain::download_life` whether the step is allowed.
///
/// Held again for the same reason in the same words is no news: then the rest is written without a line of history.
pub async fn transition_download(
    conn: &mut Connection,
    id: DownloadId,
    expected_from: &[DownloadState],
    to: DownloadState,
    changes: DownloadChanges,
    event: NewEvent,
) -> DbResult<DownloadRow> {
    conn.transaction(async |conn| {
        let before = lock_download(conn, id).await?;
        let from = before.state()?;
        if !expected_from.contains(&from) {
            return Err(DbError::StateConflict { actual: from });
        }
        let hold_reason = changes.hold_reason.map(HoldReason::as_str);
        let row: DownloadRow = diesel::update(downloads::table.find(id.0))
            .set((
                changes,
                downloads::state.eq(to.as_str()),
                downloads::hold_reason.eq(hold_reason),
                downloads::sentence.eq(storable(&event.sentence)),
                downloads::updated_at.eq(event.at),
            ))
            .returning(DownloadRow::as_returning())
            .get_result(conn)
            .await?;
        let is_same_hold = to == DownloadState::Hold
            && (&before.state, &before.hold_reason, &before.sentence) == (&row.state, &row.hold_reason, &row.sentence);
        if !is_same_hold {
            insert_event(conn, id, Some(from), to, &event).await?;
        }
        notify(conn, &LiveEvent::Download(id)).await?;
        Ok(row)
    })
    .await
}

/// Writes what the client reports while the state stays as the caller saw it: no event, but open pages are told.
/// In another state meanwhile it has another sentence to show, and nothing is written.
pub async fn update_download(
    conn: &mut Connection,
    seen: &DownloadRow,
    changes: DownloadChanges,
    sentence: Option<&str>,
    now: DateTime<Utc>,
) -> DbResult<()> {
    conn.transaction(async |conn| {
        let sentence = sentence.map(|sentence| downloads::sentence.eq(storable(sentence)));
        let values = (changes, sentence, downloads::updated_at.eq(now));
        let row = downloads::table.find(seen.id).filter(downloads::state.eq(&seen.state));
        match diesel::update(row).set(values).execute(conn).await? {
            0 => Ok(()),
            _ => notify(conn, &LiveEvent::Download(seen.id())).await,
        }
    })
    .await
}

/// The row, locked until the end of the transaction; `NotFound` when there is none.
pub async fn lock_download(conn: &mut Connection, id: DownloadId) -> DbResult<DownloadRow> {
    Ok(downloads::table
        .find(id.0)
        .select(DownloadRow::as_select())
        .for_update()
        .first(conn)
        .await?)
}

/// The download with this id.
pub async fn find_download(conn: &mut Connection, id: DownloadId) -> DbResult<Option<DownloadRow>> {
    Ok(downloads::table
        .find(id.0)
        .select(DownloadRow::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// The download that an earlier call with this key made.
pub async fn find_download_by_key(conn: &mut Connection, idempotency_key: &str) -> DbResult<Option<DownloadRow>> {
    let query = downloads::table.filter(downloads::idempotency_key.eq(idempotency_key));
    Ok(query.select(DownloadRow::as_select()).first(conn).await.optional()?)
}

/// The newest download made from a candidate.
pub async fn find_download_of_candidate(conn: &mut Connection, id: CandidateId) -> DbResult<Option<DownloadRow>> {
    let query = downloads::table
        .filter(downloads::candidate_id.eq(id.0))
        .order(downloads::created_at.desc());
    Ok(query.select(DownloadRow::as_select()).first(conn).await.optional()?)
}

/// The download that a book was imported from, by itself or in a pack, when we did that.
pub async fn find_download_of_book(conn: &mut Connection, book: BookId) -> DbResult<Option<DownloadId>> {
    let of_pack = download_parts::table
        .filter(download_parts::book_id.eq(book.0))
        .select(download_parts::download_id);
    let query = downloads::table
        .filter(downloads::book_id.eq(book.0).or(downloads::id.eq_any(of_pack)))
        .order(downloads::updated_at.desc());
    Ok(query
        .select(downloads::id)
        .first::<Uuid>(conn)
        .await
        .optional()?
        .map(DownloadId))
}

/// The download of the work that is still on its way.
pub async fn find_active_download(conn: &mut Connection, work: WorkId) -> DbResult<Option<DownloadRow>> {
    let active: Vec<&str> = DownloadState::ALL
        .iter()
        .filter(|state| state.is_active())
        .map(|state| state.as_str())
        .collect();
    let query = downloads::table
        .filter(downloads::work_id.eq(work.0))
        .filter(downloads::state.eq_any(active));
    Ok(query.select(DownloadRow::as_select()).first(conn).await.optional()?)
}

/// Downloads that hold one of the hashes and have not ended: what is already ours.
pub async fn list_downloads_with_hash(conn: &mut Connection, hashes: &[String]) -> DbResult<Vec<DownloadRow>> {
    let ended: Vec<&str> = DownloadState::ALL
        .iter()
        .filter(|state| state.is_terminal())
        .map(|state| state.as_str())
        .collect();
    let query = downloads::table
        .filter(
            downloads::info_hash
                .eq_any(hashes)
                .or(downloads::info_hash_v2.eq_any(hashes)),
        )
        .filter(downloads::state.ne_all(ended));
    Ok(query.select(DownloadRow::as_select()).load(conn).await?)
}

/// Downloads in one of the states, oldest first.
pub async fn list_downloads_in(conn: &mut Connection, states: &[DownloadState]) -> DbResult<Vec<DownloadRow>> {
    let words: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let query = downloads::table
        .filter(downloads::state.eq_any(words))
        .order((downloads::created_at, downloads::id));
    Ok(query.select(DownloadRow::as_select()).load(conn).await?)
}

/// Downloads whose next step is due, in one of the states.
pub async fn list_due_downloads(
    conn: &mut Connection,
    states: &[DownloadState],
    now: DateTime<Utc>,
) -> DbResult<Vec<DownloadRow>> {
    let words: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let query = downloads::table
        .filter(downloads::state.eq_any(words))
        .filter(downloads::next_at.le(now))
        .order((downloads::next_at, downloads::id));
    Ok(query.select(DownloadRow::as_select()).load(conn).await?)
}

/// Stores the (encrypted) .torrent with its file list, before anything is handed to a client.
pub async fn save_torrent(
    conn: &mut Connection,
    id: DownloadId,
    torrent: &[u8],
    name: &str,
    files: &Value,
) -> DbResult<()> {
    let values = (
        download_torrents::torrent.eq(torrent),
        download_torrents::name.eq(storable(name)),
        download_torrents::files.eq(storable_json(files)),
        download_torrents::rechecks.eq(0),
    );
    diesel::insert_into(download_torrents::table)
        .values((download_torrents::download_id.eq(id.0), values.clone()))
        .on_conflict(download_torrents::download_id)
        .do_update()
        .set(values)
        .execute(conn)
        .await?;
    Ok(())
}

/// What was fetched for a download. Holds the (encrypted) .torrent, so it does not print.
#[derive(Queryable, Selectable)]
#[diesel(table_name = download_torrents, check_for_backend(Pg))]
pub struct TorrentRow {
    pub torrent: Vec<u8>,
    pub name: String,
    pub files: Value,
    /// How often its pieces were checked again because what they hold did not verify.
    pub rechecks: i32,
}

/// The stored .torrent of a download.
pub async fn find_torrent(conn: &mut Connection, id: DownloadId) -> DbResult<Option<TorrentRow>> {
    Ok(download_torrents::table
        .find(id.0)
        .select(TorrentRow::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// Counts that the pieces of a download's torrent are checked again.
pub async fn record_recheck(conn: &mut Connection, id: DownloadId) -> DbResult<()> {
    diesel::update(download_torrents::table.find(id.0))
        .set(download_torrents::rechecks.eq(download_torrents::rechecks + 1))
        .execute(conn)
        .await?;
    Ok(())
}

/// Adds a line to the history of a download whose state stays.
pub async fn append_event(conn: &mut Connection, id: DownloadId, event: &NewEvent) -> DbResult<()> {
    conn.transaction(async |conn| {
        let state = lock_download(conn, id).await?.state()?;
        insert_event(conn, id, Some(state), state, event).await?;
        notify(conn, &LiveEvent::Download(id)).await
    })
    .await
}

async fn insert_event(
    conn: &mut Connection,
    id: DownloadId,
    from: Option<DownloadState>,
    to: DownloadState,
    event: &NewEvent,
) -> DbResult<()> {
    diesel::insert_into(download_events::table)
        .values((
            download_events::download_id.eq(id.0),
            download_events::at.eq(event.at),
            download_events::user_id.eq(event.user_id),
            download_events::actor.eq(&event.actor),
            download_events::from_state.eq(from.map(DownloadState::as_str)),
            download_events::to_state.eq(to.as_str()),
            download_events::code.eq(event.code.as_str()),
            download_events::sentence.eq(storable(&event.sentence)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
