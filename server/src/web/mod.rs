//! The two doors: pages with their server functions, and the JSON API.

mod api;
mod auth;
mod covers;
mod csrf;
mod error;
mod events;
mod health;
mod pages;
mod router;

pub use router::build_router;

use app::api::session::SessionCookies;
use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use services::Services;

/// What every handler can ask for.
#[derive(Clone, FromRef)]
pub struct AppState {
    pub services: Services,
    pub leptos: LeptosOptions,
    pub cookies: SessionCookies,
}
