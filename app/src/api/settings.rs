//! Settings, as a form sends them.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use types::settings::{ImportPolicy, NamingPreview, Settings};

use super::AppError;

/// The settings form. A box that is not ticked is absent, and the languages are one line of text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SettingsInput {
    pub series_template: String,
    pub standalone_template: String,
    pub import_policy: ImportPolicy,
    #[serde(default)]
    pub library_path: String,
    /// Separated by commas.
    #[serde(default)]
    pub languages: String,
    pub min_bitrate_kbps: u32,
    pub max_size_gib: u32,
    pub min_seeders: u32,
    pub unsatisfied_reserve: u32,
    pub floor_buffer: f64,
    pub min_free_gib: u32,
    pub max_automatic_grabs: u32,
    #[serde(default)]
    pub is_automatic: bool,
    pub stall_minutes: u32,
    pub audit_retention_days: u32,
    pub time_zone: String,
}

impl From<SettingsInput> for Settings {
    fn from(input: SettingsInput) -> Self {
        Self {
            series_template: input.series_template,
            standalone_template: input.standalone_template,
            import_policy: input.import_policy,
            library_path: input.library_path.trim().to_owned(),
            languages: crate::forms::split_list(&input.languages),
            min_bitrate_kbps: input.min_bitrate_kbps,
            max_size_gib: input.max_size_gib,
            min_seeders: input.min_seeders,
            unsatisfied_reserve: input.unsatisfied_reserve,
            floor_buffer: input.floor_buffer,
            min_free_gib: input.min_free_gib,
            max_automatic_grabs: input.max_automatic_grabs,
            is_automatic: input.is_automatic,
            stall_minutes: input.stall_minutes,
            audit_retention_days: input.audit_retention_days,
            time_zone: input.time_zone,
        }
    }
}

/// The settings in force.
pub async fn get_settings() -> Result<Settings, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::settings::get_settings(&services, &actor).await?)
}

/// Replaces the settings.
#[server]
pub async fn save_settings(input: SettingsInput) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::settings::save_settings(&services, &actor, Settings::from(input)).await?;
    super::go_to("/settings?done=saved");
    Ok(())
}

/// What the naming templates make of some of the library's own books.
pub async fn preview_naming(
    series_template: String,
    standalone_template: String,
) -> Result<Vec<NamingPreview>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::settings::preview_naming(&services, &actor, series_template, standalone_template).await?)
}
