//! The two doors: pages with their server functions, and the JSON API.

mod api;
#[cfg(test)]
mod audited;
#[cfg(test)]
mod audited_check;
mod auth;
mod bodies;
mod client;
mod cors;
mod covers;
mod csrf;
mod edge;
mod envelope;
mod error;
mod events;
mod extract;
mod form_errors;
mod headers;
mod health;
mod hosts;
mod metrics;
mod mount;
mod oidc;
mod overload;
mod pages;
mod peers;
mod rate;
mod refusals;
mod request_id;
mod router;
mod serve;
mod streams;
#[cfg(test)]
pub(crate) mod test_state;
mod traced;

pub use auth::find_credential;
pub use edge::Edge;
pub use overload::{REFUSED, Refusal};
pub use router::build_router;
pub use serve::{ConnectionLimits, serve_connections};

use app::api::session::SessionCookies;
use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use services::Services;
use tokio::sync::watch;
use types::BasePath;

use crate::metrics::Metrics;

/// What every handler can ask for.
#[derive(Clone, FromRef)]
pub struct AppState {
    pub services: Services,
    pub leptos: LeptosOptions,
    pub cookies: SessionCookies,
    /// Where our addresses begin.
    pub base: BasePath,
    pub edge: Edge,
    pub stop: Stop,
    pub metrics: Metrics,
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
