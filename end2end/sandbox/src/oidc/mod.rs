//! A stand-in for an OpenID Connect provider: discovery, authorization with consent given by itself, tokens with PKCE and
//! client authentication, keys that rotate, userinfo. Who signs in is chosen at the control door.

mod authorize;
mod control;
mod keys;
mod state;
mod token;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

pub use control::{client_secret, control_routes, describe, serve_alone};
pub use state::Provider;

/// Longer than anybody should wait for a sign-in.
const SLOW: Duration = Duration::from_secs(30);

/// The provider's own door.
pub fn router<S>(provider: &Arc<Provider>) -> Router<S> {
    Router::new()
        .route("/oidc/.well-known/openid-configuration", get(discover))
        .route("/oidc/authorize", get(authorize::authorize))
        .route("/oidc/token", post(token::give_tokens))
        .route("/oidc/jwks", get(list_keys))
        .route("/oidc/userinfo", get(tell_userinfo))
        .layer(from_fn_with_state(Arc::clone(provider), misbehave))
        .with_state(Arc::clone(provider))
}

async fn misbehave(State(provider): State<Arc<Provider>>, request: Request, next: Next) -> Response {
    let endpoint = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    provider.count(&endpoint);
    if endpoint == "authorize" {
        return next.run(request).await;
    }
    if provider.has_fault("down") {
        return (StatusCode::BAD_GATEWAY, Html("<h1>502 Bad Gateway</h1>")).into_response();
    }
    if provider.has_fault("html") {
        return Html("<!doctype html><title>Sign in</title><form>Password</form>").into_response();
    }
    if provider.has_fault("slow") {
        tokio::time::sleep(SLOW).await;
    }
    next.run(request).await
}

async fn discover(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let base = provider.base();
    let issuer = match provider.has_fault("other_issuer") {
        true => format!("{base}/elsewhere"),
        false => provider.issuer(),
    };
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/jwks"),
        "userinfo_endpoint": format!("{base}/userinfo"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        "scopes_supported": ["openid", "profile", "email", "groups"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    if provider.has_fault("secret_in_body") {
        document["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
    }
    if provider.has_fault("endpoint_in_the_house") {
        document["token_endpoint"] = json!("https://10.9.8.7/token");
    }
    if provider.has_fault("weak_algorithms") {
        document["id_token_signing_alg_values_supported"] = json!(["HS256", "none"]);
    }
    Json(document)
}

async fn list_keys(State(provider): State<Arc<Provider>>) -> Json<Value> {
    Json(json!({ "keys": provider.public_keys() }))
}

async fn tell_userinfo(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> Response {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let Some((subject, mut claims)) = bearer.and_then(|token| provider.person_of_token(token)) else {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_token" }))).into_response();
    };
    let subject = match provider.has_fault("userinfo_of_another") {
        true => "somebody-else".to_owned(),
        false => subject,
    };
    claims.insert("sub".into(), subject.into());
    Json(claims).into_response()
}
