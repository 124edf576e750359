//! API keys.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use services::Services;
use types::access::{ApiKeyView, IssuedApiKey, NewApiKeyForm, RotateApiKeyForm};
use types::people::Role;
use types::{ApiKeyId, Page, PageRequest, UserId};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::{needs, needs_account_rights};
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::{ApiJson, ApiPath, ApiQuery};

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Viewer, routes!(list_keys)))
        .routes(needs_account_rights(routes!(create_key)))
        .routes(needs(Role::Viewer, routes!(get_key)))
        .routes(needs_account_rights(routes!(rotate_key)))
        .routes(needs_account_rights(routes!(revoke_key)))
}

/// Whose keys.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct KeyParams {
    /// Id of a user; one's own when absent. Somebody else's only for admins.
    #[param(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// Rows per page; 60 when absent. More than 200 counts as 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<String>,
}

/// List API keys
#[utoipa::path(get, path = "/keys", tag = "keys", params(KeyParams),
    responses((status = 200, description = "One page of keys, without their secrets.", body = Page<ApiKeyView>),
        (status = 404, description = "There is no such user.")))]
async fn list_keys(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<KeyParams>,
) -> ApiResult<Json<Page<ApiKeyView>>> {
    let page = PageRequest {
        limit: params.limit,
        cursor: params.cursor,
    };
    let user = params.user_id;
    Ok(Json(
        services::api_keys::list_keys(&services, &actor, user, page).await?,
    ))
}

/// Make an API key
///
/// The answer is the only place where its secret is.
#[utoipa::path(post, path = "/keys", tag = "keys", request_body = NewApiKeyForm,
    responses((status = 201, description = "The key with its secret.", body = IssuedApiKey),
        (status = 409, description = "The person has as many keys as possible.")))]
async fn create_key(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiJson(form): ApiJson<NewApiKeyForm>,
) -> ApiResult<Response> {
    let issued = services::api_keys::create_key(&services, &actor, form).await?;
    let location = format!("/api/v1/keys/{}", issued.key.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(issued)).into_response())
}

/// Read an API key
#[utoipa::path(get, path = "/keys/{id}", tag = "keys", params(("id" = Uuid, Path, description = "Id of the key.")),
    responses((status = 200, description = "The key, without its secret.", body = ApiKeyView)))]
async fn get_key(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<ApiKeyId>,
) -> ApiResult<Json<ApiKeyView>> {
    Ok(Json(services::api_keys::get_key(&services, &actor, id).await?))
}

/// Rotate an API key
///
/// Gives it a new secret; the old one stays good for the grace time. Only its owner can, and the key itself.
#[utoipa::path(post, path = "/keys/{id}/rotate", tag = "keys", params(("id" = Uuid, Path, description = "Id of the key.")),
    request_body = RotateApiKeyForm,
    responses((status = 200, description = "The key with its new secret.", body = IssuedApiKey),
        (status = 409, description = "The key can't be rotated any more.")))]
async fn rotate_key(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<ApiKeyId>,
    ApiJson(form): ApiJson<RotateApiKeyForm>,
) -> ApiResult<Json<IssuedApiKey>> {
    Ok(Json(services::api_keys::rotate_key(&services, &actor, id, form).await?))
}

/// Revoke an API key
///
/// One's own, the key itself, anybody's for admins.
#[utoipa::path(delete, path = "/keys/{id}", tag = "keys", params(("id" = Uuid, Path, description = "Id of the key.")),
    responses((status = 204, description = "It opens nothing any more.")))]
async fn revoke_key(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<ApiKeyId>,
) -> ApiResult<StatusCode> {
    services::api_keys::revoke_key(&services, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
