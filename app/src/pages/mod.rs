//! The pages: each fetches what it shows, once on the server and again when something changed.

mod account;
mod book;
mod dashboard;
mod download;
mod downloads;
mod integration;
mod integrations;
mod jobs;
mod library;
mod login;
mod not_found;
mod run;
mod search;
mod search_result;
mod settings;
mod setup;
mod signed_in;
mod users;
mod wants;

pub use account::AccountPage;
pub use book::BookPage;
pub use dashboard::DashboardPage;
pub use download::DownloadPage;
pub use downloads::DownloadsPage;
pub use integration::IntegrationPage;
pub use integrations::IntegrationsPage;
pub use jobs::JobsPage;
pub use library::LibraryPage;
pub use login::LoginPage;
pub use not_found::NotFoundPage;
pub use run::RunPage;
pub use search::SearchPage;
pub use search_result::SearchResultPage;
pub use settings::SettingsPage;
pub use setup::SetupPage;
pub use signed_in::SignedIn;
pub use users::UsersPage;
pub use wants::WantsPage;

use std::future::Future;
use std::str::FromStr;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use types::PageRequest;

use crate::api::{AppError, no_such};

/// The id in this page's address; nothing when it is no id.
fn use_id<T>() -> Memo<Option<T>>
where
    T: FromStr + PartialEq + Send + Sync + 'static,
{
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get("id")?.parse().ok()))
}

/// Which page of a list the address asks for.
fn use_page_request() -> Memo<PageRequest> {
    let query = use_query_map();
    Memo::new(move |_| PageRequest {
        limit: None,
        cursor: query.with(|query| query.get("cursor")),
    })
}

/// Fetches by the address's id; an address without one leads nowhere.
async fn fetch_by<I, T, F>(id: Option<I>, what: &str, fetch: impl FnOnce(I) -> F) -> Result<T, AppError>
where
    F: Future<Output = Result<T, AppError>>,
{
    match id {
        Some(id) => fetch(id).await,
        None => Err(no_such(what)),
    }
}
