//! What monitoring reads: counters of this process, and gauges of what the database says, the same at every process.

mod door;
mod gauges;
mod process;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use secrecy::SecretString;
use services::Services;
use services::health::take_readings;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub use door::{MetricsDoor, answer_with, is_token};

use crate::config::MetricsConfig;

/// What the database says is read at most so often.
const FRESH: Duration = Duration::from_secs(5);
/// Below the ten seconds that Prometheus waits by default, and the eight of a worker's health check. Folders that hang take
/// four of them.
pub const READ_WITHIN: Duration = Duration::from_secs(6);
/// Histograms keep each value until they are tidied or read.
const TIDY_EVERY: Duration = Duration::from_secs(5);
/// Seconds: from a page out of memory to the longest that an answer may take.
const REQUEST_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0, 60.0];
/// Seconds: jobs take from nothing to hours.
const JOB_BUCKETS: &[f64] = &[0.1, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 14_400.0];

/// The process's metrics; nothing at all where nobody may read them. Cheap to clone.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Parts>>);

struct Parts {
    counters: PrometheusHandle,
    token: Option<SecretString>,
    read: Mutex<Option<Reading>>,
}

/// What was read, as text, and when.
struct Reading {
    at: Instant,
    text: String,
}

impl Metrics {
    /// Counts from now on, if somebody may read it. Once a process.
    pub fn install(config: &MetricsConfig) -> Result<Self> {
        if !config.is_on() {
            return Ok(Self::default());
        }
        let recorder = PrometheusBuilder::new()
            .set_buckets(REQUEST_BUCKETS)?
            .set_buckets_for_metric(Matcher::Full("mamcrawler_job_duration_seconds".into()), JOB_BUCKETS)?
            .build_recorder();
        let counters = recorder.handle();
        metrics::set_global_recorder(recorder).context("metrics are installed once")?;
        process::describe_counters();
        let tidied = counters.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(TIDY_EVERY).await;
                tidied.run_upkeep();
            }
        });
        Ok(Self(Some(Arc::new(Parts {
            counters,
            token: config.token.clone(),
            read: Mutex::default(),
        }))))
    }

    /// What opens `/metrics` at the server's own address.
    pub fn token(&self) -> Option<&SecretString> {
        self.0.as_ref()?.token.as_ref()
    }

    /// All of it in Prometheus's text format. A database that does not answer is a figure of its own, and what it would
    /// have said is absent.
    pub async fn render(&self, services: &Services) -> String {
        let Some(parts) = &self.0 else {
            return String::new();
        };
        let (read, own) = (parts.read(services).await, process::write(services));
        format!("{}{own}{read}", parts.counters.render())
    }
}

impl Parts {
    /// One reads, the others wait for what it finds.
    async fn read(&self, services: &Services) -> String {
        let mut read = self.read.lock().await;
        if let Some(fresh) = read.as_ref().filter(|reading| reading.at.elapsed() < FRESH) {
            return fresh.text.clone();
        }
        let text = match tokio::time::timeout(READ_WITHIN, take_readings(services)).await {
            Ok(Ok(readings)) => gauges::write(&readings, services.now()),
            Ok(Err(error)) => {
                tracing::warn!("what the database says could not be read for monitoring: {error}");
                gauges::write_silence()
            }
            Err(_) => {
                tracing::warn!(
                    "the database took longer than {} s to answer monitoring",
                    READ_WITHIN.as_secs()
                );
                gauges::write_silence()
            }
        };
        *read = Some(Reading {
            at: Instant::now(),
            text: text.clone(),
        });
        text
    }
}

/// Gauges of one moment as text: what is not set in `record` is not there, whatever was there before.
fn write_moment(record: impl FnOnce()) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let moment = recorder.handle();
    metrics::with_local_recorder(&recorder, record);
    moment.render()
}
