//! The stream of changes.

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use services::Services;
use types::events::LiveEvent;
use types::people::Role;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::ApiResult;
use super::super::access::needs;
use crate::web::auth::SignedInActor;
use crate::web::edge::Edge;
use crate::web::{AppState, Stop};

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(needs(Role::Viewer, routes!(stream_events)))
}

/// Follow changes
///
/// Server-sent events. The data of each is `{"topic": "download", "id": "…"}`: what changed, not how; read it anew. A
/// comment comes every 20 seconds to keep the line open. After a broken line, send the `id` of the last event in
/// `Last-Event-ID` (browsers do so by themselves): what came meanwhile is told. When it can't be told any more, the topic is
/// `missed`: read what you show.
/// The stream also ends within 20 seconds of the sign-in or the API key that it was opened with.
#[utoipa::path(get, path = "/events", tag = "events",
    params(("Last-Event-ID" = Option<String>, Header, description = "The `id` of the event that was heard last.")),
    responses((status = 200, description = "The stream; it ends when one side hangs up.",
        body = LiveEvent, content_type = "text/event-stream")))]
async fn stream_events(
    services: State<Services>,
    edge: State<Edge>,
    stop: State<Stop>,
    actor: SignedInActor,
    headers: HeaderMap,
) -> ApiResult<impl IntoResponse> {
    crate::web::events::stream_events(services, edge, stop, actor, Query::default(), headers).await
}
