//! Every route and the layers around them.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate, SizeAbove};
use tower_http::timeout::TimeoutLayer;

use super::{
    AppState, api, auth, bodies, client, cors, covers, csrf, envelope, events, headers, health, hosts, metrics, mount,
    oidc, overload, pages, rate, refusals, request_id,
};

/// In bytes. What goes in one packet anyway is not worth being packed: a refusal must cost little.
const ONE_PACKET: u16 = 1024;

/// The whole server as one service.
pub fn build_router(state: AppState) -> Router {
    let of_the_browser = pages::routes(&state)
        .route("/covers/{book_id}", get(covers::get_cover))
        .route("/events", get(events::stream_events))
        .merge(oidc::routes())
        .layer(from_fn_with_state(state.clone(), pages::take_form));
    let routes = Router::new()
        .nest("/api", api::routes(state.edge.config.has_api_docs, state.base))
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(of_the_browser)
        .fallback(pages::serve_file_or_not_found);
    let base = state.base;
    mount::mount(layer_routes(routes, state), base)
}

/// Puts the layers around the routes.
fn layer_routes(routes: Router<AppState>, state: AppState) -> Router {
    let own = state.edge.config.request_timeout;
    // What is slow in a layer is given up too, but later than what is slow in a route: a sign-in that was renewed on
    // the way must reach the browser with the answer.
    let with_layers = own + own / 4;
    // The first is the outermost.
    let around = ServiceBuilder::new()
        .layer(from_fn_with_state(state.clone(), request_id::name_request))
        .layer(from_fn(metrics::count_request))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(SizeAbove::new(ONE_PACKET))))
        .layer(from_fn_with_state(state.clone(), headers::harden))
        .layer(from_fn_with_state(state.clone(), envelope::write_errors))
        .layer(give_up_after(with_layers))
        .layer(from_fn_with_state(state.clone(), bodies::limit_body))
        .layer(from_fn_with_state(state.clone(), hosts::require_host))
        .layer(from_fn_with_state(state.clone(), cors::share_api))
        .layer(from_fn_with_state(state.clone(), client::find_client))
        .layer(from_fn_with_state(state.clone(), refusals::note_refusals))
        .layer(from_fn_with_state(state.clone(), rate::limit_address))
        .layer(from_fn_with_state(state.clone(), csrf::require_same_origin))
        .layer(DefaultBodyLimit::max(bodies::LARGEST_BYTES))
        .layer(from_fn_with_state(state.clone(), overload::admit))
        .layer(from_fn_with_state(state.clone(), auth::identify))
        .layer(from_fn_with_state(state.clone(), rate::limit_rate));
    routes
        .layer(give_up_after(own))
        .layer(from_fn(mount::answer_outside))
        .layer(around)
        .with_state(state)
}

/// Times the beginning of an answer: an event stream, once begun, goes on.
fn give_up_after(time: Duration) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, time)
}

#[cfg(test)]
mod tests;
