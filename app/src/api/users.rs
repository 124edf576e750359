//! One person's account, as admins change it.

use leptos::prelude::*;
use types::UserId;
use types::oidc::UserIdentities;
use types::people::{ResetPasswordForm, Role, User};

use super::AppError;

/// A person, and how a single sign-on provider finds them.
pub async fn get_user(id: UserId) -> Result<(User, UserIdentities), AppError> {
    let (services, actor) = super::caller()?;
    let user = services::users::get_user(&services, &actor, id).await?;
    let identities = services::identities::list_identities(&services, &actor, Some(id)).await?;
    Ok((user, identities))
}

/// Gives a person another name to sign in with.
#[server]
pub async fn rename_user(id: UserId, username: String) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::users::rename_user(&services, &actor, id, &username).await?;
    super::go_to(&format!("/users/{id}?done=name"));
    Ok(())
}

/// Gives a person another role.
#[server]
pub async fn set_user_role(id: UserId, role: Role) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::users::set_role(&services, &actor, id, role).await?;
    super::go_to(&format!("/users/{id}?done=role"));
    Ok(())
}

/// Enters a person's e-mail; an empty one removes it.
#[server]
pub async fn set_user_email(id: UserId, email: String) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::identities::set_email(&services, &actor, id, Some(&email)).await?;
    super::go_to(&format!("/users/{id}?done=email"));
    Ok(())
}

/// Gives somebody else a new password and ends their sign-ins.
#[server]
pub async fn reset_user_password(id: UserId, new_password: String) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    let form = ResetPasswordForm { new_password };
    services::users::reset_password(&services, &actor, id, form).await?;
    super::go_to(&format!("/users/{id}?done=password"));
    Ok(())
}

/// Removes a person with their sign-ins and API keys.
#[server]
pub async fn delete_user(id: UserId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::users::delete_user(&services, &actor, id).await?;
    super::go_to("/users?done=deleted");
    Ok(())
}
