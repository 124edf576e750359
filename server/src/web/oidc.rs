//! The browser's way to the single sign-on provider and back.
//!
//! Each sign-in has a cookie of its own, named after its `state`, so that two tabs don't take each other's.

use app::api::session::{SessionCookies, find_cookie};
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::Deserialize;
use services::oidc::{CallbackParams, Finished, Redirect, cookie_key, finish_sign_in, start_linking, start_sign_in};
use services::{Actor, Origin, Services};
use types::BasePath;

use super::AppState;
use super::auth::SignedInActor;
use super::error::JsonError;
use super::extract::ApiQuery;

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/auth/oidc/start", get(start))
        .route("/auth/oidc/callback", get(come_back))
        .route("/auth/oidc/link", post(start_link))
}

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
struct Return {
    /// A path of ours.
    #[serde(default)]
    return_to: String,
}

/// `GET /auth/oidc/start?return_to=/books` sends the browser to the provider.
async fn start(
    State(services): State<Services>,
    State(cookies): State<SessionCookies>,
    Extension(origin): Extension<Origin>,
    ApiQuery(after): ApiQuery<Return>,
) -> Result<Response, JsonError> {
    let redirect = start_sign_in(&services, &after.return_to, origin).await?;
    let target = location(&redirect.url)?;
    let cookie = state_cookie(cookies, &redirect.cookie_key, &redirect.cookie_value, redirect.max_age);
    Ok((
        StatusCode::SEE_OTHER,
        [(header::LOCATION, target), (header::SET_COOKIE, cookie)],
    )
        .into_response())
}

/// `POST /auth/oidc/link` with the field `return_to`: somebody signed in connects their account.
///
/// A page that leads on, as browsers forbid a form of ours to be redirected to another site.
async fn start_link(
    State(services): State<Services>,
    State(cookies): State<SessionCookies>,
    SignedInActor(actor): SignedInActor,
    Form(after): Form<Return>,
) -> Result<Response, JsonError> {
    let redirect = start_linking(&services, &actor, &after.return_to).await?;
    let cookie = state_cookie(cookies, &redirect.cookie_key, &redirect.cookie_value, redirect.max_age);
    Ok((
        [(header::SET_COOKIE, cookie)],
        Html(leading_page(&redirect, cookies.base)),
    )
        .into_response())
}

/// `GET /auth/oidc/callback`, where the provider sends the browser.
async fn come_back(
    State(services): State<Services>,
    State(cookies): State<SessionCookies>,
    Extension(origin): Extension<Origin>,
    actor: Option<Extension<Actor>>,
    headers: HeaderMap,
    ApiQuery(params): ApiQuery<CallbackParams>,
) -> Response {
    // A link ends only in the sign-in that began it.
    let credential = actor.map(|Extension(actor)| actor.credential()).unwrap_or_default();
    let origin = Origin { credential, ..origin };
    let key = params.state.as_deref().map(cookie_key);
    let value = key
        .as_deref()
        .and_then(|key| find_cookie(&headers, &cookie_name(cookies, key)));
    let finished = finish_sign_in(&services, params, value.as_deref(), origin).await;
    let mut response = match finished
        .map_err(JsonError::from)
        .and_then(|finished| enter(cookies, &finished))
    {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    // It is spent, whatever came of it.
    if let Some(key) = key.filter(|_| value.is_some()) {
        response
            .headers_mut()
            .append(header::SET_COOKIE, state_cookie(cookies, &key, "", 0));
    }
    response
}

fn enter(cookies: SessionCookies, finished: &Finished) -> Result<Response, JsonError> {
    let mut response = (
        StatusCode::SEE_OTHER,
        [(header::LOCATION, location(&finished.return_to)?)],
    )
        .into_response();
    for cookie in finished
        .signed_in
        .iter()
        .flat_map(|signed_in| cookies.sign_in(&signed_in.tokens))
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn location(target: &str) -> Result<HeaderValue, JsonError> {
    HeaderValue::from_str(target).map_err(|_| JsonError::from_status(StatusCode::BAD_GATEWAY))
}

fn cookie_name(cookies: SessionCookies, key: &str) -> String {
    format!("{}mamcrawler_oidc_{key}", cookies.prefix())
}

/// `Lax`: it must come back with the provider's redirect, which is another site's.
fn state_cookie(cookies: SessionCookies, key: &str, value: &str, max_age: u64) -> HeaderValue {
    let secure = if cookies.secure { "; Secure" } else { "" };
    let (name, path) = (cookie_name(cookies, key), cookies.base.as_path());
    HeaderValue::from_str(&format!(
        "{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"
    ))
    .expect("key and value are hex and base64url")
}

fn leading_page(redirect: &Redirect, base: BasePath) -> String {
    let (url, icon) = (escape(&redirect.url), base.at("/favicon.svg"));
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Single sign-on</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"icon\" href=\"{icon}\" type=\"image/svg+xml\">\
         <meta http-equiv=\"refresh\" content=\"0; url={url}\"></head>\
         <body><p><a href=\"{url}\">Go on to the provider</a></p></body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_of_a_sign_in_is_named_after_it_and_comes_back_from_another_site() {
        let secure = SessionCookies {
            secure: true,
            ..SessionCookies::default()
        };
        let cookie = state_cookie(secure, "ab12", "value", 600);
        assert_eq!(
            cookie,
            "__Host-mamcrawler_oidc_ab12=value; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"
        );
        let plain = state_cookie(SessionCookies::default(), "ab12", "", 0);
        assert_eq!(
            plain,
            "mamcrawler_oidc_ab12=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn an_address_can_not_break_out_of_the_leading_page() {
        let redirect = Redirect {
            url: "https://id.example/a?b=1&c=\"><script>'".into(),
            cookie_key: String::new(),
            cookie_value: String::new(),
            max_age: 0,
        };
        let page = leading_page(&redirect, BasePath::ROOT);
        assert!(page.contains("url=https://id.example/a?b=1&amp;c=&quot;&gt;&lt;script&gt;&#39;\""));
        assert!(!page.contains("<script>"));
    }
}
