//! One's own sign-ins, API keys and single sign-on accounts.

use leptos::prelude::*;
use services::{api_keys, identities, sessions, shown_once};
use types::access::{ApiKeyView, IssuedApiKey, NewApiKeyForm, RotateApiKeyForm, Scope, SessionView};
use types::oidc::UserIdentities;
use types::paging::MAX_LIMIT;
use types::{ApiError, ApiKeyId, Page, PageRequest, SessionId};

use super::{AppError, refuse};

/// As many as one page can have: neither list is longer for people.
const WHOLE: PageRequest = PageRequest {
    limit: Some(MAX_LIMIT),
    cursor: None,
};

/// One's own live sign-ins, newest first.
pub async fn list_sessions() -> Result<Page<SessionView>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(sessions::list_sessions(&services, &actor, None, WHOLE).await?)
}

/// Ends one sign-in.
#[server]
pub async fn end_session(id: SessionId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    sessions::end_session(&services, &actor, id).await?;
    super::go_to("/account?done=ended#sign-ins");
    Ok(())
}

/// Ends all sign-ins but this one.
#[server]
pub async fn end_other_sessions() -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    sessions::end_other_sessions(&services, &actor).await?;
    super::go_to("/account?done=others#sign-ins");
    Ok(())
}

/// One's own API keys, newest first.
pub async fn list_keys() -> Result<Page<ApiKeyView>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(api_keys::list_keys(&services, &actor, None, WHOLE).await?)
}

/// Makes an API key; the page that follows shows it.
#[server]
pub async fn create_key(name: String, scope: Scope, expires_in_days: String) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    let form = NewApiKeyForm {
        name,
        scope,
        expires_in_days: parse_days(&expires_in_days).map_err(refuse)?,
        requests_per_minute: None,
    };
    let issued = api_keys::create_key(&services, &actor, form).await?;
    show_next(&issued)
}

/// Gives an API key a new secret; the page that follows shows it.
#[server]
pub async fn rotate_key(id: ApiKeyId, grace_hours: u32) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    let form = RotateApiKeyForm {
        grace_hours: Some(grace_hours),
    };
    let issued = api_keys::rotate_key(&services, &actor, id, form).await?;
    show_next(&issued)
}

/// Ends an API key.
#[server]
pub async fn revoke_key(id: ApiKeyId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    api_keys::revoke_key(&services, &actor, id).await?;
    super::go_to("/account?done=revoked#keys");
    Ok(())
}

/// The key that was made or rotated just before, for this one page.
pub fn take_issued_key() -> Option<IssuedApiKey> {
    let (services, actor) = super::caller().ok()?;
    shown_once::unwrap_key(&services, &actor, &super::session::take_once()?)
}

/// One's own e-mail and single sign-on accounts.
pub async fn list_identities() -> Result<UserIdentities, AppError> {
    let (services, actor) = super::caller()?;
    Ok(identities::list_identities(&services, &actor, None).await?)
}

/// Disconnects a single sign-on account.
#[server]
pub async fn disconnect_identity(id: uuid::Uuid) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    identities::unlink_identity(&services, &actor, id).await?;
    super::go_to("/account?done=disconnected#connections");
    Ok(())
}

/// What the single sign-on provider is called, if one can be used. Answers strangers too.
pub async fn find_provider() -> Result<Option<String>, AppError> {
    Ok(services::oidc::get_public_provider(&super::services()?).await?)
}

fn show_next(issued: &IssuedApiKey) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    super::session::set_once(&shown_once::wrap_key(&services, &actor, issued)?);
    super::go_to("/account#new-key");
    Ok(())
}

fn parse_days(text: &str) -> Result<Option<u32>, ApiError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let days = text.parse().map(Some);
    days.map_err(|_| ApiError::field("expires_in_days", "Enter a whole number of days, such as 90."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_days_are_as_many_as_the_server_allows() {
        assert_eq!(parse_days("  "), Ok(None));
        assert_eq!(parse_days(" 90 "), Ok(Some(90)));
        let refused = parse_days("1.5").unwrap_err();
        assert!(refused.context.contains_key("expires_in_days"));
    }
}
