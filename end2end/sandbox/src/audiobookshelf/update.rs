//! Changes to an item's metadata, with the real one's habits: strings as authors remove every author, numbers as sequences are
//! lost, a nameless series entry drops the whole series change, unknown keys are ignored.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use regex::Regex;
use serde_json::{Value, json};

use super::shelf::{Item, Metadata};
use crate::state::{Shared, lock, now_ms};

pub async fn update_item(State(sandbox): State<Shared>, Path(id): Path<String>, Json(body): Json<Value>) -> Response {
    let is_ignored = sandbox.faults.take("abs", "ignore_patch");
    let mut shelf = lock(&sandbox.shelf);
    let Some(item) = shelf.items.iter_mut().find(|item| item.id == id) else {
        return (StatusCode::NOT_FOUND, "Not Found").into_response();
    };
    let is_changed = if is_ignored { true } else { apply(item, &body) };
    shelf.refresh_entities();
    shelf.save(&sandbox);
    let Some(item) = shelf.find(&id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut answer = json!({ "libraryItem": shelf.describe(item, false) });
    // Nothing changed: the key is left out, not false.
    if is_changed {
        answer["updated"] = json!(true);
    }
    Json(answer).into_response()
}

pub async fn update_items(State(sandbox): State<Shared>, Json(body): Json<Value>) -> Response {
    let updates = body.as_array().cloned().unwrap_or_default();
    let mut ids: Vec<&str> = updates.iter().filter_map(|update| update["id"].as_str()).collect();
    let mut shelf = lock(&sandbox.shelf);
    if ids.is_empty() || ids.iter().any(|id| shelf.find(id).is_none()) {
        return (StatusCode::NOT_FOUND, "Not Found").into_response();
    }
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return (StatusCode::BAD_REQUEST, "Duplicate ids").into_response();
    }
    let mut changed = 0;
    for update in &updates {
        let found = shelf.items.iter_mut().find(|item| update["id"] == item.id.as_str());
        changed += u32::from(found.is_some_and(|item| apply(item, &update["mediaPayload"])));
    }
    shelf.refresh_entities();
    shelf.save(&sandbox);
    Json(json!({ "success": true, "updates": changed })).into_response()
}

/// Whether anything changed.
fn apply(item: &mut Item, body: &Value) -> bool {
    let (before, tags_before) = (item.metadata.clone(), item.tags.clone());
    apply_metadata(&mut item.metadata, &body["metadata"]);
    if let Some(tags) = text_list(&body["tags"]) {
        item.tags = tags;
    }
    let is_changed = before != item.metadata || tags_before != item.tags;
    if is_changed {
        item.is_edited = true;
        item.updated_at = now_ms();
    }
    is_changed
}

fn apply_metadata(metadata: &mut Metadata, sent: &Value) {
    for (key, field) in [
        ("title", &mut metadata.title),
        ("subtitle", &mut metadata.subtitle),
        ("publishedYear", &mut metadata.published_year),
        ("publisher", &mut metadata.publisher),
        ("isbn", &mut metadata.isbn),
        ("asin", &mut metadata.asin),
        ("language", &mut metadata.language),
    ] {
        apply_text(field, sent.get(key));
    }
    let mut description = metadata.description.clone();
    apply_text(&mut description, sent.get("description"));
    metadata.description = description.map(|html| sanitise(&html));
    for (key, flag) in [
        ("explicit", &mut metadata.explicit),
        ("abridged", &mut metadata.abridged),
    ] {
        *flag = sent[key].as_bool().unwrap_or(*flag);
    }
    if let Some(narrators) = text_list(&sent["narrators"]) {
        metadata.narrators = narrators;
    }
    if let Some(genres) = text_list(&sent["genres"]) {
        metadata.genres = genres;
    }
    if let Some(authors) = sent["authors"].as_array() {
        metadata.authors = authors
            .iter()
            .filter_map(|author| author["name"].as_str())
            .map(str::to_owned)
            .collect();
    }
    if let Some(series) = sent["series"].as_array()
        && series
            .iter()
            .all(|entry| entry["name"].as_str().is_some_and(|name| !name.is_empty()))
    {
        let entry = |entry: &Value| {
            (
                entry["name"].as_str().unwrap_or_default().to_owned(),
                entry["sequence"]
                    .as_str()
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned),
            )
        };
        metadata.series = series.iter().map(entry).collect();
    }
}

/// Absent is unchanged; null and "" clear; a number becomes text.
fn apply_text(field: &mut Option<String>, sent: Option<&Value>) {
    match sent {
        Some(Value::Null) => *field = None,
        Some(Value::String(text)) => *field = (!text.is_empty()).then(|| text.clone()),
        Some(Value::Number(number)) => *field = Some(number.to_string()),
        _ => {}
    }
}

/// Strings of a list; something else than a list is ignored without a word.
fn text_list(value: &Value) -> Option<Vec<String>> {
    Some(
        value
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}

fn sanitise(html: &str) -> String {
    let (Ok(script), Ok(tag)) = (
        Regex::new(r"(?is)<script.*?</script>"),
        Regex::new(r"(?i)</?([a-z0-9]+)[^>]*>"),
    ) else {
        return html.to_owned();
    };
    let without_scripts = script.replace_all(html, "").into_owned();
    let kept = ["p", "b", "i", "em", "strong", "br", "ul", "ol", "li", "del", "a"];
    let clean = tag.replace_all(&without_scripts, |found: &regex::Captures<'_>| {
        let name = found[1].to_lowercase();
        let slash = if found[0].starts_with("</") { "/" } else { "" };
        if kept.contains(&name.as_str()) {
            format!("<{slash}{name}>")
        } else {
            String::new()
        }
    });
    clean.into_owned()
}
