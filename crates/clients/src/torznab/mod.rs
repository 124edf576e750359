//! Any Torznab feed: Jackett, Prowlarr's feeds, trackers' own. Contract: `contracts/prowlarr_torznab.md`.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;
use types::integrations::{Health, TestOutcome};

use crate::error::{ClientError, Result};
use crate::http::{Answer, HttpClient, HttpOptions, base_url, join_url, shown_address};
use crate::indexer::{AccountFacts, Found, Indexer, IndexerQuery};
use crate::status::{common_refusal, pause_length};
use crate::text::quote_words;
use caps::read_caps;
#[doc(hidden)]
pub use caps::{Caps, read_capabilities};
pub use feed::read_feed;
use feed::{AUDIOBOOK, read_items};
use torrent_link::TorrentLinks;
use xml::{Element, parse_xml};

mod caps;
pub(crate) mod feed;
pub(crate) mod torrent_link;
mod xml;

/// The largest feed and the largest .torrent that are read.
pub(crate) const MAX_BODY_BYTES: u64 = 10 * 1024 * 1024;
const CAPS_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Pages of one search, for feeds that never run out.
const MAX_PAGES: usize = 3;

/// How to reach a feed.
#[derive(Clone)]
pub struct TorznabConfig {
    /// The integration's name, for sentences.
    pub name: String,
    /// The feed's address, usually ending in `/api`.
    pub url: String,
    /// API key; empty for feeds without one.
    pub secret: SecretString,
    /// Category ids; empty = 3030.
    pub categories: Vec<u32>,
    /// Least time between the starts of two requests: 2 s for real feeds.
    pub spacing: Duration,
    /// Hosts besides the feed's own that its download links may lead to, private ones too.
    pub extra_hosts: Vec<String>,
}

/// Makes the client.
pub fn connect(config: TorznabConfig) -> Result<impl Indexer + use<>> {
    let options = HttpOptions {
        max_body_bytes: MAX_BODY_BYTES,
        timeout: Duration::from_secs(100),
        ..HttpOptions::default()
    };
    let categories = if config.categories.is_empty() {
        vec![AUDIOBOOK]
    } else {
        config.categories
    };
    let http = HttpClient::new(&config.name, options)?;
    let base = base_url(&config.name, &config.url)?;
    Ok(Torznab {
        links: TorrentLinks {
            own: http.clone(),
            public: HttpClient::new_public(&config.name, options)?,
            base: base.clone(),
            extra_hosts: config.extra_hosts,
            key: None,
        },
        http,
        base,
        secret: config.secret,
        categories,
        spacing: config.spacing,
        last_start: Mutex::new(None),
        caps: Mutex::new(None),
    })
}

struct Torznab {
    http: HttpClient,
    base: Url,
    secret: SecretString,
    categories: Vec<u32>,
    spacing: Duration,
    links: TorrentLinks,
    /// Held while a request is in flight, so that there is never more than one.
    last_start: Mutex<Option<Instant>>,
    caps: Mutex<Option<(Caps, Instant)>>,
}

#[async_trait]
impl Indexer for Torznab {
    async fn test(&self) -> Result<TestOutcome> {
        let caps = match self.fetch_caps(&self.base).await {
            Err(error) if may_be_elsewhere(&error) && !self.base.path().ends_with("/api") => {
                let longer = join_url(&self.base, "api");
                return match self.fetch_caps(&longer).await {
                    Ok(_) => Ok(self.describe_longer_address(&longer)),
                    Err(_) => Err(error),
                };
            }
            caps => caps?,
        };
        let outcome = self.describe_caps(&caps);
        // Caps need no key with some feeds, so a real question shows whether the key is taken.
        self.fetch_page(&caps, "", 0).await?;
        Ok(outcome)
    }

    async fn search(&self, query: &IndexerQuery) -> Result<Found> {
        let caps = self.current_caps().await?;
        let mut found = Found::default();
        let mut seen = HashSet::new();
        for page in 0..MAX_PAGES {
            let answer = self.fetch_page(&caps, &query.text, page * caps.page_size).await;
            let releases = match answer {
                Ok(root) => read_items(&root, &self.base, &self.categories),
                Err(error) if page > 0 => {
                    found
                        .warnings
                        .push(format!("Only the first {page} pages were read: {error}"));
                    break;
                }
                Err(error) => return Err(self.forget_caps_after(error).await),
            };
            let count = releases.len();
            let fresh: Vec<_> = releases
                .into_iter()
                .filter(|release| seen.insert(release.external_id.clone()))
                .collect();
            // Several feeds ignore `offset` and send the first page again.
            let is_last = fresh.is_empty() || count < caps.page_size;
            found.releases.extend(fresh);
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn fetch_torrent(&self, download_ref: &SecretString) -> Result<Vec<u8>> {
        let mut last_start = self.last_start.lock().await;
        self.wait_for_spacing(&mut last_start).await;
        self.links.fetch(download_ref.expose_secret()).await
    }

    async fn account(&self) -> Result<Option<AccountFacts>> {
        Ok(None)
    }
}

impl Torznab {
    async fn current_caps(&self) -> Result<Caps> {
        if let Some((caps, read_at)) = &*self.caps.lock().await
            && read_at.elapsed() < CAPS_LIFE
        {
            return Ok(caps.clone());
        }
        let caps = self.fetch_caps(&self.base).await?;
        *self.caps.lock().await = Some((caps.clone(), Instant::now()));
        Ok(caps)
    }

    async fn fetch_caps(&self, url: &Url) -> Result<Caps> {
        let root = self.ask(url, &[("t", "caps")]).await?;
        match root.name.as_str() {
            "caps" => Ok(read_caps(&root)),
            _ => Err(self.unexpected("it is no Torznab feed: its capabilities can't be read")),
        }
    }

    async fn fetch_page(&self, caps: &Caps, text: &str, offset: usize) -> Result<Element> {
        let function = match (caps.has_search, caps.has_book_search) {
            (true, _) => "search",
            (false, true) => "book",
            (false, false) => return Err(self.unexpected("the feed offers no search by words")),
        };
        let categories = self.categories.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let (limit, offset) = (caps.page_size.to_string(), offset.to_string());
        let parameters = [
            ("t", function),
            ("q", text),
            ("cat", &categories),
            ("limit", &limit),
            ("offset", &offset),
        ];
        let root = self.ask(&self.base, &parameters).await?;
        match root.name.as_str() {
            "rss" | "feed" | "RDF" => Ok(root),
            name => Err(self.unexpected(&format!("<{}> instead of a feed", quote_words(name)))),
        }
    }

    /// One request, in its turn. The key goes into the query, which is where every Torznab server reads it.
    async fn ask(&self, url: &Url, parameters: &[(&str, &str)]) -> Result<Element> {
        let mut last_start = self.last_start.lock().await;
        self.wait_for_spacing(&mut last_start).await;
        let key = self.secret.expose_secret().trim();
        let key: &[(&str, &str)] = if key.is_empty() { &[] } else { &[("apikey", key)] };
        let request = self.http.request(Method::GET, url.clone()).query(key).query(parameters);
        let answer = self.http.send(request).await?;
        drop(last_start);
        self.read_answer(&answer)
    }

    async fn wait_for_spacing(&self, last_start: &mut Option<Instant>) {
        if let Some(last) = *last_start {
            tokio::time::sleep_until(last + self.spacing).await;
        }
        *last_start = Some(Instant::now());
    }

    /// The root element, unless status or root say that it failed: errors often come with HTTP 200.
    fn read_answer(&self, answer: &Answer) -> Result<Element> {
        let service = self.http.service().to_owned();
        let root = parse_xml(&answer.body);
        if answer.status != 429
            && let Ok(root) = &root
            && root.name == "error"
        {
            return Err(self.read_error(root, answer));
        }
        match answer.status {
            200..=299 if answer.is_html() => Err(answer.unexpected("a web page instead of a feed; check the address")),
            200..=299 => root.map_err(|fault| answer.unexpected(&fault)),
            401 | 403 => Err(self.key_refused("")),
            404 => Err(answer.unexpected("there is no feed at this address")),
            410 => Err(ClientError::Forbidden {
                service,
                advice: "the indexer is switched off there; switch it on.".into(),
            }),
            _ => Err(common_refusal(answer, &service, &shown_address(&self.base))
                .unwrap_or_else(|| answer.unexpected("no usable answer"))),
        }
    }

    fn read_error(&self, root: &Element, answer: &Answer) -> ClientError {
        let service = self.http.service().to_owned();
        let code: u32 = root
            .attribute("code")
            .and_then(|code| code.trim().parse().ok())
            .unwrap_or(900);
        let words = quote_words(root.attribute("description").unwrap_or("no description"));
        match code {
            100..=199 => self.key_refused(&format!("It says \"{words}\" (error {code}). ")),
            300 => ClientError::NotFound { service, what: words },
            500 | 501 => ClientError::RateLimited {
                service,
                retry_after: pause_length(answer),
            },
            910 => ClientError::Forbidden {
                service,
                advice: format!("its API is switched off ({words})."),
            },
            _ => answer.unexpected(&format!("it says \"{words}\" (error {code})")),
        }
    }

    fn key_refused(&self, words: &str) -> ClientError {
        ClientError::CredentialsRefused {
            service: self.http.service().into(),
            credential: "API key".into(),
            advice: format!("{words}Check it under Integrations."),
        }
    }

    /// After "no such function" or "bad parameter" our idea of the feed is wrong: it is read again next time.
    async fn forget_caps_after(&self, error: ClientError) -> ClientError {
        if matches!(error, ClientError::UnexpectedAnswer { .. }) {
            *self.caps.lock().await = None;
        }
        error
    }

    fn describe_caps(&self, caps: &Caps) -> TestOutcome {
        let title = caps.title.as_deref().map_or_else(|| "The feed".to_owned(), quote_words);
        let missing: Vec<String> = self
            .categories
            .iter()
            .filter(|id| !caps.categories.is_empty() && !caps.categories.iter().any(|(known, _)| known == *id))
            .map(u32::to_string)
            .collect();
        let mut facts = vec![format!("{} categories", caps.categories.len())];
        let named = caps.categories.iter().filter(|(id, _)| self.categories.contains(id));
        facts.extend(named.map(|(id, name)| format!("Category {id}: {}", quote_words(name))));
        let (health, sentence) = match missing.is_empty() {
            true => (Health::Ok, format!("{title} answers and takes searches.")),
            false => (
                Health::Warning,
                format!(
                    "{title} answers, but does not list category {}; choose those it has.",
                    missing.join(", ")
                ),
            ),
        };
        TestOutcome {
            health,
            sentence,
            facts,
            version: None,
        }
    }

    fn describe_longer_address(&self, longer: &Url) -> TestOutcome {
        TestOutcome {
            health: Health::Failing,
            sentence: format!("The feed is at {longer}: add \"/api\" to the address and save it."),
            facts: Vec::new(),
            version: None,
        }
    }

    fn unexpected(&self, detail: &str) -> ClientError {
        ClientError::UnexpectedAnswer {
            service: self.http.service().into(),
            detail: detail.into(),
        }
    }
}

/// Whether a failure looks like a wrong path rather than like a refusal.
fn may_be_elsewhere(error: &ClientError) -> bool {
    matches!(error, ClientError::UnexpectedAnswer { .. })
}
