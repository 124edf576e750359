//! Backups of the database. One is made by running the job `backup`.

use axum::Json;
use axum::extract::State;
use services::Services;
use types::Page;
use types::backups::Backup;
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
    OpenApiRouter::new().routes(needs(Role::Admin, routes!(list_backups)))
}

/// List backups
///
/// Those in the backup folder, oldest first, with what the weekly test found. The job `backup` makes one,
/// `test_restore` tests the newest.
#[utoipa::path(get, path = "/backups", tag = "jobs", params(PageParams),
    responses((status = 200, description = "The backups.", body = Page<Backup>),
        (status = 409, description = "The backup folder can't be read.")))]
async fn list_backups(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(page): ApiQuery<PageParams>,
) -> ApiResult<Json<Page<Backup>>> {
    let backups = services::backups::list_backups(&services, &actor).await?;
    Ok(Json(page_of("backups", backups, &page.into(), |backup| {
        backup.name.clone()
    })?))
}
