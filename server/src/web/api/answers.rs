//! Answers that several resources give.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Created {
    /// The new thing's id. The header `Location` has its address.
    pub id: Uuid,
}

/// 201 with the id and the address of what was made: `created("downloads", id)`.
pub fn created(collection: &str, id: impl Into<Uuid>) -> Response {
    let id = id.into();
    let location = format!("/api/v1/{collection}/{id}");
    (
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(Created { id }),
    )
        .into_response()
}
