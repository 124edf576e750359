//! A stand-in for Prowlarr with two indexers: JSON API, download links and their Torznab feeds.

use std::collections::BTreeMap;

use axum::extract::{OriginalUri, Path, Query, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::catalogue::{Catalogue, LinkAnswer, Listed, Listing};
use crate::files::{answer_torrent, member_announce};
use crate::state::Shared;
use crate::torznab;

/// Prowlarr's indexers: (id, name, listing, privacy).
pub const INDEXERS: [(i64, &str, Listing, &str); 2] = [
    (1, "Harbour Audio", Listing::Harbour, "private"),
    (2, "Open Shelf", Listing::OpenShelf, "public"),
];

pub fn router(sandbox: &Shared) -> Router<Shared> {
    Router::new()
        .route("/api/v1/system/status", get(status))
        .route("/api/v1/health", get(health))
        .route("/api/v1/indexer", get(list_indexers))
        .route("/api/v1/indexerstatus", get(list_failing))
        .route(
            "/api/v1/indexerstats",
            get(async || Json(json!({ "indexers": [], "userAgents": [], "hosts": [] }))),
        )
        .route(
            "/api/v1/history",
            get(async || Json(json!({ "page": 1, "pageSize": 50, "totalRecords": 0, "records": [] }))),
        )
        .route("/api/v1/search", get(search))
        .route("/{id}/download", get(download))
        .route("/{id}/api", get(feed))
        .route("/api/v1/indexer/{id}/newznab", get(feed))
        .layer(from_fn_with_state(sandbox.clone(), check_key))
        .route("/ping", get(async || Json(json!({ "status": "OK" }))))
        // A tracker's own file, where a redirecting download link leads.
        .route("/files/{id}", get(public_file))
        .merge(torznab::router())
        .layer(from_fn_with_state(sandbox.clone(), misbehave))
}

async fn check_key(State(sandbox): State<Shared>, headers: HeaderMap, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned);
    let in_query = || {
        form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "apikey")
            .map(|(_, key)| key.into_owned())
    };
    let key = text("x-api-key").map(str::to_owned).or(bearer).or_else(in_query);
    if sandbox.faults.take("prowlarr", "401") || key.as_deref() != Some(&sandbox.secrets.prowlarr_api_key) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    next.run(request).await
}

async fn misbehave(
    State(sandbox): State<Shared>,
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    let service = if uri.path().starts_with("/jackett") {
        "torznab"
    } else {
        "prowlarr"
    };
    if sandbox.faults.take(service, "down") {
        return (StatusCode::BAD_GATEWAY, Html("<h1>502 Bad Gateway</h1>")).into_response();
    }
    if sandbox.faults.take(service, "html") {
        return Html("<!doctype html><title>Sign in</title><form>Password</form>").into_response();
    }
    if sandbox.faults.take(service, "500") {
        let body = json!({ "message": "Search failed", "description": "The sandbox was told to fail" });
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response();
    }
    next.run(request).await
}

async fn status() -> Json<Value> {
    Json(
        json!({ "appName": "Prowlarr", "instanceName": "Prowlarr (sandbox)", "version": "2.3.5.5327", "branch": "master",
        "urlBase": "", "isDocker": false, "osName": "debian", "databaseType": "sqLite", "authentication": "forms",
        "startTime": "2026-01-01T00:00:00Z" }),
    )
}

async fn health(State(sandbox): State<Shared>) -> Json<Value> {
    if sandbox.faults.list().contains_key("prowlarr/indexer_down") {
        let message = "Indexers unavailable due to failures: Harbour Audio";
        return Json(json!([{ "source": "IndexerStatusCheck", "type": "warning", "message": message, "wikiUrl": "" }]));
    }
    Json(json!([]))
}

async fn list_indexers() -> Json<Value> {
    let describe = |(id, name, listing, privacy): (i64, &str, Listing, &str)| {
        json!({ "id": id, "name": name, "implementation": "Cardigann", "definitionName": name.to_lowercase().replace(' ', ""), "enable": true,
            "redirect": listing == Listing::OpenShelf, "supportsRss": true, "supportsSearch": true, "supportsRedirect": true,
            "supportsPagination": listing == Listing::OpenShelf, "appProfileId": 1, "protocol": "torrent", "privacy": privacy,
            "priority": 25, "downloadClientId": 0, "added": "2026-01-01T00:00:00Z", "tags": [],
            "capabilities": { "limitsMax": 100, "limitsDefault": 100, "supportsRawSearch": false, "searchParams": ["q"], "bookSearchParams": ["q", "author", "title"],
                "categories": [{ "id": 3000, "name": "Audio", "subCategories": [{ "id": 3030, "name": "Audio/Audiobook", "subCategories": [] }] }] },
            "fields": [{ "name": "baseUrl", "value": "https://harbour.invalid/" }, { "name": "cookie", "value": "********" }] })
    };
    Json(INDEXERS.map(describe).into())
}

async fn list_failing(State(sandbox): State<Shared>) -> Json<Value> {
    if !sandbox.faults.list().contains_key("prowlarr/indexer_down") {
        return Json(json!([]));
    }
    let (now, till) = (chrono::Utc::now(), chrono::Utc::now() + chrono::Duration::minutes(30));
    Json(
        json!([{ "id": 1, "indexerId": 1, "disabledTill": till.to_rfc3339(), "mostRecentFailure": now.to_rfc3339(), "initialFailure": now.to_rfc3339() }]),
    )
}

async fn search(State(sandbox): State<Shared>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    if sandbox.faults.take("prowlarr", "429") {
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "120")]).into_response();
    }
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let all = |name: &str| {
        pairs
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
    };
    let number = |name: &str, default: usize| {
        all(name)
            .first()
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    };
    let bad: Vec<_> = all("indexerIds")
        .into_iter()
        .filter(|id| id.parse::<i64>().is_err())
        .collect();
    if !bad.is_empty() {
        let error = json!([{ "propertyName": "indexerIds", "errorMessage": format!("The value '{}' is not valid.", bad[0]), "severity": "error" }]);
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    if sandbox.faults.take("prowlarr", "empty") {
        return Json(json!([])).into_response();
    }
    let host = headers
        .get("host")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let text = plain_query(all("query").first().copied().unwrap_or_default());
    let mut results = Vec::new();
    for (id, name, listing, _) in INDEXERS {
        let ids = all("indexerIds");
        let is_asked = ids.is_empty() || ids.contains(&"-2") || ids.contains(&id.to_string().as_str());
        let is_audio = all("categories").iter().all(|category| category.is_empty())
            || all("categories").iter().any(|c| *c == "3030" || *c == "3000");
        // A failing indexer is swallowed: its part is just not there.
        if !is_asked || !is_audio || is_down(&sandbox, id) {
            continue;
        }
        let hits = sandbox.catalogue.search(listing, &text);
        // The first indexer ignores the offset, as several do.
        let skip = if id == 1 { 0 } else { number("offset", 0) };
        let page = hits.into_iter().skip(skip).take(number("limit", 100));
        results.extend(page.map(|row| describe_result(&sandbox, row, (id, name), &host)));
    }
    Json(results).into_response()
}

pub fn is_down(sandbox: &Shared, indexer: i64) -> bool {
    indexer == 1 && sandbox.faults.take("prowlarr", "indexer_down")
}

/// `{author:Frank Herbert}{title:Dune}` as plain words.
fn plain_query(query: &str) -> String {
    let mut text = query.to_owned();
    for token in ["{author:", "{title:", "{publisher:", "{year:", "{genre:", "}"] {
        text = text.replace(token, " ");
    }
    text
}

fn describe_result(sandbox: &Shared, row: &Listed, (id, name): (i64, &str), host: &str) -> Value {
    let release = &row.release;
    let published = chrono::Utc::now() - chrono::Duration::days(release.days_old);
    let title = release.flat_title();
    let mut result = json!({
        "guid": guid_of(row, name), "age": release.days_old, "ageHours": release.days_old as f64 * 24.0, "ageMinutes": release.days_old as f64 * 1_440.0,
        "size": row.torrent.total_bytes, "files": row.file_count, "grabs": release.seeders * 3, "indexerId": id, "indexer": name, "title": title,
        "sortTitle": title.to_lowercase(), "imdbId": 0, "tmdbId": 0, "tvdbId": 0, "tvMazeId": 0,
        "publishDate": published.to_rfc3339(), "downloadUrl": download_link(sandbox, row, id, host), "infoUrl": guid_of(row, name), "commentUrl": guid_of(row, name),
        "indexerFlags": if release.is_free { json!(["freeleech"]) } else { json!([]) },
        "categories": [{ "id": 3030, "name": "Audio/Audiobook", "subCategories": [] }], "seeders": release.seeders, "leechers": 0,
        "protocol": "torrent", "fileName": format!("{title}.torrent"),
    });
    if id == 2 {
        result["infoHash"] = json!(row.torrent.info_hash.to_uppercase());
    }
    result
}

pub fn guid_of(row: &Listed, indexer: &str) -> String {
    format!(
        "https://{}.invalid/t/{}",
        indexer.to_lowercase().replace(' ', "-"),
        row.id
    )
}

/// Made from the host of the request; the link itself is opaque.
pub fn download_link(sandbox: &Shared, row: &Listed, indexer: i64, host: &str) -> String {
    let link = URL_SAFE_NO_PAD.encode(format!("sandbox-link:{}", row.id));
    let file: String = form_urlencoded::byte_serialize(row.release.title.as_bytes()).collect();
    format!(
        "http://{host}/{indexer}/download?apikey={}&link={link}&file={file}",
        sandbox.secrets.prowlarr_api_key
    )
}

fn find_link<'a>(catalogue: &'a Catalogue, link: &str) -> Option<&'a Listed> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(link).ok()?).ok()?;
    catalogue.find_id(text.strip_prefix("sandbox-link:")?.parse().ok()?)
}

async fn download(
    State(sandbox): State<Shared>,
    Path(indexer): Path<i64>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if is_down(&sandbox, indexer) || sandbox.faults.take("prowlarr", "429") {
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "600")]).into_response();
    }
    let Some(row) = query.get("link").and_then(|link| find_link(&sandbox.catalogue, link)) else {
        let xml = "<error code=\"900\" description=\"Unknown link\"/>";
        return (
            StatusCode::INTERNAL_SERVER_ERROR,
            [("content-type", "application/xml")],
            xml,
        )
            .into_response();
    };
    let host = headers
        .get("host")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match row.release.link_answer {
        LinkAnswer::File => answer_torrent(&sandbox, row),
        LinkAnswer::RedirectToFile => moved(&format!("http://{host}/files/{}", row.id)),
        LinkAnswer::RedirectToMagnet => {
            let announce: String = form_urlencoded::byte_serialize(member_announce(&sandbox).as_bytes()).collect();
            let name: String = form_urlencoded::byte_serialize(row.torrent.name.as_bytes()).collect();
            moved(&format!(
                "magnet:?xt=urn:btih:{}&dn={name}&tr={announce}",
                row.torrent.info_hash
            ))
        }
        LinkAnswer::Gone => (StatusCode::GONE, Json(json!({ "message": "Release is gone" }))).into_response(),
    }
}

fn moved(location: &str) -> Response {
    let mut response = Redirect::permanent(location).into_response();
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response
}

async fn public_file(State(sandbox): State<Shared>, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    // The key must not travel to a tracker.
    if headers.contains_key("x-api-key") {
        return (StatusCode::BAD_REQUEST, "A tracker was sent Prowlarr's API key").into_response();
    }
    match sandbox
        .catalogue
        .find_id(id)
        .filter(|row| row.release.link_answer == LinkAnswer::RedirectToFile)
    {
        Some(row) => answer_torrent(&sandbox, row),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn feed(
    State(sandbox): State<Shared>,
    Path(indexer): Path<i64>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let Some((id, name, listing, _)) = INDEXERS.into_iter().find(|(id, ..)| *id == indexer) else {
        return (
            StatusCode::GONE,
            [("content-type", "application/xml")],
            torznab::error(410, "Indexer is disabled"),
        )
            .into_response();
    };
    if is_down(&sandbox, id) {
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1800")]).into_response();
    }
    let host = headers
        .get("host")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let source = torznab::Source {
        name,
        listing,
        is_prowlarr: Some(id),
    };
    torznab::answer(&sandbox, &source, &query, &|row| {
        download_link(&sandbox, row, id, &host)
    })
}
