//! Libraries, series, authors, narrators, search, statistics and tasks.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::scan::scan_library;
use super::shelf::{Item, Shelf};
use super::views::{ignore_prefix, last_first};
use crate::state::{Shared, lock};

type Params = Query<BTreeMap<String, String>>;

pub fn router() -> Router<Shared> {
    Router::new()
        .route("/api/libraries", get(list_libraries))
        .route("/api/libraries/{id}", get(get_library))
        .route("/api/libraries/{id}/scan", post(start_scan))
        .route("/api/libraries/{id}/filterdata", get(get_filter_data))
        .route("/api/libraries/{id}/stats", get(get_stats))
        .route("/api/libraries/{id}/series", get(list_series))
        .route("/api/libraries/{id}/series/{series}", get(get_series))
        .route("/api/libraries/{id}/authors", get(list_authors))
        .route("/api/libraries/{id}/narrators", get(list_narrators))
        .route("/api/libraries/{id}/search", get(search))
        .route("/api/authors/{id}", get(get_author))
        .route("/api/tasks", get(list_tasks))
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "Not Found").into_response()
}

fn describe_library(shelf: &Shelf) -> Value {
    json!({ "id": shelf.library_id, "name": "Audiobooks", "displayOrder": 1, "icon": "audiobookshelf", "mediaType": "book", "provider": "audible",
        "folders": [{ "id": shelf.folder_id, "fullPath": shelf.library_path, "libraryId": shelf.library_id, "addedAt": shelf.created_at }],
        "settings": { "coverAspectRatio": 1, "disableWatcher": true, "audiobooksOnly": false,
            "metadataPrecedence": ["folderStructure", "audioMetatags", "nfoFile", "txtFiles", "opfFile", "absMetadata"] },
        "lastScan": shelf.last_scan, "lastScanVersion": "2.36.0", "createdAt": shelf.created_at, "lastUpdate": shelf.last_scan.unwrap_or(shelf.created_at) })
}

async fn list_libraries(State(sandbox): State<Shared>) -> Json<Value> {
    Json(json!({ "libraries": [describe_library(&lock(&sandbox.shelf))] }))
}

async fn get_library(State(sandbox): State<Shared>, Path(id): Path<String>, Query(query): Params) -> Response {
    let shelf = lock(&sandbox.shelf);
    if shelf.library_id != id {
        return not_found();
    }
    if query
        .get("include")
        .is_some_and(|include| include.contains("filterdata"))
    {
        return Json(json!({ "filterdata": filter_data(&shelf), "issues": 0, "numUserPlaylists": 0, "library": describe_library(&shelf) })).into_response();
    }
    Json(describe_library(&shelf)).into_response()
}

async fn start_scan(State(sandbox): State<Shared>, Path(id): Path<String>) -> Response {
    if lock(&sandbox.shelf).library_id != id {
        return not_found();
    }
    scan_library(&sandbox);
    "OK".into_response()
}

async fn list_tasks(State(sandbox): State<Shared>) -> Json<Value> {
    Json(json!({ "tasks": lock(&sandbox.shelf).task.iter().collect::<Vec<_>>() }))
}

fn collect<'a, T: Iterator<Item = &'a String>>(shelf: &'a Shelf, values: impl Fn(&'a Item) -> T) -> BTreeSet<&'a str> {
    shelf.items.iter().flat_map(values).map(String::as_str).collect()
}

fn filter_data(shelf: &Shelf) -> Value {
    let named = |entities: &BTreeMap<String, super::shelf::Entity>| -> Value {
        entities
            .iter()
            .map(|(name, entity)| json!({ "id": entity.id, "name": name }))
            .collect()
    };
    json!({ "authors": named(&shelf.authors), "series": named(&shelf.series), "genres": collect(shelf, |item| item.metadata.genres.iter()),
        "tags": collect(shelf, |item| item.tags.iter()), "narrators": collect(shelf, |item| item.metadata.narrators.iter()),
        "languages": collect(shelf, |item| item.metadata.language.iter()), "publishers": collect(shelf, |item| item.metadata.publisher.iter()),
        "publishedDecades": [], "bookCount": shelf.items.len(), "authorCount": shelf.authors.len(), "seriesCount": shelf.series.len() })
}

async fn get_filter_data(State(sandbox): State<Shared>) -> Json<Value> {
    Json(filter_data(&lock(&sandbox.shelf)))
}

async fn get_stats(State(sandbox): State<Shared>) -> Json<Value> {
    let shelf = lock(&sandbox.shelf);
    Json(
        json!({ "totalItems": shelf.items.len(), "totalAuthors": shelf.authors.len(), "totalGenres": collect(&shelf, |item| item.metadata.genres.iter()).len(),
        "totalDuration": shelf.items.iter().map(Item::duration).sum::<f64>(), "totalSize": shelf.items.iter().map(Item::size).sum::<u64>(),
        "numAudioTracks": shelf.items.iter().map(|item| item.audio.len()).sum::<usize>(), "largestItems": [], "longestItems": [] }),
    )
}

/// `{results, total, …}` of one page.
fn page(all: Vec<Value>, query: &BTreeMap<String, String>) -> Value {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let (limit, page, total) = (number("limit"), number("page"), all.len());
    let size = if limit == 0 { total } else { limit };
    let results: Vec<Value> = all.into_iter().skip(page * size).take(size).collect();
    json!({ "results": results, "total": total, "limit": limit, "page": page, "sortDesc": false, "minified": false, "include": "" })
}

fn describe_series(shelf: &Shelf, name: &str) -> Value {
    let Some(entity) = shelf.series.get(name) else {
        return Value::Null;
    };
    let books: Vec<Value> = shelf
        .items
        .iter()
        .filter(|item| item.metadata.series.iter().any(|(other, _)| other == name))
        .map(|item| shelf.minify(item))
        .collect();
    json!({ "id": entity.id, "name": name, "nameIgnorePrefix": ignore_prefix(name), "description": null, "addedAt": entity.added_at,
        "updatedAt": entity.added_at, "libraryId": shelf.library_id, "books": books })
}

async fn list_series(State(sandbox): State<Shared>, Query(query): Params) -> Json<Value> {
    let shelf = lock(&sandbox.shelf);
    Json(page(
        shelf.series.keys().map(|name| describe_series(&shelf, name)).collect(),
        &query,
    ))
}

async fn get_series(State(sandbox): State<Shared>, Path((_, id)): Path<(String, String)>) -> Response {
    let shelf = lock(&sandbox.shelf);
    match shelf.series.iter().find(|(_, entity)| entity.id == id) {
        Some((name, _)) => Json(describe_series(&shelf, name)).into_response(),
        None => not_found(),
    }
}

fn describe_author(shelf: &Shelf, name: &str) -> Value {
    let Some(entity) = shelf.authors.get(name) else {
        return Value::Null;
    };
    let count = shelf
        .items
        .iter()
        .filter(|item| item.metadata.authors.iter().any(|other| other == name))
        .count();
    json!({ "id": entity.id, "asin": null, "name": name, "lastFirst": last_first(name), "description": null, "imagePath": null,
        "libraryId": shelf.library_id, "addedAt": entity.added_at, "updatedAt": entity.added_at, "numBooks": count })
}

/// Another key when paged.
async fn list_authors(State(sandbox): State<Shared>, Query(query): Params) -> Json<Value> {
    let shelf = lock(&sandbox.shelf);
    let authors: Vec<Value> = shelf.authors.keys().map(|name| describe_author(&shelf, name)).collect();
    if query.contains_key("limit") && query.contains_key("page") {
        return Json(page(authors, &query));
    }
    Json(json!({ "authors": authors }))
}

async fn get_author(State(sandbox): State<Shared>, Path(id): Path<String>) -> Response {
    let shelf = lock(&sandbox.shelf);
    let Some((name, _)) = shelf.authors.iter().find(|(_, entity)| entity.id == id) else {
        return not_found();
    };
    let mut author = describe_author(&shelf, name);
    let books = shelf.items.iter().filter(|item| item.metadata.authors.contains(name));
    author["libraryItems"] = books.map(|item| shelf.minify(item)).collect();
    Json(author).into_response()
}

async fn list_narrators(State(sandbox): State<Shared>) -> Json<Value> {
    let shelf = lock(&sandbox.shelf);
    let count = |name: &str| {
        shelf
            .items
            .iter()
            .filter(|item| item.metadata.narrators.iter().any(|other| other == name))
            .count()
    };
    let narrators = collect(&shelf, |item| item.metadata.narrators.iter());
    let described = narrators
        .into_iter()
        .map(|name| json!({ "id": STANDARD.encode(name).replace('=', "%3D"), "name": name, "numBooks": count(name) }));
    Json(json!({ "narrators": described.collect::<Vec<_>>() }))
}

async fn search(State(sandbox): State<Shared>, Query(query): Params) -> Response {
    let Some(text) = query
        .get("q")
        .filter(|text| !text.is_empty())
        .map(|text| text.to_lowercase())
    else {
        return (
            StatusCode::BAD_REQUEST,
            "Invalid request. Query param \"q\" is required",
        )
            .into_response();
    };
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(12);
    let shelf = lock(&sandbox.shelf);
    let has = |value: &Option<String>| value.as_ref().is_some_and(|value| value.to_lowercase().contains(&text));
    let is_hit = |item: &&Item| {
        let metadata = &item.metadata;
        has(&metadata.title) || has(&metadata.subtitle) || has(&metadata.asin) || has(&metadata.isbn)
    };
    let books = shelf
        .items
        .iter()
        .filter(is_hit)
        .take(limit)
        .map(|item| json!({ "libraryItem": shelf.describe(item, true) }));
    let named = |names: Vec<&String>| {
        names
            .into_iter()
            .filter(|name| name.to_lowercase().contains(&text))
            .take(limit)
            .cloned()
            .collect::<Vec<_>>()
    };
    let authors = named(shelf.authors.keys().collect())
        .iter()
        .map(|name| describe_author(&shelf, name))
        .collect::<Vec<_>>();
    let with_books = |name: String| {
        let mut series = describe_series(&shelf, &name);
        let books = series["books"].take();
        json!({ "series": series, "books": books })
    };
    let series = named(shelf.series.keys().collect())
        .into_iter()
        .map(with_books)
        .collect::<Vec<_>>();
    Json(json!({ "book": books.collect::<Vec<_>>(), "narrators": [], "tags": [], "genres": [], "series": series, "authors": authors })).into_response()
}
