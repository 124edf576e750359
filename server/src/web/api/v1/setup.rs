//! First start over the API.

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::Serialize;
use services::{Origin, Services};
use types::people::{SetupForm, TokenPair};

use crate::web::AppState;
use crate::web::error::JsonError;

pub fn routes() -> Router<AppState> {
    Router::new().route("/setup", get(get_setup).post(complete_setup))
}

#[derive(Serialize)]
struct SetupState {
    is_needed: bool,
}

/// `GET /api/v1/setup`: whether the admin still has to be made.
async fn get_setup(State(services): State<Services>) -> Result<Json<SetupState>, JsonError> {
    Ok(Json(SetupState {
        is_needed: services::setup::is_setup_needed(&services).await?,
    }))
}

/// `POST /api/v1/setup` with `{token, username, password}` makes the admin and signs in.
async fn complete_setup(
    State(services): State<Services>,
    Extension(origin): Extension<Origin>,
    Json(form): Json<SetupForm>,
) -> Result<Json<TokenPair>, JsonError> {
    Ok(Json(
        services::setup::complete_setup(&services, form, origin).await?.tokens,
    ))
}
