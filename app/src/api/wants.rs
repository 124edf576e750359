//! Wants.

use leptos::prelude::*;
use types::search::SearchForm;
use types::wants::{Want, WantStatus};
use types::{Page, PageRequest, WantId};

use super::AppError;

/// One page of wants.
pub async fn list_wants(status: Option<WantStatus>, page: PageRequest) -> Result<Page<Want>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::wants::list_wants(&services, &actor, status, page).await?)
}

/// Keeps looking for a work until it is there.
#[server]
pub async fn create_want(form: SearchForm) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::wants::create_want(&services, &actor, form, types::wants::WantReason::Request).await?;
    super::go_to("/wants");
    Ok(())
}

/// Stops looking.
#[server]
pub async fn cancel_want(id: WantId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::wants::cancel_want(&services, &actor, id).await?;
    Ok(())
}

/// Looks again at once.
#[server]
pub async fn search_now(id: WantId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::wants::search_now(&services, &actor, id).await?;
    Ok(())
}
