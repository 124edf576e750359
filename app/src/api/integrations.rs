//! Outside services that the admin connects.

use leptos::prelude::*;
use types::IntegrationId;
use types::integrations::{Integration, TestOutcome};

use super::AppError;
use crate::forms::IntegrationInput;

/// All integrations.
pub async fn list_integrations() -> Result<Vec<Integration>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::integrations::list_integrations(&services, &actor).await?)
}

/// Adds or changes an integration.
#[server]
pub async fn save_integration(input: IntegrationInput) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::integrations::save_integration(&services, &actor, input.into_form()?).await?;
    super::go_to("/integrations");
    Ok(())
}

/// Makes an authenticated call with what the form holds, without keeping it.
#[server]
pub async fn test_integration(input: IntegrationInput) -> Result<TestOutcome, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::integrations::test_integration(&services, &actor, input.into_form()?).await?)
}

/// Makes an authenticated call with what is stored, and keeps the finding.
#[server]
pub async fn check_integration(id: IntegrationId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::integrations::check_integration(&services, &actor, id).await?;
    Ok(())
}

/// Switches an integration on or off.
#[server]
pub async fn set_integration_enabled(id: IntegrationId, is_enabled: bool) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::integrations::set_integration_enabled(&services, &actor, id, is_enabled).await?;
    Ok(())
}

/// Forgets an integration and its secret.
#[server]
pub async fn delete_integration(id: IntegrationId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::integrations::delete_integration(&services, &actor, id).await?;
    super::go_to("/integrations");
    Ok(())
}
