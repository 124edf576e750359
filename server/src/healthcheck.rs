//! `mamcrawler healthcheck`: whether this installation's server is ready, or its worker able to work, for containers and
//! scripts.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clients::http::{HttpClient, HttpOptions};
use secrecy::ExposeSecret;
use url::Url;

use crate::config::MetricsConfig;
use crate::doctor::{ask_server, reach};
use crate::metrics::READ_WITHIN;

/// Docker kills a check after 10 s (Dockerfile, compose.yaml), and then nobody reads why.
const LIMIT: Duration = Duration::from_secs(8);
// A worker that waits for its database in vain still says so.
const _: () = assert!(READ_WITHIN.as_secs() < LIMIT.as_secs());

/// Asks the server that listens there, and says in a sentence how it is; an error unless it is ready.
pub async fn check_health(listen: SocketAddr) -> Result<()> {
    let address = format!("http://{}", reach(listen));
    let answer = ask_server(&address, LIMIT).await?;
    ensure!(
        answer.status == 200,
        "The server at {address} is not ready (HTTP {}): {}",
        answer.status,
        read_reason(&answer.body)
    );
    println!("The server at {address} is ready.");
    Ok(())
}

/// Asks the worker that tells its metrics there, and says in a sentence how it is; an error unless it reaches its
/// database, without which it can't work.
pub async fn check_worker(metrics: &MetricsConfig) -> Result<()> {
    let listen = metrics.listen.context(
        "A worker answers only where it tells its metrics. Set MAMCRAWLER_METRICS_LISTEN for it and for this check, such as \
         to 127.0.0.1:9464",
    )?;
    let address = format!("http://{}", reach(listen));
    let options = HttpOptions {
        timeout: LIMIT,
        connect_timeout: LIMIT,
        ..HttpOptions::default()
    };
    let http = HttpClient::new("The worker", options)?;
    let mut call = http.get(&Url::parse(&address)?, "metrics");
    if let Some(token) = &metrics.token {
        call = call.bearer_auth(token.expose_secret());
    }
    let answer = http.send(call).await?;
    ensure!(
        answer.status == 200,
        "What answers at {address} is not this installation's worker (HTTP {}). Give both the same settings",
        answer.status
    );
    ensure!(
        reaches_database(&answer.text()),
        "The worker at {address} runs, but its database does not answer. See that PostgreSQL runs"
    );
    println!("The worker at {address} runs and reaches its database.");
    Ok(())
}

fn reaches_database(metrics: &str) -> bool {
    metrics.lines().any(|line| line == "mamcrawler_database_up 1")
}

/// The sentence of an error of ours; a stranger's answer has none.
fn read_reason(body: &[u8]) -> String {
    let error: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let sentence = error["message"].as_str();
    sentence.map_or_else(|| "it does not say why".to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_reaches_its_database_when_it_says_so() {
        assert!(reaches_database(
            "# HELP x\nmamcrawler_database_up 1\nmamcrawler_problems 0\n"
        ));
        assert!(!reaches_database("mamcrawler_database_up 0\n"));
        assert!(!reaches_database("<html>mamcrawler_database_up 1</html>"));
    }

    #[test]
    fn the_reason_is_the_sentence_of_our_errors() {
        assert_eq!(
            read_reason(br#"{"code":"x","message":"The database is down."}"#),
            "The database is down."
        );
        assert_eq!(read_reason(b"<html>Bad gateway</html>"), "it does not say why");
        assert_eq!(read_reason(b"{}"), "it does not say why");
    }
}
