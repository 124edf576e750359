//! `Idempotency-Key`: a write that is sent again happens once.

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use services::idempotency::{KeyedRequest, run_once};
use services::{Actor, ServiceError, Services};
use types::ApiError;
use uuid::Uuid;

use super::ApiResult;
use super::answers::{Created, created};
use crate::web::error::JsonError;

const HEADER: &str = "idempotency-key";
const REPLAYED: &str = "idempotency-replayed";
const LONGEST_KEY: usize = 200;

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
    pub collection: &'static str,
    pub form: &'a F,
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
            route: new.collection,
            key,
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
