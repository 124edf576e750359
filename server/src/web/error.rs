//! The one error envelope of the JSON API.

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use serde_json::json;
use services::ServiceError;
use std::panic::AssertUnwindSafe;
use types::{ApiError, ErrorCode};

/// An error on its way out of a JSON handler.
pub struct JsonError(pub ApiError);

impl From<ServiceError> for JsonError {
    fn from(error: ServiceError) -> Self {
        Self(error.into())
    }
}

impl From<ErrorCode> for JsonError {
    fn from(code: ErrorCode) -> Self {
        let message = match code {
            ErrorCode::Unauthorized => "Sign in first: send an access token as a bearer token.",
            ErrorCode::NotFound => "There is nothing at this address.",
            ErrorCode::RateLimitExceeded => "Too many requests; wait a little.",
            _ => "The request could not be completed.",
        };
        Self(ApiError::new(code, message))
    }
}

impl IntoResponse for JsonError {
    fn into_response(self) -> Response {
        let status = self.0.code.status();
        let body = json!({
            "code": self.0.code,
            "message": self.0.message,
            "status_code": status,
            "context": self.0.context,
        });
        let status = StatusCode::from_u16(status).expect("error codes map to valid statuses");
        (status, Json(body)).into_response()
    }
}

/// A handler that panics answers 500 instead of dropping the connection; the panic hook has logged it.
pub async fn catch_panics(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => JsonError::from(ErrorCode::InternalError).into_response(),
    }
}
