//! What the frame around every page needs.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use serde::{Deserialize, Serialize};
use types::people::CurrentUser;

use super::{Answer, AppError};

/// The frame around every page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellView {
    /// Nobody when signed out.
    pub user: Option<CurrentUser>,
    /// No admin exists yet.
    pub needs_setup: bool,
    /// Something that is connected is a stand-in of the sandbox.
    pub has_sandbox: bool,
    /// The server's time, from which pages count "5 min ago".
    pub now: DateTime<Utc>,
}

/// Reads the frame. Answers strangers too.
#[server(input = Json)]
pub async fn get_shell() -> Result<Answer<ShellView>, AppError> {
    use services::Actor;

    let services = super::services()?;
    let user = match super::actor() {
        Some(Actor::User(user, _)) => Some(user),
        _ => None,
    };
    let needs_setup = user.is_none() && services::setup::is_setup_needed(&services).await?;
    let has_sandbox = match &user {
        Some(_) => services::integrations::list_integrations(&services, &Actor::System("shell"))
            .await?
            .iter()
            .any(|integration| integration.is_sandbox),
        None => false,
    };
    Answer::of(&ShellView {
        user,
        needs_setup,
        has_sandbox,
        now: services.now(),
    })
}
