//! Signing in and out over the API.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Extension, Json, Router};
use serde::Deserialize;
use services::{Origin, Services};
use types::people::{LoginForm, TokenPair};

use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::error::JsonError;

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/auth/login", post(login))
        .route("/auth/refresh", post(refresh))
        .route("/auth/logout", post(logout))
}

/// `POST /api/v1/auth/login` with `{username, password}`.
async fn login(
    State(services): State<Services>,
    Extension(origin): Extension<Origin>,
    Json(form): Json<LoginForm>,
) -> Result<Json<TokenPair>, JsonError> {
    Ok(Json(services::auth::login(&services, form, origin).await?.tokens))
}

#[derive(Deserialize)]
struct RefreshForm {
    refresh_token: String,
}

/// `POST /api/v1/auth/refresh` with `{refresh_token}`: the old refresh token is spent.
async fn refresh(
    State(services): State<Services>,
    Extension(origin): Extension<Origin>,
    Json(form): Json<RefreshForm>,
) -> Result<Json<TokenPair>, JsonError> {
    Ok(Json(
        services::auth::refresh(&services, &form.refresh_token, origin)
            .await?
            .tokens,
    ))
}

/// `POST /api/v1/auth/logout`: ends the session of the access token.
async fn logout(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
) -> Result<StatusCode, JsonError> {
    services::auth::logout(&services, &actor).await?;
    Ok(StatusCode::NO_CONTENT)
}
