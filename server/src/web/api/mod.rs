//! The JSON door: `/api/v1`, its OpenAPI document and the page that shows it.
//!
//! Every route is registered with `routes!`, so none is outside of the document; [`access`] says who may call it.

mod access;
mod answers;
mod document;
mod etag;
mod once;
mod short_lists;
mod v1;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use types::{BasePath, ErrorCode};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::AppState;
use super::error::JsonError;

type ApiResult<T> = Result<T, JsonError>;

/// Everything below `/api`. The document is at `/api/openapi.json`; the page at `/api/docs` can be switched off.
pub fn routes(has_docs: bool, base: BasePath) -> Router<AppState> {
    let (router, openapi) = versioned().split_for_parts();
    let document = document::Document::of(&openapi, base);
    let text = document.text();
    let calls: Arc<Calls> = Arc::new(calls_of(openapi).collect());
    let mut all = Router::new()
        .merge(
            router
                .layer(from_fn(etag::answer_unchanged))
                .layer(from_fn_with_state(calls, once::refuse_useless_key)),
        )
        .route(
            "/openapi.json",
            get(async move || ([(header::CONTENT_TYPE, "application/json")], text))
                .layer(from_fn(etag::answer_unchanged)),
        );
    if has_docs {
        let page = document.page();
        all = all.route("/docs", get(async move || Html(page).into_response()));
    }
    all.fallback(async || JsonError::from(ErrorCode::NotFound))
}

fn versioned() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().nest("/v1", v1::routes())
}

/// Every call: its method and its path, as the router has it.
type Calls = BTreeSet<(String, String)>;

fn calls_of(openapi: OpenApi) -> impl Iterator<Item = (String, String)> {
    openapi.paths.paths.into_iter().flat_map(|(path, item)| {
        let methods = [
            ("GET", item.get),
            ("PUT", item.put),
            ("POST", item.post),
            ("DELETE", item.delete),
            ("PATCH", item.patch),
        ];
        let present = methods.into_iter().filter(|(_, call)| call.is_some());
        present.map(move |(method, _)| (method.to_owned(), format!("/api{path}")))
    })
}

/// Every call: its method and its path, as the router has it.
#[cfg(test)]
pub fn list_calls() -> Vec<(String, String)> {
    calls_of(versioned().split_for_parts().1).collect()
}

/// The document, as it is served.
#[cfg(test)]
pub fn read_document() -> serde_json::Value {
    let (_, openapi) = versioned().split_for_parts();
    serde_json::from_str(&document::Document::of(&openapi, BasePath::ROOT).text()).expect("the document is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The router does not list its routes, but its debug form does: `RouteId(0): "/v1/books"`.
    fn listed(router: &Router<AppState>) -> BTreeSet<String> {
        let shown = format!("{router:?}");
        let parts = shown.split("RouteId(").filter_map(|part| {
            let (_, rest) = part.split_once("): \"")?;
            Some(rest.split('"').next()?.to_owned())
        });
        parts.collect()
    }

    #[test]
    fn every_route_is_in_the_document_and_the_reverse() {
        let (router, openapi) = versioned().split_for_parts();
        let documented: BTreeSet<String> = openapi.paths.paths.keys().cloned().collect();
        // The fallback is listed as two routes of its own.
        let mut routed = listed(&router);
        routed.retain(|path| path.starts_with("/v1/"));
        assert!(routed.len() > 40, "the router's debug form changed: {routed:?}");
        assert_eq!(routed, documented);
    }
}
