//! A .torrent behind a link from a feed: one fetch, at most one redirect, and only where the guard allows.

use std::sync::Arc;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};

use crate::error::{ClientError, Result};
use crate::http::{Answer, HttpClient, shown_address};
use crate::status::common_refusal;
use crate::text::quote_words;

/// Whether an address outside of the configured service may be fetched: the server's guard against requests into
/// its own network.
pub type RedirectGuard = Arc<dyn Fn(&Url) -> bool + Send + Sync>;

/// Where links of one service come from.
pub(crate) struct TorrentLinks<'a> {
    pub http: &'a HttpClient,
    pub base: &'a Url,
    /// Sent to the service itself, never to a redirect's target.
    pub key: Option<(HeaderName, HeaderValue)>,
    pub guard: &'a RedirectGuard,
}

impl TorrentLinks<'_> {
    /// The bytes behind `link`, checked to start like bencode.
    pub async fn fetch(&self, link: &str) -> Result<Vec<u8>> {
        let url = self.read_link(link)?;
        let is_own = url.origin() == self.base.origin();
        let mut request = self.http.request(Method::GET, url.clone());
        if let Some((name, value)) = self.key.clone().filter(|_| is_own) {
            request = request.header(name, value);
        }
        let answer = self.http.send(request).await?;
        if !(300..400).contains(&answer.status) {
            return self.read_torrent(answer, &url);
        }
        let location = answer.header("location").unwrap_or_default();
        let target = url
            .join(location)
            .map_err(|_| self.unexpected("a redirect without a usable address"))?;
        let target = self.read_link(target.as_str())?;
        let answer = self.http.send(self.http.request(Method::GET, target.clone())).await?;
        self.read_torrent(answer, &target)
    }

    /// Parses a link and asks the guard unless it is on the service's own origin.
    fn read_link(&self, link: &str) -> Result<Url> {
        let url = Url::parse(link.trim()).map_err(|_| self.unexpected("the release has no usable download link"))?;
        match url.scheme() {
            "magnet" => Err(self.unexpected(
                "the release has only a magnet link, and magnet links are not supported yet. Choose another release",
            )),
            "http" | "https" if url.origin() == self.base.origin() || (self.guard)(&url) => Ok(url),
            "http" | "https" => Err(ClientError::Forbidden {
                service: self.http.service().into(),
                advice: format!(
                    "its download link leads to {}, which is inside a private network or not allowed. If it is yours, \
                     check the address in Settings → Integrations.",
                    shown_address(&url)
                ),
            }),
            _ => Err(self.unexpected("the release has a download link that is no web address")),
        }
    }

    fn read_torrent(&self, answer: Answer, url: &Url) -> Result<Vec<u8>> {
        let service = self.http.service().to_owned();
        match answer.status {
            200..=299 if answer.body.first() == Some(&b'd') => Ok(answer.body),
            200..=299 if answer.is_html() => Err(answer.unexpected("a web page instead of a torrent")),
            200..=299 => Err(answer.unexpected("what it sent is no torrent")),
            300..=399 => Err(answer.unexpected("the download link is redirected more than once")),
            401 => Err(ClientError::CredentialsRefused {
                service,
                credential: "API key of the download link".into(),
                advice: "Search again; if it stays so, check the key in Settings → Integrations.".into(),
            }),
            404 | 410 => Err(ClientError::NotFound {
                service,
                what: "the release is gone from the indexer".into(),
            }),
            _ => Err(common_refusal(&answer, &service, &shown_address(url))
                .unwrap_or_else(|| answer.unexpected(&quote_words(&answer.text())))),
        }
    }

    fn unexpected(&self, detail: &str) -> ClientError {
        ClientError::UnexpectedAnswer {
            service: self.http.service().into(),
            detail: detail.into(),
        }
    }
}
