//! What this process alone knows: its pool, its version, and what its counters mean.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use services::{Services, audit};

use super::write_moment;
use crate::web::{REFUSED, Refusal};

/// What the counters mean, wherever they are counted.
pub(super) fn describe_counters() {
    describe_counter!(
        "mamcrawler_http_requests_total",
        "Requests by route, method and class of the status."
    );
    describe_histogram!(
        "mamcrawler_http_request_duration_seconds",
        "Time until an answer began, by route and method."
    );
    describe_counter!(
        REFUSED,
        "Requests that were refused with 503 because there was too much to do, by why."
    );
    // So that the first refusal is an increase.
    for refusal in Refusal::ALL {
        counter!(REFUSED, "why" => refusal.as_str()).increment(0);
    }
    describe_counter!(
        "mamcrawler_outbound_requests_total",
        "Requests to outside services, by service and what came of it."
    );
    describe_histogram!(
        "mamcrawler_outbound_request_duration_seconds",
        "Time until an outside service had answered or given up."
    );
    describe_counter!(
        "mamcrawler_job_runs_total",
        "Runs that this process ended, by kind and outcome."
    );
    describe_histogram!(
        "mamcrawler_job_duration_seconds",
        "Time that a run took in this process."
    );
    describe_gauge!(
        "mamcrawler_worker_last_look_timestamp_seconds",
        "When this process last looked at its queue; absent before the first time."
    );
    describe_counter!(
        "mamcrawler_refusals_total",
        "Wrong passwords, keys and tokens, used ones that came again, and requests that were refused, by what they were."
    );
    audit::begin_counting();
    describe_counter!(
        "mamcrawler_otlp_spans_total",
        "Spans for the OpenTelemetry collector, by what became of them; none without MAMCRAWLER_OTLP_ENDPOINT."
    );
}

/// The gauges of this process.
pub(super) fn write(services: &Services) -> String {
    write_moment(|| {
        describe_gauge!(
            "mamcrawler_build_info",
            "Always 1; the label is the version of the program."
        );
        gauge!("mamcrawler_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let pool = services.pool().status();
        let open = pool.size;
        for (name, help, value) in [
            (
                "mamcrawler_pool_connections_max",
                "Connections that this process may open.",
                pool.max_size,
            ),
            (
                "mamcrawler_pool_connections_open",
                "Connections that this process has open.",
                open,
            ),
            (
                "mamcrawler_pool_connections_in_use",
                "Connections of this process that are at work.",
                open.saturating_sub(pool.available),
            ),
            (
                "mamcrawler_pool_waiting",
                "Tasks of this process that wait for a connection.",
                pool.waiting,
            ),
        ] {
            describe_gauge!(name, help);
            #[expect(clippy::cast_precision_loss, reason = "counts of connections are small")]
            gauge!(name).set(value as f64);
        }
    })
}
