//! The product's settings.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use services::Services;
use types::Page;
use types::people::Role;
use types::settings::Settings;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use super::super::etag::{Editable, IfMatch};
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::ApiJson;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Manager, routes!(get_settings)))
        .routes(needs(Role::Admin, routes!(replace_settings)))
        .routes(needs(Role::Manager, routes!(preview_naming)))
}

/// Read the settings
#[utoipa::path(get, path = "/settings", tag = "settings",
    responses((status = 200, description = "The settings in force.", body = Settings)))]
async fn get_settings(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
) -> ApiResult<Editable<Settings>> {
    Ok(Editable(
        services::settings::get_edited_settings(&services, &actor).await?,
    ))
}

/// Replace the settings
///
/// What the body does not name gets its default.
#[utoipa::path(put, path = "/settings", tag = "settings", request_body = Settings,
    responses((status = 200, description = "The settings in force now.", body = Settings)))]
async fn replace_settings(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    if_match: IfMatch,
    ApiJson(settings): ApiJson<Settings>,
) -> ApiResult<Json<Settings>> {
    services::settings::save_settings(&services, &actor, if_match.seen(settings)).await?;
    Ok(Json(services::settings::get_settings(&services, &actor).await?))
}

/// Templates to try.
#[derive(Debug, Deserialize, ToSchema)]
struct NamingForm {
    /// Folder names for books in a series.
    series_template: String,
    /// Folder names for other books.
    standalone_template: String,
}

/// What a template makes of one book.
#[derive(Debug, Serialize, ToSchema)]
struct NamedBook {
    title: String,
    /// The folder below the library; absent when there is a problem.
    folder: Option<String>,
    /// What is wrong with the template.
    problem: Option<String>,
}

/// Try naming templates
///
/// Shows what they make of some of the library's own books.
#[utoipa::path(post, path = "/settings/naming-preview", tag = "settings", request_body = NamingForm,
    responses((status = 200, description = "One row a book, on one page.", body = Page<NamedBook>)))]
async fn preview_naming(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiJson(form): ApiJson<NamingForm>,
) -> ApiResult<Json<Page<NamedBook>>> {
    let (series, standalone) = (form.series_template, form.standalone_template);
    let previews = services::settings::preview_naming(&services, &actor, series, standalone).await?;
    let items: Vec<NamedBook> = previews
        .into_iter()
        .map(|preview| NamedBook {
            title: preview.title,
            problem: preview.result.as_ref().err().cloned(),
            folder: preview.result.ok(),
        })
        .collect();
    Ok(Json(Page {
        total: items.len() as u64,
        items,
        next_cursor: None,
    }))
}
