//! For monitoring: how calls of outside services end, and how long they take.

use std::time::Duration;

use super::{Answer, Broken};
use crate::error::ClientError;

/// The services that have a series of their own. Feeds carry names that people gave them, so those are one.
const NAMED: &[(&str, &str)] = &[
    ("Audiobookshelf", "audiobookshelf"),
    ("qBittorrent", "qbittorrent"),
    ("MyAnonamouse", "myanonamouse"),
    ("Prowlarr", "prowlarr"),
    (crate::oidc::SERVICE, "sign_in_provider"),
    ("OpenTelemetry collector", "traces"),
];

/// Counts one call, whatever came of it.
pub(super) fn count_exchange(service: &str, answer: &Result<Answer, Broken>, took: Duration) {
    let service = name_service(service);
    let outcome = name_outcome(answer);
    metrics::counter!("mamcrawler_outbound_requests_total", "service" => service, "outcome" => outcome).increment(1);
    metrics::histogram!("mamcrawler_outbound_request_duration_seconds", "service" => service).record(took);
}

pub(super) fn name_service(service: &str) -> &'static str {
    let mut named = NAMED.iter();
    named
        .find(|(name, _)| *name == service)
        .map_or("other", |(_, label)| label)
}

pub(super) fn name_outcome(answer: &Result<Answer, Broken>) -> &'static str {
    let broken = match answer {
        Ok(answer) => {
            return match answer.status {
                ..400 => "ok",
                429 => "rate_limited",
                400..500 => "refused",
                _ => "server_error",
            };
        }
        Err(broken) => &broken.error,
    };
    match broken {
        ClientError::Unreachable { .. } => "unreachable",
        ClientError::TimedOut { .. } => "timed_out",
        ClientError::TooLarge { .. } => "too_large",
        ClientError::Forbidden { .. } => "not_sent",
        _ => "failed",
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn names_that_people_gave_feeds_make_no_series() {
        let names: std::collections::BTreeSet<_> = (0..1000).map(|n| name_service(&format!("Feed {n}"))).collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["other"]);
        assert_eq!(name_service("qBittorrent"), "qbittorrent");
    }

    #[test]
    fn an_answer_is_told_from_a_refusal_and_from_silence() {
        let answered = |status| name_outcome(&Ok(Answer::new("Service", status, HeaderMap::new(), Vec::new())));
        assert_eq!(
            [200, 302, 403, 429, 503].map(answered),
            ["ok", "ok", "refused", "rate_limited", "server_error"]
        );
        let silent = ClientError::TimedOut {
            service: "Service".into(),
            seconds: 30,
        };
        assert_eq!(name_outcome(&Err(silent.into())), "timed_out");
    }
}
