//! The browser's door: Leptos pages, their server functions and static files.

use app::{App, shell};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{RequestExt, Router};
use leptos::context::{provide_context, use_context};
use leptos::nonce::Nonce;
use leptos_axum::{
    LeptosRoutes, file_and_error_handler_with_context, generate_route_list, handle_server_fns_with_context,
};

use super::AppState;
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
    // Server functions read whole bodies.
    handle_server_fns_with_context(provide_services(state), request.with_limited_body())
        .await
        .into_response()
}

fn provide_services(state: AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    move || {
        provide_context(state.services.clone());
        provide_context(state.cookies);
        let parts = use_context::<Parts>();
        if let Some(nonce) = parts.and_then(|parts| parts.extensions.get::<PageNonce>().cloned()) {
            provide_context(Nonce::from_value(nonce.0));
        }
    }
}
