//! Whether somebody who was let in may still be there: for what outlasts a request.

use chrono::{DateTime, Utc};
use types::SessionId;

use crate::Services;
use crate::actor::{Actor, Credential};
use crate::api_keys::is_key_still_good;
use crate::error::Result;

/// Whether what the actor proved themselves with at `since` still holds. An access token that has run out does, as long
/// as its sign-in does: it is renewed without being shown again.
pub async fn has_standing(services: &Services, actor: &Actor, since: DateTime<Utc>) -> Result<bool> {
    match actor.credential() {
        Credential::Session(id) => is_session_live(services, id).await,
        Credential::ApiKey { id, .. } => is_key_still_good(services, id, since).await,
        Credential::None => Ok(false),
    }
}

async fn is_session_live(services: &Services, id: SessionId) -> Result<bool> {
    let mut conn = services.connection().await?;
    let Some(session) = db::sessions::find_session(&mut conn, id).await? else {
        return Ok(false);
    };
    let user = db::users::find_user(&mut conn, session.user_id.into()).await?;
    Ok(session.is_live(services.now()) && user.is_some_and(|user| user.is_active))
}
