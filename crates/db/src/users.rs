//! People who sign in.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::people::{Role, User};
use types::{Page, PageRequest, UserId};
use uuid::Uuid;

use crate::cursor::{SortValue, decode_cursor, encode_cursor};
use crate::error::{DbError, DbResult};
use crate::pool::Connection;
use crate::schema::users;

const ORDER: &str = "username users";

/// A row of `users`. Holds the password's hash, so it does not print.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = users, check_for_backend(Pg))]
pub struct UserRow {
    pub id: Uuid,
    pub username: String,
    pub username_key: String,
    pub password_hash: String,
    pub role: String,
    pub is_active: bool,
    pub created_at: DateTime<Utc>,
    pub last_login_at: Option<DateTime<Utc>>,
    /// Somebody knows it. Single sign-on makes people with a random one.
    pub has_password: bool,
}

impl UserRow {
    /// As pages see it.
    pub fn view(&self) -> DbResult<User> {
        Ok(User {
            id: self.id.into(),
            username: self.username.clone(),
            role: self.role.parse()?,
            is_active: self.is_active,
            created_at: self.created_at,
            last_login_at: self.last_login_at,
        })
    }
}

/// Makes first set-ups and changes to who is an admin take turns until the end of the transaction.
pub async fn lock_setup(conn: &mut Connection) -> DbResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('mamcrawler setup'))")
        .execute(conn)
        .await?;
    Ok(())
}

/// `Duplicate { "users_username_key_key" }` when the name is taken.
pub async fn insert_user(conn: &mut Connection, user: &UserRow) -> DbResult<()> {
    diesel::insert_into(users::table).values(user).execute(conn).await?;
    Ok(())
}

/// The user with this id.
pub async fn find_user(conn: &mut Connection, id: UserId) -> DbResult<Option<UserRow>> {
    Ok(users::table
        .find(id.0)
        .select(UserRow::as_select())
        .first(conn)
        .await
        .optional()?)
}

/// The user with this id, kept as they are until the end of the transaction.
pub async fn lock_user(conn: &mut Connection, id: UserId) -> DbResult<Option<UserRow>> {
    let query = users::table.find(id.0).select(UserRow::as_select());
    Ok(query.for_no_key_update().first(conn).await.optional()?)
}

/// The user whose case-folded name this is.
pub async fn find_user_by_key(conn: &mut Connection, username_key: &str) -> DbResult<Option<UserRow>> {
    let query = users::table
        .filter(users::username_key.eq(username_key))
        .select(UserRow::as_select());
    Ok(query.first(conn).await.optional()?)
}

/// The user while they may sign in with the password whose hash was verified, kept so until the end of the transaction.
pub async fn lock_verified_user(conn: &mut Connection, id: UserId, verified: &str) -> DbResult<Option<UserRow>> {
    let query = users::table
        .find(id.0)
        .filter(users::password_hash.eq(verified))
        .filter(users::is_active.eq(true))
        .select(UserRow::as_select())
        .for_update();
    Ok(query.first(conn).await.optional()?)
}

/// Everybody, by name.
pub async fn list_users(conn: &mut Connection) -> DbResult<Vec<UserRow>> {
    Ok(users::table
        .order(users::username_key)
        .select(UserRow::as_select())
        .load(conn)
        .await?)
}

/// A page of everybody, by name. `BadCursor` when the cursor is not ours.
pub async fn page_users(conn: &mut Connection, page: &PageRequest) -> DbResult<Page<User>> {
    let mut query = users::table
        .select(UserRow::as_select())
        .order(users::username_key)
        .into_boxed();
    if let Some(cursor) = &page.cursor {
        let (SortValue::Text(after), _) = decode_cursor(ORDER, cursor)? else {
            return Err(DbError::BadCursor);
        };
        query = query.filter(users::username_key.gt(after));
    }
    let limit = page.limit() as usize;
    let mut rows: Vec<UserRow> = query.limit(i64::from(page.limit()) + 1).load(conn).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let cursor_after = |row: &UserRow| encode_cursor(ORDER, &SortValue::Text(row.username_key.clone()), row.id);
    Ok(Page {
        next_cursor: rows.last().filter(|_| has_more).map(cursor_after),
        items: rows.iter().map(UserRow::view).collect::<DbResult<_>>()?,
        total: count_users(conn).await?.unsigned_abs(),
    })
}

/// How many users there are.
pub async fn count_users(conn: &mut Connection) -> DbResult<i64> {
    Ok(users::table.count().get_result(conn).await?)
}

/// When the user was created who was here first; `None` = there is nobody.
pub async fn find_oldest_time(conn: &mut Connection) -> DbResult<Option<DateTime<Utc>>> {
    Ok(users::table
        .select(diesel::dsl::min(users::created_at))
        .first(conn)
        .await?)
}

/// For each admin besides `id` who can sign in, whether they have a password.
pub async fn list_other_admins(conn: &mut Connection, id: UserId) -> DbResult<Vec<bool>> {
    let others = users::table
        .filter(users::role.eq(Role::Admin.as_str()))
        .filter(users::is_active.eq(true))
        .filter(users::id.ne(id.0));
    Ok(others.select(users::has_password).load(conn).await?)
}

/// Whether there was such a user.
pub async fn set_user_active(conn: &mut Connection, id: UserId, is_active: bool) -> DbResult<bool> {
    let update = diesel::update(users::table.find(id.0)).set(users::is_active.eq(is_active));
    Ok(update.execute(conn).await? > 0)
}

/// Whether there was such a user.
pub async fn set_user_role(conn: &mut Connection, id: UserId, role: Role) -> DbResult<bool> {
    let update = diesel::update(users::table.find(id.0)).set(users::role.eq(role.as_str()));
    Ok(update.execute(conn).await? > 0)
}

/// Whether there was such a user. `Duplicate { "users_username_key_key" }` when the name is taken.
pub async fn set_username(conn: &mut Connection, id: UserId, username: &str, username_key: &str) -> DbResult<bool> {
    let names = (users::username.eq(username), users::username_key.eq(username_key));
    Ok(diesel::update(users::table.find(id.0)).set(names).execute(conn).await? > 0)
}

/// Removes a user with their sign-ins, API keys and requests. Whether there was such a user.
pub async fn delete_user(conn: &mut Connection, id: UserId) -> DbResult<bool> {
    Ok(diesel::delete(users::table.find(id.0)).execute(conn).await? > 0)
}

/// Whether there was such a user.
pub async fn set_password_hash(conn: &mut Connection, id: UserId, password_hash: &str) -> DbResult<bool> {
    let known = (users::password_hash.eq(password_hash), users::has_password.eq(true));
    let update = diesel::update(users::table.find(id.0)).set(known);
    Ok(update.execute(conn).await? > 0)
}

/// Whether the password was still the one whose hash was verified.
pub async fn replace_password_hash(conn: &mut Connection, id: UserId, (verified, new): (&str, &str)) -> DbResult<bool> {
    let unchanged = users::table.find(id.0).filter(users::password_hash.eq(verified));
    let known = (users::password_hash.eq(new), users::has_password.eq(true));
    let update = diesel::update(unchanged).set(known);
    Ok(update.execute(conn).await? > 0)
}

/// Notes the time of a sign-in.
pub async fn record_login(conn: &mut Connection, id: UserId, now: DateTime<Utc>) -> DbResult<()> {
    diesel::update(users::table.find(id.0))
        .set(users::last_login_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}
