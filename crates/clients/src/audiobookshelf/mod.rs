//! Audiobookshelf through its API. Contract: `contracts/audiobookshelf.md`.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use types::integrations::TestOutcome;

use crate::error::{ClientError, Result};
use crate::flex;
use crate::http::{Answer, HttpClient, HttpOptions, base_url, join_url, shown_address};
use crate::library::{CoverImage, Item, ItemHead, ItemPage, ItemPatch, Library, LibraryBackup, LibraryRoot};
use crate::status::common_refusal;
use crate::text::quote_words;
use account::{Account, describe};
use backups::read_backups;
#[doc(hidden)]
pub use item::{read_head, read_item, read_library};
use update::{ignored_fields, patch_body};

mod account;
mod backups;
mod item;
mod update;

const SERVICE: &str = "Audiobookshelf";
/// Expanded items are large: 100 of them may hold thousands of files and chapters.
const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;
const MAX_COVER_BYTES: u64 = 5 * 1024 * 1024;
const BATCH: usize = 100;
/// It zips its database and all covers before it answers.
const BACKUP_WITHIN: Duration = Duration::from_secs(600);
const BACKUP_RIGHT: &str = "backups need an API key of an admin user.";

/// How to reach Audiobookshelf.
#[derive(Debug, Clone)]
pub struct AudiobookshelfConfig {
    /// A sub-path is kept.
    pub url: String,
    /// API key, or a user's token before 2.26.
    pub secret: SecretString,
}

/// Makes the client.
pub fn connect(config: AudiobookshelfConfig) -> Result<impl Library + use<>> {
    let limited = |max_body_bytes| HttpOptions {
        max_body_bytes,
        ..HttpOptions::default()
    };
    let patient = HttpOptions {
        timeout: BACKUP_WITHIN,
        ..HttpOptions::default()
    };
    let bearer = format!("Bearer {}", config.secret.expose_secret().trim());
    let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| key_refused())?;
    bearer.set_sensitive(true);
    Ok(Audiobookshelf {
        http: HttpClient::new(SERVICE, limited(MAX_BODY_BYTES))?,
        covers: HttpClient::new(SERVICE, limited(MAX_COVER_BYTES))?,
        patient: HttpClient::new(SERVICE, patient)?,
        base: base_url(SERVICE, &config.url)?,
        bearer,
    })
}

struct Audiobookshelf {
    http: HttpClient,
    covers: HttpClient,
    /// For what takes minutes.
    patient: HttpClient,
    base: Url,
    bearer: HeaderValue,
}

#[async_trait]
impl Library for Audiobookshelf {
    async fn test(&self) -> Result<TestOutcome> {
        let answer = self.http.send(self.http.get(&self.base, "status")).await?;
        let is_page = (answer.is_success() && answer.is_html()) || answer.status == 404;
        let status: Value = if is_page {
            Value::Null
        } else {
            self.check(answer, "read its status", "")?.json()?
        };
        if status["app"] != "audiobookshelf" {
            return Err(unexpected(
                "the address belongs to another service. Check it under Integrations.",
            ));
        }
        if flex::flag(&status["isInit"]) == Some(false) {
            return Err(unexpected(
                "it has no first user yet. Open it in a browser and finish its set-up.",
            ));
        }
        let login: Value = self
            .ask(self.request(Method::POST, "api/authorize"), "sign in", "")
            .await?
            .json()?;
        let libraries = self.libraries().await?;
        Ok(describe(
            &Account::read(&login),
            &libraries,
            flex::text(&status["serverVersion"]),
        ))
    }

    async fn libraries(&self) -> Result<Vec<LibraryRoot>> {
        let answer: Value = self
            .ask(self.request(Method::GET, "api/libraries"), "list the libraries", "")
            .await?
            .json()?;
        let list = answer["libraries"]
            .as_array()
            .ok_or_else(|| unexpected("no list of libraries"))?;
        Ok(list.iter().filter_map(read_library).collect())
    }

    async fn items(&self, library_id: &str, page: u64, limit: u64) -> Result<ItemPage> {
        self.list_items(library_id, &[("limit", limit), ("page", page), ("desc", 0)])
            .await
    }

    async fn items_by_id(&self, ids: &[String]) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(BATCH) {
            let request = self
                .request(Method::POST, "api/items/batch/get")
                .json(&json!({"libraryItemIds": chunk}));
            let answer: Value = self.ask(request, "read items", "").await?.json()?;
            let list = answer["libraryItems"]
                .as_array()
                .ok_or_else(|| unexpected("no list of items"))?;
            items.extend(list.iter().filter_map(read_item));
        }
        Ok(items)
    }

    async fn item(&self, id: &str) -> Result<Item> {
        let path = format!("api/items/{}", checked_id(id)?);
        let request = self.request(Method::GET, &path).query(&[("expanded", "1")]);
        let answer: Value = self.ask(request, "read the item", "").await?.json()?;
        read_item(&answer).ok_or_else(|| unexpected("an item without an id"))
    }

    async fn start_scan(&self, library_id: &str) -> Result<()> {
        let path = format!("api/libraries/{}/scan", checked_id(library_id)?);
        let right = "a scan needs an API key of an admin user.";
        self.ask(self.request(Method::POST, &path), "start a scan", right)
            .await
            .map(drop)
    }

    async fn is_scanning(&self, library_id: &str) -> Result<bool> {
        let answer: Value = self
            .ask(self.request(Method::GET, "api/tasks"), "list its tasks", "")
            .await?
            .json()?;
        let is_ours = |task: &Value| {
            task["action"] == "library-scan"
                && task["data"]["libraryId"] == library_id
                && flex::flag(&task["isFinished"]) != Some(true)
        };
        Ok(answer["tasks"]
            .as_array()
            .ok_or_else(|| unexpected("no list of tasks"))?
            .iter()
            .any(is_ours))
    }

    async fn newest_items(&self, library_id: &str, limit: u64) -> Result<Vec<ItemHead>> {
        let page = self
            .list_items(library_id, &[("limit", limit), ("page", 0), ("desc", 1)])
            .await?;
        Ok(page.items)
    }

    async fn update(&self, id: &str, patch: &ItemPatch) -> Result<Item> {
        let path = format!("api/items/{}/media", checked_id(id)?);
        let request = self.request(Method::PATCH, &path).json(&patch_body(patch));
        self.ask(
            request,
            "change the item",
            "the API key's user needs the right to update.",
        )
        .await?;
        let item = self.item(id).await?;
        let ignored = ignored_fields(patch, &item);
        match ignored.is_empty() {
            true => Ok(item),
            false => Err(unexpected(&format!(
                "it said yes, but did not take: {}",
                ignored.join(", ")
            ))),
        }
    }

    async fn cover(&self, id: &str, width: u32) -> Result<Option<CoverImage>> {
        let url = join_url(&self.base, &format!("api/items/{}/cover", checked_id(id)?));
        let request = self
            .covers
            .request(Method::GET, url)
            .query(&[("width", width)])
            .query(&[("format", "webp")]);
        let answer = self.covers.send(request).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let answer = self.check(answer, "read the cover", "")?;
        let kind = answer
            .header("content-type")
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        let content_type = kind.to_ascii_lowercase();
        // An SVG can hold scripts, so only pictures made of pixels pass.
        if !content_type.starts_with("image/") || content_type.contains("svg") || answer.body.is_empty() {
            return Err(answer.unexpected("the cover is no picture"));
        }
        Ok(Some(CoverImage {
            content_type,
            bytes: answer.body,
        }))
    }

    async fn backups(&self) -> Result<Vec<LibraryBackup>> {
        let request = self.request(Method::GET, "api/backups");
        let answer: Value = self.ask(request, "list its backups", BACKUP_RIGHT).await?.json()?;
        read_backups(&answer).ok_or_else(|| unexpected("no list of backups"))
    }

    async fn make_backup(&self) -> Result<()> {
        let url = join_url(&self.base, "api/backups");
        let request = self
            .patient
            .request(Method::POST, url)
            .header(AUTHORIZATION, self.bearer.clone());
        let answer = self.patient.send(request).await?;
        if answer.status == 500 {
            return Err(unexpected(
                "it could not make a backup. Its log says why; mostly its disk is full or its backup folder can't be written.",
            ));
        }
        self.check(answer, "make a backup", BACKUP_RIGHT).map(drop)
    }
}

impl Audiobookshelf {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, join_url(&self.base, path))
            .header(AUTHORIZATION, self.bearer.clone())
    }

    /// One page by the time of adding: an unknown order would be ignored and pages would overlap.
    async fn list_items(&self, library_id: &str, page: &[(&str, u64)]) -> Result<ItemPage> {
        let path = format!("api/libraries/{}/items", checked_id(library_id)?);
        let request = self
            .request(Method::GET, &path)
            .query(page)
            .query(&[("sort", "addedAt"), ("minified", "1")]);
        let answer: Value = self.ask(request, "list the items", "").await?.json()?;
        let items = answer["results"]
            .as_array()
            .ok_or_else(|| unexpected("no list of items"))?;
        let total = flex::integer(&answer["total"]).and_then(|total| u64::try_from(total).ok());
        Ok(ItemPage {
            items: items.iter().filter_map(read_head).collect(),
            total: total.ok_or_else(|| unexpected("a list of items without a total"))?,
        })
    }

    async fn ask(&self, request: RequestBuilder, action: &str, right: &str) -> Result<Answer> {
        let answer = self.http.send(request).await?;
        self.check(answer, action, right)
    }

    /// Passes 2xx. Error bodies are plain text or HTML here. `right` is what a 403 asks for.
    fn check(&self, answer: Answer, action: &str, right: &str) -> Result<Answer> {
        let service = SERVICE.to_owned();
        match answer.status {
            200..=299 => Ok(answer),
            401 => Err(key_refused()),
            403 if right.is_empty() => Err(ClientError::Forbidden {
                service,
                advice: format!("the API key's user may not {action}. Give it access to the library."),
            }),
            403 => Err(ClientError::Forbidden {
                service,
                advice: format!("it won't {action}: {right}"),
            }),
            404 => Err(ClientError::NotFound {
                service,
                what: format!("nothing was found when asked to {action}"),
            }),
            _ => Err(
                common_refusal(&answer, SERVICE, &shown_address(&self.base)).unwrap_or_else(|| {
                    answer.unexpected(&format!("it did not {action}: {}", quote_words(&answer.text())))
                }),
            ),
        }
    }
}

/// An id as it may stand in a path. Ids are UUIDs, in old servers `li_` and letters.
fn checked_id(id: &str) -> Result<&str> {
    let is_plain = !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    match is_plain {
        true => Ok(id),
        false => Err(ClientError::NotFound {
            service: SERVICE.into(),
            what: "an id that is none of its own".into(),
        }),
    }
}

fn key_refused() -> ClientError {
    ClientError::CredentialsRefused {
        service: SERVICE.into(),
        credential: "API key".into(),
        advice: "Make a new one there under Settings → API Keys (it must be active) and enter it under \
                 Integrations."
            .into(),
    }
}

fn unexpected(detail: &str) -> ClientError {
    ClientError::UnexpectedAnswer {
        service: SERVICE.into(),
        detail: detail.into(),
    }
}
