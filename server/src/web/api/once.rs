//! `Idempotency-Key`: a write that is sent again happens once.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use services::idempotency::{KeyedRequest, run_once};
use services::{Actor, ServiceError, Services};
use types::ApiError;
use types::people::Role;
use uuid::Uuid;

use super::answers::{Created, created};
use super::{ApiResult, Calls};
use crate::web::error::JsonError;

const HEADER: &str = "idempotency-key";
const REPLAYED: &str = "idempotency-replayed";
const LONGEST_KEY: usize = 200;

/// The writes that take a key. Others make nothing new, or show a secret that is not kept.
const KEYED: &[&str] = &[
    "/v1/wants",
    "/v1/downloads",
    "/v1/downloads/{id}/choose-another",
    "/v1/searches",
    "/v1/integrations",
    "/v1/users",
];
/// Their answer holds a secret, which is shown once.
const SECRETIVE: &[&str] = &["/v1/keys", "/v1/keys/{id}/rotate"];

/// Whether the call, with its path as the router has it, takes a key.
pub fn takes_key(method: &Method, path: &str) -> bool {
    let path = path.strip_prefix("/api").unwrap_or(path);
    method == Method::POST && KEYED.contains(&path)
}

/// Refuses a key where it would be ignored: a program must not believe that sending again is safe there.
pub async fn refuse_useless_key(State(calls): State<Arc<Calls>>, request: Request, next: Next) -> Response {
    let method = request.method();
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    // A method that the address does not take is refused as such, whatever comes with it.
    let is_write = !method.is_safe() && calls.contains(&(method.to_string(), path.to_owned()));
    if !is_write || !request.headers().contains_key(HEADER) || takes_key(method, path) {
        return next.run(request).await;
    }
    let path = path.strip_prefix("/api").unwrap_or(path);
    let message = if SECRETIVE.contains(&path) {
        "An Idempotency-Key can't be used here: the answer holds a secret, which is shown once and not kept. Leave it out."
    } else {
        "An Idempotency-Key can't be used here. Leave it out; docs/API.md names the calls that take one."
    };
    JsonError::from(ApiError::field("Idempotency-Key", message)).into_response()
}

/// The key that the program chose, if it did.
pub struct OnceKey(Option<String>);

impl<S: Sync> FromRequestParts<S> for OnceKey {
    type Rejection = JsonError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, JsonError> {
        let Some(value) = parts.headers.get(HEADER) else {
            return Ok(Self(None));
        };
        let key = value.to_str().unwrap_or_default().trim();
        let is_plain = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > LONGEST_KEY || !is_plain {
            let message = format!("An Idempotency-Key is 1 to {LONGEST_KEY} visible characters, such as a UUID.");
            return Err(ApiError::field("Idempotency-Key", message).into());
        }
        Ok(Self(Some(key.to_owned())))
    }
}

/// What is made below `/api/v1/<collection>`, and from what.
pub struct NewIn<'a, F> {
    /// The kind of write, which a key belongs to.
    pub route: &'static str,
    pub collection: &'static str,
    pub form: &'a F,
    /// The role of the call.
    pub needed: Role,
}

impl<'a, F> NewIn<'a, F> {
    /// What a POST to the collection itself makes.
    pub const fn collection(collection: &'static str, form: &'a F, needed: Role) -> Self {
        Self {
            route: collection,
            collection,
            form,
            needed,
        }
    }
}

impl OnceKey {
    /// Makes something, or answers again with what this key made before.
    pub async fn create<F: Serialize>(
        self,
        (services, actor): (&Services, &Actor),
        new: NewIn<'_, F>,
        work: impl Future<Output = Result<Uuid, ServiceError>> + Send + 'static,
    ) -> ApiResult<Response> {
        let Some(key) = self.0 else {
            return Ok(created(new.collection, work.await?));
        };
        let request = KeyedRequest {
            route: new.route,
            key,
            needed: new.needed,
            body: serde_json::to_vec(new.form).expect("a form that was read can be written"),
        };
        let work = async { work.await.map(|id| Created { id }) };
        let answer = run_once(services, actor, request, work).await?;
        let mut response = created(new.collection, answer.value.id);
        if answer.is_replayed {
            response
                .headers_mut()
                .insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }
}
