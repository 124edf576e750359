//! Lists of downloads as pages show them.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::RunQueryDsl;
use types::downloads::{DownloadScope, DownloadState, DownloadSummary};
use types::{DownloadId, Page, PageRequest};
use uuid::Uuid;

use crate::error::DbResult;
use crate::newest_first::{DatedRow, NewestFirst};
use crate::pool::Connection;

const SELECT: &str = "SELECT d.id, d.want_id, d.work_id, w.title, d.state, d.hold_reason, d.sentence, d.progress,
        d.speed_bytes_per_second, d.eta_seconds, d.size_bytes, d.seeders, d.client_state, d.info_hash, d.next_at,
        d.created_at, d.updated_at, r.facts->>'title' AS release_title, i.name AS indexer,
        ARRAY(SELECT p.name FROM work_authors a JOIN people p ON p.id = a.person_id
            WHERE a.work_id = d.work_id ORDER BY a.position) AS authors
    FROM downloads d JOIN works w ON w.id = d.work_id
        LEFT JOIN releases r ON r.id = d.release_id LEFT JOIN integrations i ON i.id = r.integration_id";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    want_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    work_id: Uuid,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    hold_reason: Option<String>,
    #[diesel(sql_type = Text)]
    sentence: String,
    #[diesel(sql_type = Nullable<Double>)]
    progress: Option<f64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    speed_bytes_per_second: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    eta_seconds: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    size_bytes: Option<i64>,
    #[diesel(sql_type = Nullable<Integer>)]
    seeders: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    client_state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    info_hash: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    next_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    release_title: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    indexer: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    authors: Vec<String>,
}

const LIST: NewestFirst = NewestFirst {
    select: SELECT,
    table: "downloads",
    alias: "d",
    column: "state",
};

impl DatedRow for Row {
    fn key(&self) -> (DateTime<Utc>, Uuid) {
        (self.created_at, self.id)
    }
}

/// Downloads of a scope, newest first. `BadCursor` when the cursor is not ours.
pub async fn list_downloads(
    conn: &mut Connection,
    scope: DownloadScope,
    page: &PageRequest,
) -> DbResult<Page<DownloadSummary>> {
    let rows: Page<Row> = LIST.load_page(conn, &states_of(scope), page).await?;
    rows.try_map(Row::into_summary)
}

/// One download as lists show it.
pub async fn find_download_summary(conn: &mut Connection, id: DownloadId) -> DbResult<Option<DownloadSummary>> {
    let query = diesel::sql_query(format!("{SELECT} WHERE d.id = $1")).bind::<SqlUuid, _>(id.0);
    let row: Option<Row> = query.get_result(conn).await.optional()?;
    row.map(Row::into_summary).transpose()
}

fn states_of(scope: DownloadScope) -> Vec<&'static str> {
    let is_problem = |state: DownloadState| {
        matches!(
            state,
            DownloadState::Failed | DownloadState::Abandoned | DownloadState::RemovedFromTracker
        )
    };
    let is_within = |state: &DownloadState| match scope {
        DownloadScope::All => true,
        DownloadScope::Active => state.is_active() && !state.is_waiting(),
        DownloadScope::Waiting => state.is_waiting(),
        DownloadScope::Finished => !state.is_active() && !is_problem(*state),
        DownloadScope::Problems => is_problem(*state),
    };
    DownloadState::ALL
        .iter()
        .copied()
        .filter(is_within)
        .map(DownloadState::as_str)
        .collect()
}

impl Row {
    fn into_summary(self) -> DbResult<DownloadSummary> {
        Ok(DownloadSummary {
            id: self.id.into(),
            want_id: self.want_id.into(),
            work_id: self.work_id.into(),
            title: self.title,
            authors: self.authors,
            release_title: self.release_title,
            indexer: self.indexer,
            state: self.state.parse()?,
            hold_reason: self.hold_reason.map(|word| word.parse()).transpose()?,
            sentence: self.sentence,
            progress: self.progress,
            speed_bytes_per_second: self.speed_bytes_per_second,
            eta_seconds: self.eta_seconds,
            size_bytes: self.size_bytes,
            seeders: self.seeders,
            client_state: self.client_state,
            info_hash: self.info_hash,
            next_at: self.next_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}
