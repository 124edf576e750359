//! Downloads and what can be done with them.

use leptos::prelude::*;
use types::downloads::{DownloadDetail, DownloadScope, DownloadSummary};
use types::{DownloadId, Page, PageRequest};

use super::AppError;

/// One page of downloads.
pub async fn list_downloads(scope: DownloadScope, page: PageRequest) -> Result<Page<DownloadSummary>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::downloads::list_downloads(&services, &actor, scope, page).await?)
}

/// Everything about a download.
pub async fn get_download(id: DownloadId) -> Result<DownloadDetail, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::downloads::get_download(&services, &actor, id).await?)
}

/// Tries again now.
#[server]
pub async fn retry_download(id: DownloadId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::downloads::retry_download(&services, &actor, id).await?;
    Ok(())
}

/// Gives up on a download.
#[server]
pub async fn cancel_download(id: DownloadId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::downloads::cancel_download(&services, &actor, id).await?;
    Ok(())
}

/// Imports the proposed parts of a pack as books of their own.
#[server]
pub async fn confirm_split(id: DownloadId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::downloads::confirm_split(&services, &actor, id).await?;
    Ok(())
}

/// Searches again for the same work and shows the choice.
#[server]
pub async fn choose_another(id: DownloadId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    let search = services::downloads::choose_another(&services, &actor, id).await?;
    super::go_to(&format!("/search/{search}"));
    Ok(())
}
