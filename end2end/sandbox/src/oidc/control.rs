//! Who signs in at the provider and with which keys: for tests. And the provider without the rest of the sandbox.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::state::{Claims, Provider};
use crate::control::{FaultOrder, switch_fault};
use crate::state::{random_hex, replace_file};

/// `{"user":"berta"}`, `{"user":"dora","claims":{"email":"dora@example.com"}}` or `{"rotate_keys":true}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    user: Option<String>,
    claims: Option<Claims>,
    #[serde(default)]
    rotate_keys: bool,
}

/// `/control/oidc`.
pub fn control_routes<S>(provider: &Arc<Provider>) -> Router<S> {
    Router::new()
        .route("/control/oidc", get(show).post(change))
        .with_state(Arc::clone(provider))
}

/// What a test or a person needs to connect to it.
pub fn describe(provider: &Provider) -> Value {
    json!({ "issuer": provider.base(), "client_id": provider.client_id, "client_secret": provider.client_secret })
}

/// Only the provider and its control door, on a port of its own: for tests that need nothing else.
pub async fn serve_alone(print: &Path) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let provider = Arc::new(Provider::new(port, client_secret(), Arc::default())?);
    let faults = Router::new()
        .route("/control/faults", post(set_fault))
        .with_state(Arc::clone(&provider));
    let app: Router = super::router(&provider).merge(control_routes(&provider)).merge(faults);
    let mut facts = describe(&provider);
    facts["control"] = json!({ "url": format!("http://127.0.0.1:{port}") });
    replace_file(print, &serde_json::to_vec_pretty(&facts)?)?;
    axum::serve(listener, app)
        .with_graceful_shutdown(crate::stopped())
        .await?;
    Ok(())
}

/// With letters that must be form-encoded before they go into a Basic header.
pub fn client_secret() -> String {
    format!("{}:+/ %&=", random_hex(16))
}

async fn show(State(provider): State<Arc<Provider>>) -> Json<Value> {
    Json(provider.to_json())
}

async fn change(State(provider): State<Arc<Provider>>, Json(order): Json<Order>) -> Response {
    if let Some(user) = &order.user
        && !provider.sign_in(user, order.claims)
    {
        return (
            StatusCode::BAD_REQUEST,
            format!("There is no {user}; name their claims too."),
        )
            .into_response();
    }
    if order.rotate_keys
        && let Err(error) = provider.rotate_keys()
    {
        return (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response();
    }
    Json(provider.to_json()).into_response()
}

async fn set_fault(State(provider): State<Arc<Provider>>, Json(order): Json<FaultOrder>) -> Response {
    match switch_fault(&provider.faults, &order) {
        Ok(_) => Json(json!({ "active": provider.faults.list() })).into_response(),
        Err(sentence) => (StatusCode::BAD_REQUEST, sentence).into_response(),
    }
}
