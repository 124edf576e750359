//! A .torrent behind a link from a feed: followed over a few redirects, each hop judged before it is connected to.

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};

use crate::error::{ClientError, Result};
use crate::http::{Answer, HttpClient, shown_address};
use crate::status::common_refusal;
use crate::text::quote_words;

/// Prowlarr to the tracker, the tracker to https or to its files' host.
const MAX_REDIRECTS: usize = 3;

/// Where links of one service come from.
pub(crate) struct TorrentLinks {
    /// For the service itself and the hosts that the admin named.
    pub own: HttpClient,
    /// For everything else.
    pub public: HttpClient,
    pub base: Url,
    /// Hosts that the admin named besides the service's own; they may be private.
    pub extra_hosts: Vec<String>,
    /// Sent to the service itself, never to a redirect's target.
    pub key: Option<(HeaderName, HeaderValue)>,
}

impl TorrentLinks {
    /// The bytes behind `link`, checked to start like bencode.
    pub async fn fetch(&self, link: &str) -> Result<Vec<u8>> {
        let mut url = self.read_link(link)?;
        let mut key = self.key.clone().filter(|_| self.is_own(&url));
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(&url, key.take()).await?;
            if !(300..400).contains(&answer.status) {
                return self.read_torrent(answer, &url);
            }
            let location = answer.header("location").unwrap_or_default();
            let target = url
                .join(location)
                .map_err(|_| self.unexpected("a redirect without a usable address"))?;
            url = self.read_link(target.as_str())?;
        }
        Err(self.unexpected(&format!(
            "the download link is redirected more than {MAX_REDIRECTS} times"
        )))
    }

    async fn send(&self, url: &Url, key: Option<(HeaderName, HeaderValue)>) -> Result<Answer> {
        let is_trusted = self.is_own(url) || self.is_named(url);
        let http = if is_trusted { &self.own } else { &self.public };
        let mut request = http.request(Method::GET, url.clone());
        if let Some((name, value)) = key {
            request = request.header(name, value);
        }
        http.send(request).await
    }

    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    fn is_named(&self, url: &Url) -> bool {
        let named = |host: &str| {
            self.extra_hosts
                .iter()
                .any(|named| named.trim().eq_ignore_ascii_case(host))
        };
        url.host_str().is_some_and(named)
    }

    fn read_link(&self, link: &str) -> Result<Url> {
        let url = Url::parse(link.trim()).map_err(|_| self.unexpected("the release has no usable download link"))?;
        match url.scheme() {
            "magnet" => Err(self.unexpected(
                "the release has only a magnet link, and magnet links are not supported yet. Choose another release",
            )),
            "http" | "https" => Ok(url),
            _ => Err(self.unexpected("the release has a download link that is no web address")),
        }
    }

    fn read_torrent(&self, answer: Answer, url: &Url) -> Result<Vec<u8>> {
        let service = self.own.service().to_owned();
        match answer.status {
            200..=299 if answer.body.first() == Some(&b'd') => Ok(answer.body),
            200..=299 if answer.is_html() => Err(answer.unexpected("a web page instead of a torrent")),
            200..=299 => Err(answer.unexpected("what it sent is no torrent")),
            401 => Err(ClientError::CredentialsRefused {
                service,
                credential: "API key of the download link".into(),
                advice: "Search again; if it stays so, check the key under Integrations.".into(),
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
            service: self.own.service().into(),
            detail: detail.into(),
        }
    }
}

#[cfg(test)]
#[path = "torrent_link_tests.rs"]
mod tests;
