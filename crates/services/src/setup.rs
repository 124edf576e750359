//! First start: a one-time token from the server's log makes the first admin.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel_async::AsyncConnection;
use serde_json::json;
use types::UserId;
use types::people::{Role, SetupForm};

use crate::Services;
use crate::actor::Origin;
use crate::audit::{WrongCredential, record_visitor, record_wrong_credential};
use crate::auth::{SignedIn, start_session};
use crate::clock::random_32;
use crate::credentials::digest;
use crate::error::{Result, ServiceError};
use crate::login_guard::{Guess, GuessKind, check_guess, forgive_guesses};
use crate::users::{check_credentials, name_taken, new_user_row};

const SETTING: &str = "setup_token";

/// Nobody can sign in yet.
pub async fn is_setup_needed(services: &Services) -> Result<bool> {
    Ok(db::users::count_users(&mut *services.connection().await?).await? == 0)
}

/// A new token for the server's log while there is no user; only its hash is stored, so an older token ends.
pub async fn ensure_setup_token(services: &Services) -> Result<Option<String>> {
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        db::users::lock_setup(conn).await?;
        if db::users::count_users(conn).await? > 0 {
            db::settings::delete_setting(conn, SETTING).await?;
            return Ok(None);
        }
        let token = URL_SAFE_NO_PAD.encode(&random_32(services.random())[..18]);
        let value = json!({ "hash": hash_token(&token) });
        db::settings::write_setting(conn, SETTING, &value, None, services.now()).await?;
        Ok(Some(token))
    })
    .await
}

/// Makes the admin and signs them in. The token is good once.
pub async fn complete_setup(services: &Services, form: SetupForm, origin: Origin) -> Result<SignedIn> {
    if !is_setup_needed(services).await? {
        return Err(already_done());
    }
    let guess = Guess::from_address(GuessKind::Setup, origin.address.as_deref());
    // Checked before the password is hashed, so that strangers can't keep the server busy.
    check_guess(services, &guess, try_token(services, &form.token, (&guess, &origin))).await?;
    check_credentials(&form.username, &form.password)?;
    let user = new_user_row(services, &form.username, &form.password, Role::Admin).await?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        db::users::lock_setup(conn).await?;
        if db::users::count_users(conn).await? > 0 {
            return Err(already_done());
        }
        if !is_token(conn, &form.token).await? {
            return Err(wrong_token());
        }
        db::users::insert_user(conn, &user).await.map_err(name_taken)?;
        db::settings::delete_setting(conn, SETTING).await?;
        let signed_in = start_session(conn, services, &user, &origin).await?;
        let (origin, who) = (
            signed_in.origin(&origin),
            (Some(UserId(user.id)), user.username.as_str()),
        );
        record_visitor(conn, services, &origin, "complete_setup", who).await?;
        Ok(signed_in)
    })
    .await
}

async fn try_token(services: &Services, token: &str, (guess, origin): (&Guess, &Origin)) -> Result<()> {
    let mut conn = services.connection().await?;
    if is_token(&mut conn, token).await? {
        return forgive_guesses(&mut conn, guess).await;
    }
    drop(conn);
    let wrong = WrongCredential {
        action: "setup_refused",
        owner: None,
        address: origin.address.as_deref(),
        about: (None, json!({})),
    };
    record_wrong_credential(services, wrong).await;
    Err(wrong_token())
}

async fn is_token(conn: &mut db::Connection, token: &str) -> Result<bool> {
    let stored = db::settings::read_setting(conn, SETTING).await?;
    Ok(stored.is_some_and(|value| value["hash"] == hash_token(token.trim())))
}

fn wrong_token() -> ServiceError {
    ServiceError::field(
        "token",
        "This is not the set-up token. Copy it from the server's log; each start of the server prints a new one.",
    )
}

fn hash_token(token: &str) -> String {
    hex::encode(digest(&[token.as_bytes()]))
}

fn already_done() -> ServiceError {
    ServiceError::conflict("The admin account exists already. Sign in.")
}
