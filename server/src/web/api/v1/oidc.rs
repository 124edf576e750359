//! Single sign-on: its settings, and who is connected with it. The browser's way through it is `web/oidc.rs`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use services::Services;
use types::integrations::TestOutcome;
use types::oidc::{OidcConfig, OidcForm, UserIdentities};
use types::people::Role;
use types::{BasePath, UserId};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::ApiResult;
use super::super::access::{needs, needs_account_rights, open};
use super::super::etag::{Editable, IfMatch};
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::{ApiJson, ApiPath, ApiQuery};

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Admin, routes!(get_oidc)))
        .routes(needs(Role::Admin, routes!(replace_oidc)))
        .routes(needs(Role::Admin, routes!(test_oidc)))
        .routes(open(routes!(get_provider)))
        .routes(needs(Role::Viewer, routes!(list_identities)))
        .routes(needs_account_rights(routes!(unlink_identity)))
        .routes(needs(Role::Admin, routes!(set_email)))
}

/// Read the settings of single sign-on
///
/// Without the client secret.
#[utoipa::path(get, path = "/auth/oidc", tag = "auth",
    responses((status = 200, description = "The settings in force.", body = OidcConfig)))]
async fn get_oidc(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
) -> ApiResult<Editable<OidcConfig>> {
    Ok(Editable(services::oidc::get_edited_config(&services, &actor).await?))
}

/// Replace the settings of single sign-on
///
/// An empty `client_secret` keeps the stored one. The provider need not be up.
#[utoipa::path(put, path = "/auth/oidc", tag = "auth", request_body = OidcForm,
    responses((status = 200, description = "The settings in force now.", body = OidcConfig)))]
async fn replace_oidc(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    if_match: IfMatch,
    ApiJson(form): ApiJson<OidcForm>,
) -> ApiResult<Json<OidcConfig>> {
    Ok(Json(
        services::oidc::save_config(&services, &actor, if_match.seen(form)).await?,
    ))
}

/// Test settings of single sign-on
///
/// Reads the provider's configuration and keys with what the body holds, without keeping it. Nobody is signed in by it,
/// so a wrong client secret shows only at the first sign-in.
#[utoipa::path(post, path = "/auth/oidc/test", tag = "auth", request_body = OidcForm,
    responses((status = 200, description = "What was found, good or bad.", body = TestOutcome)))]
async fn test_oidc(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiJson(form): ApiJson<OidcForm>,
) -> ApiResult<Json<TestOutcome>> {
    Ok(Json(services::oidc::test_config(&services, &actor, form).await?))
}

/// The provider that people can sign in with.
#[derive(Debug, Serialize, ToSchema)]
struct PublicProvider {
    /// For the button; absent while single sign-on is off.
    display_name: Option<String>,
    /// Where a browser begins to sign in.
    start_path: Option<String>,
}

/// Read how people can sign in
#[utoipa::path(get, path = "/auth/oidc/provider", tag = "auth",
    responses((status = 200, description = "The provider, if there is one.", body = PublicProvider)))]
async fn get_provider(
    State(services): State<Services>,
    State(base): State<BasePath>,
) -> ApiResult<Json<PublicProvider>> {
    let display_name = services::oidc::get_public_provider(&services).await?;
    Ok(Json(PublicProvider {
        start_path: display_name.is_some().then(|| base.at("/auth/oidc/start")),
        display_name,
    }))
}

/// Whose identities.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct IdentityParams {
    /// Id of a user; one's own when absent. Somebody else's only for admins.
    #[param(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
}

/// Read e-mail and single sign-on identities
#[utoipa::path(get, path = "/auth/identities", tag = "auth", params(IdentityParams),
    responses((status = 200, description = "How a provider finds this user.", body = UserIdentities),
        (status = 404, description = "There is no such user.")))]
async fn list_identities(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<IdentityParams>,
) -> ApiResult<Editable<UserIdentities>> {
    Ok(Editable(
        services::identities::get_edited_identities(&services, &actor, params.user_id).await?,
    ))
}

/// Disconnect an identity
///
/// The account stays, with its sign-ins. One's own, or anybody's for admins.
#[utoipa::path(delete, path = "/auth/identities/{identity_id}", tag = "auth",
    params(("identity_id" = Uuid, Path, description = "Id of the identity.")),
    responses((status = 204, description = "The provider no longer leads to the account."),
        (status = 404, description = "There is no such identity.")))]
async fn unlink_identity(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<Uuid>,
) -> ApiResult<StatusCode> {
    services::identities::unlink_identity(&services, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An e-mail address.
#[derive(Deserialize, ToSchema)]
struct EmailForm {
    /// Absent or empty removes it.
    email: Option<String>,
}

/// Set a user's e-mail
///
/// Where the settings of single sign-on allow it, a provider that verified this e-mail leads to the account. `If-Match`
/// takes the `ETag` of the user as well as that of `/auth/identities`.
#[utoipa::path(put, path = "/users/{id}/email", tag = "users", request_body = EmailForm,
    params(("id" = Uuid, Path, description = "Id of the user.")),
    responses((status = 200, description = "How a provider finds this user now.", body = UserIdentities),
        (status = 404, description = "There is no such user.")))]
async fn set_email(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiPath(id): ApiPath<UserId>,
    if_match: IfMatch,
    ApiJson(form): ApiJson<EmailForm>,
) -> ApiResult<Json<UserIdentities>> {
    services::identities::set_email(&services, &actor, if_match.seen(id), form.email.as_deref()).await?;
    Ok(Json(
        services::identities::list_identities(&services, &actor, Some(id)).await?,
    ))
}
