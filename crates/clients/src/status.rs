//! What HTTP statuses mean that mean the same for every service.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::error::ClientError;
use crate::http::Answer;
use crate::text::quote_words;

/// The error of a status that no service uses in its own way: redirects, 429, 5xx. `address` is for the sentence.
pub(crate) fn common_refusal(answer: &Answer, service: &str, address: &str) -> Option<ClientError> {
    let service = service.to_owned();
    match answer.status {
        300..=399 => Some(answer.unexpected(
            "it sends us to another address, which is not followed. Enter the final address under Integrations",
        )),
        429 => Some(ClientError::RateLimited {
            service,
            retry_after: pause_length(answer),
        }),
        503 if answer.header("retry-after").is_some() => Some(ClientError::RateLimited {
            service,
            retry_after: pause_length(answer),
        }),
        500.. => Some(ClientError::Unreachable {
            service,
            address: address.into(),
            detail: match answer.is_html() {
                true => format!("it answered with an error page (HTTP {})", answer.status),
                false => format!("it answered HTTP {} ({})", answer.status, quote_words(&answer.text())),
            },
        }),
        _ => None,
    }
}

/// How long the service wants us to wait. A date counts from the service's own clock, so ours may be wrong.
pub(crate) fn pause_length(answer: &Answer) -> Option<Duration> {
    match service_time(answer) {
        Some(now) => answer.retry_after(now),
        None => answer
            .header("retry-after")?
            .trim()
            .parse()
            .ok()
            .map(Duration::from_secs),
    }
}

/// The service's time when it answered.
pub(crate) fn service_time(answer: &Answer) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(answer.header("date")?)
        .ok()
        .map(|time| time.with_timezone(&Utc))
}
