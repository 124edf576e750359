//! Signing in, staying signed in, signing out.
//!
//! A spent refresh token ends its whole session, as it was either stolen or used twice; within 10 s of its rotation it
//! gives the same next token again, as two tabs that wake together and a lost answer look the same.

use chrono::TimeDelta;
use db::Connection;
use db::sessions::SessionRow;
use db::users::UserRow;
use diesel_async::AsyncConnection;
use serde_json::json;
use types::people::{ChangePasswordForm, CurrentUser, LoginForm, TokenPair};
use types::{SessionId, UserId};

use crate::Services;
use crate::actor::{Actor, Origin, require_user};
use crate::audit::{record_action, record_visitor};
use crate::clock::random_32;
use crate::credentials::{ACCESS_MINUTES, RefreshToken};
use crate::error::{FieldErrors, Result, ServiceError};
use crate::password::{check_password, hash_password, verify_password};
use crate::users::username_key;

/// A sign-in ends when it is not used this long.
const SESSION_DAYS: i64 = 30;
/// How long the token before the newest one still gives the newest one.
const GRACE_SECONDS: i64 = 10;

/// Somebody who has just signed in or was refreshed.
#[derive(Clone)]
pub struct SignedIn {
    pub user: CurrentUser,
    pub tokens: TokenPair,
}

/// Signs in with name and password. Takes the same time whether or not the name exists.
pub async fn login(services: &Services, form: LoginForm, origin: Origin) -> Result<SignedIn> {
    let mut conn = services.connection().await?;
    let user = db::users::find_user_by_key(&mut conn, &username_key(&form.username)).await?;
    // Not while hashing: connections are few.
    drop(conn);
    let is_right = verify_password(&form.password, user.as_ref().map(|user| user.password_hash.as_str())).await?;
    let mut conn = services.connection().await?;
    let (Some(user), true) = (user, is_right) else {
        record_visitor(&mut conn, services, &origin, "login_refused", (None, &form.username)).await?;
        return Err(ServiceError::unauthorized("The user name or the password is wrong."));
    };
    if !user.is_active {
        record_visitor(
            &mut conn,
            services,
            &origin,
            "login_refused",
            (Some(UserId(user.id)), &user.username),
        )
        .await?;
        return Err(ServiceError::unauthorized(
            "This account is switched off. Ask an admin to switch it on.",
        ));
    }
    conn.transaction::<_, ServiceError, _>(async |conn| {
        db::users::record_login(conn, UserId(user.id), services.now()).await?;
        record_visitor(
            conn,
            services,
            &origin,
            "login",
            (Some(UserId(user.id)), &user.username),
        )
        .await?;
        start_session(conn, services, &user, &origin).await
    })
    .await
}

/// New tokens for a refresh token, which is spent by this.
pub async fn refresh(services: &Services, refresh_token: &str, origin: Origin) -> Result<SignedIn> {
    let token = services
        .inner
        .credentials
        .read_refresh(refresh_token)
        .ok_or_else(signed_out)?;
    let mut conn = services.connection().await?;
    let refreshed = conn
        .transaction::<_, ServiceError, _>(async |conn| match judge_refresh(conn, services, &token).await? {
            Refresh::Good(user) => Ok(Some(sign_in(services, &user, &services.inner.credentials.next_refresh(&token))?)),
            Refresh::Over => Ok(None),
            Refresh::Reused(session) => {
                db::sessions::revoke_session(conn, token.session, services.now()).await?;
                let user = (Some(UserId(session.user_id)), "unknown");
                record_visitor(conn, services, &origin, "refresh_token_reused", user).await?;
                tracing::warn!(session.id = %token.session, "a spent refresh token was used again; its session was ended");
                Ok(None)
            }
        })
        .await?;
    // Outside of the transaction: the end of a reused session must be committed.
    refreshed.ok_or_else(signed_out)
}

enum Refresh {
    Good(UserRow),
    /// Signed out, expired, switched off.
    Over,
    Reused(SessionRow),
}

/// Decides about a token that is one of ours, and rotates it if it is the newest.
async fn judge_refresh(conn: &mut Connection, services: &Services, token: &RefreshToken) -> Result<Refresh> {
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
        let next = services.inner.credentials.next_refresh(token);
        let expires_at = now + TimeDelta::days(SESSION_DAYS);
        db::sessions::rotate_session(conn, token.session, &next.hash(), expires_at, now).await?;
        return Ok(Refresh::Good(user));
    }
    let is_previous = session.previous_refresh_hash.as_deref() == Some(token.hash().as_slice());
    let is_within_grace = now < session.rotated_at + TimeDelta::seconds(GRACE_SECONDS);
    Ok(if is_previous && is_within_grace {
        Refresh::Good(user)
    } else {
        Refresh::Reused(session)
    })
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
    let is_live = session.is_some_and(|session| session.revoked_at.is_none() && session.expires_at > now);
    let user = db::users::find_user(&mut conn, claims.sub)
        .await?
        .filter(|user| is_live && user.is_active);
    let user = current_user(&user.ok_or_else(signed_out)?)?;
    Ok(Actor::User(
        user,
        Origin {
            session_id: Some(claims.sid),
            ..Origin::default()
        },
    ))
}

/// Ends the sign-in of this request.
pub async fn logout(services: &Services, actor: &Actor) -> Result<()> {
    let Some(session) = actor.session_id() else {
        return Ok(());
    };
    let mut conn = services.connection().await?;
    db::sessions::revoke_session(&mut conn, session, services.now()).await?;
    record_action(&mut conn, services, actor, "logout", (None, json!({}))).await
}

/// Changes the own password and ends all other sign-ins.
pub async fn change_password(services: &Services, actor: &Actor, form: ChangePasswordForm) -> Result<()> {
    let user_id = require_user(actor)?.id;
    let mut conn = services.connection().await?;
    let user = db::users::find_user(&mut conn, user_id).await?.ok_or_else(signed_out)?;
    drop(conn);
    if !verify_password(&form.current_password, Some(&user.password_hash)).await? {
        return Err(ServiceError::field(
            "current_password",
            "This is not your current password.",
        ));
    }
    let mut errors = FieldErrors::default();
    check_password(&mut errors, "new_password", &form.new_password, &user.username);
    errors.into_result()?;
    let password_hash = hash_password(services, &form.new_password).await?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        db::users::set_password_hash(conn, user_id, &password_hash).await?;
        let ended = db::sessions::revoke_user_sessions(conn, user_id, actor.session_id(), services.now()).await?;
        let about = (Some(user.username.clone()), json!({ "ended_sessions": ended }));
        record_action(conn, services, actor, "change_password", about).await
    })
    .await
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
        user_agent: origin
            .user_agent
            .as_ref()
            .map(|agent| agent.chars().take(200).collect()),
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
