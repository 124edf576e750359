//! Signing in and out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use services::{Origin, Services, require_user};
use types::people::{ChangePasswordForm, CurrentUser, LoginForm, Role, TokenPair};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::{needs, needs_account_rights, open};
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::ApiJson;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(open(routes!(login)))
        .routes(open(routes!(refresh)))
        .routes(needs(Role::Viewer, routes!(logout)))
        .routes(needs(Role::Viewer, routes!(get_me)))
        .routes(needs_account_rights(routes!(change_password)))
}

/// Sign in
///
/// The access token is good for 15 minutes; the refresh token gives the next pair, once.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = LoginForm,
    responses((status = 200, description = "Signed in.", body = TokenPair),
        (status = 401, description = "Name or password is wrong, or the user may not sign in.")))]
async fn login(
    State(services): State<Services>,
    Extension(origin): Extension<Origin>,
    ApiJson(form): ApiJson<LoginForm>,
) -> ApiResult<Json<TokenPair>> {
    Ok(Json(services::auth::login(&services, form, origin).await?.tokens))
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
struct RefreshForm {
    refresh_token: String,
}

/// Renew a sign-in
///
/// The refresh token is spent by it. Using a spent one again ends the whole sign-in, as somebody else may have it.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", request_body = RefreshForm,
    responses((status = 200, description = "A new pair of tokens.", body = TokenPair),
        (status = 401, description = "The refresh token is unknown, spent or over.")))]
async fn refresh(
    State(services): State<Services>,
    Extension(origin): Extension<Origin>,
    ApiJson(form): ApiJson<RefreshForm>,
) -> ApiResult<Json<TokenPair>> {
    let signed_in = services::auth::refresh(&services, &form.refresh_token, origin).await?;
    Ok(Json(signed_in.tokens))
}

/// Sign out
///
/// Ends the sign-in that the access token belongs to. An API key has none; then nothing happens.
#[utoipa::path(post, path = "/auth/logout", tag = "auth",
    responses((status = 204, description = "Signed out.")))]
async fn logout(State(services): State<Services>, SignedInActor(actor): SignedInActor) -> ApiResult<StatusCode> {
    services::auth::logout(&services, &actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read who is signed in
///
/// With an API key, `role` is what the key may do.
#[utoipa::path(get, path = "/auth/me", tag = "auth",
    responses((status = 200, description = "The person behind the token or key.", body = CurrentUser)))]
async fn get_me(SignedInActor(actor): SignedInActor) -> ApiResult<Json<CurrentUser>> {
    Ok(Json(require_user(&actor)?.clone()))
}

/// Change one's password
///
/// Every other sign-in of the person ends.
#[utoipa::path(post, path = "/auth/password", tag = "auth", request_body = ChangePasswordForm,
    responses((status = 204, description = "The password is changed.")))]
async fn change_password(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiJson(form): ApiJson<ChangePasswordForm>,
) -> ApiResult<StatusCode> {
    services::auth::change_password(&services, &actor, form).await?;
    Ok(StatusCode::NO_CONTENT)
}
