//! Adding a torrent, so that it is there exactly once whatever the answer was.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use tokio::time::Instant;

use super::hashes::client_keys;
use super::{Qbittorrent, SERVICE, require_success};
use crate::error::{ClientError, Result};
use crate::http::Answer;
use crate::torrent_client::{AddTorrent, Added, TorrentClient};

/// Between two looks at the list.
const CONFIRM_PAUSE: Duration = Duration::from_millis(250);

/// From 5.2 on; older versions answer `Ok.` or `Fails.`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AddAnswer {
    success_count: u64,
    pending_count: u64,
}

enum Outcome {
    Accepted,
    /// Nothing was added: normally because it is there already.
    NothingAdded,
}

pub(super) async fn add_torrent(client: &Qbittorrent, hashes: &[String], torrent: &AddTorrent) -> Result<Added> {
    let Some(key) = client_keys(hashes).into_iter().next() else {
        return Err(refused(
            "the torrent came without a valid hash; choose another release.",
        ));
    };
    if is_there(client, hashes).await? {
        return Ok(Added::AlreadyThere);
    }
    let answer = client
        .session
        .post_multipart("torrents/add", || make_form(&key, torrent))
        .await;
    let outcome = match &answer {
        Ok(answer) => read_outcome(answer)?,
        // The request may have arrived although its answer did not.
        Err(error) if error.is_retryable() => {
            return if is_there(client, hashes).await.unwrap_or(false) {
                Ok(Added::New)
            } else {
                Err(error.clone())
            };
        }
        Err(error) => return Err(error.clone()),
    };
    match outcome {
        Outcome::Accepted => wait_until_listed(client, hashes).await.map(|()| Added::New),
        Outcome::NothingAdded if is_there(client, hashes).await? => Ok(Added::AlreadyThere),
        Outcome::NothingAdded => Err(refused(
            "it did not take the torrent and does not have it either; its own log tells why.",
        )),
    }
}

fn make_form(key: &str, torrent: &AddTorrent) -> Form {
    // Named by its hash: the server keys files by name.
    let file = Part::bytes(torrent.torrent.clone()).file_name(format!("{key}.torrent"));
    let mut form = Form::new()
        .part("torrents", file)
        // 5.0 renamed `paused`; the other one is ignored.
        .text("stopped", "false")
        .text("paused", "false")
        .text("stopCondition", "None")
        .text("contentLayout", "Original")
        .text("category", torrent.category.clone())
        .text("tags", torrent.tags.join(","));
    if !torrent.save_path.is_empty() {
        // Under automatic management the category's path would win over this one.
        form = form
            .text("savepath", torrent.save_path.clone())
            .text("autoTMM", "false");
    }
    form
}

fn read_outcome(answer: &Answer) -> Result<Outcome> {
    match (answer.status, answer.text().trim()) {
        (409, _) | (200, "Fails.") => Ok(Outcome::NothingAdded),
        (415, _) => Err(refused(
            "it does not accept the .torrent file as valid; choose another release.",
        )),
        (200..300, "Ok." | "") => Ok(Outcome::Accepted),
        (200..300, _) => {
            let counts: AddAnswer = answer.json()?;
            let is_accepted = counts.success_count + counts.pending_count > 0;
            Ok(if is_accepted {
                Outcome::Accepted
            } else {
                Outcome::NothingAdded
            })
        }
        _ => Err(require_success(answer)
            .err()
            .unwrap_or_else(|| answer.unexpected("it did not say what happened"))),
    }
}

/// The list follows an accepted torrent with a short delay.
async fn wait_until_listed(client: &Qbittorrent, hashes: &[String]) -> Result<()> {
    let deadline = Instant::now() + client.confirm_within;
    while !is_there(client, hashes).await? {
        if Instant::now() >= deadline {
            return Err(ClientError::UnexpectedAnswer {
                service: SERVICE.into(),
                detail: "it accepted the torrent but does not list it; its own log tells why".into(),
            });
        }
        tokio::time::sleep(CONFIRM_PAUSE).await;
    }
    Ok(())
}

async fn is_there(client: &Qbittorrent, hashes: &[String]) -> Result<bool> {
    Ok(!client.find(hashes).await?.is_empty())
}

fn refused(advice: &str) -> ClientError {
    ClientError::Forbidden {
        service: SERVICE.into(),
        advice: advice.into(),
    }
}
