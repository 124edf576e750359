//! The browser's way through the provider: whoever is signed in there agrees at once.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use url::Url;

use super::state::{Grant, Provider};

#[derive(Deserialize)]
pub struct Question {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

pub async fn authorize(State(provider): State<Arc<Provider>>, Query(question): Query<Question>) -> Response {
    let Some(mut target) = registered_target(&provider, &question) else {
        // Never redirects to an address that is not registered.
        return (
            StatusCode::BAD_REQUEST,
            "This client or redirect address is not registered.",
        )
            .into_response();
    };
    let answer = judge(&provider, &question);
    {
        let mut query = target.query_pairs_mut();
        match answer {
            Ok(code) => query.append_pair("code", &code),
            Err(error) => query
                .append_pair("error", error)
                .append_pair("error_description", "<b>The provider's own words</b>"),
        };
        if let Some(state) = &question.state {
            query.append_pair("state", state);
        }
        if !provider.has_fault("no_iss_parameter") {
            let issuer = match provider.has_fault("wrong_iss_parameter") {
                true => "https://elsewhere.example".into(),
                false => provider.issuer(),
            };
            query.append_pair("iss", &issuer);
        }
    }
    (StatusCode::FOUND, [(header::LOCATION, String::from(target))]).into_response()
}

fn registered_target(provider: &Provider, question: &Question) -> Option<Url> {
    let target = Url::parse(&question.redirect_uri).ok()?;
    let is_registered = question.client_id == provider.client_id && target.path().ends_with("/auth/oidc/callback");
    is_registered.then_some(target)
}

fn judge(provider: &Provider, question: &Question) -> Result<String, &'static str> {
    const KNOWN_SCOPES: [&str; 4] = ["openid", "profile", "email", "groups"];
    if provider.has_fault("access_denied") {
        return Err("access_denied");
    }
    if question.response_type != "code" {
        return Err("unsupported_response_type");
    }
    let mut scopes = question.scope.split(' ');
    if !scopes.clone().any(|scope| scope == "openid") || !scopes.all(|scope| KNOWN_SCOPES.contains(&scope)) {
        return Err("invalid_scope");
    }
    let (Some(code_challenge), Some("S256")) = (&question.code_challenge, question.code_challenge_method.as_deref())
    else {
        return Err("invalid_request");
    };
    Ok(provider.give_code(Grant {
        subject: provider.signed_in(),
        redirect_uri: question.redirect_uri.clone(),
        nonce: question.nonce.clone(),
        code_challenge: code_challenge.clone(),
    }))
}
