//! Answers kept under the keys of programs, so that a repeated write happens once.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use types::UserId;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::idempotency_keys;

/// Whose key, and for what kind of write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub user_id: UserId,
    pub route: String,
    pub key: String,
}

/// What is stored under a key.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct KeptAnswer {
    pub request_hash: Vec<u8>,
    /// Absent while the first request runs.
    pub answer: Option<Value>,
}

/// When an earlier use of the key stops counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAge {
    pub now: DateTime<Utc>,
    /// Answers from before are forgotten.
    pub kept_since: DateTime<Utc>,
    /// A request that began before and has no answer has died.
    pub alive_since: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = Bool)]
    #[expect(dead_code, reason = "that there is a row is the answer")]
    is_ours: bool,
}

/// Takes the key for a first request; false when somebody else's use of it counts.
pub async fn claim_key(conn: &mut Connection, key: &IdempotencyKey, hash: &[u8], age: KeyAge) -> DbResult<bool> {
    let claimed: Option<Claimed> = diesel::sql_query(
        "INSERT INTO idempotency_keys AS k (user_id, route, key, request_hash, started_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id, route, key) DO UPDATE
            SET request_hash = excluded.request_hash, answer = NULL, started_at = excluded.started_at
            WHERE k.started_at < $6 OR (k.answer IS NULL AND k.started_at < $7)
         RETURNING TRUE AS is_ours",
    )
    .bind::<SqlUuid, _>(key.user_id.0)
    .bind::<Text, _>(&key.route)
    .bind::<Text, _>(&key.key)
    .bind::<Binary, _>(hash)
    .bind::<Timestamptz, _>(age.now)
    .bind::<Timestamptz, _>(age.kept_since)
    .bind::<Timestamptz, _>(age.alive_since)
    .get_result(conn)
    .await
    .optional()?;
    Ok(claimed.is_some())
}

/// What an earlier request left under the key.
pub async fn find_answer(conn: &mut Connection, key: &IdempotencyKey) -> DbResult<Option<KeptAnswer>> {
    let row = idempotency_keys::table.find((key.user_id.0, &key.route, &key.key));
    let columns = (idempotency_keys::request_hash, idempotency_keys::answer);
    Ok(row.select(columns).first(conn).await.optional()?)
}

/// Keeps the answer for those who ask again.
pub async fn keep_answer(conn: &mut Connection, key: &IdempotencyKey, answer: &Value) -> DbResult<()> {
    diesel::update(idempotency_keys::table.find((key.user_id.0, &key.route, &key.key)))
        .set(idempotency_keys::answer.eq(answer))
        .execute(conn)
        .await?;
    Ok(())
}

/// Frees a key whose request failed: it may be sent again.
pub async fn free_key(conn: &mut Connection, key: &IdempotencyKey) -> DbResult<()> {
    diesel::delete(idempotency_keys::table.find((key.user_id.0, &key.route, &key.key)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets keys used before `before`.
pub async fn delete_keys_before(conn: &mut Connection, before: DateTime<Utc>) -> DbResult<usize> {
    let old = idempotency_keys::table.filter(idempotency_keys::started_at.lt(before));
    Ok(diesel::delete(old).execute(conn).await?)
}
