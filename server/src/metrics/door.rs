//! Where metrics are read: an address of their own, or the server's own with a token.

use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use secrecy::{ExposeSecret, SecretString};
use services::Services;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Metrics;
use crate::config::{MetricsConfig, TrustedProxies};
use crate::web::{ConnectionLimits, find_credential, serve_connections};

const CONNECTIONS: usize = 32;
const TIMEOUT: Duration = Duration::from_secs(15);

/// The address of its own, open until this is dropped.
pub struct MetricsDoor(Option<JoinHandle<()>>);

impl MetricsDoor {
    /// Listens, if the settings say so.
    pub async fn open(config: &MetricsConfig, metrics: &Metrics, services: &Services) -> Result<Self> {
        let Some(address) = config.listen else {
            return Ok(Self(None));
        };
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!(
                "{address} can't be listened on. Stop what uses it, or set MAMCRAWLER_METRICS_LISTEN to another address"
            )
        })?;
        tracing::info!("metrics are at http://{}/metrics", listener.local_addr()?);
        let router = Router::new()
            .route("/metrics", get(answer))
            .with_state((metrics.clone(), services.clone()));
        let limits = ConnectionLimits {
            connections: CONNECTIONS,
            connections_per_address: CONNECTIONS,
            trusted_proxies: TrustedProxies::default(),
            read_timeout: TIMEOUT,
            write_timeout: TIMEOUT,
            drain: Duration::ZERO,
        };
        let serving = serve_connections(listener, router, limits, std::future::pending());
        Ok(Self(Some(tokio::spawn(serving))))
    }
}

impl Drop for MetricsDoor {
    fn drop(&mut self) {
        if let Some(serving) = self.0.take() {
            serving.abort();
        }
    }
}

async fn answer(State((metrics, services)): State<(Metrics, Services)>, headers: HeaderMap) -> Response {
    if metrics.token().is_some_and(|token| !is_token(token, &headers)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    answer_with(&metrics, &services).await
}

/// The metrics as Prometheus takes them.
pub async fn answer_with(metrics: &Metrics, services: &Services) -> Response {
    let text = metrics.render(services).await;
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response()
}

/// Whether the request shows this token as its bearer's. Hashes are compared, so that time tells nothing of it.
pub fn is_token(token: &SecretString, headers: &HeaderMap) -> bool {
    let shown = find_credential(headers).unwrap_or_default();
    Sha256::digest(shown.as_bytes()) == Sha256::digest(token.expose_secret().as_bytes())
}
