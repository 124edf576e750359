//! "Test connection": who answers, and which of its settings would get in our way.

use serde::Deserialize;
use types::integrations::{Health, TestOutcome};

use super::capabilities::Capabilities;
use super::{Qbittorrent, read_line, require_success};
use crate::error::Result;
use crate::torrent_client::TorrentClient;

/// The preferences that we look at; each may be missing in some version.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Preferences {
    auto_tmm_enabled: bool,
    temp_path_enabled: bool,
    temp_path: String,
    queueing_enabled: bool,
    max_active_downloads: i64,
    max_ratio_enabled: bool,
    max_seeding_time_enabled: bool,
    max_inactive_seeding_time_enabled: bool,
    /// 0 stop, 1 remove, 3 remove with files, 2 super seeding.
    max_ratio_act: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Transfer {
    connection_status: String,
}

pub(super) async fn check_connection(client: &Qbittorrent) -> Result<TestOutcome> {
    let version = read_line(&client.session.get("app/version", &[]).await?)?;
    let capabilities = client.session.capabilities().await?;
    let preferences: Preferences = require_success(&client.session.get("app/preferences", &[]).await?)?.json()?;
    let transfer: Transfer = require_success(&client.session.get("transfer/info", &[]).await?)?.json()?;
    let save_path = client.default_save_path().await?;
    let free_bytes = client.free_bytes().await?;

    let mut facts = vec![
        format!("qBittorrent {version}, WebUI API {}", capabilities.version),
        format!("Saves to {save_path} unless told otherwise"),
    ];
    facts.extend(free_bytes.map(|bytes| format!("{:.1} GiB free there", bytes as f64 / f64::from(1 << 30))));
    facts.extend(list_notes(&preferences, capabilities));
    let warnings = list_warnings(&preferences, &transfer, capabilities);
    let sentence = match warnings.first() {
        None => format!("Logged in to qBittorrent {version}."),
        Some(first) => format!("Logged in to qBittorrent {version}, but {first}"),
    };
    let health = if warnings.is_empty() {
        Health::Ok
    } else {
        Health::Warning
    };
    facts.extend(
        warnings
            .into_iter()
            .skip(1)
            .map(|warning| format!("Warning: {warning}")),
    );
    Ok(TestOutcome {
        health,
        sentence,
        facts,
        version: Some(version),
    })
}

fn list_warnings(preferences: &Preferences, transfer: &Transfer, capabilities: Capabilities) -> Vec<String> {
    let mut warnings = Vec::new();
    let has_limit = preferences.max_ratio_enabled
        || preferences.max_seeding_time_enabled
        || preferences.max_inactive_seeding_time_enabled;
    if has_limit && matches!(preferences.max_ratio_act, 1 | 3) {
        warnings.push(
            "it removes torrents that reach its seeding limit, which can break a tracker's seeding rules. In its settings \
             under BitTorrent → Seeding Limits choose to stop them instead."
                .into(),
        );
    }
    if transfer.connection_status == "disconnected" {
        warnings.push("it has no connection to the network. Check its network interface or VPN.".into());
    }
    if !capabilities.is_supported() {
        warnings.push("it is older than 4.5, with which this was never tried. Update it.".into());
    }
    warnings
}

fn list_notes(preferences: &Preferences, capabilities: Capabilities) -> Vec<String> {
    let mut notes = Vec::new();
    if preferences.auto_tmm_enabled {
        notes.push(
            "Automatic torrent management is on; it is turned off for torrents that get their own save path".into(),
        );
    }
    if preferences.temp_path_enabled {
        notes.push(format!("Unfinished downloads are kept in {}", preferences.temp_path));
    }
    if preferences.queueing_enabled {
        notes.push(format!(
            "Queueing is on: {} downloads at a time",
            preferences.max_active_downloads
        ));
    }
    if !capabilities.is_known() {
        notes.push("Newer than any version this was written for; tell us if something fails".into());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(preferences: Preferences, status: &str, version: &str) -> usize {
        let transfer = Transfer {
            connection_status: status.into(),
        };
        list_warnings(&preferences, &transfer, Capabilities::of(version.parse().unwrap())).len()
    }

    #[test]
    fn removing_at_a_limit_is_warned_of_only_while_a_limit_is_on() {
        let limit = |max_ratio_enabled, max_ratio_act| Preferences {
            max_ratio_enabled,
            max_ratio_act,
            ..Default::default()
        };
        assert_eq!(warnings(limit(true, 3), "connected", "2.11.4"), 1);
        assert_eq!(warnings(limit(true, 0), "connected", "2.11.4"), 0);
        assert_eq!(warnings(limit(false, 1), "connected", "2.11.4"), 0);
    }

    #[test]
    fn a_missing_network_and_an_old_version_are_warned_of() {
        assert_eq!(warnings(Preferences::default(), "disconnected", "2.8.18"), 1);
        assert_eq!(warnings(Preferences::default(), "firewalled", "2.8.1"), 1);
    }
}
