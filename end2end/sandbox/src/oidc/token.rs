//! The token endpoint, and every way in which its ID token can be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::keys::{Key, leave_unsigned};
use super::state::{Grant, Provider};

type Fields = BTreeMap<String, String>;

pub async fn give_tokens(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    if !is_our_client(&provider, &headers, &fields) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    if field("grant_type") != "authorization_code" {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let grant = provider
        .spend_code(field("code"))
        .filter(|grant| grant.redirect_uri == field("redirect_uri"))
        .filter(|grant| grant.code_challenge == challenge_of(field("code_verifier")));
    let Some(grant) = grant else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    match make_id_token(&provider, &grant) {
        Ok(id_token) => {
            let access_token = provider.give_access_token(&grant.subject);
            let body = json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": id_token });
            ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

/// Basic with both parts form-encoded (RFC 6749 2.3.1), or in the body.
fn is_our_client(provider: &Provider, headers: &HeaderMap, fields: &Fields) -> bool {
    let basic = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|text| String::from_utf8(STANDARD.decode(text).ok()?).ok());
    let (id, secret) = match &basic {
        Some(pair) => {
            let (id, secret) = pair.split_once(':').unwrap_or_default();
            (decode_form(id), decode_form(secret))
        }
        None => (
            fields.get("client_id").cloned().unwrap_or_default(),
            fields.get("client_secret").cloned().unwrap_or_default(),
        ),
    };
    let is_in_its_place = basic.is_none() == provider.faults.list().contains_key("oidc/secret_in_body");
    is_in_its_place && id == provider.client_id && secret == provider.client_secret
}

fn decode_form(text: &str) -> String {
    let pair = format!("v={text}");
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs.next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn make_id_token(provider: &Provider, grant: &Grant) -> Result<String> {
    let claims = make_claims(provider, grant);
    if provider.has_fault("no_id_token") {
        return Ok("no.token".into());
    }
    if provider.has_fault("alg_none") {
        return Ok(leave_unsigned(&claims));
    }
    if provider.has_fault("unknown_kid") {
        return Key::new_rsa()?.sign("a-key-that-is-not-published", &claims);
    }
    if provider.has_fault("stolen_kid") {
        let kid = provider.with_key(|key| key.kid.clone());
        return Key::new_rsa()?.sign(&kid, &claims);
    }
    provider.with_key(|key| {
        if provider.has_fault("hs256_secret") {
            return Ok(key.sign_shared(provider.client_secret.as_bytes(), &claims));
        }
        if provider.has_fault("hs256_public_key") {
            return Ok(key.sign_shared(key.public()["n"].as_str().unwrap_or_default().as_bytes(), &claims));
        }
        key.sign(&key.kid, &claims)
    })
}

fn make_claims(provider: &Provider, grant: &Grant) -> Value {
    let now = crate::state::now_ms() / 1000;
    let mut claims = json!({
        "iss": provider.issuer(), "sub": grant.subject, "aud": provider.client_id, "iat": now, "exp": now + 300,
        "nonce": grant.nonce,
    });
    if !provider.has_fault("claims_in_userinfo") {
        for (name, value) in provider.claims_of(&grant.subject) {
            claims[name] = value;
        }
    }
    for (fault, name, value) in [
        ("wrong_iss", "iss", json!("https://elsewhere.example")),
        // Differs by what many comparisons forgive.
        ("slash_in_token", "iss", json!(format!("{}/", provider.base()))),
        ("wrong_aud", "aud", json!("another-application")),
        ("several_aud", "aud", json!([provider.client_id, "another-application"])),
        ("wrong_azp", "azp", json!("another-application")),
        ("wrong_nonce", "nonce", json!("another-nonce")),
        ("no_nonce", "nonce", Value::Null),
        ("expired", "exp", json!(now - 90)),
        ("slightly_expired", "exp", json!(now - 20)),
        ("issued_later", "iat", json!(now + 600)),
        ("verified_in_token", "email_verified", json!(true)),
        ("long_subject", "sub", json!("x".repeat(300))),
    ] {
        if provider.has_fault(fault) {
            claims[name] = value;
        }
    }
    claims
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (
        status,
        Json(json!({ "error": error, "error_description": "The sandbox says no." })),
    )
        .into_response()
}
