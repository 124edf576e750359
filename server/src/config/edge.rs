//! Settings of the server's edge: who may connect, how often, and for how long.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::{HeaderValue, Uri};

use super::proxies::{ProxyHeader, TrustedProxies};
use super::rates::Rates;
use super::source::Source;

/// Below the half minute after which many a proxy cuts a silent line.
const EVENT_KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Whoever waits longer for a page thinks that it is broken, and asks again.
const REQUEST_WAIT: Duration = Duration::from_secs(2);

/// What the layers around the routes keep to.
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    pub trusted_proxies: TrustedProxies,
    pub proxy_header: ProxyHeader,
    /// Host names that the server answers to; empty = any.
    pub allowed_hosts: Vec<String>,
    /// Origins of other sites whose scripts may call the API; empty = none.
    pub cors_origins: Vec<HeaderValue>,
    pub rates: Rates,
    pub event_streams_per_person: usize,
    /// So often an event stream says that it is alive, and who reads it must still be somebody.
    pub event_keep_alive: Duration,
    /// So many are worked on at once.
    pub requests_at_once: usize,
    /// More wait so long in a burst, before they are refused.
    pub request_wait: Duration,
    pub connections: usize,
    pub connections_per_address: usize,
    /// A client that is silent so long in the middle of a request is dropped.
    pub read_timeout: Duration,
    /// A client that takes nothing of its answer for so long is dropped.
    pub write_timeout: Duration,
    /// An answer that is not begun by then is given up.
    pub request_timeout: Duration,
    /// People can read the API's documentation at `/api/docs`.
    pub has_api_docs: bool,
}

impl EdgeConfig {
    pub(super) fn read(source: &Source) -> Result<Self> {
        let count = |name| Ok::<_, anyhow::Error>(source.parsed::<usize>(name)?.max(1));
        let seconds = |name| Ok::<_, anyhow::Error>(Duration::from_secs(source.parsed::<u64>(name)?.max(1)));
        Ok(Self {
            trusted_proxies: source.parsed("MAMCRAWLER_TRUSTED_PROXIES")?,
            proxy_header: source.parsed("MAMCRAWLER_PROXY_HEADER")?,
            allowed_hosts: source.list("MAMCRAWLER_ALLOWED_HOSTS")?,
            cors_origins: read_origins(source)?,
            rates: Rates::read(source)?,
            event_streams_per_person: source.parsed("MAMCRAWLER_EVENT_STREAMS")?,
            event_keep_alive: EVENT_KEEP_ALIVE,
            requests_at_once: match source.text("MAMCRAWLER_REQUESTS_AT_ONCE")? {
                Some(_) => count("MAMCRAWLER_REQUESTS_AT_ONCE")?,
                None => share_connections(count("MAMCRAWLER_DATABASE_CONNECTIONS")?),
            },
            request_wait: REQUEST_WAIT,
            connections: count("MAMCRAWLER_CONNECTIONS")?,
            connections_per_address: count("MAMCRAWLER_CONNECTIONS_PER_ADDRESS")?,
            read_timeout: seconds("MAMCRAWLER_READ_TIMEOUT_SECONDS")?,
            write_timeout: seconds("MAMCRAWLER_WRITE_TIMEOUT_SECONDS")?,
            request_timeout: seconds("MAMCRAWLER_REQUEST_TIMEOUT_SECONDS")?,
            has_api_docs: source.parsed("MAMCRAWLER_API_DOCS")?,
        })
    }
}

/// Nearly each request works with the database, and one that has no connection to it only waits for one: more at once do
/// not get more done. The quarter that is left is for jobs, and for health checks, which must get through when each place
/// is taken by a request that the database keeps waiting.
const fn share_connections(connections: usize) -> usize {
    connections - connections / 4
}

fn read_origins(source: &Source) -> Result<Vec<HeaderValue>> {
    let origins = source.list("MAMCRAWLER_CORS_ORIGINS")?;
    origins.iter().map(|origin| read_origin(origin)).collect()
}

fn read_origin(text: &str) -> Result<HeaderValue> {
    let uri: Uri = text.parse().unwrap_or_default();
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    if !is_web || uri.path_and_query().is_some_and(|path| path.as_str() != "/") || text.ends_with('/') {
        bail!(
            "MAMCRAWLER_CORS_ORIGINS holds \"{text}\"; an origin is a scheme and a host, such as https://shelf.example"
        );
    }
    HeaderValue::from_str(text).context("an origin is plain text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_leave_connections_for_others_where_there_are_some() {
        assert_eq!([1, 3, 4, 8, 16, 50].map(share_connections), [1, 3, 3, 6, 12, 38]);
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for good in ["https://shelf.example", "http://127.0.0.1:8080"] {
            assert_eq!(read_origin(good).unwrap(), good);
        }
        for bad in [
            "*",
            "null",
            "shelf.example",
            "https://shelf.example/",
            "https://shelf.example/app",
            "file:///x",
        ] {
            assert!(read_origin(bad).is_err(), "{bad}");
        }
    }
}
