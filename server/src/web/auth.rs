//! Who is asking: bearer token or cookies, resolved once per request.

use app::api::session::SessionCookies;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use services::{Actor, Origin, Services};
use std::net::SocketAddr;
use types::ErrorCode;

use super::AppState;
use super::error::JsonError;

/// Puts [`Origin`] and, when somebody is signed in, [`Actor`] into the request.
///
/// An expired access cookie is renewed by the refresh cookie on the way, so that people notice nothing.
pub async fn identify(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if is_static(request.uri().path()) {
        return next.run(request).await;
    }
    let origin = origin_of(&request);
    let (actor, renewed) = find_actor(&state.services, state.cookies, request.headers(), &origin).await;
    request.extensions_mut().insert(origin);
    if let Some(actor) = actor {
        request.extensions_mut().insert(actor);
    }
    let mut response = next.run(request).await;
    // A response that signs in or out has the last word.
    if let Some(tokens) = renewed.filter(|_| !sets_cookie(&response, state.cookies.access_name())) {
        for cookie in tokens {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

fn sets_cookie(response: &Response, name: &str) -> bool {
    let cookies = response.headers().get_all(header::SET_COOKIE);
    cookies.iter().any(|cookie| {
        cookie
            .as_bytes()
            .strip_prefix(name.as_bytes())
            .is_some_and(|rest| rest.starts_with(b"="))
    })
}

type Renewed = Option<[header::HeaderValue; 2]>;

async fn find_actor(
    services: &Services,
    cookies: SessionCookies,
    headers: &HeaderMap,
    origin: &Origin,
) -> (Option<Actor>, Renewed) {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if let Some(token) = bearer {
        return (authenticate(services, token, origin).await, None);
    }
    if let Some(token) = cookies.access_token(headers)
        && let Some(actor) = authenticate(services, &token, origin).await
    {
        return (Some(actor), None);
    }
    let Some(token) = cookies.refresh_token(headers) else {
        return (None, None);
    };
    let Ok(signed_in) = services::auth::refresh(services, &token, origin.clone()).await else {
        return (None, None);
    };
    let actor = authenticate(services, &signed_in.tokens.access_token, origin).await;
    (actor, Some(cookies.sign_in(&signed_in.tokens)))
}

async fn authenticate(services: &Services, token: &str, origin: &Origin) -> Option<Actor> {
    match services::auth::authenticate(services, token).await {
        Ok(actor) => Some(actor.with_address(origin.address.clone())),
        Err(_) => None,
    }
}

fn is_static(path: &str) -> bool {
    path.starts_with("/pkg/") || path.starts_with("/health/")
}

fn origin_of(request: &Request) -> Origin {
    let address = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|peer| peer.0.ip().to_string());
    let user_agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    Origin {
        address,
        user_agent,
        ..Origin::default()
    }
}

/// The signed-in actor; a JSON handler that takes it answers 401 without one.
pub struct SignedInActor(pub Actor);

impl<S: Sync> FromRequestParts<S> for SignedInActor {
    type Rejection = JsonError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, JsonError> {
        parts
            .extensions
            .get::<Actor>()
            .cloned()
            .map(Self)
            .ok_or_else(|| ErrorCode::Unauthorized.into())
    }
}
