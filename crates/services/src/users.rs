//! The people of the installation.

use chrono::{DateTime, Utc};
use db::Connection;
use db::users::UserRow;
use diesel_async::AsyncConnection;
use serde_json::json;
use types::people::{NewUserForm, ResetPasswordForm, Role, User, UserChange};
use types::{Page, PageRequest, UserId};

use crate::Services;
use crate::actor::{Actor, require, require_account_rights, require_own_or_admin};
use crate::audit::{Changes, record_action};
use crate::error::{FieldErrors, Result, ServiceError};
use crate::login_guard::forgive_everywhere;
use crate::password::{check_password, hash_password};
use crate::seen::{Edited, Edition, Expected, Seen};

const MAX_NAME_CHARACTERS: usize = 64;

/// Everybody, by name. Admins only.
pub async fn list_users(services: &Services, actor: &Actor) -> Result<Vec<User>> {
    require(actor, Role::Admin)?;
    let rows = db::users::list_users(&mut *services.connection().await?).await?;
    rows.iter().map(|row| Ok(row.view()?)).collect()
}

/// Adds a person who can sign in at once.
pub async fn create_user(services: &Services, actor: &Actor, form: NewUserForm) -> Result<UserId> {
    require(actor, Role::Admin)?;
    require_account_rights(actor)?;
    check_credentials(&form.username, &form.password)?;
    let user = new_user_row(services, &form.username, &form.password, form.role).await?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        db::users::insert_user(conn, &user).await.map_err(name_taken)?;
        let about = (Some(user.username.clone()), json!({ "role": user.role }));
        record_action(conn, services, actor, "create_user", about).await
    })
    .await?;
    Ok(user.id.into())
}

/// Everybody, by name, page by page. Admins only.
pub async fn page_users(services: &Services, actor: &Actor, page: PageRequest) -> Result<Page<User>> {
    require(actor, Role::Admin)?;
    Ok(db::users::page_users(&mut *services.connection().await?, &page).await?)
}

/// One person: oneself, anybody for admins.
pub async fn get_user(services: &Services, actor: &Actor, id: UserId) -> Result<User> {
    Ok(get_edited_user(services, actor, id).await?.value)
}

/// One person, to be edited: oneself, anybody for admins.
pub async fn get_edited_user(services: &Services, actor: &Actor, id: UserId) -> Result<Edited<User>> {
    let id = require_own_or_admin(actor, Some(id))?;
    let mut conn = services.connection().await?;
    let user = db::users::find_user(&mut conn, id).await?;
    let user = user.ok_or_else(|| ServiceError::not_found("user"))?;
    Ok(Edited {
        value: user.view()?,
        edition: read_edition(&mut conn, &user).await?,
    })
}

/// What an admin edits, the e-mail with it; not when they signed in.
pub(crate) async fn read_edition(conn: &mut Connection, user: &UserRow) -> Result<Edition> {
    let email = db::identities::find_email(conn, UserId(user.id)).await?;
    Ok(Edition::of(&json!({
        "id": user.id, "username": user.username, "role": user.role, "is_active": user.is_active, "email": email,
    })))
}

/// Changes name, role and whether a person may sign in: all that is asked for or, when a part is refused, nothing.
///
/// Their sign-ins and API keys stay unless they are switched off. A role counts from their next request on. The last
/// admin stays one. Each part has its own line in the audit log.
pub async fn change_user(
    services: &Services,
    actor: &Actor,
    user: impl Into<Seen<UserId>>,
    change: UserChange,
) -> Result<()> {
    let seen = user.into();
    require(actor, Role::Admin)?;
    require_account_rights(actor)?;
    let name = change.username.as_deref().map(str::trim);
    if let Some(name) = name {
        let mut errors = FieldErrors::default();
        check_username(&mut errors, name);
        errors.into_result()?;
    }
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        // Each part must see what the one before made of the user.
        let mut user = take_user(conn, &seen).await?;
        if let Some(name) = name {
            user = change_name(conn, (services, actor), user, name).await?;
        }
        if let Some(role) = change.role {
            user = change_role(conn, (services, actor), user, role).await?;
        }
        if let Some(is_active) = change.is_active {
            change_active(conn, (services, actor), &user, is_active).await?;
        }
        Ok(())
    })
    .await
}

/// Lets a person sign in or not. Switching off ends their sign-ins and stops their API keys; the last admin stays.
pub async fn set_user_active(services: &Services, actor: &Actor, id: UserId, is_active: bool) -> Result<()> {
    let change = UserChange {
        is_active: Some(is_active),
        ..UserChange::default()
    };
    change_user(services, actor, id, change).await
}

/// Gives a person another role. The last admin stays one.
pub async fn set_role(services: &Services, actor: &Actor, id: UserId, role: Role) -> Result<()> {
    let change = UserChange {
        role: Some(role),
        ..UserChange::default()
    };
    change_user(services, actor, id, change).await
}

/// Gives a person another name to sign in with.
pub async fn rename_user(services: &Services, actor: &Actor, id: UserId, username: &str) -> Result<()> {
    let change = UserChange {
        username: Some(username.into()),
        ..UserChange::default()
    };
    change_user(services, actor, id, change).await
}

/// Gives somebody else a new password, ends all their sign-ins and what they had to wait for. Their API keys stay.
///
/// Nobody's own: that needs the current password (`auth::change_password`), so that a stolen sign-in can't change it.
pub async fn reset_password(services: &Services, actor: &Actor, id: UserId, form: ResetPasswordForm) -> Result<()> {
    require(actor, Role::Admin)?;
    require_account_rights(actor)?;
    if actor.user_id() == Some(id) {
        return Err(ServiceError::conflict(
            "This is your own account. Change your password with your current one.",
        ));
    }
    let mut conn = services.connection().await?;
    let user = db::users::find_user(&mut conn, id).await?;
    // Not while hashing: connections are few.
    drop(conn);
    let user = user.ok_or_else(|| ServiceError::not_found("user"))?;
    let mut errors = FieldErrors::default();
    check_password(&mut errors, "new_password", &form.new_password, &user.username);
    errors.into_result()?;
    let password_hash = hash_password(services, &form.new_password).await?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        db::users::set_password_hash(conn, id, &password_hash).await?;
        let ended = db::sessions::revoke_user_sessions(conn, id, None, services.now()).await?;
        forgive_everywhere(conn, &user.username_key).await?;
        let about = (Some(user.username.clone()), json!({ "ended_sessions": ended }));
        record_action(conn, services, actor, "reset_password", about).await
    })
    .await
}

/// Removes a person with their sign-ins, API keys and requests; what was downloaded stays. The last admin stays.
pub async fn delete_user(services: &Services, actor: &Actor, user: impl Into<Seen<UserId>>) -> Result<()> {
    let seen = user.into();
    require(actor, Role::Admin)?;
    require_account_rights(actor)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let user = take_user(conn, &seen).await?;
        keep_an_admin(conn, &user).await?;
        db::users::delete_user(conn, seen.it).await?;
        let about = (Some(user.username), json!({ "role": user.role }));
        record_action(conn, services, actor, "delete_user", about).await
    })
    .await
}

/// The user in the expected edition, while nobody else edits them or changes who is an admin: two admins who demote each
/// other at once must take turns.
pub(crate) async fn take_user(conn: &mut Connection, seen: &Seen<UserId>) -> Result<UserRow> {
    db::users::lock_setup(conn).await?;
    let user = db::users::lock_user(conn, seen.it).await?;
    let user = user.ok_or_else(|| ServiceError::not_found("user"))?;
    if seen.expected != Expected::Anything {
        seen.expected.check(&read_edition(conn, &user).await?)?;
    }
    Ok(user)
}

async fn change_name(
    conn: &mut Connection,
    (services, actor): (&Services, &Actor),
    user: UserRow,
    name: &str,
) -> Result<UserRow> {
    let key = username_key(name);
    db::users::set_username(conn, UserId(user.id), name, &key)
        .await
        .map_err(name_taken)?;
    let mut changes = Changes::default();
    changes.add("username", json!(user.username), json!(name));
    let about = (Some(user.username.clone()), json!({ "changes": changes.into_value() }));
    record_action(conn, services, actor, "rename_user", about).await?;
    Ok(UserRow {
        username: name.into(),
        username_key: key,
        ..user
    })
}

async fn change_role(
    conn: &mut Connection,
    (services, actor): (&Services, &Actor),
    user: UserRow,
    role: Role,
) -> Result<UserRow> {
    if role != Role::Admin {
        keep_an_admin(conn, &user).await?;
    }
    db::users::set_user_role(conn, UserId(user.id), role).await?;
    let mut changes = Changes::default();
    changes.add("role", json!(user.role), json!(role));
    let about = (Some(user.username.clone()), json!({ "changes": changes.into_value() }));
    record_action(conn, services, actor, "set_user_role", about).await?;
    Ok(UserRow {
        role: role.as_str().into(),
        ..user
    })
}

async fn change_active(
    conn: &mut Connection,
    (services, actor): (&Services, &Actor),
    user: &UserRow,
    is_active: bool,
) -> Result<()> {
    let id = UserId(user.id);
    if !is_active {
        keep_an_admin(conn, user).await?;
        db::sessions::revoke_user_sessions(conn, id, None, services.now()).await?;
    }
    db::users::set_user_active(conn, id, is_active).await?;
    let about = (Some(user.username.clone()), json!({ "is_active": is_active }));
    record_action(conn, services, actor, "set_user_active", about).await
}

/// Refuses to lose the last admin who can sign in.
async fn keep_an_admin(conn: &mut Connection, user: &UserRow) -> Result<()> {
    match find_last_admin(conn, user).await? {
        None => Ok(()),
        Some(LastAdmin::OfAll) => Err(ServiceError::conflict(
            "This is the last admin. Make somebody else an admin first.",
        )),
        Some(LastAdmin::WithPassword) => Err(ServiceError::conflict(
            "This is the last admin who can sign in with a password; the others need single sign-on. Give one of them a \
             password first.",
        )),
    }
}

/// Makes the last admin one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastAdmin {
    OfAll,
    /// Where single sign-on fails, nobody else could mend it.
    WithPassword,
}

/// Whether nobody but this user is an admin who can sign in, or one who can without single sign-on.
pub(crate) async fn find_last_admin(conn: &mut Connection, user: &UserRow) -> Result<Option<LastAdmin>> {
    if !(user.is_active && user.role == Role::Admin.as_str()) {
        return Ok(None);
    }
    let others = db::users::list_other_admins(conn, UserId(user.id)).await?;
    let is_last_with_password = user.has_password && !others.contains(&true);
    Ok(match (others.is_empty(), is_last_with_password) {
        (true, _) => Some(LastAdmin::OfAll),
        (false, true) => Some(LastAdmin::WithPassword),
        (false, false) => None,
    })
}

/// What is wrong with a new name and password, all at once.
pub(crate) fn check_credentials(username: &str, password: &str) -> Result<()> {
    let mut errors = FieldErrors::default();
    let name = username.trim();
    check_username(&mut errors, name);
    check_password(&mut errors, "password", password, name);
    errors.into_result()
}

fn check_username(errors: &mut FieldErrors, name: &str) {
    if name.is_empty() {
        errors.add("username", "Enter a user name.");
    }
    if name.chars().count() > MAX_NAME_CHARACTERS {
        errors.add(
            "username",
            format!("A user name has at most {MAX_NAME_CHARACTERS} characters."),
        );
    }
    if !name
        .chars()
        .all(|character| character.is_alphanumeric() || "._-@+".contains(character))
    {
        errors.add("username", "A user name has letters, digits and . _ - @ + only.");
    }
}

/// "Anna" and "anna" are one person.
pub(crate) fn username_key(username: &str) -> String {
    username.trim().to_lowercase()
}

/// A row for somebody new, with the password hashed.
pub(crate) async fn new_user_row(services: &Services, username: &str, password: &str, role: Role) -> Result<UserRow> {
    let created_at: DateTime<Utc> = services.now();
    Ok(UserRow {
        id: services.new_id(),
        username: username.trim().into(),
        username_key: username_key(username),
        password_hash: hash_password(services, password).await?,
        role: role.as_str().into(),
        is_active: true,
        created_at,
        last_login_at: None,
        has_password: true,
    })
}

/// The unique name speaks to the form's field.
pub(crate) fn name_taken(error: db::DbError) -> ServiceError {
    if error.is_duplicate_of("users_username_key_key") {
        return ServiceError::field("username", "This user name is taken. Choose another one.");
    }
    error.into()
}
