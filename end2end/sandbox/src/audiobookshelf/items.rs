//! Item lists with filters, sorts and pages; single items; covers.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::shelf::{Item, Shelf};
use super::update;
use super::views::file_type;
use crate::covers::draw_cover;
use crate::state::{Shared, lock};

type Params = Query<BTreeMap<String, String>>;

pub fn router() -> Router<Shared> {
    Router::new()
        .route("/api/libraries/{id}/items", get(list_items))
        .route("/api/items/{id}", get(get_item))
        .route("/api/items/batch/get", post(get_items))
        .route("/api/items/batch/update", post(update::update_items))
        .route("/api/items/{id}/media", patch(update::update_item))
}

async fn list_items(State(sandbox): State<Shared>, Path(library): Path<String>, Query(query): Params) -> Response {
    let shelf = lock(&sandbox.shelf);
    if shelf.library_id != library {
        return (StatusCode::NOT_FOUND, "Not Found").into_response();
    }
    let (Some(limit), Some(page)) = (page_number(&query, "limit"), page_number(&query, "page")) else {
        return (StatusCode::BAD_REQUEST, "Invalid limit or page").into_response();
    };
    let filter = query.get("filter").cloned().unwrap_or_default();
    let (sort, is_descending) = (
        query.get("sort").cloned().unwrap_or_default(),
        query.get("desc").is_some_and(|desc| desc == "1"),
    );
    let (mut items, series) = select_items(&shelf, &filter);
    let order = order_by(&sort, series.as_deref());
    if let Some(order) = order {
        items.sort_by(|a, b| if is_descending { order(b, a) } else { order(a, b) });
    } else if !sort.is_empty() {
        // An unknown sort leaves the order to chance.
        let start = rand::random::<u32>() as usize % items.len().max(1);
        items.rotate_left(start);
    }
    let total = items.len();
    let size = if limit == 0 { total.max(1) } else { limit };
    let results: Vec<Value> = items
        .into_iter()
        .skip(page * size)
        .take(size)
        .map(|item| list_item(&shelf, item, series.as_deref()))
        .collect();
    Json(json!({ "results": results, "total": total, "limit": limit, "page": page, "sortBy": query.get("sort"), "sortDesc": is_descending,
        "filterBy": query.get("filter"), "mediaType": "book", "minified": query.get("minified").is_some_and(|flag| flag == "1"),
        "collapseseries": false, "include": query.get("include").cloned().unwrap_or_default(), "offset": page * limit }))
    .into_response()
}

/// Absent is 0; anything but digits is refused.
fn page_number(query: &BTreeMap<String, String>, name: &str) -> Option<usize> {
    query.get(name).map_or(Some(0), |text| text.parse().ok())
}

fn list_item(shelf: &Shelf, item: &Item, series: Option<&str>) -> Value {
    let mut listed = shelf.minify(item);
    let position = series.and_then(|name| item.metadata.series.iter().find(|(other, _)| other == name));
    if let Some((name, number)) = position {
        listed["media"]["metadata"]["series"] =
            json!({ "id": shelf.series_id(name), "name": name, "sequence": number });
    }
    listed
}

/// The items of a filter, and the series that it names. An unknown group gives everything.
fn select_items<'a>(shelf: &'a Shelf, filter: &str) -> (Vec<&'a Item>, Option<String>) {
    let (group, encoded) = filter.split_once('.').unwrap_or((filter, ""));
    let decoded = percent_decode_str(encoded).decode_utf8_lossy().into_owned();
    let value = STANDARD
        .decode(&decoded)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or(decoded);
    let by_id = |entities: &BTreeMap<String, super::shelf::Entity>| {
        entities
            .iter()
            .find(|(_, entity)| entity.id == value)
            .map(|(name, _)| name.clone())
    };
    let (author, series) = (by_id(&shelf.authors), by_id(&shelf.series));
    let is_in = |item: &&Item| {
        let metadata = &item.metadata;
        match group {
            "authors" => metadata.authors.iter().any(|name| Some(name) == author.as_ref()),
            "series" if value == "no-series" => metadata.series.is_empty(),
            "series" => metadata.series.iter().any(|(name, _)| Some(name) == series.as_ref()),
            "narrators" => metadata.narrators.contains(&value),
            "genres" => metadata.genres.contains(&value),
            "tags" => item.tags.contains(&value),
            "languages" => metadata.language.as_ref() == Some(&value),
            "publishers" => metadata.publisher.as_ref() == Some(&value),
            "publishedDecades" => metadata
                .published_year
                .as_ref()
                .is_some_and(|year| year.get(..3) == value.get(..3)),
            "missing" => is_without(item, &value),
            "progress" => shelf.has_progress(item, &value),
            "issues" => item.is_missing,
            "abridged" => metadata.abridged,
            "explicit" => metadata.explicit,
            _ => true,
        }
    };
    let items = shelf.items.iter().filter(is_in).collect();
    (items, series.filter(|_| group == "series"))
}

fn is_without(item: &Item, field: &str) -> bool {
    let metadata = &item.metadata;
    match field {
        "asin" => metadata.asin.is_none(),
        "isbn" => metadata.isbn.is_none(),
        "subtitle" => metadata.subtitle.is_none(),
        "authors" => metadata.authors.is_empty(),
        "publishedYear" => metadata.published_year.is_none(),
        "series" => metadata.series.is_empty(),
        "description" => metadata.description.is_none(),
        "genres" => metadata.genres.is_empty(),
        "tags" => item.tags.is_empty(),
        "narrators" => metadata.narrators.is_empty(),
        "publisher" => metadata.publisher.is_none(),
        "language" => metadata.language.is_none(),
        "cover" => !item.has_cover,
        "chapters" => item.chapters.is_empty(),
        _ => false,
    }
}

type Order = Box<dyn Fn(&Item, &Item) -> Ordering>;

fn order_by(sort: &str, series: Option<&str>) -> Option<Order> {
    fn by<K: Ord>(key: impl Fn(&Item) -> K + 'static) -> Option<Order> {
        Some(Box::new(move |a, b| key(a).cmp(&key(b))))
    }
    let series = series.map(str::to_owned);
    match sort {
        "addedAt" => by(|item| item.added_at),
        "size" => by(Item::size),
        "birthtimeMs" | "mtimeMs" => by(|item| item.mtime_ms),
        "media.duration" => by(|item| item.duration() as i64),
        "media.metadata.publishedYear" => by(|item| item.metadata.published_year.clone()),
        "media.metadata.authorName" => by(|item| item.metadata.authors.join(", ").to_lowercase()),
        "media.metadata.authorNameLF" => by(|item| {
            item.metadata
                .authors
                .iter()
                .map(|name| super::views::last_first(name))
                .collect::<Vec<_>>()
        }),
        "media.metadata.title" => by(|item| item.metadata.title.clone().map(|title| title.to_lowercase())),
        "sequence" => Some(Box::new(move |a, b| {
            position(a, &series).total_cmp(&position(b, &series))
        })),
        _ => None,
    }
}

fn position(item: &Item, series: &Option<String>) -> f64 {
    let entry = item
        .metadata
        .series
        .iter()
        .find(|(name, _)| Some(name) == series.as_ref());
    entry
        .and_then(|(_, number)| number.as_ref()?.parse().ok())
        .unwrap_or(f64::MAX)
}

async fn get_item(State(sandbox): State<Shared>, Path(id): Path<String>, Query(query): Params) -> Response {
    let shelf = lock(&sandbox.shelf);
    let Some(item) = shelf.find(&id) else {
        return (StatusCode::NOT_FOUND, "Not Found").into_response();
    };
    let mut described = shelf.describe(item, query.get("expanded").is_some_and(|flag| flag == "1"));
    if query.get("include").is_some_and(|include| include.contains("progress"))
        && let Some(progress) = shelf.progress.get(&id)
    {
        described["userMediaProgress"] = progress.clone();
    }
    Json(described).into_response()
}

async fn get_items(State(sandbox): State<Shared>, Json(body): Json<Value>) -> Response {
    let ids: Vec<&str> = body["libraryItemIds"]
        .as_array()
        .map(|ids| ids.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    if ids.is_empty() {
        return (StatusCode::FORBIDDEN, "Invalid payload").into_response();
    }
    let shelf = lock(&sandbox.shelf);
    let items: Vec<Value> = ids
        .into_iter()
        .filter_map(|id| shelf.find(id))
        .map(|item| shelf.describe(item, true))
        .collect();
    Json(json!({ "libraryItems": items })).into_response()
}

/// Public, as in the real one.
pub async fn get_cover(State(sandbox): State<Shared>, Path(id): Path<String>, Query(query): Params) -> Response {
    let (key, image) = {
        let shelf = lock(&sandbox.shelf);
        let Some(item) = shelf.find(&id).filter(|item| item.has_cover) else {
            return (StatusCode::NOT_FOUND, "Not Found").into_response();
        };
        let image = item
            .other_files
            .iter()
            .find(|file| file_type(&file.rel_path) == "image");
        let path = image.map(|file| format!("{}/{}", shelf.item_path(item), file.rel_path));
        (
            format!(
                "{}/{}",
                item.metadata.title.as_deref().unwrap_or_default(),
                item.metadata.authors.join(",")
            ),
            path,
        )
    };
    // A scanned book shows the picture that lies in its folder, as it is.
    if let Some(Ok(bytes)) = image.as_ref().map(std::fs::read) {
        let kind = if image.is_some_and(|path| path.ends_with("png")) {
            "image/png"
        } else {
            "image/jpeg"
        };
        return ([("content-type", kind)], bytes).into_response();
    }
    let width = query
        .get("width")
        .and_then(|width| width.parse().ok())
        .unwrap_or(500_u16)
        .clamp(16, 1_000);
    match tokio::task::spawn_blocking(move || draw_cover(&key, width)).await {
        Ok(Ok(jpeg)) => (
            [
                ("content-type", "image/jpeg"),
                ("cache-control", "private, max-age=86400"),
            ],
            jpeg,
        )
            .into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
