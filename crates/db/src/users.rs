//! People who sign in.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::UserId;
use types::people::{Role, User};
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::users;

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

/// Makes concurrent first set-ups take turns until the end of the transaction.
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

/// The user whose case-folded name this is.
pub async fn find_user_by_key(conn: &mut Connection, username_key: &str) -> DbResult<Option<UserRow>> {
    let query = users::table
        .filter(users::username_key.eq(username_key))
        .select(UserRow::as_select());
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

/// How many users there are.
pub async fn count_users(conn: &mut Connection) -> DbResult<i64> {
    Ok(users::table.count().get_result(conn).await?)
}

/// How many admins can sign in; the last one can't be removed.
pub async fn count_active_admins(conn: &mut Connection) -> DbResult<i64> {
    let admins = users::table
        .filter(users::role.eq(Role::Admin.as_str()))
        .filter(users::is_active.eq(true));
    Ok(admins.count().get_result(conn).await?)
}

/// Whether there was such a user.
pub async fn set_user_active(conn: &mut Connection, id: UserId, is_active: bool) -> DbResult<bool> {
    let update = diesel::update(users::table.find(id.0)).set(users::is_active.eq(is_active));
    Ok(update.execute(conn).await? > 0)
}

/// Whether there was such a user.
pub async fn set_password_hash(conn: &mut Connection, id: UserId, password_hash: &str) -> DbResult<bool> {
    let update = diesel::update(users::table.find(id.0)).set(users::password_hash.eq(password_hash));
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
