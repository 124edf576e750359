//! What indexers offered. The same offer found again updates its row.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use types::search::ReleaseFacts;
use types::{IntegrationId, ReleaseId};
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::releases;
use crate::text::{storable, storable_json};

/// A row of `releases`. Holds the (encrypted) download address, so it does not print.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = releases, check_for_backend(Pg))]
pub struct ReleaseRow {
    pub id: Uuid,
    pub integration_id: Uuid,
    pub external_id: String,
    pub title: String,
    pub facts: Value,
    pub download_ref: Vec<u8>,
    pub size_bytes: Option<i64>,
    pub info_hash: Option<String>,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
}

impl ReleaseRow {
    /// What the indexer said of it.
    pub fn facts(&self) -> DbResult<ReleaseFacts> {
        Ok(serde_json::from_value(self.facts.clone())?)
    }
}

/// An offer.
#[derive(Clone)]
pub struct NewRelease {
    /// Used when it is new.
    pub id: ReleaseId,
    pub integration_id: IntegrationId,
    pub external_id: String,
    pub facts: ReleaseFacts,
    /// Encrypted by the caller.
    pub download_ref: Vec<u8>,
    pub info_hash: Option<String>,
    pub now: DateTime<Utc>,
}

/// Stores or updates an offer and answers its id.
pub async fn upsert_release(conn: &mut Connection, release: &NewRelease) -> DbResult<ReleaseId> {
    let facts = storable_json(&serde_json::to_value(&release.facts)?);
    let values = (
        releases::title.eq(storable(&release.facts.title)),
        releases::facts.eq(facts),
        releases::download_ref.eq(&release.download_ref),
        releases::size_bytes.eq(release.facts.size_bytes),
        // A hash once known is not forgotten because an answer left it out.
        release.info_hash.as_ref().map(|hash| releases::info_hash.eq(hash)),
        releases::last_seen_at.eq(release.now),
    );
    let id: Uuid = diesel::insert_into(releases::table)
        .values((
            releases::id.eq(release.id.0),
            releases::integration_id.eq(release.integration_id.0),
            releases::external_id.eq(storable(&release.external_id)),
            releases::first_seen_at.eq(release.now),
            values.clone(),
        ))
        .on_conflict((releases::integration_id, releases::external_id))
        .do_update()
        .set(values)
        .returning(releases::id)
        .get_result(conn)
        .await?;
    Ok(ReleaseId(id))
}

/// The release with this id.
pub async fn find_release(conn: &mut Connection, id: ReleaseId) -> DbResult<Option<ReleaseRow>> {
    Ok(releases::table
        .find(id.0)
        .select(ReleaseRow::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// Stores the hash that its .torrent turned out to have.
pub async fn record_info_hash(conn: &mut Connection, id: ReleaseId, info_hash: &str) -> DbResult<()> {
    diesel::update(releases::table.find(id.0))
        .set(releases::info_hash.eq(info_hash))
        .execute(conn)
        .await?;
    Ok(())
}
