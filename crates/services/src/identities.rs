//! How users can be found by a single sign-on provider: their e-mail and the identities they are connected with.

use diesel_async::AsyncConnection;
use domain::single_sign_on::fold_email;
use serde_json::json;
use types::UserId;
use types::oidc::UserIdentities;
use types::people::Role;
use uuid::Uuid;

use crate::Services;
use crate::actor::{Actor, require, require_account_rights, require_own_or_admin};
use crate::audit::record_action;
use crate::error::{Result, ServiceError};
use crate::seen::{Edited, Seen};
use crate::users::{read_edition, take_user};

/// A user's e-mail and identities; one's own, or anybody's for admins.
pub async fn list_identities(services: &Services, actor: &Actor, user: Option<UserId>) -> Result<UserIdentities> {
    let user = require_own_or_admin(actor, user)?;
    let mut conn = services.connection().await?;
    if db::users::find_user(&mut conn, user).await?.is_none() {
        return Err(ServiceError::not_found("user"));
    }
    let rows = db::identities::list_identities(&mut conn, user).await?;
    Ok(UserIdentities {
        email: db::identities::find_email(&mut conn, user).await?,
        identities: rows.into_iter().map(|row| row.into_view()).collect(),
    })
}

/// A user's e-mail and identities, to edit the e-mail.
pub async fn get_edited_identities(
    services: &Services,
    actor: &Actor,
    user: Option<UserId>,
) -> Result<Edited<UserIdentities>> {
    let id = require_own_or_admin(actor, user)?;
    let mut conn = services.connection().await?;
    let row = db::users::find_user(&mut conn, id).await?;
    let row = row.ok_or_else(|| ServiceError::not_found("user"))?;
    // Before what it names: an edit in between makes it an old edition, which edits nothing.
    let edition = read_edition(&mut conn, &row).await?;
    drop(conn);
    let value = list_identities(services, actor, user).await?;
    Ok(Edited { value, edition })
}

/// Enters or removes a user's e-mail. Admins only, as it can lead a provider to the account.
pub async fn set_email(
    services: &Services,
    actor: &Actor,
    user: impl Into<Seen<UserId>>,
    email: Option<&str>,
) -> Result<()> {
    let seen = user.into();
    require(actor, Role::Admin)?;
    require_account_rights(actor)?;
    let typed = email.map(str::trim).filter(|text| !text.is_empty());
    let email = match typed {
        Some(text) => Some(
            fold_email(text)
                .ok_or_else(|| ServiceError::field("email", "Enter an e-mail such as anna@example.com."))?,
        ),
        None => None,
    };
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let row = take_user(conn, &seen).await?;
        let old = db::identities::find_email(conn, seen.it).await?;
        db::identities::set_email(conn, seen.it, email.as_deref())
            .await
            .map_err(email_taken)?;
        let detail = json!({ "changes": { "email": { "old": old, "new": email } } });
        record_action(conn, services, actor, "set_user_email", (Some(row.username), detail)).await
    })
    .await
}

/// Disconnects an identity; one's own, or anybody's for admins. The account stays and so do its sign-ins.
pub async fn unlink_identity(services: &Services, actor: &Actor, id: Uuid) -> Result<()> {
    require_account_rights(actor)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let absent = || ServiceError::not_found("connection");
        let identity = db::identities::find_identity_by_id(conn, id)
            .await?
            .ok_or_else(absent)?;
        // Somebody else's must look as if it were not there.
        require_own_or_admin(actor, Some(UserId(identity.user_id))).map_err(|_| absent())?;
        db::identities::delete_identity(conn, id).await?;
        let user = db::users::find_user(conn, UserId(identity.user_id)).await?;
        let detail = json!({ "issuer": identity.issuer, "subject": identity.subject });
        let about = (user.map(|user| user.username), detail);
        record_action(conn, services, actor, "unlink_identity", about).await
    })
    .await
}

fn email_taken(error: db::DbError) -> ServiceError {
    if error.is_duplicate_of("users_email_key") {
        return ServiceError::field("email", "Another user has this e-mail. Remove it there first.");
    }
    error.into()
}
