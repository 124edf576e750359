//! Settings of traces: where they go, with which headers, and how many.

use anyhow::{Context, Result, bail, ensure};
use clients::http::{Reach, join_url};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::source::Source;

const ENDPOINT: &str = "MAMCRAWLER_OTLP_ENDPOINT";
const HEADERS: &str = "MAMCRAWLER_OTLP_HEADERS";
const SAMPLE: &str = "MAMCRAWLER_OTLP_SAMPLE";
/// What OTLP over HTTP appends to the base address (<https://opentelemetry.io/docs/specs/otlp/#otlphttp-request>).
const PATH: &str = "v1/traces";

/// Where traces go. Its `Debug` shows no header.
#[derive(Debug, Clone)]
pub struct TracesConfig {
    /// What batches are posted to.
    pub url: Url,
    /// Each marked as sensitive.
    pub headers: HeaderMap,
    /// From 0 to 1.
    pub sample: f64,
}

impl TracesConfig {
    /// `None` without an endpoint: then nothing is traced, and headers wait for one.
    pub(super) fn read(source: &Source) -> Result<Option<Self>> {
        let sample = source.parsed(SAMPLE)?;
        ensure!(
            (0.0..=1.0).contains(&sample),
            "{SAMPLE} is \"{sample}\"; it is a share from 0 to 1, such as 0.1"
        );
        let Some(endpoint) = source.text(ENDPOINT)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            url: read_endpoint(&endpoint)?,
            headers: read_headers(source.secret(HEADERS)?.as_ref())?,
            sample,
        }))
    }
}

/// Errors don't repeat it, as it may hold a password that should stand elsewhere.
fn read_endpoint(text: &str) -> Result<Url> {
    let base = Url::parse(text).with_context(|| {
        format!("{ENDPOINT} is not an address. Give the collector's base address, such as http://127.0.0.1:4318")
    })?;
    if let Some(reason) = Reach::Admin.refuse_url(&base) {
        bail!("{ENDPOINT} can't be sent to, as {reason}. What the collector asks for belongs into {HEADERS}");
    }
    ensure!(
        base.query().is_none() && base.fragment().is_none(),
        "{ENDPOINT} has a query or a fragment. Give the base address alone; what the collector asks for belongs into \
         {HEADERS}"
    );
    ensure!(
        !base.path().trim_end_matches('/').ends_with(PATH),
        "{ENDPOINT} ends in /{PATH}, which mamcrawler appends by itself. Give the address before it"
    );
    Ok(join_url(&base, PATH))
}

fn read_headers(text: Option<&SecretString>) -> Result<HeaderMap> {
    let text = text.map_or("", |text| text.expose_secret());
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let headers: Option<HeaderMap> = entries.map(read_header).collect();
    headers.with_context(|| {
        format!(
            "{HEADERS} does not hold. It is name=value with commas between, values percent-encoded, such as \
             authorization=Bearer%20…"
        )
    })
}

fn read_header(entry: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = entry.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_HOME: (&str, &str) = (ENDPOINT, "http://127.0.0.1:4318");

    fn read(pairs: &[(&str, &str)]) -> Result<Option<TracesConfig>> {
        TracesConfig::read(&Source::of(pairs))
    }

    fn refusal(pairs: &[(&str, &str)]) -> String {
        format!("{:#}", read(pairs).err().unwrap())
    }

    #[test]
    fn nothing_is_traced_until_a_collector_is_named() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[(HEADERS, "a=b"), (SAMPLE, "0.5")]).unwrap().is_none());
        let config = read(&[AT_HOME]).unwrap().unwrap();
        assert_eq!(config.url.as_str(), "http://127.0.0.1:4318/v1/traces");
        assert!(config.headers.is_empty() && (config.sample - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_path_is_appended_to_the_base_address() {
        for (endpoint, url) in [
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            ("https://traces.example/otlp", "https://traces.example/otlp/v1/traces"),
            ("https://traces.example/otlp/", "https://traces.example/otlp/v1/traces"),
        ] {
            assert_eq!(read(&[(ENDPOINT, endpoint)]).unwrap().unwrap().url.as_str(), url);
        }
    }

    #[test]
    fn headers_are_decoded_and_never_shown() {
        let config = read(&[AT_HOME, (HEADERS, "authorization=Basic%20planted=, x-team = books")]);
        let config = config.unwrap().unwrap();
        assert_eq!(config.headers["authorization"], "Basic planted=");
        assert_eq!(config.headers["x-team"], "books");
        assert!(!format!("{config:?}").contains("planted"), "{config:?}");
    }

    #[test]
    fn what_does_not_hold_is_refused_by_name_and_without_secrets() {
        for (endpoint, words) in [
            ("collector", "is not an address"),
            ("grpc://collector:4317", "only http and https"),
            ("http://anna:planted@collector:4318", "a user name or a password"),
            ("http://169.254.169.254", "can't be sent to"),
            ("http://collector:4318?key=planted", "has a query"),
            ("http://collector:4318/v1/traces", "ends in /v1/traces"),
        ] {
            let refusal = refusal(&[(ENDPOINT, endpoint)]);
            assert!(refusal.contains(ENDPOINT) && refusal.contains(words), "{refusal}");
            assert!(!refusal.contains("planted"), "{refusal}");
        }
        for headers in ["planted", "a b=planted", "a=planted%0d%0ax: y", "=planted"] {
            let refusal = refusal(&[AT_HOME, (HEADERS, headers)]);
            assert!(refusal.contains(HEADERS) && !refusal.contains("planted"), "{refusal}");
        }
        for sample in ["2", "-0.1", "NaN", "half"] {
            assert!(refusal(&[(SAMPLE, sample)]).contains(SAMPLE), "{sample}");
        }
    }
}
