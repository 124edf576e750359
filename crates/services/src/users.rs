//! The people of the installation.

use chrono::{DateTime, Utc};
use db::users::UserRow;
use diesel_async::AsyncConnection;
use serde_json::json;
use types::UserId;
use types::people::{NewUserForm, Role, User};

use crate::Services;
use crate::actor::{Actor, require};
use crate::audit::record_action;
use crate::error::{FieldErrors, Result, ServiceError};
use crate::password::{check_password, hash_password};

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

/// Lets a person sign in or not. Switching off ends their sign-ins; the last admin stays.
pub async fn set_user_active(services: &Services, actor: &Actor, id: UserId, is_active: bool) -> Result<()> {
    require(actor, Role::Admin)?;
    let now = services.now();
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        // Two admins who switch each other off at once must take turns.
        db::users::lock_setup(conn).await?;
        let user = db::users::find_user(conn, id)
            .await?
            .ok_or_else(|| ServiceError::not_found("user"))?;
        let is_last_admin = !is_active
            && user.is_active
            && user.role == Role::Admin.as_str()
            && db::users::count_active_admins(conn).await? <= 1;
        if is_last_admin {
            return Err(ServiceError::conflict(
                "This is the last admin. Make somebody else an admin first.",
            ));
        }
        db::users::set_user_active(conn, id, is_active).await?;
        if !is_active {
            db::sessions::revoke_user_sessions(conn, id, None, now).await?;
        }
        let about = (Some(user.username), json!({ "is_active": is_active }));
        record_action(conn, services, actor, "set_user_active", about).await
    })
    .await
}

/// What is wrong with a new name and password, all at once.
pub(crate) fn check_credentials(username: &str, password: &str) -> Result<()> {
    let mut errors = FieldErrors::default();
    let name = username.trim();
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
    check_password(&mut errors, "password", password, name);
    errors.into_result()
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
    })
}

/// The unique name speaks to the form's field.
pub(crate) fn name_taken(error: db::DbError) -> ServiceError {
    if error.is_duplicate_of("users_username_key_key") {
        return ServiceError::field("username", "This user name is taken. Choose another one.");
    }
    error.into()
}
