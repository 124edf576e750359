//! The pages: each reads what it shows on the server, and is asked for again when something changed.

mod account;
mod audit;
mod backups;
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
mod problems;
mod run;
mod search;
mod search_result;
mod settings;
mod setup;
mod sign_on;
mod signed_in;
mod user;
mod users;
mod wants;

pub use account::AccountPage;
pub use audit::AuditPage;
pub use backups::BackupsPage;
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
pub use problems::ProblemsPage;
pub use run::RunPage;
pub use search::SearchPage;
pub use search_result::SearchResultPage;
pub use settings::SettingsPage;
pub use setup::SetupPage;
pub use sign_on::SignOnPage;
pub use signed_in::SignedIn;
pub use user::UserPage;
pub use users::UsersPage;
pub use wants::WantsPage;

use std::future::Future;
use std::str::FromStr;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use leptos_router::params::ParamsMap;
use types::PageRequest;

use crate::api::{AppError, no_such};
use crate::components::notices::ErrorNotice;

/// A page, or a part of one, once it has read what it shows; else the error that says why it can't.
fn show(view: impl Future<Output = Result<AnyView, AppError>> + Send + 'static) -> impl IntoView {
    Suspend::new(async move {
        match view.await {
            Ok(view) => view,
            Err(error) => view! { <ErrorNotice error=error.0 /> }.into_any(),
        }
    })
}

/// The id in this page's address; an address without one leads to no such `what`.
fn read_id<T: FromStr>(what: &str) -> Result<T, AppError> {
    let id = use_params_map().with_untracked(|params| params.get("id")?.parse().ok());
    id.ok_or_else(|| no_such(what))
}

/// What stands behind the question mark of this page's address.
fn read_query() -> ParamsMap {
    use_query_map().get_untracked()
}

/// Which page of a list the address asks for.
fn read_page_request(query: &ParamsMap) -> PageRequest {
    PageRequest {
        limit: None,
        cursor: query.get("cursor"),
    }
}
