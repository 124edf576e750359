//! Backups of the library's own records: really written, listed, and the oldest removed, as Audiobookshelf does.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::state::{Sandbox, Shared, lock, now_ms, store};

/// Its default.
const KEPT: usize = 2;

pub fn router() -> Router<Shared> {
    Router::new().route("/api/backups", get(list_backups).post(make_backup))
}

async fn list_backups(State(sandbox): State<Shared>) -> Json<Value> {
    let folder = sandbox.dir.join("backups");
    Json(json!({ "backups": lock(&sandbox.shelf).backups, "backupLocation": folder, "backupPathEnvSet": false }))
}

async fn make_backup(State(sandbox): State<Shared>) -> Response {
    if sandbox.faults.take("abs", "backup_500") {
        return (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response();
    }
    match write_backup(&sandbox) {
        Ok(backups) => Json(json!({ "backups": backups })).into_response(),
        Err(error) => {
            eprintln!("sandbox: no backup was made: {error:#}");
            (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response()
        }
    }
}

fn write_backup(sandbox: &Sandbox) -> anyhow::Result<Vec<Value>> {
    let mut shelf = lock(&sandbox.shelf);
    let now = chrono::Utc::now();
    // By the minute: a second one in it replaces the first.
    let id = now.format("%Y-%m-%dT%H%M").to_string();
    let folder = sandbox.dir.join("backups");
    std::fs::create_dir_all(&folder)?;
    let file_name = format!("{id}.audiobookshelf");
    let path = folder.join(&file_name);
    store(&path, &shelf.items)?;
    let size = match sandbox.faults.take("abs", "backup_empty") {
        true => 0,
        false => path.metadata()?.len(),
    };
    shelf.backups.retain(|backup| backup["id"] != id.as_str());
    shelf.backups.push(json!({ "id": id, "key": null, "backupDirPath": folder, "datePretty": now.format("%a, %b %-d %Y %H:%M").to_string(),
        "fullPath": path, "path": format!("backups/{file_name}"), "filename": file_name, "fileSize": size, "createdAt": now_ms(),
        "serverVersion": "2.36.0" }));
    if shelf.backups.len() > KEPT {
        let oldest = shelf.backups.remove(0);
        std::fs::remove_file(oldest["fullPath"].as_str().unwrap_or_default())?;
    }
    shelf.save(sandbox);
    Ok(shelf.backups.clone())
}
