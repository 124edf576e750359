//! The one error shape that leaves the server.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::text_enum::text_enum;

text_enum! {
    /// Machine-readable kind of an error.
    ErrorCode {
        ValidationError => "validation_error",
        NotFound => "not_found",
        Unauthorized => "unauthorized",
        Forbidden => "forbidden",
        Conflict => "conflict",
        RateLimitExceeded => "rate_limit_exceeded",
        InternalError => "internal_error",
        ServiceUnavailable => "service_unavailable",
        DatabaseError => "database_error",
        ExternalApiError => "external_api_error",
    }
}

impl ErrorCode {
    /// The HTTP status that goes with the code.
    pub const fn status(self) -> u16 {
        match self {
            Self::ValidationError => 422,
            Self::NotFound => 404,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::Conflict => 409,
            Self::RateLimitExceeded => 429,
            Self::InternalError | Self::DatabaseError => 500,
            Self::ExternalApiError => 502,
            Self::ServiceUnavailable => 503,
        }
    }
}

/// What a person or program is told when something did not work: what happened and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    pub code: ErrorCode,
    /// A sentence for people, free of internals.
    pub message: String,
    /// Field name → what is wrong with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
}

impl ApiError {
    /// An error without field errors.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            context: BTreeMap::new(),
        }
    }

    /// A validation error about one field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code: ErrorCode::ValidationError,
            context: BTreeMap::from([(field.to_owned(), message.clone())]),
            message,
        }
    }
}

/// A stored word that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} \"{word}\"")]
pub struct UnknownWord {
    pub kind: &'static str,
    pub word: String,
}
