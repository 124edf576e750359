//! What goes out: three kinds of spans, and of each the attributes that are listed. Everything else stays here.

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tracing::Metadata;

/// How the attributes are called outside, by OpenTelemetry's conventions
/// (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>).
pub const METHOD: &str = "http.request.method";
pub const ROUTE: &str = "http.route";
pub const STATUS: &str = "http.response.status_code";
const KIND: &str = "mamcrawler.job.kind";
const SERVICE: &str = "peer.service";
const OUTCOME: &str = "mamcrawler.outcome";
/// Outcomes of runs and calls that somebody should look at.
const FAILURES: &[&str] = &[
    "failed",
    "lost",
    "refused",
    "server_error",
    "rate_limited",
    "unreachable",
    "timed_out",
    "too_large",
    "not_sent",
];

/// A kind of spans.
struct Exported {
    /// Its name in our code, and the crate that makes it: a library may have one of the same name.
    span: (&'static str, &'static str),
    kind: SpanKind,
    /// Our name of a field, and what it is called outside.
    attributes: &'static [(&'static str, &'static str)],
    /// The attributes that its name outside is made of.
    title: [&'static str; 2],
}

/// Paths, queries, headers, sentences and what people typed are in none of them.
const EXPORTED: &[Exported] = &[
    Exported {
        span: ("request", "mamcrawler"),
        kind: SpanKind::Server,
        attributes: &[
            ("id", "mamcrawler.request.id"),
            (METHOD, METHOD),
            (ROUTE, ROUTE),
            (STATUS, STATUS),
        ],
        title: [METHOD, ROUTE],
    },
    Exported {
        span: ("run", "jobs"),
        kind: SpanKind::Consumer,
        attributes: &[("id", "mamcrawler.run.id"), ("kind", KIND), ("outcome", OUTCOME)],
        title: ["run", KIND],
    },
    Exported {
        span: (CALL, "clients"),
        kind: SpanKind::Client,
        attributes: &[
            ("service", SERVICE),
            ("method", METHOD),
            ("host", "server.address"),
            ("status", STATUS),
            ("outcome", OUTCOME),
        ],
        title: [METHOD, SERVICE],
    },
];

/// A call to an outside service.
pub const CALL: &str = "call";

/// Whether a span, by where it is made, is one that goes out.
pub fn is_exported(metadata: &Metadata<'_>) -> bool {
    let home = metadata.target().split("::").next().unwrap_or_default();
    metadata.is_span() && EXPORTED.iter().any(|exported| exported.span == (metadata.name(), home))
}

/// The span as it goes out; `None` for one that is not listed.
pub fn export(span: SpanData) -> Option<Span> {
    let exported = EXPORTED.iter().find(|exported| exported.span.0 == span.name)?;
    let attributes: Vec<KeyValue> = span
        .attributes
        .into_iter()
        .filter_map(|attribute| rename(exported, attribute))
        .collect();
    let words = exported.title.map(|part| find_text(&attributes, part).unwrap_or(part));
    let is_failure = find_text(&attributes, OUTCOME).is_some_and(|outcome| FAILURES.contains(&outcome));
    let status = match span.status {
        Status::Error { .. } => Status::error(""),
        _ if is_failure => Status::error(""),
        _ => Status::Unset,
    };
    let tidied = SpanData {
        name: words.join(" ").into(),
        span_kind: exported.kind.clone(),
        attributes,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status,
        ..span
    };
    Some(tidied.into())
}

fn rename(exported: &Exported, attribute: KeyValue) -> Option<KeyValue> {
    let mut listed = exported.attributes.iter();
    let (_, outside) = listed.find(|(ours, _)| *ours == attribute.key.as_str())?;
    Some(KeyValue::new(*outside, attribute.value))
}

fn find_text<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key.as_str() == name)?;
    match &found.value {
        Value::String(text) => Some(text.as_str()),
        _ => None,
    }
}

#[cfg(test)]
pub mod tests {
    use opentelemetry::trace::{Event, SpanContext, SpanId};
    use opentelemetry::{InstrumentationScope, time};

    use super::*;

    /// A span of ours as it ends.
    pub fn ended(name: &'static str, attributes: Vec<KeyValue>) -> SpanData {
        let mut events = SpanEvents::default();
        events.events.push(Event::with_name("planted"));
        SpanData {
            span_context: SpanContext::empty_context(),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: time::now(),
            end_time: time::now(),
            attributes,
            dropped_attributes_count: 0,
            events,
            links: SpanLinks::default(),
            status: Status::error("planted"),
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    #[test]
    fn only_listed_spans_and_attributes_go_out() {
        let listed = [
            KeyValue::new("id", "request-1"),
            KeyValue::new(METHOD, "GET"),
            KeyValue::new(ROUTE, "/wants/{id}"),
        ];
        let others = ["path", "method", "kind", "message", "otel.name"].map(|key| KeyValue::new(key, "planted"));
        let span = export(ended("request", listed.into_iter().chain(others).collect())).unwrap();
        assert_eq!(span.name, "GET /wants/{id}");
        let keys: Vec<&str> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        assert_eq!(keys, ["mamcrawler.request.id", METHOD, ROUTE]);
        assert!(!format!("{span:?}").contains("planted"), "{span:?}");
        assert!(export(ended("query", Vec::new())).is_none());
    }

    #[test]
    fn only_spans_that_we_make_are_seen() {
        let seen = |span: tracing::Span| span.metadata().is_some_and(is_exported);
        let subscriber = tracing_subscriber::registry();
        tracing::subscriber::with_default(subscriber, || {
            assert!(seen(tracing::error_span!("request")));
            assert!(seen(tracing::trace_span!(target: "clients::http", "call")));
            assert!(!seen(tracing::error_span!(target: "tower_http::trace", "request")));
            assert!(!seen(tracing::error_span!(target: "jobs_of_others", "run")));
            assert!(!seen(tracing::error_span!("run")));
        });
    }

    #[test]
    fn what_failed_is_marked() {
        let fails = |outcome: &'static str| {
            let mut span = ended("run", vec![KeyValue::new("outcome", outcome)]);
            span.status = Status::Unset;
            let status = export(span).unwrap().status.unwrap();
            status.code() == opentelemetry_proto::tonic::trace::v1::status::StatusCode::Error
        };
        for (outcome, is_failure) in [
            ("failed", true),
            ("lost", true),
            ("succeeded", false),
            ("retried", false),
        ] {
            assert_eq!(fails(outcome), is_failure, "{outcome}");
        }
    }
}
