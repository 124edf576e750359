//! `mamcrawler healthcheck`: whether this installation's server is ready, for containers and scripts.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::doctor::{ask_server, reach};

/// Docker kills a check after 5 s, and then nobody reads why.
const LIMIT: Duration = Duration::from_secs(4);

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
    fn the_reason_is_the_sentence_of_our_errors() {
        assert_eq!(
            read_reason(br#"{"code":"x","message":"The database is down."}"#),
            "The database is down."
        );
        assert_eq!(read_reason(b"<html>Bad gateway</html>"), "it does not say why");
        assert_eq!(read_reason(b"{}"), "it does not say why");
    }
}
