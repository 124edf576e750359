//! Version 1 of the JSON API.

mod auth;
mod setup;

use axum::Router;

use crate::web::AppState;

pub fn routes() -> Router<AppState> {
    Router::new().merge(setup::routes()).merge(auth::routes())
}
