//! An error on its way out of a JSON handler or a layer. `envelope` writes it down, outside of everything else.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use services::ServiceError;
use services::seen::CHANGED;
use types::{ApiError, ErrorCode};

/// What a handler or layer refuses with. The response carries it to [`super::envelope`], which adds time and request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    pub error: ApiError,
    pub status: StatusCode,
    /// Seconds after which another try makes sense.
    pub retry_after: Option<u64>,
}

impl JsonError {
    /// An error without field errors, with the status of its code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        ApiError::new(code, message).into()
    }

    /// The same error under another status: `400` for JSON that can't be parsed.
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same error, to be tried again after `seconds`.
    pub fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// The error that a bare status means; what a library wrote beside it is not shown.
    pub fn from_status(status: StatusCode) -> Self {
        let (code, message) = explain_status(status);
        Self::new(code, message).with_status(status)
    }
}

impl From<ApiError> for JsonError {
    fn from(error: ApiError) -> Self {
        let status = if error.context.contains_key(CHANGED) {
            StatusCode::PRECONDITION_FAILED
        } else {
            StatusCode::from_u16(error.code.status()).expect("error codes map to valid statuses")
        };
        let retry_after = error.context.get("retry_after").and_then(|text| text.parse().ok());
        Self {
            error,
            status,
            retry_after,
        }
    }
}

impl From<ServiceError> for JsonError {
    fn from(error: ServiceError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<ErrorCode> for JsonError {
    fn from(code: ErrorCode) -> Self {
        let status = StatusCode::from_u16(code.status()).expect("error codes map to valid statuses");
        Self::new(code, explain_status(status).1)
    }
}

impl IntoResponse for JsonError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// What a status means to those who get it without a word from us.
const STATUSES: &[(u16, ErrorCode, &str)] = &[
    (
        400,
        ErrorCode::ValidationError,
        "The request could not be read. Check its address and body.",
    ),
    (
        401,
        ErrorCode::Unauthorized,
        "Sign in first: send an access token or an API key as a bearer token.",
    ),
    (403, ErrorCode::Forbidden, "You may not do this. Ask an admin."),
    (404, ErrorCode::NotFound, "There is nothing at this address."),
    (
        405,
        ErrorCode::ValidationError,
        "This address does not take this method. The header Allow names those it takes.",
    ),
    (
        406,
        ErrorCode::ValidationError,
        "The answer can't be given in the form asked for. Accept application/json.",
    ),
    (
        408,
        ErrorCode::ServiceUnavailable,
        "The request came too slowly. Send it again.",
    ),
    (
        409,
        ErrorCode::Conflict,
        "It does not go with the present state. Read it again and decide anew.",
    ),
    (
        412,
        ErrorCode::Conflict,
        "It was changed meanwhile. Read it again and decide anew.",
    ),
    (
        413,
        ErrorCode::ValidationError,
        "The body is too large. Send less at a time.",
    ),
    (
        414,
        ErrorCode::ValidationError,
        "The address is too long. Send less in the query.",
    ),
    (
        415,
        ErrorCode::ValidationError,
        "The body is of the wrong kind. Send JSON with Content-Type: application/json.",
    ),
    (
        421,
        ErrorCode::ValidationError,
        "This server does not answer to that host name. Use the name it is configured with.",
    ),
    (
        428,
        ErrorCode::ValidationError,
        "Say which version you are changing: send If-Match with the ETag that you read.",
    ),
    (
        429,
        ErrorCode::RateLimitExceeded,
        "Too many requests. Wait as long as Retry-After says.",
    ),
    (
        431,
        ErrorCode::ValidationError,
        "The headers are too large. Send fewer.",
    ),
    (
        502,
        ErrorCode::ExternalApiError,
        "An outside service did not answer as it should. Try again in a moment.",
    ),
    (
        503,
        ErrorCode::ServiceUnavailable,
        "The server can't do this right now. Try again in a moment.",
    ),
    (
        504,
        ErrorCode::ServiceUnavailable,
        "This took too long and was given up. Try again in a moment.",
    ),
];

fn explain_status(status: StatusCode) -> (ErrorCode, &'static str) {
    let known = STATUSES.iter().find(|(known, _, _)| *known == status.as_u16());
    match known {
        Some((_, code, message)) => (*code, message),
        None if status.is_client_error() => (ErrorCode::ValidationError, "The request was refused."),
        None => (
            ErrorCode::InternalError,
            "Something went wrong inside mamcrawler. The server's log says what.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_answers_with_its_own_status_and_every_status_with_a_fitting_code() {
        for code in ErrorCode::ALL {
            let error = JsonError::from(*code);
            assert_eq!(error.status.as_u16(), code.status());
            assert_eq!(error.error.code, *code);
        }
        assert_eq!(
            JsonError::from_status(StatusCode::IM_A_TEAPOT).error.code,
            ErrorCode::ValidationError
        );
        assert_eq!(
            JsonError::from_status(StatusCode::LOOP_DETECTED).error.code,
            ErrorCode::InternalError
        );
    }

    #[test]
    fn a_wait_named_in_the_context_becomes_a_header() {
        let mut error = ApiError::new(ErrorCode::RateLimitExceeded, "Too many failures.");
        error.context.insert("retry_after".into(), "900".into());
        let response = JsonError::from(error).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "900");
    }
}
