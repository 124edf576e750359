//! The people of the installation.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use services::Services;
use types::people::{NewUserForm, ResetPasswordForm, Role, User, UserChange};
use types::{Page, UserId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use super::super::answers::Created;
use super::super::etag::{Editable, IfMatch};
use super::super::once::{NewIn, OnceKey};
use super::params::PageParams;
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::{ApiJson, ApiPath, ApiQuery};

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Admin, routes!(list_users)))
        .routes(needs(Role::Admin, routes!(create_user)))
        .routes(needs(Role::Admin, routes!(get_user)))
        .routes(needs(Role::Admin, routes!(change_user)))
        .routes(needs(Role::Admin, routes!(delete_user)))
        .routes(needs(Role::Admin, routes!(reset_password)))
}

/// List users
///
/// By name.
#[utoipa::path(get, path = "/users", tag = "users", params(PageParams),
    responses((status = 200, description = "One page of users.", body = Page<User>)))]
async fn list_users(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(page): ApiQuery<PageParams>,
) -> ApiResult<Json<Page<User>>> {
    Ok(Json(services::users::page_users(&services, &actor, page.into()).await?))
}

/// Add a user
#[utoipa::path(post, path = "/users", tag = "users", request_body = NewUserForm,
    responses((status = 201, description = "The person can sign in.", body = Created),
        (status = 409, description = "The Idempotency-Key was used for another request.")))]
async fn create_user(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    once: OnceKey,
    ApiJson(form): ApiJson<NewUserForm>,
) -> ApiResult<Response> {
    let new = NewIn::collection("users", &form, Role::Admin);
    let (house, who, added) = (services.clone(), actor.clone(), form.clone());
    let work = async move {
        let id = services::users::create_user(&house, &who, added).await?;
        Ok(id.0)
    };
    once.create((&services, &actor), new, work).await
}

/// Read a user
///
/// Everybody may read themselves.
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = Uuid, Path, description = "Id of the user.")),
    responses((status = 200, description = "The user.", body = User)))]
async fn get_user(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<UserId>,
) -> ApiResult<Editable<User>> {
    Ok(Editable(services::users::get_edited_user(&services, &actor, id).await?))
}

/// Change a user
///
/// Name, role, and whether they may sign in: all of it or, when a part is refused, nothing. The last admin stays one.
#[utoipa::path(patch, path = "/users/{id}", tag = "users", params(("id" = Uuid, Path, description = "Id of the user.")),
    request_body = UserChange,
    responses((status = 200, description = "As they are now.", body = User),
        (status = 409, description = "This is the last admin.")))]
async fn change_user(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<UserId>,
    if_match: IfMatch,
    ApiJson(change): ApiJson<UserChange>,
) -> ApiResult<Json<User>> {
    services::users::change_user(&services, &actor, if_match.seen(id), change).await?;
    Ok(Json(services::users::get_user(&services, &actor, id).await?))
}

/// Delete a user
///
/// Their sign-ins and API keys go with them; what they did stays in the audit log.
#[utoipa::path(delete, path = "/users/{id}", tag = "users", params(("id" = Uuid, Path, description = "Id of the user.")),
    responses((status = 204, description = "The user is gone."),
        (status = 409, description = "This is the last admin.")))]
async fn delete_user(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<UserId>,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    services::users::delete_user(&services, &actor, if_match.seen(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a user a new password
///
/// Ends all of their sign-ins. One's own password is changed at `/auth/password`.
#[utoipa::path(post, path = "/users/{id}/password", tag = "users",
    params(("id" = Uuid, Path, description = "Id of the user.")), request_body = ResetPasswordForm,
    responses((status = 204, description = "The password is changed."),
        (status = 409, description = "This is one's own account.")))]
async fn reset_password(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<UserId>,
    ApiJson(form): ApiJson<ResetPasswordForm>,
) -> ApiResult<StatusCode> {
    services::users::reset_password(&services, &actor, id, form).await?;
    Ok(StatusCode::NO_CONTENT)
}
