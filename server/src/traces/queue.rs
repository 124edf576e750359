//! Where ended spans wait to be sent. Whoever ends one never waits: what finds no room is lost, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanProcessor};
use tokio::sync::mpsc;

use super::exported::export;

/// Spans that wait, of about half a kilobyte each.
const ROOM: usize = 4096;

/// What became of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Sent,
    /// The collector took the batch, but not this span.
    Rejected,
    /// The collector did not take the batch.
    Failed,
    /// There was no room for it.
    Overflowed,
}

impl Fate {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Overflowed => "overflowed",
        }
    }
}

/// For monitoring.
pub fn count_spans(fate: Fate, count: usize) {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    metrics::counter!("mamcrawler_otlp_spans_total", "outcome" => fate.as_str()).increment(count);
}

/// The end at which spans come in.
#[derive(Debug)]
pub struct Queue {
    spans: mpsc::Sender<Span>,
    overflow: Overflow,
}

/// Whether something found no room since it was asked last.
#[derive(Debug, Clone, Default)]
pub struct Overflow(Arc<AtomicBool>);

impl Overflow {
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// The end at which they are sent.
pub struct Waiting {
    pub spans: mpsc::Receiver<Span>,
    pub overflow: Overflow,
}

impl Queue {
    /// Both ends.
    pub fn open() -> (Self, Waiting) {
        Self::with_room(ROOM)
    }

    fn with_room(room: usize) -> (Self, Waiting) {
        let (sender, receiver) = mpsc::channel(room);
        let overflow = Overflow::default();
        let queue = Self {
            spans: sender,
            overflow: overflow.clone(),
        };
        let spans = receiver;
        (queue, Waiting { spans, overflow })
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut opentelemetry_sdk::trace::Span, _context: &Context) {}

    // Runs wherever a span ends, so it must not log: that would come back to the layers that called it.
    fn on_end(&self, span: SpanData) {
        if let Some(span) = export(span)
            && self.spans.try_send(span).is_err()
        {
            self.overflow.0.store(true, Ordering::Relaxed);
            count_spans(Fate::Overflowed, 1);
        }
    }

    /// The sender does, in its own time.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::super::exported::tests::ended;
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let counts = recorder.handle();
        let (queue, mut waiting) = Queue::with_room(2);
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..5 {
                queue.on_end(ended("request", Vec::new()));
            }
            // What never goes out takes no room.
            queue.on_end(ended("query", Vec::new()));
        });
        let text = counts.render();
        assert!(
            text.contains("mamcrawler_otlp_spans_total{outcome=\"overflowed\"} 3\n"),
            "{text}"
        );
        assert!(waiting.overflow.take() && !waiting.overflow.take());
        let left = std::iter::from_fn(|| waiting.spans.try_recv().ok());
        assert_eq!(left.count(), 2);
    }
}
