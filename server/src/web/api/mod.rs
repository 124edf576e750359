//! The JSON door: `/api/v1`.

mod v1;

use axum::Router;
use types::ErrorCode;

use super::AppState;
use super::error::JsonError;

pub fn routes() -> Router<AppState> {
    Router::new()
        .nest("/v1", v1::routes())
        .fallback(async || JsonError::from(ErrorCode::NotFound))
}
