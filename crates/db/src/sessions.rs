//! Sign-ins: families of rotating refresh tokens.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::access::SessionView;
use types::{Page, PageRequest, SessionId, UserId};
use uuid::Uuid;

use crate::error::DbResult;
use crate::newest_first::{read_cursor, write_cursor};
use crate::pool::Connection;
use crate::schema::{sessions, users};

/// A row of `sessions`. Tokens are stored as hashes only.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions, check_for_backend(Pg))]
pub struct SessionRow {
    pub id: Uuid,
    pub user_id: Uuid,
    pub refresh_hash: Vec<u8>,
    pub previous_refresh_hash: Option<Vec<u8>>,
    pub rotated_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    /// Where the newest token was asked for, unless it is the first one.
    pub rotated_address: Option<String>,
    pub rotated_user_agent: Option<String>,
}

/// A new token in place of the newest one.
#[derive(AsChangeset)]
#[diesel(table_name = sessions, treat_none_as_null = true)]
pub struct Rotation {
    pub refresh_hash: Vec<u8>,
    pub expires_at: DateTime<Utc>,
    pub rotated_at: DateTime<Utc>,
    pub rotated_address: Option<String>,
    pub rotated_user_agent: Option<String>,
}

impl SessionRow {
    /// The token is the newest of its family; otherwise it is the one before.
    pub fn is_newest(&self, refresh_hash: &[u8]) -> bool {
        self.refresh_hash == refresh_hash
    }

    /// Whether it still signs in.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }

    fn into_view(self, username: String) -> SessionView {
        SessionView {
            id: self.id.into(),
            user_id: self.user_id.into(),
            username,
            created_at: self.created_at,
            last_used_at: self.rotated_at,
            expires_at: self.expires_at,
            address: self.address,
            user_agent: self.user_agent,
            is_current: false,
        }
    }
}

/// The live sign-ins of a user, newest first; `is_current` is left to the caller. `BadCursor` when the cursor is not ours.
pub async fn list_live_sessions(
    conn: &mut Connection,
    user: UserId,
    page: &PageRequest,
    now: DateTime<Utc>,
) -> DbResult<Page<SessionView>> {
    let live = || {
        sessions::table
            .inner_join(users::table)
            .filter(sessions::user_id.eq(user.0))
            .filter(sessions::revoked_at.is_null())
            .filter(sessions::expires_at.gt(now))
    };
    let total: i64 = live().count().get_result(conn).await?;
    let mut query = live()
        .select((SessionRow::as_select(), users::username))
        .order((sessions::created_at.desc(), sessions::id.desc()))
        .into_boxed();
    if let Some(cursor) = &page.cursor {
        let (at, id) = read_cursor("sessions", cursor)?;
        let is_later = sessions::created_at.eq(at).and(sessions::id.lt(id));
        query = query.filter(sessions::created_at.lt(at).or(is_later));
    }
    let rows: Vec<(SessionRow, String)> = query.limit(i64::from(page.limit()) + 1).load(conn).await?;
    Page::cut(rows, page.limit(), total.unsigned_abs(), |(row, _)| {
        write_cursor("sessions", (row.created_at, row.id))
    })
    .try_map(|(row, username)| Ok(row.into_view(username)))
}

/// Stores a new sign-in.
pub async fn insert_session(conn: &mut Connection, session: &SessionRow) -> DbResult<()> {
    diesel::insert_into(sessions::table)
        .values(session)
        .execute(conn)
        .await?;
    Ok(())
}

/// The session with this id, revoked or not.
pub async fn find_session(conn: &mut Connection, id: SessionId) -> DbResult<Option<SessionRow>> {
    Ok(sessions::table
        .find(id.0)
        .select(SessionRow::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// The session with this id, locked until the end of the transaction: of two refreshes at once, one waits.
pub async fn lock_session(conn: &mut Connection, id: SessionId) -> DbResult<Option<SessionRow>> {
    let query = sessions::table.find(id.0).select(SessionRow::as_select()).for_update();
    Ok(query.first(conn).await.optional()?)
}

/// Replaces the newest token; the old one becomes the previous one.
pub async fn rotate_session(conn: &mut Connection, id: SessionId, rotation: Rotation) -> DbResult<()> {
    let keep_old = sessions::previous_refresh_hash.eq(sessions::refresh_hash.nullable());
    diesel::update(sessions::table.find(id.0))
        .set((keep_old, rotation))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends a session.
pub async fn revoke_session(conn: &mut Connection, id: SessionId, now: DateTime<Utc>) -> DbResult<()> {
    let live = sessions::table.find(id.0).filter(sessions::revoked_at.is_null());
    diesel::update(live)
        .set(sessions::revoked_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends every session of a user but `kept`; answers how many.
pub async fn revoke_user_sessions(
    conn: &mut Connection,
    user: UserId,
    kept: Option<SessionId>,
    now: DateTime<Utc>,
) -> DbResult<usize> {
    let kept = kept.map_or(Uuid::nil(), Uuid::from);
    let live = sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::id.ne(kept))
        .filter(sessions::revoked_at.is_null());
    Ok(diesel::update(live)
        .set(sessions::revoked_at.eq(now))
        .execute(conn)
        .await?)
}

/// Forgets sessions that expired before `before`.
pub async fn delete_expired_sessions(conn: &mut Connection, before: DateTime<Utc>) -> DbResult<usize> {
    Ok(diesel::delete(sessions::table.filter(sessions::expires_at.lt(before)))
        .execute(conn)
        .await?)
}
