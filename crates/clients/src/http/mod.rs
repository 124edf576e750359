//! The only place that builds a `reqwest` client: timeouts, size caps, an honest User-Agent, no redirects, no proxies,
//! a guard on the addresses that are connected to, and errors that never hold a query string or a header.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use reqwest::{Method, Request, RequestBuilder, Url};
use tracing::Instrument;

use crate::error::{ClientError, Result};

mod address;
mod answer;
mod count;
#[cfg(test)]
pub(crate) mod fake_network;
mod network;
mod reach;
mod traced;

pub use address::{base_url, join_url, shown_address};
pub use answer::Answer;
pub(crate) use answer::looks_like_html;
use network::{GuardedResolver, RefusedAddress};
pub use network::{Network, SystemNetwork};
pub(crate) use network::{is_in_house, judge_url};
pub use reach::{Reach, Zone, zone_of};

/// What we call ourselves everywhere.
pub const USER_AGENT: &str = concat!("mamcrawler/", env!("CARGO_PKG_VERSION"));

/// Limits of one service's connections.
#[derive(Debug, Clone, Copy)]
pub struct HttpOptions {
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
    pub connect_timeout: Duration,
    /// Shorter than the service's own, or a request meets a connection that the service has just closed.
    pub pool_idle_timeout: Duration,
    /// After decompression.
    pub max_body_bytes: u64,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            pool_idle_timeout: Duration::from_secs(20),
            max_body_bytes: 16 * 1024 * 1024,
        }
    }
}

/// Connections to one service. A clone shares them.
#[derive(Clone)]
pub struct HttpClient {
    service: String,
    options: HttpOptions,
    reach: Reach,
    client: reqwest::Client,
}

/// A call that failed, with what had arrived by then.
pub struct Broken {
    pub error: ClientError,
    /// Of an answer whose body broke; empty when no answer began.
    pub headers: HeaderMap,
}

/// Headers may hold a session.
impl std::fmt::Debug for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broken")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl From<ClientError> for Broken {
    fn from(error: ClientError) -> Self {
        Self {
            error,
            headers: HeaderMap::new(),
        }
    }
}

impl HttpClient {
    /// For addresses that an admin entered. `service` is the name in sentences: "qBittorrent".
    pub fn new(service: &str, options: HttpOptions) -> Result<Self> {
        Self::with_network(service, options, Reach::Admin, Arc::new(SystemNetwork))
    }

    /// For addresses that anybody else gave: the public internet only.
    pub fn new_public(service: &str, options: HttpOptions) -> Result<Self> {
        Self::with_network(service, options, Reach::Public, Arc::new(SystemNetwork))
    }

    /// The same over another network.
    pub fn with_network(service: &str, options: HttpOptions, reach: Reach, network: Arc<dyn Network>) -> Result<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one builder that the ban points to"
        )]
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(GuardedResolver { network, reach })
            .referer(false)
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout)
            .pool_idle_timeout(options.pool_idle_timeout)
            .build()
            .map_err(|error| ClientError::Unreachable {
                service: service.into(),
                address: "any address".into(),
                detail: format!("HTTPS can't be set up on this machine ({})", deepest_text(&error)),
            })?;
        Ok(Self {
            service: service.into(),
            options,
            reach,
            client,
        })
    }

    /// The service's name in sentences.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// A GET of `path` under `base`, whose own path is kept.
    pub fn get(&self, base: &Url, path: &str) -> RequestBuilder {
        self.request(Method::GET, join_url(base, path))
    }

    /// A POST to `path` under `base`, whose own path is kept.
    pub fn post(&self, base: &Url, path: &str) -> RequestBuilder {
        self.request(Method::POST, join_url(base, path))
    }

    /// Any method to an address that is already complete.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends once and reads the whole body. Every status is an `Ok`: what it means is the caller's to know.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        self.send_keeping_headers(request).await.map_err(|broken| broken.error)
    }

    /// The same, for services whose headers count even when the body breaks: they may have renewed a session.
    pub async fn send_keeping_headers(&self, request: RequestBuilder) -> std::result::Result<Answer, Broken> {
        let request = request.build().map_err(|_| self.unsendable())?;
        let method = request.method().clone();
        let address = shown_address(request.url());
        let started = Instant::now();
        let span = traced::open_span(&self.service, &request);
        let answer = self.exchange(request, &address).instrument(span.clone()).await;
        traced::close_span(&span, &answer);
        count::count_exchange(&self.service, &answer, started.elapsed());
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let service = &self.service;
        match &answer {
            Ok(Answer { status, .. }) => {
                tracing::debug!(%service, %method, %address, status, duration_ms, "{service} answered {method} with {status}");
            }
            Err(Broken { error, .. }) => {
                tracing::debug!(%service, %method, %address, duration_ms, %error, "{service} did not answer {method}");
            }
        }
        answer
    }

    async fn exchange(&self, request: Request, address: &str) -> std::result::Result<Answer, Broken> {
        // A host in digits is connected to without asking the resolver, so it is judged here.
        if let Some(reason) = self.reach.refuse_url(request.url()) {
            return Err(self.refused(address, reason).into());
        }
        let response = self.client.execute(request).await;
        let mut response = response.map_err(|error| self.connection_error(&error, address))?;
        let headers = response.headers().clone();
        let status = response.status().as_u16();
        match self.read_body(&mut response, address).await {
            Ok(body) => Ok(Answer::new(&self.service, status, headers, body)),
            Err(error) => Err(Broken { error, headers }),
        }
    }

    async fn read_body(&self, response: &mut reqwest::Response, address: &str) -> Result<Vec<u8>> {
        if response
            .content_length()
            .is_some_and(|length| length > self.options.max_body_bytes)
        {
            return Err(self.too_large());
        }
        let mut body = Vec::new();
        let broken = |error: reqwest::Error| self.connection_error(&error, address);
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if (body.len() + chunk.len()) as u64 > self.options.max_body_bytes {
                return Err(self.too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn connection_error(&self, error: &reqwest::Error, address: &str) -> ClientError {
        if let Some(refused) = find_refusal(error) {
            return self.refused(address, refused.reason);
        }
        let service = self.service.clone();
        if error.is_timeout() && !error.is_connect() {
            return ClientError::TimedOut {
                service,
                seconds: self.options.timeout.as_secs(),
            };
        }
        let detail = if error.is_timeout() {
            format!("no connection within {} s", self.options.connect_timeout.as_secs())
        } else {
            deepest_text(error)
        };
        ClientError::Unreachable {
            service,
            address: address.into(),
            detail,
        }
    }

    fn refused(&self, address: &str, reason: &str) -> ClientError {
        ClientError::Forbidden {
            service: self.service.clone(),
            advice: format!(
                "nothing was sent to {address}, as {reason}. If it is yours, check the address under \
                 Integrations."
            ),
        }
    }

    fn too_large(&self) -> ClientError {
        ClientError::TooLarge {
            service: self.service.clone(),
            limit_bytes: self.options.max_body_bytes,
        }
    }

    fn unsendable(&self) -> ClientError {
        ClientError::Forbidden {
            service: self.service.clone(),
            advice:
                "nothing was sent, as the address or the key holds characters that HTTP does not allow. Enter them \
                     again under Integrations."
                    .into(),
        }
    }
}

/// The resolver's no, which HTTP wraps several times.
fn find_refusal<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a RefusedAddress> {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref() {
            return Some(refused);
        }
        cause = inner.source();
    }
    None
}

/// The innermost cause: reqwest's own text holds the full URL, the cause ("Connection refused") does not.
fn deepest_text(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = "the connection broke".to_owned();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}
