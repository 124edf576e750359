//! The one user and his progress.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::shelf::{Item, Shelf};
use crate::state::{Shared, lock, now_ms};

pub fn router() -> Router<Shared> {
    Router::new()
        .route("/api/me", get(get_me))
        .route("/api/users", get(list_users))
        .route("/api/users/{id}", get(get_me))
        .route("/api/me/progress/{item}", get(get_progress).patch(set_progress))
}

/// The user without tokens.
pub fn describe_user(shelf: &Shelf) -> Value {
    json!({ "id": shelf.user_id, "username": "root", "email": null, "type": "root", "isActive": true, "lastSeen": now_ms(), "createdAt": shelf.created_at,
        "permissions": { "download": true, "update": true, "delete": true, "upload": true, "createEreader": true, "accessAllLibraries": true,
            "accessAllTags": true, "accessExplicitContent": true },
        "librariesAccessible": [], "itemTagsSelected": [], "mediaProgress": shelf.progress.values().collect::<Vec<_>>(), "bookmarks": [] })
}

async fn get_me(State(sandbox): State<Shared>) -> Json<Value> {
    Json(describe_user(&lock(&sandbox.shelf)))
}

async fn list_users(State(sandbox): State<Shared>) -> Json<Value> {
    let mut user = describe_user(&lock(&sandbox.shelf));
    user["mediaProgress"].take();
    Json(json!({ "users": [user] }))
}

async fn get_progress(State(sandbox): State<Shared>, Path(item): Path<String>) -> Response {
    match lock(&sandbox.shelf).progress.get(&item) {
        Some(progress) => Json(progress).into_response(),
        None => (StatusCode::NOT_FOUND, "Not Found").into_response(),
    }
}

async fn set_progress(State(sandbox): State<Shared>, Path(item): Path<String>, Json(body): Json<Value>) -> Response {
    let mut shelf = lock(&sandbox.shelf);
    let Some((media_id, duration)) = shelf.find(&item).map(|item| (item.media_id.clone(), item.duration())) else {
        return (StatusCode::NOT_FOUND, "Item not found").into_response();
    };
    let user_id = shelf.user_id.clone();
    let first = || {
        json!({ "id": Uuid::new_v4().to_string(), "userId": user_id, "libraryItemId": item, "episodeId": null, "mediaItemId": media_id, "mediaItemType": "book",
            "duration": duration, "progress": 0, "currentTime": 0, "isFinished": false, "hideFromContinueListening": false, "ebookLocation": null,
            "ebookProgress": null, "lastUpdate": now_ms(), "startedAt": now_ms(), "finishedAt": null })
    };
    let progress = shelf.progress.entry(item.clone()).or_insert_with(first);
    for key in [
        "currentTime",
        "duration",
        "progress",
        "isFinished",
        "hideFromContinueListening",
    ] {
        if !body[key].is_null() {
            progress[key] = body[key].clone();
        }
    }
    progress["lastUpdate"] = json!(now_ms());
    progress["finishedAt"] = if progress["isFinished"] == true {
        json!(now_ms())
    } else {
        Value::Null
    };
    shelf.save(&sandbox);
    "OK".into_response()
}

impl Shelf {
    /// Whether the user's progress in a book is of a kind.
    pub fn has_progress(&self, item: &Item, kind: &str) -> bool {
        let progress = self.progress.get(&item.id);
        let is_finished = progress.is_some_and(|progress| progress["isFinished"] == true);
        let is_started = progress.is_some_and(|progress| progress["progress"].as_f64().unwrap_or_default() > 0.0);
        match kind {
            "finished" => is_finished,
            "in-progress" => is_started && !is_finished,
            "not-started" => !is_started && !is_finished,
            _ => !is_finished,
        }
    }
}
