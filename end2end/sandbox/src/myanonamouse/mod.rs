//! A stand-in for MyAnonamouse: the member's session, account, search and .torrent downloads.

mod account;
mod search;
mod session;

use axum::Router;
use axum::extract::{Path, Query, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::json;
use std::collections::BTreeMap;

use crate::catalogue::Listing;
use crate::files::answer_torrent;
use crate::state::{Shared, lock, now_ms};
pub use account::Member;

pub fn router(sandbox: &Shared) -> Router<Shared> {
    let with_session = Router::new()
        .route("/jsonLoad.php", get(account::load_account))
        .route(
            "/json/checkCookie.php",
            get(async || axum::Json(json!({ "Success": true }))),
        )
        .route("/tor/js/loadSearchJSONbasic.php", any(search::search))
        .route("/json/bonusBuy.php", get(account::buy))
        .route("/json/bonusBuy.php/", get(account::buy))
        .route("/json/bonusBuy.php/{stamp}", get(account::buy))
        .route("/json/dynamicSeedbox.php", get(account::set_seedbox))
        .layer(from_fn_with_state(sandbox.clone(), session::check_session));
    let downloads = Router::new()
        .route("/tor/download.php", get(download_by_id))
        .route("/tor/download.php/{dl}", get(download_by_hash))
        .layer(from_fn_with_state(sandbox.clone(), session::check_download_session));
    Router::new()
        .merge(with_session)
        .merge(downloads)
        .layer(from_fn_with_state(sandbox.clone(), misbehave))
        .route("/json/jsonIp.php", get(tell_address))
        .route(
            "/t/{id}",
            get(async |Path(id): Path<String>| Html(format!("<h1>Torrent {id} of the sandbox</h1>"))),
        )
}

async fn tell_address() -> axum::Json<serde_json::Value> {
    axum::Json(json!({ "ip": "127.0.0.1", "ASN": "64512", "AS": "Loopback", "time": now_ms() / 1_000 }))
}

async fn download_by_id(State(sandbox): State<Shared>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let id = query.get("tid").and_then(|id| id.parse().ok());
    download(&sandbox, id, query.contains_key("fl")).await
}

async fn download_by_hash(
    State(sandbox): State<Shared>,
    Path(dl): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let id = dl.strip_prefix("sbx").and_then(|id| id.parse().ok());
    download(
        &sandbox,
        id,
        query.is_some_and(|query| query.split('&').any(|part| part == "fl")),
    )
    .await
}

async fn download(sandbox: &Shared, id: Option<u64>, is_wedged: bool) -> Response {
    let row = id.and_then(|id| sandbox.catalogue.find_id(id));
    let row = row.filter(|row| row.release.listings.contains(&Listing::MyAnonamouse));
    let Some(row) = row else {
        return (StatusCode::NOT_FOUND, "No such torrent").into_response();
    };
    if is_wedged {
        let mut member = lock(&sandbox.member);
        member.wedges = member.wedges.saturating_sub(1);
        member.personal_freeleech.insert(row.id);
        member.save(sandbox);
    }
    answer_torrent(sandbox, row)
}

/// The faults that apply to every page of the site.
async fn misbehave(State(sandbox): State<Shared>, headers: HeaderMap, request: Request, next: Next) -> Response {
    let fault = |name: &str| sandbox.faults.take("mam", name);
    if fault("down") {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            Html("<h1>503 Service Unavailable</h1>"),
        )
            .into_response();
    }
    if fault("slow") {
        tokio::time::sleep(std::time::Duration::from_secs(8)).await;
    }
    if fault("html") {
        return Html("<!doctype html><title>MyAnonamouse</title><p>Error, you are not signed in <br />Other error")
            .into_response();
    }
    if fault("403") {
        return (StatusCode::FORBIDDEN, "Invalid session - IP mismatch").into_response();
    }
    if fault("406") {
        return (StatusCode::NOT_ACCEPTABLE, Html("<h1>Not Acceptable!</h1>")).into_response();
    }
    if fault("429") {
        return (
            StatusCode::TOO_MANY_REQUESTS,
            [("retry-after", "60")],
            "Too many requests",
        )
            .into_response();
    }
    if fault("500") {
        return (
            StatusCode::INTERNAL_SERVER_ERROR,
            Html("<h1>Internal Server Error</h1>"),
        )
            .into_response();
    }
    if fault("rotate_on_error") {
        return session::rotate_with_error(&sandbox, &headers);
    }
    next.run(request).await
}
