//! From the text of an API key to the actor.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use db::api_keys::ApiKeyRow;
use db::users::UserRow;
use serde_json::json;
use types::ApiKeyId;
use types::UserId;
use types::access::Scope;
use types::people::{CurrentUser, Role};
use uuid::Uuid;

use super::{PREFIX, hash_secret};
use crate::Services;
use crate::actor::{Actor, Credential, Origin};
use crate::audit::{WrongCredential, record_wrong_credential};
use crate::error::{Result, ServiceError};
use crate::login_guard::{Guess, GuessKind, count_guess};

/// A use is noted at most this often.
const USE_NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Who an API key stands for, as they are now: a revoked key, a role that was changed, an owner who was switched off
/// count at once.
///
/// An unknown key counts as a guess of its address. A right one is served from there all the same: 256 bits can't be
/// guessed, and a forgotten script with an old key must not shut out its neighbours.
pub async fn authenticate_key(services: &Services, text: &str, origin: &Origin) -> Result<Actor> {
    let Some((key, owner, is_retiring)) = find_key(services, text).await? else {
        return Err(refuse_unknown(services, origin).await);
    };
    if let Some((reason, message)) = find_end(&key, &owner, services.now()) {
        note_ended_key(services, (&key, &owner, reason), origin).await;
        return Err(ServiceError::unauthorized(message));
    }
    let scope: Scope = key.scope.parse().map_err(db::DbError::from)?;
    let role: Role = owner.role.parse().map_err(db::DbError::from)?;
    note_use(services, &key, origin).await?;
    let user = CurrentUser {
        id: owner.id.into(),
        username: owner.username,
        role: role.min(scope.role()),
    };
    let credential = Credential::ApiKey {
        id: key.id.into(),
        scope,
        requests_per_minute: key.requests_per_minute.map(i32::unsigned_abs),
        is_retiring,
    };
    Ok(Actor::User(
        user,
        Origin {
            credential,
            ..origin.clone()
        },
    ))
}

/// Whether an API key that was good at `since` still is. After a rotation it is not known by which secret it came, so
/// that the end of the old secret's grace ends what the new one began within that too; it can begin again.
pub(crate) async fn is_key_still_good(services: &Services, id: ApiKeyId, since: DateTime<Utc>) -> Result<bool> {
    let now = services.now();
    let found = db::api_keys::find_key(&mut *services.connection().await?, id).await?;
    Ok(found.is_some_and(|(key, owner)| {
        let was_replaced = key.previous_until.is_some_and(|until| since < until && until <= now);
        !was_replaced && find_end(&key, &owner, now).is_none()
    }))
}

/// The key that this is, its owner, and whether it came with the old secret.
async fn find_key(services: &Services, text: &str) -> Result<Option<(ApiKeyRow, UserRow, bool)>> {
    let Some((id, secret)) = parse_key(text) else {
        return Ok(None);
    };
    let found = db::api_keys::find_key(&mut *services.connection().await?, id).await?;
    let hash = hash_secret(&secret);
    Ok(found.and_then(|(key, owner)| {
        let is_retiring = key.secret_hash != hash;
        let is_right = !is_retiring || is_within_grace(&key, &hash, services.now());
        is_right.then_some((key, owner, is_retiring))
    }))
}

fn is_within_grace(key: &ApiKeyRow, hash: &[u8], now: DateTime<Utc>) -> bool {
    key.previous_secret_hash.as_deref() == Some(hash) && key.previous_until.is_some_and(|until| now < until)
}

/// Why a right key lets nobody in any more: a word for the audit log, a sentence for who shows it.
fn find_end(key: &ApiKeyRow, owner: &UserRow, now: DateTime<Utc>) -> Option<(&'static str, &'static str)> {
    if key.revoked_at.is_some() {
        Some(("revoked", "This API key was revoked. Make a new one."))
    } else if key.is_expired(now) {
        Some(("expired", "This API key has expired. Make a new one."))
    } else if !owner.is_active {
        let message = "The account of this API key is switched off. Ask an admin to switch it on.";
        Some(("account_off", message))
    } else {
        None
    }
}

async fn refuse_unknown(services: &Services, origin: &Origin) -> ServiceError {
    let address = origin.address.as_deref();
    // What was shown is not written down: it may be any secret in the wrong place.
    let wrong = WrongCredential {
        action: "api_key_refused",
        owner: None,
        address,
        about: (None, json!({ "reason": "unknown" })),
    };
    record_wrong_credential(services, wrong).await;
    let refusal = ServiceError::unauthorized("This API key is unknown. Check that it was copied whole.");
    count_guess(services, &Guess::from_address(GuessKind::ApiKey, address), refusal).await
}

async fn note_ended_key(services: &Services, (key, owner, reason): (&ApiKeyRow, &UserRow, &str), origin: &Origin) {
    let wrong = WrongCredential {
        action: "api_key_refused",
        owner: Some((UserId(owner.id), &owner.username)),
        address: origin.address.as_deref(),
        about: (Some(key.name.clone()), json!({ "key_id": key.id, "reason": reason })),
    };
    record_wrong_credential(services, wrong).await;
}

async fn note_use(services: &Services, key: &ApiKeyRow, origin: &Origin) -> Result<()> {
    let (now, not_since) = (services.now(), services.now() - USE_NOTED_EVERY);
    if key.last_used_at.is_some_and(|at| at > not_since) {
        return Ok(());
    }
    let address = origin.address.as_deref();
    let mut conn = services.connection().await?;
    Ok(db::api_keys::record_key_use(&mut conn, key.id.into(), address, (not_since, now)).await?)
}

/// The id and secret of `mamc_<32 hex digits>_<43 characters of base64url>`; `None` for any other text.
pub fn parse_key(text: &str) -> Option<(ApiKeyId, [u8; 32])> {
    let (id, secret) = text.trim().strip_prefix(PREFIX)?.split_once('_')?;
    let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
    Some((ApiKeyId(Uuid::try_parse(id).ok()?), secret.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testing::damage::damaged_text;

    use super::*;

    fn key_text(id: u128, secret: [u8; 32]) -> String {
        format!(
            "{PREFIX}{}_{}",
            Uuid::from_u128(id).simple(),
            URL_SAFE_NO_PAD.encode(secret)
        )
    }

    proptest! {
        #[test]
        fn every_key_reads_back(id in any::<u128>(), secret in any::<[u8; 32]>()) {
            prop_assert_eq!(parse_key(&key_text(id, secret)), Some((ApiKeyId(Uuid::from_u128(id)), secret)));
        }

        #[test]
        fn a_changed_key_is_another_key_or_none(text in damaged_text(&key_text(7, [9; 32]))) {
            if let Some((id, secret)) = parse_key(&text) {
                // The id may be spelled otherwise; the secret has one spelling.
                prop_assert!(text.trim().ends_with(&URL_SAFE_NO_PAD.encode(secret)), "{}", text);
                prop_assert!(text.to_lowercase().replace('-', "").contains(&id.0.simple().to_string()), "{}", text);
            }
        }

        #[test]
        fn no_text_makes_reading_a_key_panic(text in "\\PC{0,120}|mamc_[0-9a-f_-]{0,40}_[A-Za-z0-9_=-]{0,50}") {
            prop_assert!(parse_key(&text).is_none_or(|_| text.trim().starts_with(PREFIX)));
        }
    }
}
