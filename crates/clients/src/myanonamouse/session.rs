//! The one way to the site: one request at a time through the queue, with the session cookie that rotates.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::COOKIE;
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::Instrument;

use super::SERVICE;
use super::cookie::{clean_entered, renewed_value};

use crate::error::{ClientError, Result};
use crate::http::{Answer, HttpClient, shown_address};
use crate::indexer::{RequestQueue, SessionStore};
use crate::status::common_refusal;
use crate::text::quote_words;

/// Wait after a 429 that names no time.
const DEFAULT_PAUSE: Duration = Duration::from_secs(60);
const NEW_SESSION: &str = "Make a new session for this app under Preferences → Security on the site and enter its \
                           mam_id under Integrations.";

pub(super) struct Session {
    pub http: HttpClient,
    pub base: Url,
    pub configured: SecretString,
    pub store: Arc<dyn SessionStore>,
    pub queue: Arc<dyn RequestQueue>,
    /// A renewed cookie that could not be stored yet; the next call stores it before anything is sent.
    pub unsaved: Mutex<Option<SecretString>>,
}

/// What a good answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Json,
    Torrent,
}

impl Session {
    /// Sends in our turn, stores a renewed cookie, and only then looks at the answer.
    ///
    /// Runs as its own task: a caller that stops waiting must not lose the renewed cookie.
    pub async fn send(self: &Arc<Self>, request: RequestBuilder, expected: Expected) -> Result<Answer> {
        let session = self.clone();
        let exchange = tokio::spawn(async move { session.exchange(request, expected).await }.in_current_span());
        exchange
            .await
            .unwrap_or_else(|_| Err(paused("a request was cut off as the server shuts down")))
    }

    /// The answer's JSON object.
    pub async fn send_for_json(self: &Arc<Self>, request: RequestBuilder) -> Result<Value> {
        let answer = self.send(request, Expected::Json).await?;
        answer.json()
    }

    async fn exchange(&self, request: RequestBuilder, expected: Expected) -> Result<Answer> {
        // Held until the end: the next request may start only after the renewed cookie is stored.
        let _turn = self.queue.wait_turn().await?;
        let cookie = self.newest_cookie().await?;
        let request = request.header(COOKIE, cookie_header(&cookie)?);
        let answer = self.http.send_keeping_headers(request).await;
        // Also from an answer whose body broke: the site has renewed the session all the same.
        let headers = match &answer {
            Ok(answer) => &answer.headers,
            Err(broken) => &broken.headers,
        };
        if let Some(renewed) = renewed_value(headers) {
            self.keep_cookie(renewed).await?;
        }
        let answer = answer.map_err(|broken| broken.error)?;
        match self.find_fault(&answer, expected) {
            None => Ok(answer),
            Some(fault) => Err(self.pause_after(fault).await),
        }
    }

    async fn newest_cookie(&self) -> Result<SecretString> {
        let unsaved = self.unsaved.lock().await.take();
        if let Some(unsaved) = unsaved {
            self.keep_cookie(unsaved).await?;
        }
        let stored = self.store.load().await.map_err(|error| {
            tracing::error!("can't read the MyAnonamouse session: {error:#}");
            paused("its stored session can't be read from the database, so nothing was sent. It is tried again.")
        })?;
        let cookie = stored.unwrap_or_else(|| self.configured.clone());
        clean_entered(cookie.expose_secret()).ok_or_else(|| ClientError::CredentialsRefused {
            service: SERVICE.into(),
            credential: "mam_id".into(),
            advice: format!("It is empty or holds characters that no cookie has. {NEW_SESSION}"),
        })
    }

    async fn keep_cookie(&self, renewed: SecretString) -> Result<()> {
        let Err(error) = self.store.save(&renewed).await else {
            return Ok(());
        };
        tracing::error!("can't store the renewed MyAnonamouse session: {error:#}");
        *self.unsaved.lock().await = Some(renewed);
        Err(paused(
            "its renewed session can't be stored in the database. It is tried again before the next request.",
        ))
    }

    fn find_fault(&self, answer: &Answer, expected: Expected) -> Option<ClientError> {
        let says_signed_out = || answer.text().to_lowercase().contains("not signed in");
        match answer.status {
            401 | 403 | 406 => Some(refused(&refusal_advice(answer))),
            404 if expected == Expected::Torrent => Some(ClientError::NotFound {
                service: SERVICE.into(),
                what: "the torrent was removed".into(),
            }),
            300..=399 if answer.header("location").is_some_and(|to| to.contains("login")) => {
                Some(refused("It sends us to its login page."))
            }
            200..=299 if expected == Expected::Torrent => match answer.body.first() {
                Some(b'd') => None,
                _ if answer.is_html() || says_signed_out() => {
                    Some(refused("It answered with a page instead of a torrent."))
                }
                _ => Some(answer.unexpected(&format!("no torrent but: {}", quote_words(&answer.text())))),
            },
            200..=299 => json_fault(answer, says_signed_out),
            _ => common_refusal(answer, SERVICE, &shown_address(&self.base))
                .or_else(|| Some(answer.unexpected(&quote_words(&answer.text())))),
        }
    }

    /// Stops the queue where a person or a pause is needed, and gives the error back.
    async fn pause_after(&self, fault: ClientError) -> ClientError {
        let until = match &fault {
            ClientError::CredentialsRefused { .. } => None,
            ClientError::RateLimited { retry_after, .. } => {
                Some(self.queue.now() + retry_after.unwrap_or(DEFAULT_PAUSE).min(Duration::from_secs(86_400)))
            }
            _ => return fault,
        };
        if let Err(error) = self.queue.pause(until, &fault.to_string()).await {
            tracing::error!("can't stop the MyAnonamouse queue: {error:#}");
        }
        fault
    }
}

/// A fault of a 2xx answer that should be JSON. Anything else than JSON means that we are not signed in.
fn json_fault(answer: &Answer, says_signed_out: impl Fn() -> bool) -> Option<ClientError> {
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(Value::Object(object)) => {
            let error = object.get("error").and_then(Value::as_str).unwrap_or_default();
            error
                .to_lowercase()
                .contains("not signed in")
                .then(|| refused("It says that we are not signed in."))
        }
        Ok(_) => Some(answer.unexpected("JSON that is no object")),
        Err(_) if says_signed_out() => Some(refused("It says that we are not signed in.")),
        Err(_) if answer.body.trim_ascii().is_empty() => Some(answer.unexpected("an empty answer")),
        Err(_) if answer.body.trim_ascii_start().starts_with(b"{") => Some(answer.unexpected("JSON that is cut off")),
        Err(_) => Some(refused(
            "It answered with a page instead of data, as it does for a session it does not know.",
        )),
    }
}

/// Why the site refused, from its own words where these say more than "no".
fn refusal_advice(answer: &Answer) -> String {
    let text = answer.text().to_lowercase();
    if text.contains("ip mismatch") || text.contains("asn mismatch") || text.contains("does not match account") {
        return "The session belongs to another address: allow this one under Preferences → Security → Manage Session \
                on the site, then enter the mam_id again."
            .into();
    }
    if text.contains("session type") {
        return format!("The mam_id is of a browser's session, which its API does not take. {NEW_SESSION}");
    }
    format!(
        "It answered HTTP {}: the session expired or is not known at this address.",
        answer.status
    )
}

fn refused(detail: &str) -> ClientError {
    let advice = if detail.contains("mam_id") {
        detail.to_owned()
    } else {
        format!("{detail} {NEW_SESSION}")
    };
    ClientError::CredentialsRefused {
        service: SERVICE.into(),
        credential: "mam_id".into(),
        advice,
    }
}

fn paused(reason: &str) -> ClientError {
    ClientError::Paused {
        service: SERVICE.into(),
        reason: reason.into(),
    }
}

fn cookie_header(cookie: &SecretString) -> Result<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("mam_id={}", cookie.expose_secret()))
        .map_err(|_| refused("It holds characters that no cookie has."))?;
    header.set_sensitive(true);
    Ok(header)
}
