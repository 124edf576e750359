//! Setting up, signing in and out, passwords and users.

use leptos::prelude::*;
use types::people::{Role, User};

use super::AppError;

/// Makes the admin with the one-time token and signs in.
#[server]
pub async fn complete_setup(token: String, username: String, password: String) -> Result<(), AppError> {
    let form = types::people::SetupForm {
        token,
        username,
        password,
    };
    let signed_in = services::setup::complete_setup(&super::services()?, form, super::origin()).await?;
    super::session::set_cookies(&signed_in.tokens);
    super::go_to("/integrations");
    Ok(())
}

/// Signs in.
#[server]
pub async fn login(username: String, password: String) -> Result<(), AppError> {
    let form = types::people::LoginForm { username, password };
    let signed_in = services::auth::login(&super::services()?, form, super::origin()).await?;
    super::session::set_cookies(&signed_in.tokens);
    super::go_to("/");
    Ok(())
}

/// Ends this sign-in.
#[server]
pub async fn logout() -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::auth::logout(&services, &actor).await?;
    super::session::clear_cookies();
    super::go_to("/login");
    Ok(())
}

/// Changes one's own password.
#[server]
pub async fn change_password(current_password: String, new_password: String) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    let form = types::people::ChangePasswordForm {
        current_password,
        new_password,
    };
    services::auth::change_password(&services, &actor, form).await?;
    super::go_to("/account?done=password#password");
    Ok(())
}

/// Keeps the colour scheme in a cookie, so that the first paint is right.
#[server]
pub async fn set_theme(theme: String) -> Result<(), AppError> {
    let theme = crate::theme::Theme::from_word(&theme);
    super::session::set_preference(crate::theme::COOKIE, theme.as_str());
    super::go_to("/account#colours");
    Ok(())
}

/// All users, for admins.
pub async fn list_users() -> Result<Vec<User>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::users::list_users(&services, &actor).await?)
}

/// Makes a user.
#[server]
pub async fn create_user(username: String, password: String, role: Role) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    let form = types::people::NewUserForm {
        username,
        password,
        role,
    };
    services::users::create_user(&services, &actor, form).await?;
    super::go_to("/users?done=created");
    Ok(())
}

/// Lets a user in, or keeps them out.
#[server]
pub async fn set_user_active(id: types::UserId, is_active: bool) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::users::set_user_active(&services, &actor, id, is_active).await?)
}
