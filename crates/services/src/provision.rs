//! Integrations and settings from a TOML file, for the sandbox and for unattended installations.
//!
//! An integration is added once: when none of its name exists. What an admin edits or deletes later is not put back
//! unless the name is gone, and settings are written only while none were saved.

use serde::Deserialize;
use types::integrations::{IntegrationForm, IntegrationKind, IntegrationOptions};
use types::settings::Settings;

use crate::Services;
use crate::actor::Actor;
use crate::error::{Result, ServiceError};
use crate::{integrations, settings};

const ACTOR: Actor = Actor::System("provisioning");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvisionFile {
    #[serde(default)]
    integration: Vec<ProvisionedIntegration>,
    settings: Option<Settings>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvisionedIntegration {
    kind: IntegrationKind,
    name: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    options: IntegrationOptions,
    #[serde(default = "yes")]
    is_enabled: bool,
    #[serde(default)]
    is_sandbox: bool,
}

fn yes() -> bool {
    true
}

/// Applies the text of a provisioning file. Returns the names of the integrations that were added.
pub async fn apply_provision(services: &Services, text: &str) -> Result<Vec<String>> {
    let file = read_file(text)?;
    if let Some(wanted) = file.settings
        && !settings::are_settings_saved(services).await?
    {
        settings::save_settings(services, &ACTOR, wanted).await?;
    }
    let mut added = Vec::new();
    for entry in file.integration {
        if add_integration(services, &entry).await? {
            added.push(entry.name);
        }
    }
    Ok(added)
}

/// Refuses names that nothing reads: they are typos.
fn read_file(text: &str) -> Result<ProvisionFile> {
    let refuse = |why: String| ServiceError::field("provision", format!("The provisioning file can't be read: {why}."));
    let mut unknown = Vec::new();
    // The parser's whole message quotes the line, which may hold a secret.
    let parsed = toml::Deserializer::parse(text).map_err(|error| refuse(error.message().to_owned()))?;
    let file = serde_ignored::deserialize(parsed, |path| {
        // What is left out may be an `Option`, which it calls "?".
        unknown.push(path.to_string().replace(".?", ""));
    })
    .map_err(|error: toml::de::Error| refuse(error.message().to_owned()))?;
    if unknown.is_empty() {
        Ok(file)
    } else {
        Err(refuse(format!("{} is not a name it knows", unknown.join(", "))))
    }
}

async fn add_integration(services: &Services, entry: &ProvisionedIntegration) -> Result<bool> {
    let mut conn = services.connection().await?;
    if db::integrations::find_integration_by_name(&mut conn, entry.name.trim())
        .await?
        .is_some()
    {
        return Ok(false);
    }
    drop(conn);
    let form = IntegrationForm {
        id: None,
        kind: entry.kind,
        name: entry.name.clone(),
        url: entry.url.clone(),
        is_enabled: entry.is_enabled,
        priority: entry.priority,
        secret: entry.secret.clone(),
        options: entry.options.clone(),
    };
    let stored = integrations::store_form(services, &ACTOR, form.into(), entry.is_sandbox).await;
    stored.map_err(|error| ServiceError {
        message: format!("Integration \"{}\": {error}", entry.name),
        ..error
    })?;
    Ok(true)
}
