//! Prowlarr through its JSON API. Contract: `contracts/prowlarr_torznab.md`.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use types::integrations::{Health, TestOutcome};

use crate::error::{ClientError, Result};
use crate::flex;
use crate::http::{Answer, HttpClient, HttpOptions, base_url, shown_address};
use crate::indexer::{AccountFacts, Found, FoundRelease, Indexer, IndexerQuery};
use crate::status::{common_refusal, service_time};
use crate::text::quote_words;
use crate::torznab::MAX_BODY_BYTES;
use crate::torznab::feed::AUDIOBOOK;
use crate::torznab::torrent_link::TorrentLinks;
use hit::read_hit;
#[doc(hidden)]
pub use hit::read_search_hit;
use wire::{HealthItem, IndexerFailure, IndexerInfo, SearchHit, SystemStatus};

mod hit;
pub(crate) mod title;
mod wire;

const SERVICE: &str = "Prowlarr";
const KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");
/// A search lasts as long as its slowest indexer.
const TIMEOUT: Duration = Duration::from_secs(100);
/// How long the list of indexers counts; a search comes in several variants of its words.
const INDEXERS_LIFE: Duration = Duration::from_secs(300);

/// How to reach Prowlarr and what to ask it.
#[derive(Clone)]
pub struct ProwlarrConfig {
    pub url: String,
    pub secret: SecretString,
    /// Category ids; empty = 3030.
    pub categories: Vec<u32>,
    /// Indexers to search; empty = all torrent indexers that are switched on.
    pub indexer_ids: Vec<i32>,
    /// Leaves Prowlarr's MyAnonamouse out when no indexer is chosen, because that site is connected itself.
    pub skip_myanonamouse: bool,
    /// Hosts besides Prowlarr's own that its download links may lead to, private ones too.
    pub extra_hosts: Vec<String>,
}

/// Makes the client.
pub fn connect(config: ProwlarrConfig) -> Result<impl Indexer + use<>> {
    let options = HttpOptions {
        timeout: TIMEOUT,
        max_body_bytes: MAX_BODY_BYTES,
        ..HttpOptions::default()
    };
    let mut key = HeaderValue::from_str(config.secret.expose_secret().trim()).map_err(|_| key_refused())?;
    key.set_sensitive(true);
    let http = HttpClient::new(SERVICE, options)?;
    let base = base_url(SERVICE, &config.url)?;
    Ok(Prowlarr {
        links: TorrentLinks {
            own: http.clone(),
            public: HttpClient::new_public(SERVICE, options)?,
            base: base.clone(),
            extra_hosts: config.extra_hosts.clone(),
            key: Some((KEY_HEADER, key.clone())),
        },
        http,
        base,
        categories: if config.categories.is_empty() {
            vec![AUDIOBOOK]
        } else {
            config.categories.clone()
        },
        key,
        config,
        indexers: Mutex::new(None),
        searching: Mutex::new(()),
    })
}

struct Prowlarr {
    http: HttpClient,
    base: Url,
    key: HeaderValue,
    categories: Vec<u32>,
    config: ProwlarrConfig,
    links: TorrentLinks,
    indexers: Mutex<Option<(Vec<IndexerInfo>, Instant)>>,
    /// One search at a time: each makes Prowlarr ask all its indexers.
    searching: Mutex<()>,
}

#[async_trait]
impl Indexer for Prowlarr {
    async fn test(&self) -> Result<TestOutcome> {
        let status: SystemStatus = self.ask(self.get("api/v1/system/status")).await?.json()?;
        if status.app_name != SERVICE {
            let name = quote_words(&status.app_name);
            let detail = format!("the address belongs to \"{name}\", not to Prowlarr. Check it under Integrations.");
            return Err(ClientError::UnexpectedAnswer {
                service: SERVICE.into(),
                detail,
            });
        }
        let indexers = self.fetch_indexers().await?;
        let health: Vec<HealthItem> = self.ask(self.get("api/v1/health")).await?.json()?;
        let failing = self.read_failures(&indexers).await?;
        Ok(self.describe(&status, &indexers, &health, &failing))
    }

    async fn search(&self, query: &IndexerQuery) -> Result<Found> {
        let _searching = self.searching.lock().await;
        let asked = self.asked_indexers(&self.current_indexers().await?);
        if asked.is_empty() {
            let warnings = vec!["Prowlarr has no torrent indexer to ask. Add or switch on one there.".to_owned()];
            return Ok(Found {
                releases: Vec::new(),
                warnings,
            });
        }
        let mut request = self
            .get("api/v1/search")
            .query(&[("query", query.text.as_str()), ("type", "search")]);
        request = request.query(&self.categories.iter().map(|id| ("categories", id)).collect::<Vec<_>>());
        request = request.query(
            &asked
                .iter()
                .map(|indexer| ("indexerIds", indexer.id))
                .collect::<Vec<_>>(),
        );
        request = request.query(&[("limit", 100), ("offset", 0)]);
        let hits: Vec<Value> = self.ask(request).await?.json()?;
        let (releases, answered) = self.read_hits(hits);
        // A failing indexer is silent in Prowlarr's answer: those without a hit are looked up.
        let silent: Vec<IndexerInfo> = asked
            .into_iter()
            .filter(|indexer| !answered.contains(&indexer.id))
            .collect();
        let warnings = match silent.is_empty() {
            true => Vec::new(),
            false => self.read_failures(&silent).await.unwrap_or_else(|error| {
                vec![format!(
                    "Whether all of Prowlarr's indexers answered is not known: {error}"
                )]
            }),
        };
        Ok(Found { releases, warnings })
    }

    async fn fetch_torrent(&self, download_ref: &SecretString) -> Result<Vec<u8>> {
        self.links.fetch(download_ref.expose_secret()).await
    }

    async fn account(&self) -> Result<Option<AccountFacts>> {
        Ok(None)
    }
}

impl Prowlarr {
    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(&self.base, path).header(KEY_HEADER, self.key.clone())
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer> {
        let answer = self.http.send(request).await?;
        match answer.status {
            200..=299 => Ok(answer),
            401 => Err(key_refused()),
            403 => Err(ClientError::Forbidden {
                service: SERVICE.into(),
                advice: "the address or a proxy before it does not let us in. Check it under Integrations.".into(),
            }),
            404 => Err(answer.unexpected("its API is not at this address; check the URL base")),
            400..=428 | 430..=499 => Err(answer.unexpected(&error_words(&answer))),
            _ => Err(common_refusal(&answer, SERVICE, &shown_address(&self.base))
                .unwrap_or_else(|| answer.unexpected("no usable answer"))),
        }
    }

    async fn current_indexers(&self) -> Result<Vec<IndexerInfo>> {
        if let Some((indexers, read_at)) = &*self.indexers.lock().await
            && read_at.elapsed() < INDEXERS_LIFE
        {
            return Ok(indexers.clone());
        }
        self.fetch_indexers().await
    }

    async fn fetch_indexers(&self) -> Result<Vec<IndexerInfo>> {
        let indexers: Vec<IndexerInfo> = self.ask(self.get("api/v1/indexer")).await?.json()?;
        *self.indexers.lock().await = Some((indexers.clone(), Instant::now()));
        Ok(indexers)
    }

    /// The chosen indexers, else the torrent indexers that are on, without MyAnonamouse where that is connected itself.
    fn asked_indexers(&self, indexers: &[IndexerInfo]) -> Vec<IndexerInfo> {
        let is_asked = |indexer: &&IndexerInfo| match self.config.indexer_ids.is_empty() {
            false => self.config.indexer_ids.contains(&indexer.id),
            true => {
                indexer.enable && indexer.is_torrent() && !(self.config.skip_myanonamouse && indexer.is_myanonamouse())
            }
        };
        indexers.iter().filter(is_asked).cloned().collect()
    }

    /// Releases, and the indexers that they came from. A hit that can't be read is left out.
    fn read_hits(&self, hits: Vec<Value>) -> (Vec<FoundRelease>, HashSet<i32>) {
        let mut answered = HashSet::new();
        let mut releases = Vec::new();
        for hit in hits {
            let Ok(hit) = serde_json::from_value::<SearchHit>(hit) else {
                continue;
            };
            answered.insert(hit.indexer_id);
            releases.extend(read_hit(hit, &self.base, &self.categories));
        }
        (releases, answered)
    }

    /// Sentences on those of the indexers that Prowlarr has switched off for a while.
    async fn read_failures(&self, indexers: &[IndexerInfo]) -> Result<Vec<String>> {
        let answer = self.ask(self.get("api/v1/indexerstatus")).await?;
        let now = service_time(&answer);
        let failures: Vec<IndexerFailure> = answer.json()?;
        let sentences = failures.iter().filter_map(|failure| {
            let name = quote_words(&indexers.iter().find(|indexer| indexer.id == failure.indexer_id)?.name);
            let until = failure
                .disabled_till
                .filter(|until| now.is_none_or(|now| *until > now))?;
            Some(format!(
                "Prowlarr's indexer {name} is switched off until {}.",
                until.format("%Y-%m-%d %H:%M UTC")
            ))
        });
        Ok(sentences.collect())
    }

    fn describe(
        &self,
        status: &SystemStatus,
        indexers: &[IndexerInfo],
        health: &[HealthItem],
        failing: &[String],
    ) -> TestOutcome {
        let asked = self.asked_indexers(indexers);
        let names: Vec<String> = asked.iter().map(|indexer| quote_words(&indexer.name)).collect();
        let mut facts = vec![format!(
            "Searches {}",
            if names.is_empty() {
                "nothing".into()
            } else {
                names.join(", ")
            }
        )];
        let is_trouble = |item: &&HealthItem| matches!(item.kind.as_str(), "warning" | "error");
        let troubles: Vec<String> = health
            .iter()
            .filter(is_trouble)
            .map(|item| quote_words(&item.message))
            .collect();
        facts.extend(troubles.iter().map(|message| format!("Prowlarr says: {message}")));
        facts.extend(failing.iter().cloned());
        let has_trouble = asked.is_empty() || !troubles.is_empty() || !failing.is_empty();
        let sentence = match (asked.len(), has_trouble) {
            (0, _) => "Prowlarr answers, but has no torrent indexer to ask. Add or switch on one there.".to_owned(),
            (count, false) => format!("Prowlarr answers with {count} torrent indexers."),
            (count, true) => format!("Prowlarr answers with {count} torrent indexers, but reports trouble."),
        };
        let health = if has_trouble { Health::Warning } else { Health::Ok };
        TestOutcome {
            health,
            sentence,
            facts,
            version: status.version.clone(),
        }
    }
}

/// Prowlarr's own words of a refused request: an object with a message, or a list of faults.
fn error_words(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let words = match &body {
        Value::Array(faults) => faults
            .iter()
            .filter_map(|fault| flex::text(&fault["errorMessage"]))
            .collect::<Vec<_>>()
            .join("; "),
        object => flex::text(&object["message"]).unwrap_or_default(),
    };
    match words.is_empty() {
        true => "it refused the request without a reason".into(),
        false => format!("it says \"{}\"", quote_words(&words)),
    }
}

fn key_refused() -> ClientError {
    ClientError::CredentialsRefused {
        service: SERVICE.into(),
        credential: "API key".into(),
        advice: "Copy it from Prowlarr under Settings → General and enter it under Integrations.".into(),
    }
}
