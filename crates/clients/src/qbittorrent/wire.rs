//! qBittorrent's own JSON, read leniently: all but hash, name and state may be missing in some version.

use reqwest::Url;
use serde::{Deserialize, Deserializer};

use crate::torrent_client::{ClientFile, ClientState, TorrentStatus, TrackerReport};

/// What it reports for "unknown".
const ETA_UNKNOWN: i64 = 8_640_000;

/// A row of `torrents/info`, or a merged one of `sync/maindata`.
#[derive(Debug, Deserialize)]
pub(super) struct Torrent {
    hash: String,
    name: String,
    state: String,
    #[serde(default, deserialize_with = "or_default")]
    infohash_v1: String,
    #[serde(default, deserialize_with = "or_default")]
    infohash_v2: String,
    #[serde(default, deserialize_with = "or_default")]
    size: i64,
    #[serde(default, deserialize_with = "or_default")]
    completed: i64,
    #[serde(default, deserialize_with = "or_default")]
    progress: f64,
    #[serde(default, deserialize_with = "or_default")]
    dlspeed: i64,
    eta: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    num_seeds: i32,
    #[serde(default, deserialize_with = "or_default")]
    num_complete: i32,
    availability: Option<f64>,
    #[serde(default, deserialize_with = "or_default")]
    save_path: String,
    #[serde(default, deserialize_with = "or_default")]
    content_path: String,
    #[serde(default, deserialize_with = "or_default")]
    category: String,
    #[serde(default, deserialize_with = "or_default")]
    tags: String,
}

impl From<Torrent> for TorrentStatus {
    fn from(torrent: Torrent) -> Self {
        let hash_of = |text: String| Some(text.to_ascii_lowercase()).filter(|text| !text.is_empty());
        Self {
            hash: torrent.hash.to_ascii_lowercase(),
            infohash_v1: hash_of(torrent.infohash_v1),
            infohash_v2: hash_of(torrent.infohash_v2),
            name: torrent.name,
            state: read_state(&torrent.state),
            state_word: torrent.state,
            // -1 while it is not known.
            size_bytes: torrent.size.max(0),
            completed_bytes: torrent.completed.max(0),
            progress: torrent.progress.clamp(0.0, 1.0),
            speed_bytes_per_second: torrent.dlspeed.max(0),
            eta_seconds: torrent.eta.filter(|eta| (0..ETA_UNKNOWN).contains(eta)),
            // Connected ones, or those that the tracker counts; each is 0 or -1 while unknown.
            seeders: torrent.num_seeds.max(torrent.num_complete).max(0),
            availability: torrent.availability.filter(|availability| *availability >= 0.0),
            save_path: torrent.save_path,
            content_path: torrent.content_path,
            category: torrent.category,
            tags: torrent
                .tags
                .split(',')
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }
}

fn read_state(word: &str) -> ClientState {
    match word {
        "downloading" | "forcedDL" | "metaDL" | "forcedMetaDL" | "allocating" => ClientState::Downloading,
        "stalledDL" => ClientState::StalledDownloading,
        "queuedDL" => ClientState::QueuedDownloading,
        "pausedDL" | "stoppedDL" => ClientState::StoppedDownloading,
        "checkingDL" | "checkingUP" | "checkingResumeData" => ClientState::Checking,
        "uploading" | "stalledUP" | "queuedUP" | "forcedUP" => ClientState::Seeding,
        "pausedUP" | "stoppedUP" => ClientState::StoppedSeeding,
        "moving" => ClientState::Moving,
        "missingFiles" => ClientState::MissingFiles,
        "error" => ClientState::Error,
        _ => ClientState::Other,
    }
}

/// A row of `torrents/files`.
#[derive(Debug, Deserialize)]
pub struct File {
    name: String,
    size: i64,
    #[serde(default)]
    progress: f64,
    /// Absent means the normal one; 0 is "do not download".
    priority: Option<i64>,
}

impl From<File> for ClientFile {
    fn from(file: File) -> Self {
        Self {
            path: file.name,
            size_bytes: file.size.max(0),
            progress: file.progress.clamp(0.0, 1.0),
            is_wanted: file.priority != Some(0),
        }
    }
}

/// A row of `torrents/trackers`.
#[derive(Debug, Deserialize)]
pub struct Tracker {
    url: String,
    #[serde(default)]
    status: i64,
    #[serde(default)]
    msg: String,
}

impl Tracker {
    /// `None` for the pseudo trackers `** [DHT] **`, `** [PeX] **`, `** [LSD] **`.
    pub fn into_report(self) -> Option<TrackerReport> {
        let url = Url::parse(&self.url).ok()?;
        Some(TrackerReport {
            host: url.host_str()?.to_owned(),
            is_working: self.status == 2,
            message: self.msg,
        })
    }
}

/// `null` is read as the default: it stands for "not known yet".
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const FILES: &[u8] =
        br#"[{"name":"Dune/01.mp3","size":5,"progress":0.5,"priority":1},{"name":"a","size":-1,"progress":7}]"#;
    const TRACKERS: &[u8] =
        br#"[{"url":"** [DHT] **","status":2},{"url":"https://t.example/s3cret/announce","status":2,"msg":"x"}]"#;

    fn read_files(bytes: &[u8]) -> Vec<ClientFile> {
        let files: Vec<File> = serde_json::from_slice(bytes).unwrap_or_default();
        files.into_iter().map(ClientFile::from).collect()
    }

    fn read_trackers(bytes: &[u8]) -> Vec<TrackerReport> {
        let trackers: Vec<Tracker> = serde_json::from_slice(bytes).unwrap_or_default();
        trackers.into_iter().filter_map(Tracker::into_report).collect()
    }

    proptest! {
        #[test]
        fn damaged_files_have_possible_sizes(bytes in testing::damage::damaged(FILES)) {
            for file in read_files(&bytes) {
                prop_assert!(file.size_bytes >= 0 && (0.0..=1.0).contains(&file.progress));
            }
        }

        #[test]
        fn the_path_of_a_tracker_stays_out_of_what_is_shown(key in "[a-z0-9]{12,32}", tail in "\\PC{0,20}") {
            let answer = json!([{"url": format!("https://t.example/{key}/announce?{tail}"), "status": 2}]);
            let reports = read_trackers(answer.to_string().as_bytes());
            prop_assert_eq!(reports.len(), 1);
            let shown = format!("{reports:?}");
            prop_assert!(!shown.contains(&key));
        }

        #[test]
        fn damaged_trackers_have_a_host_or_are_left_out(bytes in testing::damage::damaged(TRACKERS)) {
            for report in read_trackers(&bytes) {
                prop_assert!(!report.host.contains('/'), "{}", report.host);
            }
        }
    }

    fn status(row: serde_json::Value) -> TorrentStatus {
        serde_json::from_value::<Torrent>(row).unwrap().into()
    }

    #[test]
    fn every_word_for_a_state_has_a_meaning_and_new_ones_are_other() {
        for (word, state) in [
            ("pausedDL", ClientState::StoppedDownloading),
            ("stoppedDL", ClientState::StoppedDownloading),
            ("pausedUP", ClientState::StoppedSeeding),
            ("stoppedUP", ClientState::StoppedSeeding),
            ("stalledUP", ClientState::Seeding),
            ("checkingUP", ClientState::Checking),
            ("moving", ClientState::Moving),
            ("somethingNew", ClientState::Other),
        ] {
            assert_eq!(read_state(word), state, "{word}");
        }
    }

    #[test]
    fn a_bare_row_is_enough_and_placeholders_are_unknown() {
        let bare = status(json!({"hash": "AB", "name": "x", "state": "stalledDL"}));
        assert_eq!(
            (bare.hash.as_str(), bare.eta_seconds, bare.availability),
            ("ab", None, None)
        );
        let unset = status(
            json!({"hash": "ab", "name": "x", "state": "stalledDL", "eta": 8640000, "availability": -1,
            "num_complete": -1, "infohash_v2": "", "private": null, "tags": "", "category": null}),
        );
        assert_eq!((unset.eta_seconds, unset.availability, unset.seeders), (None, None, 0));
        assert_eq!((unset.infohash_v2, unset.tags), (None, vec![]));
    }

    #[test]
    fn complete_means_whole_checked_and_at_rest() {
        let is_complete = |state: &str, progress: f64| {
            status(json!({"hash": "ab", "name": "x", "state": state, "progress": progress})).is_complete()
        };
        assert!(is_complete("stalledUP", 1.0) && is_complete("stoppedUP", 1.0));
        assert!(!is_complete("stalledUP", 0.999) && !is_complete("checkingUP", 1.0) && !is_complete("moving", 1.0));
    }

    #[test]
    fn a_trackers_report_keeps_its_host_and_drops_its_key() {
        let tracker = |url: &str| Tracker {
            url: url.into(),
            status: 4,
            msg: "unregistered torrent".into(),
        };
        assert_eq!(tracker("** [DHT] **").into_report(), None);
        let report = tracker("https://t.example:8443/passkey/announce")
            .into_report()
            .unwrap();
        assert_eq!((report.host.as_str(), report.is_working), ("t.example", false));
    }
}
