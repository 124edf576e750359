//! The collector: what it is sent, and what its answers mean.

use std::time::Duration;

use anyhow::Result;
use clients::ClientError;
use clients::http::{Answer, HttpClient, HttpOptions, shown_address};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::Attributes;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use url::Url;

use crate::config::TracesConfig;

/// Its name in sentences.
const SERVICE: &str = "OpenTelemetry collector";
const OPTIONS: HttpOptions = HttpOptions {
    timeout: Duration::from_secs(10),
    connect_timeout: Duration::from_secs(5),
    pool_idle_timeout: Duration::from_secs(20),
    max_body_bytes: 64 * 1024,
};

/// Where batches go.
pub struct Collector {
    http: HttpClient,
    url: Url,
    headers: HeaderMap,
    resource: Resource,
}

/// A batch that was not taken, with a clause that says why.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub why: String,
    /// It may be taken later.
    pub is_passing: bool,
}

impl Collector {
    pub fn new(config: &TracesConfig, instance: &str) -> Result<Self> {
        let mut headers = config.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let about = [
            KeyValue::new("service.name", "mamcrawler"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.to_owned()),
        ];
        Ok(Self {
            http: HttpClient::new(SERVICE, OPTIONS)?,
            url: config.url.clone(),
            headers,
            resource: Resource {
                attributes: Attributes::from(about.to_vec()).0,
                ..Resource::default()
            },
        })
    }

    /// Scheme, host and port.
    pub fn address(&self) -> String {
        shown_address(&self.url)
    }

    /// A batch as it is sent.
    pub fn encode(&self, spans: Vec<Span>) -> Vec<u8> {
        let scope = InstrumentationScope {
            name: "mamcrawler".into(),
            ..InstrumentationScope::default()
        };
        let of_us = ResourceSpans {
            resource: Some(self.resource.clone()),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope),
                spans,
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![of_us],
        };
        request.encode_to_vec()
    }

    /// Sends a batch once; how many of its spans were rejected.
    pub async fn post(&self, batch: Vec<u8>) -> Result<u64, Refusal> {
        let request = self.http.request(Method::POST, self.url.clone());
        let sent = self.http.send(request.headers(self.headers.clone()).body(batch)).await;
        sent.map_err(|error| describe_silence(&error))
            .and_then(|answer| judge(&answer))
    }
}

/// The sentences of errors advise on integrations, which a collector is none of.
fn describe_silence(error: &ClientError) -> Refusal {
    let (why, is_passing) = match error {
        ClientError::Unreachable { detail, .. } => (format!("it can't be reached ({detail})"), true),
        ClientError::TimedOut { seconds, .. } => (format!("it did not answer within {seconds} s"), true),
        ClientError::TooLarge { .. } => ("its answer is none of a collector".to_owned(), false),
        _ => ("its address is one that nothing is sent to".to_owned(), false),
    };
    Refusal { why, is_passing }
}

fn judge(answer: &Answer) -> Result<u64, Refusal> {
    let status = answer.status;
    if !answer.is_success() {
        return Err(Refusal {
            why: format!("it answered {status}"),
            // Those that OTLP calls retryable.
            is_passing: matches!(status, 429 | 502 | 503 | 504),
        });
    }
    if answer.is_html() {
        return Err(Refusal {
            why: "a web page answered, not a collector".into(),
            is_passing: false,
        });
    }
    // Some answer in JSON or with nothing: without a word of rejected spans, all were taken.
    let said = ExportTraceServiceResponse::decode(answer.body.as_slice()).unwrap_or_default();
    let rejected = said.partial_success.map_or(0, |partial| partial.rejected_spans);
    Ok(u64::try_from(rejected).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::response::{IntoResponse, Response};
    use axum::routing::post;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    /// What comes of posting to a collector that answers so.
    async fn post_to(answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> Result<u64, Refusal> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(async move || answer()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        post_at(&url).await
    }

    async fn post_at(url: &str) -> Result<u64, Refusal> {
        let config = TracesConfig {
            url: url.parse().unwrap(),
            headers: HeaderMap::new(),
            sample: 1.0,
        };
        let collector = Collector::new(&config, "one").unwrap();
        collector.post(collector.encode(vec![Span::default()])).await
    }

    fn rejecting(rejected_spans: i64) -> Vec<u8> {
        let said = ExportTracePartialSuccess {
            rejected_spans,
            error_message: "planted".into(),
        };
        let partial_success = Some(said);
        ExportTraceServiceResponse { partial_success }.encode_to_vec()
    }

    #[tokio::test]
    async fn answers_are_told_apart() {
        assert_eq!(post_to(|| rejecting(0).into_response()).await, Ok(0));
        assert_eq!(post_to(|| rejecting(3).into_response()).await, Ok(3));
        assert_eq!(post_to(|| rejecting(-3).into_response()).await, Ok(0), "a lie");
        assert_eq!(post_to(|| "{}".into_response()).await, Ok(0));
        assert_eq!(post_to(|| ().into_response()).await, Ok(0));
        for (status, is_passing) in [
            (301, false),
            (400, false),
            (401, false),
            (429, true),
            (500, false),
            (503, true),
        ] {
            let status: http::StatusCode = http::StatusCode::from_u16(status).unwrap();
            let refusal = post_to(move || status.into_response()).await.unwrap_err();
            assert_eq!(refusal.is_passing, is_passing, "{status}");
            assert!(refusal.why.contains(status.as_str()), "{}", refusal.why);
        }
    }

    #[tokio::test]
    async fn what_is_no_collector_is_said_and_none_of_its_words() {
        let page = || axum::response::Html("<html>planted</html>").into_response();
        let refusal = post_to(page).await.unwrap_err();
        assert_eq!(refusal.why, "a web page answered, not a collector");
        let endless = || vec![b'x'; 1024 * 1024].into_response();
        assert_eq!(
            post_to(endless).await.unwrap_err().why,
            "its answer is none of a collector"
        );
        let refusal = post_at("http://127.0.0.1:1/v1/traces").await.unwrap_err();
        assert!(
            refusal.is_passing && refusal.why.starts_with("it can't be reached"),
            "{refusal:?}"
        );
    }
}
