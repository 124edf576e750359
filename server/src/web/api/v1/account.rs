//! The member's account at the tracker.

use axum::Json;
use axum::extract::State;
use services::Services;
use types::Page;
use types::dashboard::{AccountSnapshot, AccountView};
use types::people::Role;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use super::super::short_lists::page_of;
use super::params::PageParams;
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::ApiQuery;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Viewer, routes!(list_accounts)))
        .routes(needs(Role::Viewer, routes!(list_snapshots)))
}

/// List tracker accounts
///
/// Each as it was last read, with the requests of today and their limit.
#[utoipa::path(get, path = "/account", tag = "account", params(PageParams),
    responses((status = 200, description = "The accounts.", body = Page<AccountView>)))]
async fn list_accounts(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(page): ApiQuery<PageParams>,
) -> ApiResult<Json<Page<AccountView>>> {
    let accounts = services::account::list_accounts(&services, &actor).await?;
    Ok(Json(page_of("account", accounts, &page.into(), |account| {
        account.integration.clone()
    })?))
}

/// List readings of the tracker account
///
/// Newest first; kept for 30 days.
#[utoipa::path(get, path = "/account/snapshots", tag = "account", params(PageParams),
    responses((status = 200, description = "One page of readings.", body = Page<AccountSnapshot>)))]
async fn list_snapshots(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(page): ApiQuery<PageParams>,
) -> ApiResult<Json<Page<AccountSnapshot>>> {
    Ok(Json(
        services::account::list_snapshots(&services, &actor, page.into()).await?,
    ))
}
