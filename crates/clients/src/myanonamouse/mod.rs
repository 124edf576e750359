//! MyAnonamouse through its JSON API: search, account, .torrent. Contract: `contracts/mam.md`.
//!
//! Invariant: nothing here spends points, wedges or VIP, and no page of the site is read.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use types::integrations::{Health, TestOutcome};

use crate::error::{ClientError, Result};
use crate::http::{HttpClient, HttpOptions, base_url};
use crate::indexer::{AccountFacts, Found, Indexer, IndexerQuery, RequestQueue, SessionStore};
use account::is_vip_class;
#[doc(hidden)]
pub use account::read_account;
pub use cookie::{clean_entered, renewed_value};
pub use row::read_row;
use search::{read_answer, search_body};
use session::{Expected, Session};

mod account;
mod cookie;
pub(crate) mod languages;
pub(crate) mod recording;
mod row;
mod search;
mod session;

/// The real site; another address is for stand-ins.
pub const DEFAULT_URL: &str = "https://www.myanonamouse.net";

const SERVICE: &str = "MyAnonamouse";
/// The largest .torrent and the largest search answer that are read.
const MAX_BODY_BYTES: u64 = 10 * 1024 * 1024;
/// How long the member's class counts for "free for VIP" before it is read again.
const CLASS_LIFE: TimeDelta = TimeDelta::hours(1);

/// How to reach the site.
#[derive(Debug, Clone)]
pub struct MyanonamouseConfig {
    /// Empty = the real site.
    pub url: String,
    /// `mam_id` as the member entered it, with or without `mam_id=`, quotes or spaces. A stored session goes first.
    pub secret: SecretString,
}

/// Makes the client. Every request waits in `queue` and leaves the renewed session in `session`.
pub fn connect(
    config: MyanonamouseConfig,
    session: Arc<dyn SessionStore>,
    queue: Arc<dyn RequestQueue>,
) -> Result<impl Indexer + use<>> {
    let url = if config.url.trim().is_empty() {
        DEFAULT_URL
    } else {
        &config.url
    };
    let options = HttpOptions {
        max_body_bytes: MAX_BODY_BYTES,
        ..HttpOptions::default()
    };
    let session = Session {
        http: HttpClient::new(SERVICE, options)?,
        base: base_url(SERVICE, url)?,
        configured: config.secret,
        store: session,
        queue,
        unsaved: Mutex::new(None),
    };
    Ok(Myanonamouse {
        session: Arc::new(session),
        class: Mutex::new(None),
    })
}

struct Myanonamouse {
    session: Arc<Session>,
    /// The member's class and when it was read.
    class: Mutex<Option<(String, DateTime<Utc>)>>,
}

#[async_trait]
impl Indexer for Myanonamouse {
    async fn test(&self) -> Result<TestOutcome> {
        Ok(describe_account(&self.read_account().await?))
    }

    async fn search(&self, query: &IndexerQuery) -> Result<Found> {
        let Some(body) = search_body(query) else {
            let warnings = vec!["MyAnonamouse was not asked: the words hold nothing that can be searched.".to_owned()];
            return Ok(Found {
                releases: Vec::new(),
                warnings,
            });
        };
        let request = self
            .session
            .http
            .post(&self.session.base, "tor/js/loadSearchJSONbasic.php")
            .json(&body);
        let answer = read_answer(self.session.send_for_json(request).await?)?;
        let mut found = Found::default();
        let is_vip_member = match answer.iter().any(row::depends_on_class) {
            true => self.is_vip_member(&mut found.warnings).await,
            false => None,
        };
        let read = |row: &Value| row::read_row(row, &self.session.base, is_vip_member);
        found.releases = answer.iter().filter_map(read).collect();
        Ok(found)
    }

    async fn fetch_torrent(&self, download_ref: &SecretString) -> Result<Vec<u8>> {
        let id: u64 = download_ref
            .expose_secret()
            .parse()
            .map_err(|_| ClientError::UnexpectedAnswer {
                service: SERVICE.into(),
                detail: "the stored release holds no torrent id. Search again.".into(),
            })?;
        let request = self
            .session
            .http
            .get(&self.session.base, "tor/download.php")
            .query(&[("tid", id)]);
        Ok(self.session.send(request, Expected::Torrent).await?.body)
    }

    async fn account(&self) -> Result<Option<AccountFacts>> {
        self.read_account().await.map(Some)
    }
}

impl Myanonamouse {
    async fn read_account(&self) -> Result<AccountFacts> {
        let request = self
            .session
            .http
            .get(&self.session.base, "jsonLoad.php")
            .query(&[("snatch_summary", "")]);
        let answer = self.session.send_for_json(request).await?;
        search::refuse_error(&answer)?;
        let account = read_account(&answer);
        if let Some(class) = &account.class {
            *self.class.lock().await = Some((class.clone(), self.session.queue.now()));
        }
        Ok(account)
    }

    /// Whether the member's class gets "free for VIP"; asks the site when the class is not known or old.
    async fn is_vip_member(&self, warnings: &mut Vec<String>) -> Option<bool> {
        let now = self.session.queue.now();
        let known = self.class.lock().await.clone();
        let class = match known {
            Some((class, read_at)) if now - read_at < CLASS_LIFE => Some(class),
            _ => match self.read_account().await {
                Ok(account) => account.class,
                Err(error) => {
                    warnings.push(format!("What is free for VIP is not known: {error}"));
                    None
                }
            },
        };
        class.map(|class| is_vip_class(&class))
    }
}

/// The account in words. A warning where a figure is missing that grabbing needs, or where peers can't connect.
/// What an account that could be read says of the connection.
pub fn describe_account(account: &AccountFacts) -> TestOutcome {
    let name = account.username.as_deref().unwrap_or("a member without a name");
    let class = account.class.as_deref().unwrap_or("class unknown");
    let mut facts = Vec::new();
    let mut missing = Vec::new();
    match account.ratio {
        Some(ratio) => facts.push(format!("Ratio {ratio:.2}")),
        None => missing.push("the ratio"),
    }
    match (account.unsatisfied_count, account.unsatisfied_limit) {
        (Some(count), Some(limit)) => facts.push(format!("{count} of {limit} unsatisfied torrents")),
        _ => missing.push("the unsatisfied torrents"),
    }
    facts.extend(account.points.map(|points| format!("{points} bonus points")));
    facts.extend(account.wedges.map(|wedges| format!("{wedges} freeleech wedges")));
    facts.push(match account.vip_until {
        Some(until) => format!("VIP until {}", until.format("%Y-%m-%d")),
        None => "No VIP end date".into(),
    });
    facts.extend(account.connectable.as_ref().map(|word| format!("Connectable: {word}")));
    let is_unreachable = matches!(account.connectable.as_deref(), Some("no" | "offline"));
    let mut sentence = format!("Signed in as {name} ({class}).");
    if !missing.is_empty() {
        sentence += &format!(
            " The site did not tell {}; nothing that costs ratio is grabbed until it does.",
            missing.join(" and ")
        );
    }
    if is_unreachable {
        sentence += " The site can't connect to your torrent client: check its port forwarding.";
    }
    let health = if missing.is_empty() && !is_unreachable {
        Health::Ok
    } else {
        Health::Warning
    };
    TestOutcome {
        health,
        sentence,
        facts,
        version: None,
    }
}
