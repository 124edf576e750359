//! A stand-in for Audiobookshelf 2.36: a library of its own that also really scans the library folder.

mod backups;
mod browse;
mod folder_rules;
mod items;
mod people;
mod scan;
mod seed;
mod shelf;
mod update;
mod views;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::state::{Sandbox, Secrets, Shared, lock};
pub use scan::scan_library;
pub use seed::seed_shelf;
pub use shelf::Shelf;

pub fn router(sandbox: &Shared) -> Router<Shared> {
    let with_key = Router::new()
        .merge(items::router())
        .merge(backups::router())
        .merge(browse::router())
        .merge(people::router())
        .route("/api/authorize", post(authorize))
        .layer(from_fn_with_state(sandbox.clone(), check_key));
    Router::new()
        .merge(with_key)
        .route("/login", post(login))
        .route("/auth/refresh", post(refresh))
        .route("/status", get(status))
        .route("/ping", get(async || Json(json!({ "success": true }))))
        .route("/healthcheck", get(async || "OK"))
        .route("/api/items/{id}/cover", get(items::get_cover))
        .layer(from_fn_with_state(sandbox.clone(), misbehave))
}

async fn misbehave(State(sandbox): State<Shared>, request: Request, next: Next) -> Response {
    if sandbox.faults.take("abs", "down") {
        return (StatusCode::BAD_GATEWAY, Html("<h1>502 Bad Gateway</h1>")).into_response();
    }
    if sandbox.faults.take("abs", "html") {
        return Html("<!doctype html><title>Audiobookshelf</title><div id=\"__nuxt\"></div>").into_response();
    }
    next.run(request).await
}

async fn check_key(State(sandbox): State<Shared>, headers: HeaderMap, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let in_query = query.split('&').find_map(|pair| pair.strip_prefix("token="));
    let bearer = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let is_known = bearer
        .or(in_query)
        .is_some_and(|token| token == sandbox.secrets.abs_api_key || token == access_token(&sandbox.secrets));
    if sandbox.faults.take("abs", "401") || !is_known {
        return (StatusCode::UNAUTHORIZED, "Unauthorized").into_response();
    }
    next.run(request).await
}

/// What a login gives; it works wherever the API key does.
fn access_token(secrets: &Secrets) -> String {
    hex::encode(Sha1::digest(format!("access {}", secrets.abs_api_key)))
}

async fn status() -> Json<Value> {
    Json(
        json!({ "app": "audiobookshelf", "serverVersion": "2.36.0", "isInit": true, "language": "en-us",
        "authMethods": ["local"], "authFormData": { "authLoginCustomMessage": null } }),
    )
}

async fn login(State(sandbox): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if body["username"] != "root" || body["password"] != sandbox.secrets.abs_password.as_str() {
        return (StatusCode::UNAUTHORIZED, "Unauthorized").into_response();
    }
    Json(login_payload(&sandbox, headers.contains_key("x-return-tokens"))).into_response()
}

async fn refresh(State(sandbox): State<Shared>, headers: HeaderMap) -> Response {
    let sent = headers.get("x-refresh-token").and_then(|value| value.to_str().ok());
    if sent != Some(format!("refresh-{}", access_token(&sandbox.secrets)).as_str()) {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({ "error": "Invalid refresh token" })),
        )
            .into_response();
    }
    Json(login_payload(&sandbox, true)).into_response()
}

async fn authorize(State(sandbox): State<Shared>) -> Json<Value> {
    Json(login_payload(&sandbox, false))
}

fn login_payload(sandbox: &Sandbox, with_refresh: bool) -> Value {
    let token = access_token(&sandbox.secrets);
    let shelf = lock(&sandbox.shelf);
    let mut user = people::describe_user(&shelf);
    user["token"] = json!(token);
    user["accessToken"] = json!(token);
    user["refreshToken"] = if with_refresh {
        json!(format!("refresh-{token}"))
    } else {
        Value::Null
    };
    json!({ "user": user, "userDefaultLibraryId": shelf.library_id, "serverSettings": { "id": "server-settings", "version": "2.36.0", "language": "en-us" },
        "ereaderDevices": [], "Source": "debian" })
}
