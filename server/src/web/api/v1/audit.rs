//! The audit log.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use services::Services;
use types::audit::{AuditEntry, AuditFilter, AuditFormat};
use types::people::Role;
use types::{Page, PageRequest, UserId};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use crate::web::AppState;
use crate::web::auth::SignedInActor;
use crate::web::extract::ApiQuery;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(needs(Role::Admin, routes!(list_entries)))
        .routes(needs(Role::Admin, routes!(export_entries)))
}

/// Which lines.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditParams {
    /// The exact name of a user or job.
    actor: Option<String>,
    /// Id of a user.
    #[param(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// The exact action, such as `save_integration`.
    action: Option<String>,
    /// From this moment on.
    since: Option<DateTime<Utc>>,
    /// Before this moment.
    until: Option<DateTime<Utc>>,
    /// Words within actor, address, subject, credential or details; case does not matter.
    text: Option<String>,
    /// Rows per page; 60 when absent. More than 200 counts as 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<String>,
}

/// List the audit log
///
/// Who did what, from where, newest first. Secrets show as "(secret)".
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditParams),
    responses((status = 200, description = "One page of lines.", body = Page<AuditEntry>)))]
async fn list_entries(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<AuditParams>,
) -> ApiResult<Json<Page<AuditEntry>>> {
    let page = PageRequest {
        limit: params.limit,
        cursor: params.cursor,
    };
    let filter = AuditFilter {
        actor: params.actor,
        user_id: params.user_id,
        action: params.action,
        since: params.since,
        until: params.until,
        text: params.text,
    };
    Ok(Json(
        services::audit::list_entries(&services, &actor, filter, page).await?,
    ))
}

/// Which lines, and as what.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportParams {
    /// Kind of the file; `csv` when absent.
    #[param(inline)]
    format: Option<AuditFormat>,
    /// The exact name of a user or job.
    actor: Option<String>,
    /// Id of a user.
    #[param(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// The exact action, such as `save_integration`.
    action: Option<String>,
    /// From this moment on.
    since: Option<DateTime<Utc>>,
    /// Before this moment.
    until: Option<DateTime<Utc>>,
    /// Words within actor, address, subject, credential or details; case does not matter.
    text: Option<String>,
}

/// Export the audit log
///
/// Every line that matches, newest first, as a file. The export itself is a line of the log.
#[utoipa::path(get, path = "/audit/export", tag = "audit", params(ExportParams),
    responses((status = 200, description = "The file.", content(
        (String = "text/csv"), (String = "application/x-ndjson")))))]
async fn export_entries(
    State(services): State<Services>,
    SignedInActor(actor): SignedInActor,
    ApiQuery(params): ApiQuery<ExportParams>,
) -> ApiResult<Response> {
    let format = params.format.unwrap_or(AuditFormat::Csv);
    let filter = AuditFilter {
        actor: params.actor,
        user_id: params.user_id,
        action: params.action,
        since: params.since,
        until: params.until,
        text: params.text,
    };
    let lines = services::audit::export_entries(&services, &actor, filter, format).await?;
    let headers = [
        (header::CONTENT_TYPE, format.content_type().to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"audit.{format}\""),
        ),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}
