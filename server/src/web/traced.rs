//! A request in the traces. Where traces are off, or this one is not kept, nothing is done.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, StatusCode};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::edge::Edge;
use super::metrics::name_route;
use super::refusals::tell_method;
use crate::traces::{METHOD, ROUTE, STATUS};

/// The W3C's header about the trace that a request belongs to (<https://www.w3.org/TR/trace-context/>).
const TRACEPARENT: &str = "traceparent";

/// A request that is answered.
pub struct RequestTrace(Context);

impl RequestTrace {
    /// `span` must be new: where it belongs can't be changed once something is within it.
    pub fn begin(span: &Span, request: &Request, edge: &Edge) -> Self {
        if let Some(parent) = find_parent(request, edge) {
            // Without traces there is nothing to belong to.
            let _ = span.set_parent(parent);
        }
        let trace = Self(span.context());
        if trace.0.span().is_recording() {
            let method = tell_method(request.method()).to_owned();
            let known = [KeyValue::new(METHOD, method), KeyValue::new(ROUTE, name_route(request))];
            trace.0.span().set_attributes(known);
        }
        trace
    }

    /// Its time ends here, though an event stream and work in the background go on within the span.
    pub fn end(self, status: StatusCode) {
        let span = self.0.span();
        span.set_attribute(KeyValue::new(STATUS, i64::from(status.as_u16())));
        if status.is_server_error() {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

/// The span of a proxy of ours. A stranger's word is ignored, or anybody could put requests into anybody's traces.
fn find_parent(request: &Request, edge: &Edge) -> Option<Context> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    if !edge.config.trusted_proxies.is_trusted(peer.0.ip()) {
        return None;
    }
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Parents(request.headers()));
    parent.span().span_context().is_valid().then_some(parent)
}

/// The one header that is read: `tracestate` holds what other programs like to keep there.
struct Parents<'a>(&'a HeaderMap);

impl Extractor for Parents<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let mut values = self.0.get_all(TRACEPARENT).iter();
        let only = values.next().filter(|_| values.next().is_none());
        only.filter(|_| key == TRACEPARENT)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}
