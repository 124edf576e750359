//! Releases judged in a search, with their verdicts.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::Value;
use types::search::{Candidate, Release, Verdict};
use types::{CandidateId, ReleaseId, SearchId};
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::{candidates, downloads};
use crate::text::storable_json;

/// A row of `candidates`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = candidates, check_for_backend(Pg))]
pub struct CandidateRow {
    pub id: Uuid,
    pub search_id: Uuid,
    pub release_id: Uuid,
    pub rank: i32,
    pub decision: String,
    pub verdict: Value,
}

impl CandidateRow {
    /// What was decided and why.
    pub fn verdict(&self) -> DbResult<Verdict> {
        Ok(serde_json::from_value(self.verdict.clone())?)
    }
}

/// A judged release; 1 is the best rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCandidate {
    /// Used when the release is new in this search.
    pub id: CandidateId,
    pub release_id: ReleaseId,
    pub rank: i32,
    pub verdict: Verdict,
}

/// Makes these the candidates of a search. A release judged again keeps its candidate's id, which pages and downloads hold;
/// one that is no candidate any more goes, unless a download came from it.
pub async fn save_candidates(conn: &mut Connection, search: SearchId, judged: &[NewCandidate]) -> DbResult<()> {
    conn.transaction(async |conn| {
        let kept: Vec<Uuid> = judged.iter().map(|candidate| candidate.release_id.0).collect();
        let grabbed = downloads::table.filter(downloads::candidate_id.eq(candidates::id.nullable()));
        let gone = candidates::table
            .filter(candidates::search_id.eq(search.0))
            .filter(candidates::release_id.ne_all(kept))
            .filter(diesel::dsl::not(diesel::dsl::exists(grabbed)));
        diesel::delete(gone).execute(conn).await?;
        for candidate in judged {
            let values = (
                candidates::rank.eq(candidate.rank),
                candidates::decision.eq(candidate.verdict.decision.as_str()),
                candidates::verdict.eq(storable_json(&serde_json::to_value(&candidate.verdict)?)),
            );
            diesel::insert_into(candidates::table)
                .values((
                    candidates::id.eq(candidate.id.0),
                    candidates::search_id.eq(search.0),
                    candidates::release_id.eq(candidate.release_id.0),
                    values.clone(),
                ))
                .on_conflict((candidates::search_id, candidates::release_id))
                .do_update()
                .set(values)
                .execute(conn)
                .await?;
        }
        Ok(())
    })
    .await
}

/// The candidate with this id.
pub async fn find_candidate_row(conn: &mut Connection, id: CandidateId) -> DbResult<Option<CandidateRow>> {
    Ok(candidates::table
        .find(id.0)
        .select(CandidateRow::as_select())
        .first(conn)
        .await
        .optional()?)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Integer)]
    rank: i32,
    #[diesel(sql_type = Jsonb)]
    verdict: Value,
    #[diesel(sql_type = SqlUuid)]
    release_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    integration_id: Uuid,
    #[diesel(sql_type = Text)]
    indexer: String,
    #[diesel(sql_type = Jsonb)]
    facts: Value,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    download_id: Option<Uuid>,
}

/// The candidates of a search with their releases, best first.
pub async fn list_candidates(conn: &mut Connection, search: SearchId) -> DbResult<Vec<Candidate>> {
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT c.id, c.rank, c.verdict, r.id AS release_id, i.id AS integration_id, i.name AS indexer, r.facts,
            (SELECT d.id FROM downloads d WHERE d.candidate_id = c.id ORDER BY d.created_at DESC LIMIT 1) AS download_id
         FROM candidates c JOIN releases r ON r.id = c.release_id JOIN integrations i ON i.id = r.integration_id
         WHERE c.search_id = $1 ORDER BY c.rank, c.id",
    )
    .bind::<SqlUuid, _>(search.0)
    .load(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Candidate {
                id: row.id.into(),
                rank: row.rank.unsigned_abs(),
                release: Release {
                    id: row.release_id.into(),
                    integration_id: row.integration_id.into(),
                    indexer: row.indexer,
                    facts: serde_json::from_value(row.facts)?,
                },
                verdict: serde_json::from_value(row.verdict)?,
                download_id: row.download_id.map(Into::into),
            })
        })
        .collect()
}

/// The best accepted candidate of a search that is not on the blocklist and was not tried for it yet.
pub async fn find_next_accepted(conn: &mut Connection, search: SearchId) -> DbResult<Option<CandidateRow>> {
    let row: Option<IdRow> = diesel::sql_query(
        "SELECT c.id FROM candidates c JOIN releases r ON r.id = c.release_id
         WHERE c.search_id = $1 AND c.decision = 'accepted'
            AND NOT EXISTS (SELECT FROM blocklist b WHERE b.release_id = c.release_id OR b.info_hash = r.info_hash)
            AND NOT EXISTS (SELECT FROM downloads d WHERE d.search_id = $1 AND d.release_id = c.release_id)
         ORDER BY c.rank, c.id LIMIT 1",
    )
    .bind::<SqlUuid, _>(search.0)
    .get_result(conn)
    .await
    .optional()?;
    match row {
        Some(row) => find_candidate_row(conn, row.id.into()).await,
        None => Ok(None),
    }
}

/// The candidate that a release is in a search.
pub async fn find_candidate_of_release(
    conn: &mut Connection,
    search: SearchId,
    release: ReleaseId,
) -> DbResult<Option<CandidateRow>> {
    let query = candidates::table
        .filter(candidates::search_id.eq(search.0))
        .filter(candidates::release_id.eq(release.0))
        .select(CandidateRow::as_select());
    Ok(query.first(conn).await.optional()?)
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}
