//! Who is asking: access token, API key or cookies, resolved once per request.
//!
//! A credential in a header that does not hold is refused on the JSON API rather than taken for nobody: a program must
//! learn that its key has ended. The ways in (sign-in, refresh, set-up) don't look at it, as who comes there needs a new
//! one. Pages ignore it too: a proxy in front may send a header of its own, which they don't even look at.

use app::api::session::SessionCookies;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use services::{Actor, Origin, ServiceError, Services};
use types::ErrorCode;

use super::AppState;
use super::client::ClientAddress;
use super::error::JsonError;
use super::rate;

/// The header for programs that can't set `Authorization`.
const API_KEY: &str = "x-api-key";
/// Ways in: where one gets a credential.
const WAYS_IN: [&str; 3] = ["/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/setup"];

/// Puts [`Origin`] and, when somebody is signed in, [`Actor`] into the request.
///
/// An expired access cookie is renewed by the refresh cookie on the way, so that people notice nothing. The response
/// carries the [`Actor`] out again, for `refusals`.
pub async fn identify(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if is_static(request.uri().path()) {
        return next.run(request).await;
    }
    let origin = origin_of(&request);
    // Not the whole request: its body must not be shared while others are waited for.
    let asked = (request.uri().path(), request.headers());
    let found = match find_actor(&state, asked, &origin).await {
        Ok(found) => found,
        // Who shows a bad credential counts as a stranger.
        Err(refusal) => {
            let counted = rate::count_stranger(&state.edge, &request);
            return counted.err().unwrap_or_else(|| refusal.into()).into_response();
        }
    };
    request.extensions_mut().insert(origin);
    if let Some(actor) = found.actor.clone() {
        request.extensions_mut().insert(actor);
    }
    let mut response = next.run(request).await;
    if let Some(actor) = found.actor {
        response.extensions_mut().insert(actor);
    }
    // A response that signs in or out has the last word.
    if let Some(tokens) = found
        .renewed
        .filter(|_| !sets_cookie(&response, state.cookies.access_name()))
    {
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

/// Whether one gets a credential there, so that none is looked at.
pub fn is_way_in(path: &str) -> bool {
    WAYS_IN.contains(&path)
}

#[derive(Default)]
struct Found {
    actor: Option<Actor>,
    renewed: Option<[header::HeaderValue; 2]>,
}

async fn find_actor(
    state: &AppState,
    (path, headers): (&str, &HeaderMap),
    origin: &Origin,
) -> Result<Found, ServiceError> {
    if is_way_in(path) {
        return Ok(Found::default());
    }
    let is_api = path.starts_with("/api/");
    let credential = find_credential(headers).filter(|credential| is_api || services::auth::is_like_ours(credential));
    if let Some(credential) = credential {
        let found = services::auth::identify(&state.services, &credential, origin).await;
        if is_api || !is_nobody(&found) {
            return Ok(Found {
                actor: Some(found?),
                renewed: None,
            });
        }
    }
    find_person(&state.services, state.cookies, (headers, origin)).await
}

/// By cookies, which hold access tokens and never API keys. Those that don't hold are nobody's: a browser sends them on
/// without being asked.
async fn find_person(
    services: &Services,
    cookies: SessionCookies,
    (headers, origin): (&HeaderMap, &Origin),
) -> Result<Found, ServiceError> {
    if let Some(token) = cookies.access_token(headers) {
        let found = services::auth::authenticate(services, &token).await;
        if !is_nobody(&found) {
            return Ok(Found {
                actor: Some(found?.with_origin(origin)),
                renewed: None,
            });
        }
    }
    let Some(token) = cookies.refresh_token(headers) else {
        return Ok(Found::default());
    };
    match services::auth::refresh(services, &token, origin.clone()).await {
        // Nothing may fail from here on: the old token is spent, and the browser must learn the new one.
        Ok(signed_in) => Ok(Found {
            actor: Some(signed_in.actor(origin)),
            renewed: Some(cookies.sign_in(&signed_in.tokens)),
        }),
        Err(error) if says_nobody(&error) => Ok(Found::default()),
        Err(error) => Err(error),
    }
}

fn is_nobody(found: &Result<Actor, ServiceError>) -> bool {
    found.as_ref().is_err_and(says_nobody)
}

/// Not right, or not even looked at after too many guesses from there.
fn says_nobody(error: &ServiceError) -> bool {
    matches!(error.code, ErrorCode::Unauthorized | ErrorCode::RateLimitExceeded)
}

/// `Authorization: Bearer <token or key>`, or `X-Api-Key: <key>`. Other schemes are for a proxy in front.
pub fn find_credential(headers: &HeaderMap) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, credential) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(credential)
    });
    let key = || headers.get(API_KEY).map(|value| value.to_str().unwrap_or_default());
    bearer.or_else(key).map(str::to_owned)
}

fn is_static(path: &str) -> bool {
    path.starts_with("/pkg/") || path.starts_with("/health/") || path == "/metrics"
}

/// Where a request comes from.
pub fn origin_of(request: &Request) -> Origin {
    let address = request
        .extensions()
        .get::<ClientAddress>()
        .map(|client| client.0.to_string());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sent: &[(&'static str, &str)], expected: Option<&str>) {
        let headers = sent
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        assert_eq!(find_credential(&headers).as_deref(), expected, "{sent:?}");
    }

    #[test]
    fn a_credential_is_a_bearer_token_or_the_key_header_and_nothing_else() {
        check(&[], None);
        check(&[("authorization", "Bearer a.b.c")], Some("a.b.c"));
        check(&[("authorization", "bearer mamc_1_2")], Some("mamc_1_2"));
        check(&[("authorization", "Basic YTpi")], None);
        check(&[("x-api-key", "mamc_1_2")], Some("mamc_1_2"));
        check(&[("authorization", "Basic YTpi"), ("x-api-key", "k")], Some("k"));
        check(&[("authorization", "Bearer a.b.c"), ("x-api-key", "k")], Some("a.b.c"));
        check(&[("x-api-key", "")], Some(""));
    }
}
