//! Searches: what was looked for and how each indexer did.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use types::events::LiveEvent;
use types::search::{IndexerOutcome, SearchForm, SearchStatus};
use types::{SearchId, WantId};
use uuid::Uuid;

use crate::error::DbResult;
use crate::events::notify;
use crate::pool::Connection;
use crate::schema::{downloads, searches};
use crate::text::{storable, storable_json};

/// A row of `searches`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = searches, check_for_backend(Pg))]
pub struct SearchRow {
    pub id: Uuid,
    pub want_id: Option<Uuid>,
    pub user_id: Option<Uuid>,
    pub form: Value,
    pub status: String,
    pub outcomes: Value,
    pub sentence: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl SearchRow {
    /// What was looked for.
    pub fn form(&self) -> DbResult<SearchForm> {
        Ok(serde_json::from_value(self.form.clone())?)
    }

    /// How each indexer did.
    pub fn outcomes(&self) -> DbResult<Vec<IndexerOutcome>> {
        Ok(serde_json::from_value(self.outcomes.clone())?)
    }
}

/// A search that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSearch {
    pub id: SearchId,
    pub want_id: Option<WantId>,
    pub user_id: Option<Uuid>,
    pub form: SearchForm,
    pub outcomes: Vec<IndexerOutcome>,
    pub now: DateTime<Utc>,
}

/// Stores a search as running.
pub async fn insert_search(conn: &mut Connection, search: &NewSearch) -> DbResult<()> {
    diesel::insert_into(searches::table)
        .values((
            searches::id.eq(search.id.0),
            searches::want_id.eq(search.want_id.map(Uuid::from)),
            searches::user_id.eq(search.user_id),
            searches::form.eq(storable_json(&serde_json::to_value(&search.form)?)),
            searches::status.eq(SearchStatus::Running.as_str()),
            searches::outcomes.eq(storable_json(&serde_json::to_value(&search.outcomes)?)),
            searches::started_at.eq(search.now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Stores how far the indexers are.
pub async fn update_outcomes(conn: &mut Connection, id: SearchId, outcomes: &[IndexerOutcome]) -> DbResult<()> {
    let outcomes = storable_json(&serde_json::to_value(outcomes)?);
    diesel::update(searches::table.find(id.0))
        .set(searches::outcomes.eq(outcomes))
        .execute(conn)
        .await?;
    notify(conn, &LiveEvent::Search(id)).await
}

/// Ends a search.
pub async fn finish_search(
    conn: &mut Connection,
    id: SearchId,
    status: SearchStatus,
    sentence: &str,
    now: DateTime<Utc>,
) -> DbResult<()> {
    diesel::update(searches::table.find(id.0))
        .set((
            searches::status.eq(status.as_str()),
            searches::sentence.eq(storable(sentence)),
            searches::finished_at.eq(now),
        ))
        .execute(conn)
        .await?;
    notify(conn, &LiveEvent::Search(id)).await
}

/// The search with this id.
pub async fn find_search(conn: &mut Connection, id: SearchId) -> DbResult<Option<SearchRow>> {
    Ok(searches::table
        .find(id.0)
        .select(SearchRow::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// Searches that run since before `before`: their process died.
pub async fn list_stale_searches(conn: &mut Connection, before: DateTime<Utc>) -> DbResult<Vec<SearchRow>> {
    let query = searches::table
        .filter(searches::status.eq(SearchStatus::Running.as_str()))
        .filter(searches::started_at.lt(before));
    Ok(query.select(SearchRow::as_select()).load(conn).await?)
}

/// Forgets searches that began before `before` and that no download came from, with their candidates.
pub async fn delete_unused_searches_before(conn: &mut Connection, before: DateTime<Utc>) -> DbResult<usize> {
    let used = downloads::table.filter(downloads::search_id.eq(searches::id.nullable()));
    let old = searches::table
        .filter(searches::started_at.lt(before))
        .filter(diesel::dsl::not(diesel::dsl::exists(used)));
    Ok(diesel::delete(old).execute(conn).await?)
}
