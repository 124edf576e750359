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
use tokio::sync::watch;

/// What every handler can ask for.
#[derive(Clone, FromRef)]
pub struct AppState {
    pub services: Services,
    pub leptos: LeptosOptions,
    pub cookies: SessionCookies,
    pub stop: Stop,
}

/// Whether the server was asked to stop: what would stay open for ever ends then.
#[derive(Clone)]
pub struct Stop(pub watch::Receiver<bool>);

impl Stop {
    /// Ends when the stop is asked for, or by a server that is gone.
    pub async fn asked(mut self) {
        // An error means that nobody is left to ask.
        let _ = self.0.wait_for(|is_asked| *is_asked).await;
    }
}
