//! Keys of programs: `mamc_<id>_<secret>`, so that a person and a secret scanner know one when they see it.
//!
//! A key acts for its owner with the smaller of its scope and the owner's role. It can change sign-ins, passwords and
//! API keys only with the scope `admin`; but every key may rotate and revoke itself. The secret has 256 random bits, so
//! a plain SHA-256 keeps it.

mod authenticate;

pub(crate) use authenticate::is_key_still_good;
pub use authenticate::{authenticate_key, parse_key};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use db::Connection;
use db::api_keys::{ApiKeyRow, NAME_INDEX};
use db::users::UserRow;
use diesel_async::AsyncConnection;
use serde_json::json;
use sha2::{Digest, Sha256};
use types::access::{ApiKeyView, IssuedApiKey, NewApiKeyForm, RotateApiKeyForm, Scope};
use types::people::{CurrentUser, Role};
use types::{ApiKeyId, Page, PageRequest, UserId};

use crate::Services;
use crate::actor::{Actor, Credential, require_account_rights, require_own_or_admin, require_user};
use crate::audit::record_action;
use crate::clock::random_32;
use crate::error::{FieldErrors, Result, ServiceError};

/// What every key starts with.
pub(crate) const PREFIX: &str = "mamc_";
const MAX_KEYS: i64 = 50;
const MAX_NAME_CHARACTERS: usize = 80;
const MAX_REQUESTS_PER_MINUTE: u32 = 10_000;
const GRACE_HOURS: u32 = 24;
const MAX_GRACE_HOURS: u32 = 168;
/// A hundred years: days beyond it are a typing error, and dates beyond it don't fit everywhere.
const MAX_DAYS: u32 = 36_500;

/// The keys of the actor, or of `user` for admins, that were not revoked; newest first.
pub async fn list_keys(
    services: &Services,
    actor: &Actor,
    user: Option<UserId>,
    page: PageRequest,
) -> Result<Page<ApiKeyView>> {
    let user = require_own_or_admin(actor, user)?;
    let mut conn = services.connection().await?;
    if db::users::find_user(&mut conn, user).await?.is_none() {
        return Err(ServiceError::not_found("user"));
    }
    Ok(db::api_keys::list_keys(&mut conn, user, &page, services.now()).await?)
}

/// One key. Somebody else's is unknown to all but admins.
pub async fn get_key(services: &Services, actor: &Actor, id: ApiKeyId) -> Result<ApiKeyView> {
    let user = require_user(actor)?;
    let (key, owner) = find_visible_key(&mut *services.connection().await?, user, id).await?;
    Ok(key.view(&owner.username, services.now())?)
}

/// Makes a key of the actor. The answer is the only place where its secret is.
pub async fn create_key(services: &Services, actor: &Actor, form: NewApiKeyForm) -> Result<IssuedApiKey> {
    let user = require_account_rights(actor)?;
    check_form(services, user, &form)?;
    let (id, secret) = (services.new_id(), random_32(services.random()));
    let now = services.now();
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        if db::api_keys::count_keys(conn, user.id).await? >= MAX_KEYS {
            return Err(ServiceError::conflict(format!(
                "You have {MAX_KEYS} API keys. Revoke one that you don't need any more."
            )));
        }
        let key = ApiKeyRow {
            id: ApiKeyId::into(id),
            user_id: user.id.0,
            name: form.name.trim().to_owned(),
            scope: form.scope.as_str().to_owned(),
            secret_hash: hash_secret(&secret),
            previous_secret_hash: None,
            previous_until: None,
            requests_per_minute: form.requests_per_minute.map(u32::cast_signed),
            created_at: now,
            expires_at: find_expiry(conn, services, actor, form.expires_in_days).await?,
            rotated_at: None,
            revoked_at: None,
            last_used_at: None,
            last_used_address: None,
        };
        db::api_keys::insert_key(conn, &key).await.map_err(name_taken)?;
        let detail = json!({
            "key_id": key.id, "scope": key.scope, "expires_at": key.expires_at,
            "requests_per_minute": key.requests_per_minute,
        });
        record_action(
            conn,
            services,
            actor,
            "create_api_key",
            (Some(key.name.clone()), detail),
        )
        .await?;
        issue(&key, &user.username, &secret, now)
    })
    .await
}

/// Gives the actor's key a new secret; the old one stays good for the grace time. A key may do this for itself.
///
/// Only its owner can, not an admin: who sees the secret can act as the owner.
pub async fn rotate_key(
    services: &Services,
    actor: &Actor,
    id: ApiKeyId,
    form: RotateApiKeyForm,
) -> Result<IssuedApiKey> {
    let user = require_key_rights(actor, id)?;
    let hours = form.grace_hours.unwrap_or(GRACE_HOURS);
    if hours > MAX_GRACE_HOURS {
        let message = format!("The old secret can stay good for at most {MAX_GRACE_HOURS} hours.");
        return Err(ServiceError::field("grace_hours", message));
    }
    let (secret, now) = (random_32(services.random()), services.now());
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        db::api_keys::lock_key(conn, id).await?;
        let (key, owner) = find_visible_key(conn, user, id).await?;
        if owner.id != user.id.0 {
            return Err(ServiceError::forbidden(
                "Only its owner can rotate an API key, as the new secret is shown once. You can revoke it.",
            ));
        }
        if key.is_expired(now) {
            return Err(ServiceError::conflict("This API key has expired. Make a new one."));
        }
        let grace_until = now + TimeDelta::hours(hours.into());
        db::api_keys::rotate_key(conn, id, &hash_secret(&secret), grace_until, now).await?;
        let detail = json!({ "key_id": id, "old_secret_until": grace_until });
        record_action(conn, services, actor, "rotate_api_key", (Some(key.name), detail)).await?;
        let (key, owner) = find_visible_key(conn, user, id).await?;
        issue(&key, &owner.username, &secret, now)
    })
    .await
}

/// Ends a key at once, with both secrets. Everybody their own, admins anyone's, a key itself.
pub async fn revoke_key(services: &Services, actor: &Actor, id: ApiKeyId) -> Result<()> {
    let user = require_key_rights(actor, id)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        db::api_keys::lock_key(conn, id).await?;
        let (key, owner) = find_visible_key(conn, user, id).await?;
        db::api_keys::revoke_key(conn, id, services.now()).await?;
        let detail = json!({ "key_id": id, "owner": owner.username });
        record_action(conn, services, actor, "revoke_api_key", (Some(key.name), detail)).await
    })
    .await
}

/// A key may change itself, unless it comes with the secret that a rotation replaced: that one may be a thief's.
fn require_key_rights(actor: &Actor, id: ApiKeyId) -> Result<&CurrentUser> {
    match actor.credential() {
        Credential::ApiKey {
            id: own,
            is_retiring: false,
            ..
        } if own == id => require_user(actor),
        _ => require_account_rights(actor),
    }
}

/// The key, if it is not revoked and the user may know of it.
async fn find_visible_key(conn: &mut Connection, user: &CurrentUser, id: ApiKeyId) -> Result<(ApiKeyRow, UserRow)> {
    let found = db::api_keys::find_key(conn, id).await?;
    let is_visible = |key: &ApiKeyRow| key.user_id == user.id.0 || user.role == Role::Admin;
    found
        .filter(|(key, _)| key.revoked_at.is_none() && is_visible(key))
        .ok_or_else(|| ServiceError::not_found("API key"))
}

fn check_form(services: &Services, user: &CurrentUser, form: &NewApiKeyForm) -> Result<()> {
    let mut errors = FieldErrors::default();
    let name = form.name.trim();
    if name.is_empty() {
        errors.add("name", "Name the key after the program that uses it.");
    }
    if name.chars().count() > MAX_NAME_CHARACTERS {
        errors.add("name", format!("A name has at most {MAX_NAME_CHARACTERS} characters."));
    }
    if name.chars().any(char::is_control) {
        errors.add("name", "A name has no line breaks or control characters.");
    }
    let widest = Scope::widest_of(user.role);
    if form.scope > widest {
        errors.add("scope", format!("Your keys can have the scope \"{widest}\" at most."));
    }
    let max_days = match services.config().max_api_key_days {
        0 => MAX_DAYS,
        days => days.min(MAX_DAYS),
    };
    if form.expires_in_days.is_some_and(|days| !(1..=max_days).contains(&days)) {
        errors.add("expires_in_days", format!("A key can last 1 to {max_days} days."));
    }
    let limit = form.requests_per_minute;
    if limit.is_some_and(|limit| !(1..=MAX_REQUESTS_PER_MINUTE).contains(&limit)) {
        let message = format!("A key can make 1 to {MAX_REQUESTS_PER_MINUTE} requests a minute.");
        errors.add("requests_per_minute", message);
    }
    errors.into_result()
}

/// When a new key ends: as asked, at the latest when the server says, and not after the key that makes it.
async fn find_expiry(
    conn: &mut Connection,
    services: &Services,
    actor: &Actor,
    asked_days: Option<u32>,
) -> Result<Option<DateTime<Utc>>> {
    let max_days = Some(services.config().max_api_key_days).filter(|days| *days > 0);
    let days = asked_days.or(max_days.map(|days| days.min(MAX_DAYS)));
    let asked = days.map(|days| services.now() + TimeDelta::days(days.into()));
    let Some(maker) = actor.api_key_id() else {
        return Ok(asked);
    };
    let maker = db::api_keys::find_key(conn, maker).await?;
    let makers = maker.and_then(|(key, _)| key.expires_at);
    Ok([asked, makers].into_iter().flatten().min())
}

fn issue(key: &ApiKeyRow, username: &str, secret: &[u8; 32], now: DateTime<Utc>) -> Result<IssuedApiKey> {
    Ok(IssuedApiKey {
        key: key.view(username, now)?,
        secret: format!("{PREFIX}{}_{}", key.id.simple(), URL_SAFE_NO_PAD.encode(secret)),
    })
}

fn hash_secret(secret: &[u8]) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

fn name_taken(error: db::DbError) -> ServiceError {
    if error.is_duplicate_of(NAME_INDEX) {
        return ServiceError::field("name", "You have an API key of this name. Choose another one.");
    }
    error.into()
}
