//! The browser's door: Leptos pages, their server functions and static files.

use app::api::shell::ReadFrom;
use app::{App, shell};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use leptos::context::{provide_context, use_context};
use leptos::nonce::Nonce;
use leptos_axum::{
    LeptosRoutes, file_and_error_handler_with_context, generate_route_list, handle_server_fns_with_context,
};
use types::BasePath;

use super::AppState;
use super::error::JsonError;
use super::extract::{check_urlencoded, read_body};
use super::form_errors::drop_foreign_error;
use super::headers::PageNonce;

/// Pages and server functions. Server functions live under `/sfn`, apart from the JSON API.
///
/// Neither is kept by anybody: what a page shows is its reader's own, and Back asks for it anew.
pub fn routes(state: &AppState) -> Router<AppState> {
    let routes = generate_route_list(App);
    Router::new()
        .route("/sfn/{*name}", any(call_server_function))
        .leptos_routes_with_context(state, routes, provide_services(state.clone()), {
            let options = state.leptos.clone();
            move || shell(options.clone())
        })
}

/// Files of the site; anything else is the app's own "not found" page.
pub async fn serve_file_or_not_found(State(state): State<AppState>, request: Request) -> Response {
    let handler = file_and_error_handler_with_context::<AppState, _>(provide_services(state.clone()), shell);
    handler(request.uri().clone(), State(state), request).await
}

async fn call_server_function(State(state): State<AppState>, request: Request<Body>) -> Response {
    handle_server_fns_with_context(provide_services(state), request)
        .await
        .into_response()
}

/// Around every route of the browser's door, as Leptos brings one of its own for each server function it knows.
pub async fn take_form(State(base): State<BasePath>, request: Request, next: Next) -> Response {
    match read_form(request, base).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// The request with its body read, up to the limit: server functions take it whole. PostgreSQL stores no NUL, which is
/// refused here once, as JSON handlers refuse it, rather than as a database error in every use case.
async fn read_form(request: Request, base: BasePath) -> Result<Request, JsonError> {
    let (mut parts, body) = request.into_parts();
    if let Some(clean) = drop_foreign_error(&parts.uri, &parts.headers, base) {
        parts.uri = clean;
    }
    let address = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
    check_urlencoded(address.as_bytes())?;
    let form = read_body(Request::from_parts(parts.clone(), body)).await?;
    check_urlencoded(&form)?;
    Ok(Request::from_parts(parts, Body::from(form)))
}

fn provide_services(state: AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    move || {
        provide_context(state.services.clone());
        provide_context(state.cookies);
        provide_context(state.base);
        provide_context(ReadFrom(services::events::position(&state.services)));
        let parts = use_context::<Parts>();
        if let Some(nonce) = parts.and_then(|parts| parts.extensions.get::<PageNonce>().cloned()) {
            provide_context(Nonce::from_value(nonce.0));
        }
    }
}
