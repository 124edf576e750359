//! Traces for who watches the installation by OpenTelemetry: off until `MAMCRAWLER_OTLP_ENDPOINT` names a collector.
//!
//! A span of ours becomes one of OpenTelemetry's (`tracing-opentelemetry`), `sampling` says whether it counts, `exported`
//! what of it goes out, `queue` takes it without waiting, and `sender` posts what has gathered to the `collector`.

mod collector;
mod exported;
mod queue;
mod sampling;
mod sender;

use anyhow::Result;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanLimits};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::{Layer, Registry};

use crate::config::TracesConfig;

use collector::Collector;
use exported::is_exported;
pub use exported::{METHOD, ROUTE, STATUS};
use queue::Queue;
use sampling::OwnSampling;
pub use sender::Sending;
use sender::{Sender, start_sending};

/// What makes the process's spans into traces. Must be next to the registry: it is made for no other layer's view.
pub type TraceLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Traces that nobody sends yet: logging begins before there is a runtime.
pub struct Traces {
    tracer: SdkTracer,
    sender: Sender,
}

impl Traces {
    /// `instance` tells this process from others of the installation.
    pub fn prepare(config: &TracesConfig, instance: &str) -> Result<Self> {
        let (queue, waiting) = Queue::open();
        // Each part is named here: what is left out, the library would read from variables of the environment.
        let provider = SdkTracerProvider::builder()
            .with_sampler(OwnSampling::of_share(config.sample))
            .with_span_limits(SpanLimits::default())
            .with_resource(Resource::builder_empty().build())
            .with_span_processor(queue)
            .build();
        Ok(Self {
            tracer: provider.tracer("mamcrawler"),
            sender: Sender::new(Collector::new(config, instance)?, waiting),
        })
    }

    /// Hands spans over, and no lines of the log: those hold what must not go out.
    pub fn layer(&self) -> TraceLayer {
        tracing_opentelemetry::layer()
            .with_tracer(self.tracer.clone())
            .with_context_activation(false)
            .with_tracked_inactivity(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_filter(filter_fn(is_exported))
            .boxed()
    }

    /// Sends from now on, in the runtime.
    pub fn start(self) -> Sending {
        start_sending(self.sender)
    }
}
