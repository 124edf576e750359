//! To the provider and back.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use clients::oidc::{
    AuthorizationRequest, Claims, Expected, OidcError, TokenFault, authorization_url, verify_id_token,
};
use db::oidc::OidcLoginRow;
use db::users::UserRow;
use diesel_async::AsyncConnection;
use domain::login_window::address_group;
use domain::single_sign_on::{count_leaving, find_claim, merge_userinfo};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;
use types::SessionId;
use types::oidc::OidcSettings;

use super::admission::{PendingLink, admit_person, link_person, mark_password};
use super::config::{Stored, load_enabled};
use super::provider;
use super::refusal::{Refused, note_refusal};
use crate::Services;
use crate::actor::{Actor, Credential, Origin, require_account_rights};
use crate::auth::SignedIn;
use crate::clock::random_32;
use crate::credentials::digest;
use crate::error::ServiceError;

/// How long somebody may take at the provider.
const MINUTES: i64 = 10;
const MAX_PATH: usize = 2_000;

/// Where to send the browser, and the cookie that binds the way back to it.
#[derive(Debug, Clone)]
pub struct Redirect {
    pub url: String,
    /// Part of the cookie's name, so that two tabs don't take each other's: see [`cookie_key`].
    pub cookie_key: String,
    /// For this browser only.
    pub cookie_value: String,
    /// Seconds until the way back is closed.
    pub max_age: u64,
}

/// What the provider sends the browser back with.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct CallbackParams {
    pub state: Option<String>,
    pub code: Option<String>,
    pub iss: Option<String>,
    pub error: Option<String>,
}

/// The end of a way through the provider.
#[derive(Clone)]
pub struct Finished {
    /// `None` after somebody who is signed in connected their account.
    pub signed_in: Option<SignedIn>,
    /// A path of ours.
    pub return_to: String,
}

/// The part of the cookie's name that belongs to a `state`.
pub fn cookie_key(state: &str) -> String {
    hex::encode(&digest(&[b"cookie", state.as_bytes()])[..8])
}

/// Begins a sign-in. `return_to` is a path of ours; anything else leads to the start page.
pub async fn start_sign_in(services: &Services, return_to: &str, origin: Origin) -> crate::Result<Redirect> {
    let start = Start {
        return_to,
        started_by: format!("address {}", address_group(origin.address.as_deref())),
        link: None,
    };
    match begin(services, start).await {
        Ok(redirect) => Ok(redirect),
        Err(refused) => Err(note_refusal(services, &origin, refused).await),
    }
}

/// Begins to connect the own account with the person at the provider. Only the sign-in that begins it can end it.
pub async fn start_linking(services: &Services, actor: &Actor, return_to: &str) -> crate::Result<Redirect> {
    let user = require_account_rights(actor)?.id;
    let session = actor.session_id().ok_or_else(|| {
        ServiceError::forbidden("Sign in with your browser to connect your account; an API key can't.")
    })?;
    let row = db::users::find_user(&mut *services.connection().await?, user).await?;
    let row = row.ok_or_else(|| ServiceError::unauthorized("You are signed out. Sign in again."))?;
    let start = Start {
        return_to,
        // No stranger at the same address takes their room.
        started_by: format!("user {user}"),
        link: Some((session, &row)),
    };
    let origin = Origin {
        address: actor.address().map(str::to_owned),
        ..Origin::default()
    };
    match begin(services, start).await {
        Ok(redirect) => Ok(redirect),
        Err(refused) => Err(note_refusal(services, &origin, refused).await),
    }
}

/// Ends a sign-in with what the browser brought back. `cookie` is the value of the cookie of this `state`.
pub async fn finish_sign_in(
    services: &Services,
    params: CallbackParams,
    cookie: Option<&str>,
    origin: Origin,
) -> crate::Result<Finished> {
    match finish(services, params, cookie, &origin).await {
        Ok(finished) => Ok(finished),
        Err(refused) => Err(note_refusal(services, &origin, refused).await),
    }
}

/// What a way to the provider begins with.
struct Start<'a> {
    return_to: &'a str,
    /// Whose room it takes.
    started_by: String,
    /// The sign-in that connects an account, and whose it is.
    link: Option<(SessionId, &'a UserRow)>,
}

async fn begin(services: &Services, start: Start<'_>) -> Result<Redirect, Refused> {
    let stored = load_enabled(services).await?;
    let known = provider::load(services, &stored).await?;
    let random = || URL_SAFE_NO_PAD.encode(random_32(services.random()));
    let (state, browser, nonce, verifier) = (random(), random(), random(), random());
    let request = AuthorizationRequest {
        state: &state,
        nonce: &nonce,
        code_verifier: &verifier,
        scopes: &stored.settings.scopes,
    };
    let url = authorization_url(
        &known.metadata,
        &stored.relying_party(services.config().base_path)?,
        &request,
    )?;
    let state_hash = hash(&state);
    let mark = start.link.map(|(_, user)| mark_password(user)).unwrap_or_default();
    let login = OidcLoginRow {
        browser_hash: hash(&browser),
        sealed: services.secrets().seal(
            &login_context(&state_hash),
            format!("{nonce}.{verifier}.{mark}").as_bytes(),
        ),
        state_hash,
        issuer: known.metadata.issuer.clone(),
        client_id: stored.settings.client_id.clone(),
        return_to: local_path(start.return_to),
        linked_session_id: start.link.map(|(session, _)| session.0),
        started_by: start.started_by,
        expires_at: services.now() + TimeDelta::minutes(MINUTES),
    };
    keep_login(services, &login).await?;
    Ok(Redirect {
        url: url.into(),
        cookie_key: cookie_key(&state),
        cookie_value: browser,
        max_age: MINUTES.unsigned_abs() * 60,
    })
}

/// Stores a sign-in that begins, in the place of the oldest of the same address if it has too many on their way.
async fn keep_login(services: &Services, login: &OidcLoginRow) -> Result<(), Refused> {
    let mut conn = services.connection().await?;
    conn.transaction::<_, Refused, _>(async |conn| {
        db::oidc::lock_oidc_logins(conn).await?;
        db::oidc::delete_expired_oidc_logins(conn, services.now()).await?;
        let (own, all) = db::oidc::count_oidc_logins(conn, &login.started_by).await?;
        let leaving = count_leaving(own, all).ok_or_else(|| {
            Refused::new(
                "too_many",
                "Too many people are signing in right now. Try again in ten minutes, or use your password.",
            )
        })?;
        db::oidc::delete_oldest_oidc_logins(conn, &login.started_by, leaving).await?;
        Ok(db::oidc::insert_oidc_login(conn, login).await?)
    })
    .await
}

async fn finish(
    services: &Services,
    params: CallbackParams,
    cookie: Option<&str>,
    origin: &Origin,
) -> Result<Finished, Refused> {
    let login = take_login(services, params.state.as_deref(), cookie).await?;
    if let Some(error) = &params.error {
        return Err(explain_provider_error(error));
    }
    let stored = load_enabled(services).await?;
    let sealed = open_login(services, &login)?;
    let link = find_link(&login, &sealed, origin)?;
    let claims = prove_person(services, &stored, (&login, &sealed), &params).await?;
    let settings = &stored.settings;
    let signed_in = match link {
        Some(link) => {
            link_person(services, settings, (&login.issuer, &claims), &link, origin).await?;
            None
        }
        None => Some(admit_person(services, settings, &login.issuer, &claims, origin).await?),
    };
    Ok(Finished {
        signed_in,
        return_to: login.return_to,
    })
}

/// Takes the sign-in out of the database: it is spent from here on, whatever comes next.
async fn take_login(services: &Services, state: Option<&str>, cookie: Option<&str>) -> Result<OidcLoginRow, Refused> {
    let unknown = || {
        Refused::new(
            "state_unknown",
            "This sign-in was used already, took longer than 10 minutes, or was started in another browser. Start it again \
             from the sign-in page; your browser must keep cookies.",
        )
    };
    let (Some(state), Some(cookie)) = (state, cookie) else {
        return Err(unknown());
    };
    let mut conn = services.connection().await?;
    let login = db::oidc::take_oidc_login(&mut conn, &hash(state), &hash(cookie)).await?;
    login
        .filter(|login| login.expires_at > services.now())
        .ok_or_else(unknown)
}

/// The link that this way was begun for, refused to everybody but the sign-in that began it.
fn find_link(login: &OidcLoginRow, sealed: &SealedLogin, origin: &Origin) -> Result<Option<PendingLink>, Refused> {
    let Some(session) = login.linked_session_id.map(SessionId) else {
        return Ok(None);
    };
    match origin.credential == Credential::Session(session) {
        true => Ok(Some(PendingLink {
            session,
            password_mark: sealed.password_mark.clone(),
        })),
        false => Err(Refused::by_sign_out()),
    }
}

/// The verified claims of whoever came back.
async fn prove_person(
    services: &Services,
    stored: &Stored,
    (login, sealed): (&OidcLoginRow, &SealedLogin),
    params: &CallbackParams,
) -> Result<Claims, Refused> {
    let known = provider::load(services, stored).await?;
    if known.metadata.issuer != login.issuer || stored.settings.client_id != login.client_id {
        return Err(Refused::by_edit());
    }
    // Mix-up of providers (RFC 9207).
    let is_named = params.iss.as_ref() == Some(&login.issuer);
    if !is_named && (params.iss.is_some() || known.metadata.names_issuer_in_callback) {
        return Err(OidcError::from(TokenFault::Issuer).into());
    }
    let code = params.code.as_deref().filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| Refused::new("no_code", "The provider sent no code. Start the sign-in again."))?;
    let party = stored.relying_party(services.config().base_path)?;
    let tokens = known
        .client
        .exchange_code(&known.metadata, &party, code, &sealed.verifier)
        .await?;
    let expected = Expected {
        client_id: &stored.settings.client_id,
        nonce: &sealed.nonce,
        now: services.now(),
    };
    let verify = |keys| verify_id_token(&known.metadata, keys, tokens.id_token.expose_secret(), &expected);
    let verified = match verify(&known.keys) {
        // The provider may have changed its keys since we asked.
        Err(TokenFault::UnknownKey) => verify(&provider::reload_keys(services, &known).await?.keys),
        other => other,
    };
    let mut claims = verified.map_err(OidcError::from)?;
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    if lacks_claims(&stored.settings, &claims)
        && let Some(userinfo) = known.client.fetch_userinfo(&known.metadata, &tokens, subject).await?
    {
        merge_userinfo(&mut claims, userinfo, &stored.settings.groups_claim);
    }
    Ok(claims)
}

/// Many providers keep tokens small and tell the rest only when asked.
fn lacks_claims(settings: &OidcSettings, claims: &Claims) -> bool {
    let lacks_groups = !settings.group_roles.is_empty() && find_claim(claims, &settings.groups_claim).is_none();
    let names = ["preferred_username", "email", "email_verified"];
    lacks_groups || names.iter().any(|name| !claims.contains_key(*name))
}

/// What only this server can read of a sign-in on its way.
struct SealedLogin {
    nonce: String,
    verifier: String,
    /// Of a link; empty for a sign-in.
    password_mark: String,
}

fn open_login(services: &Services, login: &OidcLoginRow) -> Result<SealedLogin, Refused> {
    let sealed = services
        .secrets()
        .open_text(&login_context(&login.state_hash), &login.sealed);
    let opened = sealed.map_err(ServiceError::from)?;
    let parts: Vec<&str> = opened.expose_secret().split('.').collect();
    let [nonce, verifier, password_mark] = parts[..] else {
        return Err(ServiceError::internal("a stored sign-in has no three parts").into());
    };
    Ok(SealedLogin {
        nonce: nonce.into(),
        verifier: verifier.into(),
        password_mark: password_mark.into(),
    })
}

/// The provider's own description is not shown: anybody can write a link with one.
fn explain_provider_error(error: &str) -> Refused {
    let sentence = match error {
        "access_denied" => {
            "The provider did not let you in, or you cancelled. Try again, or ask whoever runs the provider."
        }
        "login_required" | "interaction_required" | "consent_required" | "account_selection_required" => {
            "The provider wants you to sign in there first. Do that and try again."
        }
        "invalid_scope" => {
            "The provider refuses one of the scopes. An admin can remove it in the settings of single sign-on."
        }
        "unauthorized_client" | "invalid_request" | "unsupported_response_type" => {
            "The provider refuses this application. An admin must check the client and its redirect address at the provider."
        }
        "temporarily_unavailable" | "server_error" => {
            "The provider can't sign you in right now. Try again in a moment."
        }
        _ => "The provider ended the sign-in with an error. Try again; if that does not help, ask an admin.",
    };
    Refused::new("provider_error", sentence)
}

/// Only a path on this server: whatever a browser could read as another host leads to the start page.
fn local_path(path: &str) -> String {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= MAX_PATH
        && path.chars().all(|letter| letter.is_ascii_graphic() && letter != '\\');
    if is_local { path.into() } else { "/".into() }
}

fn hash(text: &str) -> Vec<u8> {
    digest(&[text.as_bytes()]).to_vec()
}

pub(crate) fn login_context(state_hash: &[u8]) -> String {
    format!("oidc_logins/{}", hex::encode(state_hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_returned_to() {
        for local in ["/", "/books?sort=title&page=2#a", "/a//b"] {
            assert_eq!(local_path(local), local);
        }
        for foreign in [
            "",
            "books",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\tevil",
            "/a\r\nSet-Cookie: a=b",
            "javascript:alert(1)",
            "/é",
        ] {
            assert_eq!(local_path(foreign), "/", "{foreign:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(MAX_PATH))), "/");
    }

    #[test]
    fn a_providers_error_is_explained_in_our_own_words() {
        for error in [
            "access_denied",
            "invalid_scope",
            "server_error",
            "<script>alert(1)</script>",
        ] {
            let refused = explain_provider_error(error);
            assert!(!refused.error.message.contains(error), "{error}");
            assert_eq!(refused.reason, "provider_error");
        }
    }
}
