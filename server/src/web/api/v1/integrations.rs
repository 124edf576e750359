//! Outside services that the admin connects.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use services::Services;
use types::integrations::{Integration, IntegrationForm, TestOutcome};
use types::people::Role;
use types::{IntegrationId, Page};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use super::super::answers::Created;
use super::super::etag::{Editable, IfMatch};
use super::super::once::{NewIn, OnceKey};
use super::super::short_lists::page_of;
use super::params::PageParams;
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::{ApiJson, ApiPath, ApiQuery};

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Manager, routes!(list_integrations)))
        .routes(needs(Role::Admin, routes!(create_integration)))
        .routes(needs(Role::Admin, routes!(test_integration)))
        .routes(needs(Role::Manager, routes!(get_integration)))
        .routes(needs(Role::Admin, routes!(replace_integration)))
        .routes(needs(Role::Admin, routes!(change_integration)))
        .routes(needs(Role::Admin, routes!(delete_integration)))
        .routes(needs(Role::Admin, routes!(check_integration)))
}

/// List integrations
#[utoipa::path(get, path = "/integrations", tag = "integrations", params(PageParams),
    responses((status = 200, description = "One page of integrations, without their secrets.", body = Page<Integration>)))]
async fn list_integrations(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(page): ApiQuery<PageParams>,
) -> ApiResult<Json<Page<Integration>>> {
    let all = services::integrations::list_integrations(&services, &actor).await?;
    Ok(Json(page_of("integrations", all, &page.into(), |one| {
        one.id.to_string()
    })?))
}

/// Add an integration
///
/// `id` in the body is ignored.
#[utoipa::path(post, path = "/integrations", tag = "integrations", request_body = IntegrationForm,
    responses((status = 201, description = "It is stored; its secret is encrypted.", body = Created),
        (status = 409, description = "There is one of this kind, and only one is possible, or the Idempotency-Key was \
            used for another request.")))]
async fn create_integration(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    once: OnceKey,
    ApiJson(form): ApiJson<IntegrationForm>,
) -> ApiResult<Response> {
    let form = IntegrationForm { id: None, ..form };
    let new = NewIn::collection("integrations", &form, Role::Admin);
    let (house, who, added) = (services.clone(), actor.clone(), form.clone());
    let work = async move {
        let id = services::integrations::save_integration(&house, &who, added).await?;
        Ok(id.0)
    };
    once.create((&services, &actor), new, work).await
}

/// Test an integration
///
/// Makes an authenticated call with what the body holds, without keeping it. With the `id` of a stored one, an empty
/// secret stands for the stored secret.
#[utoipa::path(post, path = "/integrations/test", tag = "integrations", request_body = IntegrationForm,
    responses((status = 200, description = "What the call found, good or bad.", body = TestOutcome),
        (status = 404, description = "There is no integration with this `id`."),
        (status = 409, description = "The stored secret can't be used for this.")))]
async fn test_integration(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiJson(form): ApiJson<IntegrationForm>,
) -> ApiResult<Json<TestOutcome>> {
    Ok(Json(
        services::integrations::test_integration(&services, &actor, form).await?,
    ))
}

/// Read an integration
#[utoipa::path(get, path = "/integrations/{id}", tag = "integrations",
    params(("id" = Uuid, Path, description = "Id of the integration.")),
    responses((status = 200, description = "The integration, without its secret.", body = Integration)))]
async fn get_integration(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<IntegrationId>,
) -> ApiResult<Editable<Integration>> {
    Ok(Editable(
        services::integrations::get_integration(&services, &actor, id).await?,
    ))
}

/// Replace an integration
///
/// An empty secret keeps the stored one. `id` in the body is ignored.
#[utoipa::path(put, path = "/integrations/{id}", tag = "integrations",
    params(("id" = Uuid, Path, description = "Id of the integration.")), request_body = IntegrationForm,
    responses((status = 200, description = "As it is now.", body = Integration),
        (status = 409, description = "The change does not go with what is stored.")))]
async fn replace_integration(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<IntegrationId>,
    if_match: IfMatch,
    ApiJson(form): ApiJson<IntegrationForm>,
) -> ApiResult<Json<Integration>> {
    let form = IntegrationForm { id: Some(id), ..form };
    services::integrations::save_integration(&services, &actor, if_match.seen(form)).await?;
    let now = services::integrations::get_integration(&services, &actor, id).await?;
    Ok(Json(now.value))
}

/// Whether an integration is used.
#[derive(Debug, Deserialize, ToSchema)]
struct IntegrationChange {
    is_enabled: bool,
}

/// Switch an integration on or off
#[utoipa::path(patch, path = "/integrations/{id}", tag = "integrations",
    params(("id" = Uuid, Path, description = "Id of the integration.")), request_body = IntegrationChange,
    responses((status = 200, description = "As it is now.", body = Integration)))]
async fn change_integration(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<IntegrationId>,
    if_match: IfMatch,
    ApiJson(change): ApiJson<IntegrationChange>,
) -> ApiResult<Json<Integration>> {
    services::integrations::set_integration_enabled(&services, &actor, if_match.seen(id), change.is_enabled).await?;
    let now = services::integrations::get_integration(&services, &actor, id).await?;
    Ok(Json(now.value))
}

/// Delete an integration
///
/// Its secret goes with it.
#[utoipa::path(delete, path = "/integrations/{id}", tag = "integrations",
    params(("id" = Uuid, Path, description = "Id of the integration.")),
    responses((status = 204, description = "It is gone."),
        (status = 409, description = "It is still needed: downloads or books belong to it.")))]
async fn delete_integration(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<IntegrationId>,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    services::integrations::delete_integration(&services, &actor, if_match.seen(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Check an integration
///
/// Makes an authenticated call with what is stored, and keeps the finding.
#[utoipa::path(post, path = "/integrations/{id}/check", tag = "integrations",
    params(("id" = Uuid, Path, description = "Id of the integration.")),
    responses((status = 200, description = "What the call found, good or bad.", body = TestOutcome)))]
async fn check_integration(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<IntegrationId>,
) -> ApiResult<Json<TestOutcome>> {
    Ok(Json(
        services::integrations::check_integration(&services, &actor, id).await?,
    ))
}
