//! Keys of programs.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::access::ApiKeyView;
use types::{ApiKeyId, Page, PageRequest, UserId};
use uuid::Uuid;

use crate::error::DbResult;
use crate::newest_first::{read_cursor, write_cursor};
use crate::pool::Connection;
use crate::schema::{api_keys, users};
use crate::users::UserRow;

/// Name of the unique index over the names of one person's keys.
pub const NAME_INDEX: &str = "api_keys_name";

/// A row of `api_keys`. Secrets are stored as hashes only.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, check_for_backend(Pg))]
pub struct ApiKeyRow {
    pub id: Uuid,
    pub user_id: Uuid,
    pub name: String,
    pub scope: String,
    pub secret_hash: Vec<u8>,
    pub previous_secret_hash: Option<Vec<u8>>,
    pub previous_until: Option<DateTime<Utc>>,
    pub requests_per_minute: Option<i32>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub rotated_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub last_used_address: Option<String>,
}

impl ApiKeyRow {
    /// Whether it ended by itself.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// As its owner sees it.
    pub fn view(&self, username: &str, now: DateTime<Utc>) -> DbResult<ApiKeyView> {
        Ok(ApiKeyView {
            id: self.id.into(),
            user_id: self.user_id.into(),
            username: username.to_owned(),
            name: self.name.clone(),
            scope: self.scope.parse()?,
            requests_per_minute: self.requests_per_minute.map(i32::unsigned_abs),
            created_at: self.created_at,
            expires_at: self.expires_at,
            is_expired: self.is_expired(now),
            last_used_at: self.last_used_at,
            last_used_address: self.last_used_address.clone(),
            rotated_at: self.rotated_at,
            old_secret_until: self.previous_until.filter(|until| *until > now),
        })
    }
}

/// `Duplicate` of [`NAME_INDEX`] when the person has a key of this name.
pub async fn insert_key(conn: &mut Connection, key: &ApiKeyRow) -> DbResult<()> {
    diesel::insert_into(api_keys::table).values(key).execute(conn).await?;
    Ok(())
}

/// The key with this id and its owner, revoked or not.
pub async fn find_key(conn: &mut Connection, id: ApiKeyId) -> DbResult<Option<(ApiKeyRow, UserRow)>> {
    let query = api_keys::table
        .inner_join(users::table)
        .filter(api_keys::id.eq(id.0))
        .select((ApiKeyRow::as_select(), UserRow::as_select()));
    Ok(query.first(conn).await.optional()?)
}

/// The key with this id, locked until the end of the transaction.
pub async fn lock_key(conn: &mut Connection, id: ApiKeyId) -> DbResult<Option<ApiKeyRow>> {
    let query = api_keys::table.find(id.0).select(ApiKeyRow::as_select()).for_update();
    Ok(query.first(conn).await.optional()?)
}

/// The keys of a user that are not revoked, newest first. `BadCursor` when the cursor is not ours.
pub async fn list_keys(
    conn: &mut Connection,
    user: UserId,
    page: &PageRequest,
    now: DateTime<Utc>,
) -> DbResult<Page<ApiKeyView>> {
    let of_user = || {
        api_keys::table
            .inner_join(users::table)
            .filter(api_keys::user_id.eq(user.0))
            .filter(api_keys::revoked_at.is_null())
    };
    let total: i64 = of_user().count().get_result(conn).await?;
    let mut query = of_user()
        .select((ApiKeyRow::as_select(), users::username))
        .order((api_keys::created_at.desc(), api_keys::id.desc()))
        .into_boxed();
    if let Some(cursor) = &page.cursor {
        let (at, id) = read_cursor("api_keys", cursor)?;
        let is_later = api_keys::created_at.eq(at).and(api_keys::id.lt(id));
        query = query.filter(api_keys::created_at.lt(at).or(is_later));
    }
    let rows: Vec<(ApiKeyRow, String)> = query.limit(i64::from(page.limit()) + 1).load(conn).await?;
    Page::cut(rows, page.limit(), total.unsigned_abs(), |(row, _)| {
        write_cursor("api_keys", (row.created_at, row.id))
    })
    .try_map(|(row, username)| row.view(&username, now))
}

/// How many keys of a user are not revoked.
pub async fn count_keys(conn: &mut Connection, user: UserId) -> DbResult<i64> {
    let live = api_keys::table
        .filter(api_keys::user_id.eq(user.0))
        .filter(api_keys::revoked_at.is_null());
    Ok(live.count().get_result(conn).await?)
}

/// Replaces the secret; the old one stays good until `grace_until`.
pub async fn rotate_key(
    conn: &mut Connection,
    id: ApiKeyId,
    secret_hash: &[u8],
    grace_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> DbResult<()> {
    diesel::update(api_keys::table.find(id.0))
        .set((
            api_keys::previous_secret_hash.eq(api_keys::secret_hash.nullable()),
            api_keys::previous_until.eq(grace_until),
            api_keys::secret_hash.eq(secret_hash),
            api_keys::rotated_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends a key.
pub async fn revoke_key(conn: &mut Connection, id: ApiKeyId, now: DateTime<Utc>) -> DbResult<()> {
    let live = api_keys::table.find(id.0).filter(api_keys::revoked_at.is_null());
    diesel::update(live)
        .set(api_keys::revoked_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes a use, unless one after `not_since` is noted already: of many requests at once, one writes.
pub async fn record_key_use(
    conn: &mut Connection,
    id: ApiKeyId,
    address: Option<&str>,
    (not_since, now): (DateTime<Utc>, DateTime<Utc>),
) -> DbResult<()> {
    let is_old = api_keys::last_used_at
        .is_null()
        .or(api_keys::last_used_at.assume_not_null().le(not_since));
    diesel::update(api_keys::table.find(id.0).filter(is_old))
        .set((api_keys::last_used_at.eq(now), api_keys::last_used_address.eq(address)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets keys that were revoked or expired before `before`.
pub async fn delete_dead_keys(conn: &mut Connection, before: DateTime<Utc>) -> DbResult<usize> {
    let is_revoked = api_keys::revoked_at
        .is_not_null()
        .and(api_keys::revoked_at.assume_not_null().lt(before));
    let is_expired = api_keys::expires_at
        .is_not_null()
        .and(api_keys::expires_at.assume_not_null().lt(before));
    Ok(diesel::delete(api_keys::table.filter(is_revoked.or(is_expired)))
        .execute(conn)
        .await?)
}
