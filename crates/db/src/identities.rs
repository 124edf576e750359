//! Who users are at a single sign-on provider, and the e-mail addresses that lead to them.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use types::UserId;
use types::oidc::Identity;
use uuid::Uuid;

use crate::error::DbResult;
use crate::pool::Connection;
use crate::schema::{identities, users};
use crate::users::UserRow;

/// A row of `identities`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = identities, check_for_backend(Pg))]
pub struct IdentityRow {
    pub id: Uuid,
    pub user_id: Uuid,
    pub issuer: String,
    pub subject: String,
    pub email: Option<String>,
    pub created_at: DateTime<Utc>,
    pub last_login_at: Option<DateTime<Utc>>,
}

impl IdentityRow {
    /// As pages see it.
    pub fn into_view(self) -> Identity {
        Identity {
            id: self.id,
            issuer: self.issuer,
            subject: self.subject,
            email: self.email,
            created_at: self.created_at,
            last_login_at: self.last_login_at,
        }
    }
}

/// The identity with this subject at this issuer.
pub async fn find_identity(conn: &mut Connection, issuer: &str, subject: &str) -> DbResult<Option<IdentityRow>> {
    let query = identities::table
        .filter(identities::issuer.eq(issuer))
        .filter(identities::subject.eq(subject))
        .select(IdentityRow::as_select());
    Ok(query.first(conn).await.optional()?)
}

/// The identity with this id.
pub async fn find_identity_by_id(conn: &mut Connection, id: Uuid) -> DbResult<Option<IdentityRow>> {
    let query = identities::table.find(id).select(IdentityRow::as_select());
    Ok(query.first(conn).await.optional()?)
}

/// The identities of a user, oldest first.
pub async fn list_identities(conn: &mut Connection, user: UserId) -> DbResult<Vec<IdentityRow>> {
    let query = identities::table
        .filter(identities::user_id.eq(user.0))
        .order((identities::created_at, identities::id))
        .select(IdentityRow::as_select());
    Ok(query.load(conn).await?)
}

/// `Duplicate { "identities_issuer_subject_key" }` when it belongs to somebody already.
pub async fn insert_identity(conn: &mut Connection, identity: &IdentityRow) -> DbResult<()> {
    diesel::insert_into(identities::table)
        .values(identity)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes a sign-in and the e-mail that the provider gave with it.
pub async fn record_identity_login(
    conn: &mut Connection,
    id: Uuid,
    email: Option<&str>,
    now: DateTime<Utc>,
) -> DbResult<()> {
    diesel::update(identities::table.find(id))
        .set((identities::email.eq(email), identities::last_login_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether there was such an identity.
pub async fn delete_identity(conn: &mut Connection, id: Uuid) -> DbResult<bool> {
    Ok(diesel::delete(identities::table.find(id)).execute(conn).await? > 0)
}

/// The user with this e-mail, which is in lower case.
pub async fn find_user_by_email(conn: &mut Connection, email: &str) -> DbResult<Option<UserRow>> {
    let query = users::table.filter(users::email.eq(email)).select(UserRow::as_select());
    Ok(query.first(conn).await.optional()?)
}

/// A user's e-mail, in lower case.
pub async fn find_email(conn: &mut Connection, user: UserId) -> DbResult<Option<String>> {
    let query = users::table.find(user.0).select(users::email);
    Ok(query.first::<Option<String>>(conn).await.optional()?.flatten())
}

/// Whether there was such a user. `Duplicate { "users_email_key" }` when somebody else has the e-mail.
pub async fn set_email(conn: &mut Connection, user: UserId, email: Option<&str>) -> DbResult<bool> {
    let update = diesel::update(users::table.find(user.0)).set(users::email.eq(email));
    Ok(update.execute(conn).await? > 0)
}
