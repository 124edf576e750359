//! Traces: what a collector gets to see, and that it can do no harm.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as SpanStatus;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;
use serde_json::json;
use services::auth::authenticate;
use tokio::net::TcpListener;
use types::jobs::{JobKind, RunStatus};

use crate::api::Api;
use crate::stage::{bare_server, wait_until};
use crate::support::Server;

const ENDPOINT: &str = "MAMCRAWLER_OTLP_ENDPOINT";
const GIVEN_ID: &str = "given-traced-request";
const COLLECTOR_KEY: &str = "planted-collector-key";
const PLANTED: &[&str] = &[
    COLLECTOR_KEY,
    "planted-cookie",
    "planted-query",
    "planted-path",
    "planted-feed-key",
    "planted-feed-name",
    "planted-agent",
];
/// All that a span may say.
const LISTED: &[&str] = &[
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "mamcrawler.job.kind",
    "mamcrawler.outcome",
    "mamcrawler.request.id",
    "mamcrawler.run.id",
    "peer.service",
    "server.address",
];

/// How a collector treats who posts to it.
#[derive(Clone, Copy)]
enum Manner {
    Answers(u16),
    NeverAnswers,
}

/// What was posted, as it came.
type Posts = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

struct Collector {
    url: String,
    posts: Posts,
}

impl Collector {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let posts = Posts::default();
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state((manner, posts.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, posts }
    }

    fn posts(&self) -> Vec<(HeaderMap, Bytes)> {
        self.posts.lock().unwrap().clone()
    }

    fn groups(&self) -> Vec<ResourceSpans> {
        let decode = |body: Bytes| ExportTraceServiceRequest::decode(body).unwrap().resource_spans;
        self.posts().into_iter().flat_map(|(_, body)| decode(body)).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let scopes = self.groups().into_iter().flat_map(|group| group.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// Waits for a span that says this.
    async fn find(&self, key: &str, value: &str) -> Span {
        self.find_where(|span| text(span, key).as_deref() == Some(value)).await
    }

    async fn find_where(&self, is_it: impl Fn(&Span) -> bool) -> Span {
        wait_until(async || {
            let spans = self.spans();
            let found = spans.iter().find(|span| is_it(span));
            found.cloned().ok_or_else(|| format!("not among {spans:#?}"))
        })
        .await
    }
}

async fn take(State((manner, posts)): State<(Manner, Posts)>, headers: HeaderMap, body: Bytes) -> StatusCode {
    posts.lock().unwrap().push((headers, body));
    match manner {
        Manner::Answers(status) => StatusCode::from_u16(status).unwrap(),
        Manner::NeverAnswers => std::future::pending().await,
    }
}

fn show(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        other => panic!("{other:?} is neither text nor a number"),
    }
}

fn text_in(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(show(found.value.as_ref()))
}

fn text(span: &Span, key: &str) -> Option<String> {
    text_in(&span.attributes, key)
}

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

/// A request with planted secrets wherever a request has room for them.
async fn ask_with_secrets(api: &Api) {
    let nobody = "00000000-0000-0000-0000-000000000000";
    let call = api.call("get", &format!("/books/{nobody}?q=planted-query"));
    let call = call
        .bearer_auth(&api.token)
        .header("cookie", "other=planted-cookie")
        .header("user-agent", "planted-agent")
        .header("x-request-id", GIVEN_ID)
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(call.send().await.unwrap().status(), 404);
}

/// Runs a job that calls a service which is not there; its id, and how it ended.
async fn run_with_a_call(api: &Api) -> (String, RunStatus) {
    let feed = json!({
        "kind": "torznab", "name": "planted-feed-name", "url": "http://127.0.0.1:1/planted-path", "is_enabled": true,
        "secret": "planted-feed-key", "priority": 1, "options": {}
    });
    let answer = api.ask("post", "/integrations", Some(feed)).await;
    assert!(answer.status < 300, "{}", answer.body);
    let admin = authenticate(&api.services, &api.token).await.unwrap();
    let run = services::runs::run_now(&api.services, &admin, JobKind::CheckIntegrations)
        .await
        .unwrap();
    let status = wait_until(async || {
        let summary = services::runs::get_run(&api.services, &admin, run)
            .await
            .unwrap()
            .summary;
        match summary.status {
            RunStatus::Queued | RunStatus::Running => Err(format!("{summary:?}")),
            ended => Ok(ended),
        }
    })
    .await;
    (run.to_string(), status)
}

#[tokio::test]
async fn a_collector_sees_requests_runs_and_calls_by_their_patterns_and_no_secret() {
    let collector = Collector::start(Manner::Answers(200)).await;
    let api = Api::start_with(|server| {
        server.set(ENDPOINT, &collector.url);
        server.set(
            "MAMCRAWLER_OTLP_HEADERS",
            &format!("authorization=Bearer%20{COLLECTOR_KEY}"),
        );
        // What the log shows has no say in it.
        server.set("MAMCRAWLER_LOG", "warn,mamcrawler=info");
    })
    .await;
    ask_with_secrets(&api).await;
    let (run_id, run_status) = run_with_a_call(&api).await;

    let request = collector.find("mamcrawler.request.id", GIVEN_ID).await;
    assert_eq!(request.name, "GET /api/v1/books/{id}");
    assert_eq!(text(&request, "http.route").as_deref(), Some("/api/v1/books/{id}"));
    assert_eq!(text(&request, "http.response.status_code").as_deref(), Some("404"));
    assert_eq!(request.kind(), SpanKind::Server);
    assert!(request.parent_span_id.is_empty(), "a stranger's word does not count");
    assert!(!hex(&request.trace_id).starts_with("0af7"), "nor for the trace");
    assert!(request.end_time_unix_nano > request.start_time_unix_nano);

    let run = collector.find("mamcrawler.run.id", &run_id).await;
    assert_eq!(run.name, "run check_integrations");
    assert_eq!(text(&run, "mamcrawler.outcome").as_deref(), Some(run_status.as_str()));
    let call = collector.find_where(|span| span.parent_span_id == run.span_id).await;
    assert_eq!(call.trace_id, run.trace_id);
    assert_eq!((call.name.as_str(), call.kind()), ("GET other", SpanKind::Client));
    let said = ["server.address", "mamcrawler.outcome"].map(|key| text(&call, key).unwrap());
    assert_eq!(said, ["127.0.0.1", "unreachable"]);
    assert_eq!(call.status.unwrap().code(), SpanStatus::Error);
    check_what_went_out(&collector, &api.token);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Each batch says who sends it, and nothing that is not listed.
fn check_what_went_out(collector: &Collector, token: &str) {
    for (headers, body) in collector.posts() {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["authorization"], format!("Bearer {COLLECTOR_KEY}"));
        assert!(!headers.contains_key("traceparent"));
        for word in PLANTED.iter().chain([&token]) {
            assert!(!contains(&body, word), "{word} goes out");
        }
    }
    let mut instances = BTreeSet::new();
    for group in collector.groups() {
        let about = group.resource.unwrap().attributes;
        assert_eq!(text_in(&about, "service.name").as_deref(), Some("mamcrawler"));
        assert_eq!(
            text_in(&about, "service.version").as_deref(),
            Some(env!("CARGO_PKG_VERSION"))
        );
        instances.insert(text_in(&about, "service.instance.id").unwrap());
    }
    assert_eq!(instances.len(), 1, "one process is one instance: {instances:?}");
    for span in collector.spans() {
        let keys = span.attributes.iter().map(|attribute| attribute.key.as_str());
        let unlisted: Vec<&str> = keys.filter(|key| !LISTED.contains(key)).collect();
        assert!(unlisted.is_empty(), "{unlisted:?}");
        assert!(span.events.is_empty() && span.links.is_empty() && span.trace_state.is_empty());
    }
}

#[tokio::test]
async fn a_trusted_proxy_says_which_trace_a_request_belongs_to_and_not_whether_it_is_kept() {
    let collector = Collector::start(Manner::Answers(200)).await;
    let api = Api::start_with(|server| {
        server.set(ENDPOINT, &collector.url);
        server.set("MAMCRAWLER_TRUSTED_PROXIES", "127.0.0.0/8");
    })
    .await;
    ask_with_secrets(&api).await;
    let continued = collector.find("mamcrawler.request.id", GIVEN_ID).await;
    assert_eq!(hex(&continued.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&continued.parent_span_id), "b7ad6b7169203331");

    for (id, traceparent) in [
        (
            "not-kept-there",
            "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        ),
        ("made-up", "00-00000000000000000000000000000000-b7ad6b7169203331-01"),
    ] {
        let call = api.call("get", "/wants").bearer_auth(&api.token);
        let call = call.header("x-request-id", id).header("traceparent", traceparent);
        assert_eq!(call.send().await.unwrap().status(), 200);
    }
    let kept = collector.find("mamcrawler.request.id", "not-kept-there").await;
    assert!(hex(&kept.trace_id).starts_with("1af7"), "{kept:?}");
    let own = collector.find("mamcrawler.request.id", "made-up").await;
    assert!(
        own.parent_span_id.is_empty() && hex(&own.trace_id) != "0".repeat(32),
        "{own:?}"
    );
}

/// Asks for something, then stops the server; how long that took.
async fn ask_and_stop(server: &mut Server, http: &reqwest::Client) -> Duration {
    let began = Instant::now();
    let answer = http.get(format!("{}/login", server.url)).send().await.unwrap();
    assert!(answer.status().as_u16() < 400, "{}", answer.status());
    // A collector that hangs is given 10 s, which is what a request that waits for it would take.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let (status, took) = server.terminate(Duration::from_secs(30)).await;
    assert!(status.success(), "{status}: {}", server.log());
    took
}

#[tokio::test]
async fn nothing_is_sent_until_the_setting_says_so_and_then_the_last_spans_too() {
    let collector = Collector::start(Manner::Answers(200)).await;
    let (mut server, _database) = bare_server().await;
    let http = testing::sandbox::http_client().unwrap();
    // Variables of other programs are not ours.
    server.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    server.set("OTEL_TRACES_SAMPLER", "always_on");
    server.set("OTEL_RESOURCE_ATTRIBUTES", "host.name=elsewhere");
    server.start().await;
    ask_and_stop(&mut server, &http).await;
    server.set(ENDPOINT, &collector.url);
    server.set("MAMCRAWLER_OTLP_SAMPLE", "0");
    server.start().await;
    ask_and_stop(&mut server, &http).await;
    assert!(collector.posts().is_empty(), "{:#?}", collector.spans());

    server.set("MAMCRAWLER_OTLP_SAMPLE", "1");
    server.set("OTEL_TRACES_SAMPLER", "always_off");
    server.start().await;
    ask_and_stop(&mut server, &http).await;
    let routes: Vec<_> = collector.spans().iter().map(|span| text(span, "http.route")).collect();
    assert!(routes.contains(&Some("/login".to_owned())), "{routes:?}");
    let about = collector.groups().remove(0).resource.unwrap().attributes;
    assert_eq!(text_in(&about, "host.name"), None);
}

#[tokio::test]
async fn a_collector_that_hangs_delays_no_request_and_the_stop_by_no_more_than_the_limit() {
    let collector = Collector::start(Manner::NeverAnswers).await;
    let (mut server, _database) = bare_server().await;
    server.set(ENDPOINT, &collector.url);
    server.set("MAMCRAWLER_RATE_HEALTH", "100000/min");
    server.set("MAMCRAWLER_RATE_ADDRESS", "100000/min");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let started = Instant::now();
    let mut asked = 0;
    // A batch is under way while more is asked for.
    while collector.posts().is_empty() || asked < 500 {
        let answer = http.get(format!("{}/health/live", server.url)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        asked += 1;
        assert!(started.elapsed() < Duration::from_secs(30), "{asked} requests");
    }
    let took = ask_and_stop(&mut server, &http).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(
        server.log().contains("did not take the last traces in time"),
        "{}",
        server.log()
    );
}

#[tokio::test]
async fn a_collector_that_refuses_is_told_once_and_counted() {
    let collector = Collector::start(Manner::Answers(500)).await;
    let token = "0".repeat(16);
    let api = Api::start_with(|server| {
        server.set(ENDPOINT, &collector.url);
        server.set("MAMCRAWLER_METRICS_TOKEN", &token);
    })
    .await;
    wait_until(async || {
        assert_eq!(api.ask("get", "/wants", None).await.status, 200);
        let batches = collector.posts().len();
        (batches >= 3).then_some(()).ok_or_else(|| format!("{batches} batches"))
    })
    .await;
    let scraped = wait_until(async || {
        let call = api.http.get(format!("{}/metrics", api.server.url)).bearer_auth(&token);
        let text = call.send().await.unwrap().text().await.unwrap();
        let lines = text.lines().filter(|line| line.starts_with("mamcrawler_otlp_"));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        (!lines.is_empty()).then_some(lines).ok_or(text)
    })
    .await;
    let [line] = scraped.as_slice() else {
        panic!("{scraped:?}");
    };
    let count = line.strip_prefix("mamcrawler_otlp_spans_total{outcome=\"failed\"} ");
    assert!(count.is_some_and(|count| count.parse::<u64>().unwrap() >= 3), "{line}");
    let log = api.server.log();
    assert_eq!(log.matches("traces are lost").count(), 1, "{log}");
    assert!(log.contains("it answered 500"), "{log}");
}

#[tokio::test]
async fn a_setting_that_does_not_hold_stops_the_start_and_is_named() {
    for (name, value) in [
        (ENDPOINT, "grpc://127.0.0.1:4317"),
        ("MAMCRAWLER_OTLP_SAMPLE", "110%"),
        ("MAMCRAWLER_OTLP_ENDPOIN", "http://127.0.0.1:4318"),
    ] {
        let server = Server::new(&[(name, value)]);
        let ended = server.run("serve");
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && said.contains(name), "{said}");
    }
}
