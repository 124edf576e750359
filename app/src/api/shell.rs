//! What the frame around every page needs.

use leptos::prelude::use_context;
use services::Actor;
use types::people::CurrentUser;

use super::AppError;
use crate::link::link_to;

/// Where the changes were (`services::events::position`) before anything of the page was read, put into the context by the
/// server: what changes meanwhile comes after it.
#[derive(Debug, Clone, Default)]
pub struct ReadFrom(pub String);

/// The frame around every page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellView {
    /// Nobody when signed out.
    pub user: Option<CurrentUser>,
    /// No admin exists yet.
    pub needs_setup: bool,
    /// Something that is connected is a stand-in of the sandbox.
    pub has_sandbox: bool,
    /// Where the changes are told that come after this.
    pub changes: String,
}

/// Reads the frame. Answers strangers too.
pub async fn get_shell() -> Result<ShellView, AppError> {
    let services = super::services()?;
    let ReadFrom(position) = use_context().unwrap_or_default();
    let changes = link_to(format_args!("/events?after={position}"));
    let user = super::user();
    let needs_setup = user.is_none() && services::setup::is_setup_needed(&services).await?;
    let has_sandbox = match &user {
        Some(_) => services::integrations::list_integrations(&services, &Actor::System("shell"))
            .await?
            .iter()
            .any(|integration| integration.is_sandbox),
        None => false,
    };
    Ok(ShellView {
        user,
        needs_setup,
        has_sandbox,
        changes,
    })
}
