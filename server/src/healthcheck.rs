//! `mamcrawler healthcheck`: whether this installation's server is ready, or its worker able to work, for containers and
//! scripts.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use clients::http::{HttpClient, HttpOptions};
use secrecy::ExposeSecret;
use services::{Clock, SystemClock};
use url::Url;

use crate::config::{Config, MetricsConfig};
use crate::doctor::{ask_server, name_server, reach};
use crate::metrics::READ_WITHIN;

/// Docker kills a check after 10 s (Dockerfile, compose.yaml), and then nobody reads why.
const LIMIT: Duration = Duration::from_secs(8);
// A worker that waits for its database in vain still says so.
const _: () = assert!(READ_WITHIN.as_secs() < LIMIT.as_secs());
/// With the space before its value.
const LAST_LOOK: &str = "mamcrawler_worker_last_look_timestamp_seconds ";
/// A worker looks every five seconds or more often, and a look ends: PostgreSQL gives up each statement after a minute.
const LOOK_STALE_SECONDS: i64 = 120;

/// Asks the server that listens there, and says in a sentence how it is; an error unless it is ready.
pub async fn check_health(config: &Config) -> Result<()> {
    let address = name_server(config);
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
/// database and looks at its queue.
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
    match judge_worker(&answer.text(), SystemClock.now()) {
        Ok(how) => println!("The worker at {address} runs {how}."),
        Err(fault) => bail!("The worker at {address} runs, but {fault}"),
    }
    Ok(())
}

/// How a worker is by its metrics: well, or what is wrong and what to do.
fn judge_worker(metrics: &str, now: DateTime<Utc>) -> std::result::Result<String, String> {
    if !metrics.lines().any(|line| line == "mamcrawler_database_up 1") {
        return Err("its database does not answer. See that PostgreSQL runs".into());
    }
    let advice = "See its log, and restart it if this goes on";
    let mut lines = metrics.lines();
    let looked_at = lines.find_map(|line| line.strip_prefix(LAST_LOOK)?.trim().parse::<f64>().ok());
    let Some(looked_at) = looked_at else {
        return Err(format!("it has not looked at its queue yet. {advice}"));
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it saturates, and such a time is wrong anyway"
    )]
    let age = now.timestamp().saturating_sub(looked_at as i64);
    match age > LOOK_STALE_SECONDS {
        true => Err(format!("it has not looked at its queue for {age} s. {advice}")),
        false => Ok(format!(
            "and reaches its database; it looked at its queue {} s ago",
            age.max(0)
        )),
    }
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
    fn a_worker_is_well_when_it_says_that_it_reaches_its_database_and_looks_at_its_queue() {
        let check = |metrics: &str, expected: std::result::Result<&str, &str>| {
            let now = DateTime::from_timestamp(1_795_348_800, 0).unwrap();
            let judged = judge_worker(metrics, now);
            let (said, words) = match (&judged, expected) {
                (Ok(said), Ok(words)) | (Err(said), Err(words)) => (said, words),
                _ => panic!("{judged:?} for {metrics}"),
            };
            assert!(said.contains(words), "{said}");
        };
        let up = "# HELP x\nmamcrawler_database_up 1\nmamcrawler_problems 0\n";
        let looked = |at: &str| format!("{up}{LAST_LOOK}{at}\n");
        check(&looked("1795348795"), Ok("looked at its queue 5 s ago"));
        check(&looked("1795348680"), Ok("120 s ago"));
        check(&looked("1795348801"), Ok("0 s ago"));
        check(&looked("1795348679"), Err("not looked at its queue for 121 s"));
        check(up, Err("not looked at its queue yet"));
        check("mamcrawler_database_up 0\n", Err("does not answer"));
        check("<html>mamcrawler_database_up 1</html>", Err("does not answer"));
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
