//! Sign-ins as people see them: a list, and ending them. Everybody their own, admins anyone's.

use diesel_async::AsyncConnection;
use serde_json::json;
use types::access::SessionView;
use types::people::Role;
use types::{Page, PageRequest, SessionId, UserId};

use crate::Services;
use crate::actor::{Actor, require_account_rights, require_own_or_admin};
use crate::audit::record_action;
use crate::error::{Result, ServiceError};

/// The live sign-ins of the actor, or of `user` for admins, newest first.
pub async fn list_sessions(
    services: &Services,
    actor: &Actor,
    user: Option<UserId>,
    page: PageRequest,
) -> Result<Page<SessionView>> {
    let user = require_own_or_admin(actor, user)?;
    let mut conn = services.connection().await?;
    if db::users::find_user(&mut conn, user).await?.is_none() {
        return Err(ServiceError::not_found("user"));
    }
    let mut found = db::sessions::list_live_sessions(&mut conn, user, &page, services.now()).await?;
    for session in &mut found.items {
        session.is_current = actor.session_id() == Some(session.id);
    }
    Ok(found)
}

/// Ends one sign-in at once; one that has ended already stays so. Somebody else's is unknown to all but admins.
pub async fn end_session(services: &Services, actor: &Actor, id: SessionId) -> Result<()> {
    let own = require_account_rights(actor)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let session = db::sessions::lock_session(conn, id).await?;
        let session = session.filter(|session| session.user_id == own.id.0 || own.role == Role::Admin);
        let session = session.ok_or_else(|| ServiceError::not_found("sign-in"))?;
        if !session.is_live(services.now()) {
            return Ok(());
        }
        db::sessions::revoke_session(conn, id, services.now()).await?;
        let owner = db::users::find_user(conn, UserId(session.user_id)).await?;
        let about = (
            owner.map(|user| user.username),
            json!({ "session_id": id, "from": session.address }),
        );
        record_action(conn, services, actor, "end_session", about).await
    })
    .await
}

/// Ends all sign-ins of the actor but the one that asks; answers how many.
pub async fn end_other_sessions(services: &Services, actor: &Actor) -> Result<usize> {
    let user = require_account_rights(actor)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let kept = actor.session_id();
        let ended = db::sessions::revoke_user_sessions(conn, user.id, kept, services.now()).await?;
        let about = (Some(user.username.clone()), json!({ "ended_sessions": ended }));
        record_action(conn, services, actor, "end_other_sessions", about).await?;
        Ok(ended)
    })
    .await
}
