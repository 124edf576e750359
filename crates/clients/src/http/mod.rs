//! The only place that builds a `reqwest` client: timeouts, size caps, an honest User-Agent, no redirects, no proxies,
//! and errors that never hold a query string or a header.

use std::error::Error;
use std::time::{Duration, Instant};

use reqwest::{Method, Request, RequestBuilder, Url};

use crate::error::{ClientError, Result};

mod address;
mod answer;

pub use address::{base_url, join_url, shown_address};
pub use answer::Answer;
pub(crate) use answer::looks_like_html;

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
    client: reqwest::Client,
}

impl HttpClient {
    /// `service` is the name in sentences: "qBittorrent".
    pub fn new(service: &str, options: HttpOptions) -> Result<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one builder that the ban points to"
        )]
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
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
        let request = request.build().map_err(|_| self.unsendable())?;
        let method = request.method().clone();
        let address = shown_address(request.url());
        let started = Instant::now();
        let answer = self.exchange(request, &address).await;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let service = &self.service;
        match &answer {
            Ok(Answer { status, .. }) => {
                tracing::debug!(%service, %method, %address, status, duration_ms, "{service} answered {method} with {status}");
            }
            Err(error) => {
                tracing::debug!(%service, %method, %address, duration_ms, %error, "{service} did not answer {method}");
            }
        }
        answer
    }

    async fn exchange(&self, request: Request, address: &str) -> Result<Answer> {
        let broken = |error: reqwest::Error| self.connection_error(&error, address);
        let mut response = self.client.execute(request).await.map_err(broken)?;
        if response
            .content_length()
            .is_some_and(|length| length > self.options.max_body_bytes)
        {
            return Err(self.too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if (body.len() + chunk.len()) as u64 > self.options.max_body_bytes {
                return Err(self.too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer::new(
            &self.service,
            response.status().as_u16(),
            response.headers().clone(),
            body,
        ))
    }

    fn connection_error(&self, error: &reqwest::Error, address: &str) -> ClientError {
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
                     again in Settings → Integrations."
                    .into(),
        }
    }
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
