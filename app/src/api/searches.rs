//! Searching the indexers and taking what was found.

use leptos::prelude::*;
use types::search::{SearchForm, SearchResult};
use types::{CandidateId, SearchId};

use super::AppError;

/// Starts a search over all indexers and shows it.
#[server]
pub async fn start_search(form: SearchForm) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    let id = services::searches::start_search(&services, &actor, form).await?;
    super::go_to(&format!("/search/{id}"));
    Ok(())
}

/// A search with everything it found so far.
pub async fn get_search(id: SearchId) -> Result<SearchResult, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::searches::get_search(&services, &actor, id).await?)
}

/// Grabs a release and shows its download.
#[server]
pub async fn grab_candidate(id: CandidateId, #[server(default)] is_forced: bool) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    let options = services::grab::GrabOptions {
        is_forced,
        idempotency_key: None,
    };
    let download = services::grab::grab_candidate(&services, &actor, id, options).await?;
    super::go_to(&format!("/downloads/{download}"));
    Ok(())
}
