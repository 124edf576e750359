//! Signing in, staying signed in, signing out.
//!
//! A spent refresh token ends its whole session, as it was either stolen or used twice (RFC 9700, 4.14.2). Within 60 s
//! of its rotation, and only while the token that it gave is unused, it gives the same one again: two tabs that wake
//! together, and a tab that was closed or a server that was restarted before the answer arrived, are no theft. From another
//! address or program than the one that spent it, it is.

use chrono::TimeDelta;
use db::Connection;
use db::sessions::{Rotation, SessionRow};
use db::users::UserRow;
use diesel_async::AsyncConnection;
use serde_json::json;
use types::people::{ChangePasswordForm, CurrentUser, LoginForm, TokenPair};
use types::{SessionId, UserId};

use crate::Services;
use crate::actor::{Actor, Credential, Origin, require_account_rights};
use crate::api_keys::{PREFIX, authenticate_key};
use crate::audit::{WrongCredential, count_refusal, record_action, record_visitor, record_wrong_credential};
use crate::clock::random_32;
use crate::credentials::{ACCESS_MINUTES, RefreshToken};
use crate::error::{FieldErrors, Result, ServiceError};
use crate::login_guard::{Guess, GuessKind, check_guess, count_guess, find_wait, forgive_guesses};
use crate::password::{check_password, hash_password, verify_password};
use crate::users::username_key;

/// A sign-in ends when it is not used this long.
const SESSION_DAYS: i64 = 30;
/// A used token that came again: a stolen sign-in, or one that was copied. As it is counted and noted.
const REUSED: &str = "refresh_token_reused";
/// How long the token before the newest one still gives the newest one, which is unused as long as there is no newer.
const GRACE_SECONDS: i64 = 60;

/// Somebody who has just signed in or was refreshed.
#[derive(Clone)]
pub struct SignedIn {
    pub user: CurrentUser,
    pub session: SessionId,
    pub tokens: TokenPair,
}

impl SignedIn {
    /// The person, for the request that signed them in or refreshed.
    pub fn actor(&self, origin: &Origin) -> Actor {
        Actor::User(self.user.clone(), self.origin(origin))
    }

    /// Where the request came from, with the sign-in that it began or went on with.
    pub(crate) fn origin(&self, origin: &Origin) -> Origin {
        Origin {
            credential: Credential::Session(self.session),
            ..origin.clone()
        }
    }
}

/// Signs in with name and password. Takes the same time whether or not the name exists.
pub async fn login(services: &Services, form: LoginForm, origin: Origin) -> Result<SignedIn> {
    let key = username_key(&form.username);
    let guess = Guess::about(GuessKind::Login, &key, origin.address.as_deref());
    check_guess(
        services,
        &guess,
        check_login(services, (&key, &form.password), (&guess, &origin)),
    )
    .await
}

/// How many passwords this process has hashed or verified. Refused sign-ins that differ in it tell whose names exist.
pub fn count_hashings(services: &Services) -> u64 {
    services.inner.hashing.count()
}

async fn check_login(
    services: &Services,
    (key, password): (&str, &str),
    (guess, origin): (&Guess, &Origin),
) -> Result<SignedIn> {
    let mut conn = services.connection().await?;
    let user = db::users::find_user_by_key(&mut conn, key).await?;
    // Not while hashing: connections are few.
    drop(conn);
    let is_right = verify_password(
        services,
        password,
        user.as_ref().map(|user| user.password_hash.as_str()),
    )
    .await?;
    let mut conn = services.connection().await?;
    let Some(user) = user.as_ref().filter(|_| is_right) else {
        return Err(refuse_login(&mut conn, services, user.as_ref(), (guess, origin)).await?);
    };
    if !user.is_active {
        forgive_guesses(&mut conn, guess).await?;
        let who = (Some(UserId(user.id)), user.username.as_str());
        record_visitor(&mut conn, services, origin, "login_refused", who).await?;
        return Err(ServiceError::unauthorized(
            "This account is switched off. Ask an admin to switch it on.",
        ));
    }
    match open_session(&mut conn, services, user, (guess, origin)).await? {
        Some(signed_in) => Ok(signed_in),
        None => Err(refuse_login(&mut conn, services, Some(user), (guess, origin)).await?),
    }
}

/// Signs the user in, unless they were switched off or got another password since theirs was verified.
async fn open_session(
    conn: &mut Connection,
    services: &Services,
    verified: &UserRow,
    (guess, origin): (&Guess, &Origin),
) -> Result<Option<SignedIn>> {
    let id = UserId(verified.id);
    conn.transaction::<_, ServiceError, _>(async |conn| {
        // Verifying takes a while, in which a reset may end all sign-ins: this one must not come after it.
        let Some(user) = db::users::lock_verified_user(conn, id, &verified.password_hash).await? else {
            return Ok(None);
        };
        forgive_guesses(conn, guess).await?;
        db::users::record_login(conn, id, services.now()).await?;
        let signed_in = start_session(conn, services, &user, origin).await?;
        let origin = signed_in.origin(origin);
        record_visitor(conn, services, &origin, "login", (Some(id), &user.username)).await?;
        Ok(Some(signed_in))
    })
    .await
}

/// Notes a failed sign-in, and once when the next one has to wait. The answer says nothing about the name.
async fn refuse_login(
    conn: &mut Connection,
    services: &Services,
    user: Option<&UserRow>,
    (guess, origin): (&Guess, &Origin),
) -> Result<ServiceError> {
    // What was typed is not written down: it may be a password in the wrong field.
    let name = user.map_or("unknown name", |user| user.username.as_str());
    record_visitor(conn, services, origin, "login_refused", (None, name)).await?;
    if find_wait(conn, services, guess).await?.is_some() {
        record_visitor(conn, services, origin, "login_locked", (None, name)).await?;
    }
    Ok(ServiceError::unauthorized("The user name or the password is wrong."))
}

/// New tokens for a refresh token, which is spent by this.
pub async fn refresh(services: &Services, refresh_token: &str, origin: Origin) -> Result<SignedIn> {
    let Some(token) = services.inner.credentials.read_refresh(refresh_token) else {
        // Not one of ours: somebody guesses.
        return Err(refuse_forged(services, &origin).await);
    };
    let mut conn = services.connection().await?;
    let refreshed = conn
        .transaction::<_, ServiceError, _>(async |conn| match judge_refresh(conn, services, &token, &origin).await? {
            Refresh::Good(user) => Ok(Some(sign_in(services, &user, &services.inner.credentials.next_refresh(&token))?)),
            Refresh::Over => Ok(None),
            Refresh::Reused(session) => {
                // Whether or not it can be written down.
                count_refusal(REUSED);
                db::sessions::revoke_session(conn, token.session, services.now()).await?;
                note_reuse(conn, services, &session, &origin).await?;
                tracing::warn!(session.id = %token.session, "a spent refresh token was used again; its session was ended");
                Ok(None)
            }
        })
        .await?;
    // Outside of the transaction: the end of a reused session must be committed.
    refreshed.ok_or_else(signed_out)
}

/// Counts and notes a refresh token that we did not make.
async fn refuse_forged(services: &Services, origin: &Origin) -> ServiceError {
    let wrong = WrongCredential {
        action: "refresh_token_refused",
        owner: None,
        address: origin.address.as_deref(),
        about: (None, json!({})),
    };
    record_wrong_credential(services, wrong).await;
    let guess = Guess::from_address(GuessKind::Refresh, origin.address.as_deref());
    count_guess(services, &guess, signed_out()).await
}

/// The line about a spent token that came again, with the sign-in that it ended.
async fn note_reuse(conn: &mut Connection, services: &Services, session: &SessionRow, origin: &Origin) -> Result<()> {
    let id = UserId(session.user_id);
    let owner = db::users::find_user(conn, id).await?;
    let name = owner.as_ref().map_or("unknown", |user| user.username.as_str());
    let origin = Origin {
        credential: Credential::Session(SessionId(session.id)),
        ..origin.clone()
    };
    record_visitor(conn, services, &origin, REUSED, (Some(id), name)).await
}

enum Refresh {
    Good(UserRow),
    /// Signed out, expired, switched off.
    Over,
    Reused(SessionRow),
}

/// Decides about a token that is one of ours, and rotates it if it is the newest.
async fn judge_refresh(
    conn: &mut Connection,
    services: &Services,
    token: &RefreshToken,
    origin: &Origin,
) -> Result<Refresh> {
    let now = services.now();
    let Some(session) = db::sessions::lock_session(conn, token.session).await? else {
        return Ok(Refresh::Over);
    };
    if session.revoked_at.is_some() || session.expires_at <= now {
        return Ok(Refresh::Over);
    }
    let Some(user) = db::users::find_user(conn, UserId(session.user_id))
        .await?
        .filter(|user| user.is_active)
    else {
        return Ok(Refresh::Over);
    };
    if session.is_newest(&token.hash()) {
        let rotation = Rotation {
            refresh_hash: services.inner.credentials.next_refresh(token).hash(),
            expires_at: now + TimeDelta::days(SESSION_DAYS),
            rotated_at: now,
            rotated_address: origin.address.clone(),
            rotated_user_agent: origin.short_user_agent(),
        };
        db::sessions::rotate_session(conn, token.session, rotation).await?;
        return Ok(Refresh::Good(user));
    }
    let is_previous = session.previous_refresh_hash.as_deref() == Some(token.hash().as_slice());
    let is_within_grace = now < session.rotated_at + TimeDelta::seconds(GRACE_SECONDS);
    let is_from_there =
        session.rotated_address == origin.address && session.rotated_user_agent == origin.short_user_agent();
    match is_previous && is_within_grace && is_from_there {
        true => Ok(Refresh::Good(user)),
        false => Ok(Refresh::Reused(session)),
    }
}

/// Who sent this bearer credential, an access token or an API key, from `origin`.
///
/// For headers alone: a cookie holds an access token or nothing, see [`authenticate`].
pub async fn identify(services: &Services, credential: &str, origin: &Origin) -> Result<Actor> {
    let credential = credential.trim();
    // What has no dot is no access token either: a key that was not copied whole, or a guess.
    if credential.starts_with(PREFIX) || !credential.contains('.') {
        return authenticate_key(services, credential, origin).await;
    }
    let actor = authenticate(services, credential).await?;
    Ok(actor.with_origin(origin))
}

/// Whether a credential has the form of an API key or an access token, so that looking at it is no guess of a stranger's.
pub fn is_like_ours(credential: &str) -> bool {
    let credential = credential.trim();
    credential.starts_with(PREFIX) || credential.split('.').count() == 3
}

/// Who an access token stands for, as they are now: a role that was changed or a sign-out counts at once.
pub async fn authenticate(services: &Services, access_token: &str) -> Result<Actor> {
    let now = services.now();
    let claims = services
        .inner
        .credentials
        .read_access(access_token, now)
        .ok_or_else(signed_out)?;
    let mut conn = services.connection().await?;
    let session = db::sessions::find_session(&mut conn, claims.sid).await?;
    let is_live = session.is_some_and(|session| session.is_live(now));
    let user = db::users::find_user(&mut conn, claims.sub)
        .await?
        .filter(|user| is_live && user.is_active);
    let user = current_user(&user.ok_or_else(signed_out)?)?;
    Ok(Actor::User(
        user,
        Origin {
            credential: Credential::Session(claims.sid),
            ..Origin::default()
        },
    ))
}

/// Ends the sign-in of this request. An API key has none; it is revoked instead (`api_keys::revoke_key`).
pub async fn logout(services: &Services, actor: &Actor) -> Result<()> {
    let Some(session) = actor.session_id() else {
        return Ok(());
    };
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        db::sessions::revoke_session(conn, session, services.now()).await?;
        record_action(conn, services, actor, "logout", (None, json!({}))).await
    })
    .await
}

/// Changes the own password and ends all other sign-ins.
pub async fn change_password(services: &Services, actor: &Actor, form: ChangePasswordForm) -> Result<()> {
    let user_id = require_account_rights(actor)?.id;
    let guess = Guess::about(GuessKind::Password, &user_id.to_string(), actor.address());
    let check = check_own_password(services, actor, (user_id, &form.current_password), &guess);
    let user = check_guess(services, &guess, check).await?;
    let mut errors = FieldErrors::default();
    check_password(&mut errors, "new_password", &form.new_password, &user.username);
    errors.into_result()?;
    let password_hash = hash_password(services, &form.new_password).await?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let hashes = (user.password_hash.as_str(), password_hash.as_str());
        if !db::users::replace_password_hash(conn, user_id, hashes).await? {
            return Err(ServiceError::conflict(
                "Your password was changed meanwhile. Sign in with the new one.",
            ));
        }
        let ended = db::sessions::revoke_user_sessions(conn, user_id, actor.session_id(), services.now()).await?;
        let about = (Some(user.username.clone()), json!({ "ended_sessions": ended }));
        record_action(conn, services, actor, "change_password", about).await
    })
    .await
}

/// The user, if the password is theirs.
async fn check_own_password(
    services: &Services,
    actor: &Actor,
    (id, password): (UserId, &str),
    guess: &Guess,
) -> Result<UserRow> {
    let mut conn = services.connection().await?;
    let user = db::users::find_user(&mut conn, id).await?.ok_or_else(signed_out)?;
    drop(conn);
    if verify_password(services, password, Some(&user.password_hash)).await? {
        forgive_guesses(&mut *services.connection().await?, guess).await?;
        return Ok(user);
    }
    let wrong = WrongCredential {
        action: "password_refused",
        owner: Some((id, &user.username)),
        address: actor.address(),
        about: (None, json!({})),
    };
    record_wrong_credential(services, wrong).await;
    Err(ServiceError::field(
        "current_password",
        "This is not your current password.",
    ))
}

/// Stores a new session and makes its first tokens.
pub(crate) async fn start_session(
    conn: &mut Connection,
    services: &Services,
    user: &UserRow,
    origin: &Origin,
) -> Result<SignedIn> {
    let now = services.now();
    let id: SessionId = services.new_id();
    let token = services
        .inner
        .credentials
        .first_refresh(id, random_32(services.random()));
    let session = SessionRow {
        id: id.0,
        user_id: user.id,
        refresh_hash: token.hash(),
        previous_refresh_hash: None,
        rotated_at: now,
        created_at: now,
        expires_at: now + TimeDelta::days(SESSION_DAYS),
        revoked_at: None,
        address: origin.address.clone(),
        user_agent: origin.short_user_agent(),
        rotated_address: None,
        rotated_user_agent: None,
    };
    db::sessions::insert_session(conn, &session).await?;
    sign_in(services, user, &token)
}

fn sign_in(services: &Services, user: &UserRow, refresh: &RefreshToken) -> Result<SignedIn> {
    let access = services
        .inner
        .credentials
        .sign_access(UserId(user.id), refresh.session, services.now());
    let tokens = TokenPair {
        access_token: access.map_err(ServiceError::internal)?,
        refresh_token: refresh.text(),
        token_type: "Bearer".into(),
        expires_in: ACCESS_MINUTES.unsigned_abs() * 60,
    };
    Ok(SignedIn {
        user: current_user(user)?,
        session: refresh.session,
        tokens,
    })
}

fn current_user(user: &UserRow) -> Result<CurrentUser> {
    let role = user.role.parse().map_err(db::DbError::from)?;
    Ok(CurrentUser {
        id: user.id.into(),
        username: user.username.clone(),
        role,
    })
}

fn signed_out() -> ServiceError {
    ServiceError::unauthorized("You are signed out. Sign in again.")
}
