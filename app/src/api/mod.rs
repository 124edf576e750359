//! The pages' door into the house: plain functions read, server functions take what forms post.
//!
//! Each one finds out who calls, calls one function of `services`, and hands its error on. Nothing is decided here.

pub mod account;
pub mod audit;
pub mod backups;
pub mod dashboard;
pub mod downloads;
pub mod integrations;
pub mod jobs;
pub mod library;
pub mod people;
pub mod searches;
pub mod session;
pub mod settings;
pub mod shell;
pub mod sign_on;
pub mod users;
pub mod wants;

use std::sync::{Arc, OnceLock};

use http::request::Parts;
use leptos::prelude::use_context;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};
use services::{Actor, Origin, ServiceError, Services};
use types::people::{CurrentUser, Role};
use types::{ApiError, ErrorCode};

/// What a server function answers when it could not do its work: the same shape as the JSON API's error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct AppError(pub ApiError);

impl AppError {
    /// An error without field errors.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(ApiError::new(code, message))
    }
}

impl From<ApiError> for AppError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Self::new(
                ErrorCode::ServiceUnavailable,
                "The server could not be reached. Check that it runs and try again.",
            ),
            ServerFnErrorErr::Args(detail) | ServerFnErrorErr::MissingArg(detail) => Self::new(
                ErrorCode::ValidationError,
                format!("The form could not be read ({detail}). Check its fields."),
            ),
            ServerFnErrorErr::Deserialization(_) => Self::new(
                ErrorCode::InternalError,
                "The server's answer could not be read. Reload the page; it may have been updated.",
            ),
            other => Self::new(
                ErrorCode::InternalError,
                format!("Something went wrong on the way: {other}. Try again."),
            ),
        }
    }
}

/// The error of an address that leads to nothing: `what` is "book", "download".
pub fn no_such(what: &str) -> AppError {
    let error = ApiError::new(
        ErrorCode::NotFound,
        format!("There is no {what} at this address. It may have been removed."),
    );
    refuse(error)
}

/// The use cases' handle, put into the context by the server.
pub fn services() -> Result<Services, AppError> {
    use_context::<Services>().ok_or_else(|| {
        AppError::new(
            ErrorCode::InternalError,
            "The server is still starting. Try again in a moment.",
        )
    })
}

/// Who calls, if anybody: the server's middleware has authenticated the cookies and left the actor on the request.
pub fn actor() -> Option<Actor> {
    use_context::<Parts>().and_then(|parts| parts.extensions.get::<Actor>().cloned())
}

/// Who is signed in, if anybody.
pub fn user() -> Option<CurrentUser> {
    match actor()? {
        Actor::User(user, _) => Some(user),
        Actor::System(_) => None,
    }
}

/// Whether who is signed in may do what `needed` may: for showing only that. The use case decides again.
pub fn may(needed: Role) -> bool {
    user().is_some_and(|user| user.role.includes(needed))
}

/// Who calls; strangers are refused.
pub fn caller() -> Result<(Services, Actor), AppError> {
    match actor() {
        Some(actor) => Ok((services()?, actor)),
        None => Err(refuse(ApiError::new(
            ErrorCode::Unauthorized,
            "You are signed out. Sign in again to go on.",
        ))),
    }
}

/// Where the request comes from, for the audit log and sign-in limits.
pub fn origin() -> Origin {
    use_context::<Parts>()
        .and_then(|parts| parts.extensions.get::<Origin>().cloned())
        .unwrap_or_default()
}

/// The request's id, by which its lines in the log are found.
pub fn request_id() -> Option<String> {
    let parts = use_context::<Parts>()?;
    let id = parts.headers.get("x-request-id")?.to_str().ok()?;
    Some(id.to_owned())
}

/// Sends the browser to another page after a form did its work, with and without JavaScript.
pub fn go_to(path: &str) {
    leptos_axum::redirect(path);
}

impl From<ServiceError> for AppError {
    fn from(error: ServiceError) -> Self {
        refuse(ApiError::from(error))
    }
}

/// Where a request learns what it was refused with. The status alone does not tell: a plain form's is a redirect's.
#[derive(Debug, Clone, Default)]
pub struct RefusedWith(Arc<OnceLock<ErrorCode>>);

impl RefusedWith {
    /// The first error; `None` = there was none.
    pub fn code(&self) -> Option<ErrorCode> {
        self.0.get().copied()
    }
}

/// Gives the response the error's status.
pub fn refuse(error: ApiError) -> AppError {
    if let Some(refused) = use_context::<Parts>().and_then(|parts| parts.extensions.get::<RefusedWith>().cloned()) {
        // An error means that there was one before.
        let _ = refused.0.set(error.code);
    }
    let status = http::StatusCode::from_u16(error.code.status()).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    if !is_plain_form_post()
        && let Some(response) = use_context::<leptos_axum::ResponseOptions>()
    {
        response.set_status(status);
    }
    AppError(error)
}

/// A form sent without JavaScript is answered by a redirect back to its page, which must keep its status.
fn is_plain_form_post() -> bool {
    use_context::<Parts>().is_some_and(|parts| {
        let accepts = parts
            .headers
            .get(http::header::ACCEPT)
            .and_then(|value| value.to_str().ok());
        parts.method == http::Method::POST && accepts.is_some_and(|value| value.contains("text/html"))
    })
}
