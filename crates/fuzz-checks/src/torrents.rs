//! What is in a torrent, by its own file and by qBittorrent's word.

use std::collections::HashSet;

use clients::qbittorrent::{Maindata, WireFile, WireTracker};
use clients::torrent_client::ClientFile;
use clients::torrent_file::TorrentFile;
use domain::payload::{PayloadFile, PayloadPlan, PlannedFile, plan_payload};

use crate::text;

/// Any bytes as a .torrent, and the plan for bringing in what it holds.
pub fn torrent_file(bytes: &[u8]) {
    let Ok(torrent) = TorrentFile::parse(bytes) else { return };
    assert_eq!(torrent.client_hash().len(), 40);
    let is_safe = |path: &str| path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    assert!(torrent.files.iter().all(|file| is_safe(&file.path)));
    let files = torrent.files.into_iter().map(|file| PayloadFile {
        path: file.path,
        size_bytes: file.size_bytes,
    });
    let books = plan_books(&torrent.name, files.collect());
    assert!(books.iter().flatten().all(|target| is_safe(target)));
}

/// A list of paths, one a line, as a torrent client may tell it.
pub fn payload(bytes: &[u8]) {
    let text = text(bytes);
    let files = text.lines().map(|path| PayloadFile {
        path: path.to_owned(),
        size_bytes: 1,
    });
    for book in plan_books("name", files.collect()) {
        let targets: HashSet<String> = book.iter().map(|target| target.to_lowercase()).collect();
        assert_eq!(targets.len(), book.len(), "two files get one name");
        let is_safe = |part: &str| !part.is_empty() && !part.starts_with('.') && part.len() <= 210;
        assert!(book.iter().all(|target| target.split('/').all(is_safe)));
    }
}

/// Answers to `sync/maindata`, one a line, merged.
pub fn qbittorrent_maindata(bytes: &[u8]) {
    let mut maindata = Maindata::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(answer) = serde_json::from_slice(line) {
            maindata.merge(answer);
        }
    }
    assert!(maindata.free_bytes().is_none_or(|bytes| bytes >= 0));
    for torrent in maindata.torrents().unwrap_or_default() {
        assert!((0.0..=1.0).contains(&torrent.progress));
        assert!(torrent.size_bytes >= 0 && torrent.completed_bytes >= 0 && torrent.speed_bytes_per_second >= 0);
        assert!(torrent.seeders >= 0 && torrent.eta_seconds.is_none_or(|eta| eta >= 0));
        assert!(torrent.has_hash(&torrent.hash));
        let _ = torrent.has_hash(&torrent.name);
    }
}

/// A torrent's files on the first line, its trackers on the second.
pub fn qbittorrent_details(bytes: &[u8]) {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let files: Vec<WireFile> = serde_json::from_slice(lines.next().unwrap_or_default()).unwrap_or_default();
    for file in files.into_iter().map(ClientFile::from) {
        assert!(file.size_bytes >= 0 && (0.0..=1.0).contains(&file.progress));
    }
    let trackers: Vec<WireTracker> = serde_json::from_slice(lines.next().unwrap_or_default()).unwrap_or_default();
    for report in trackers.into_iter().filter_map(WireTracker::into_report) {
        // A path would hold the member's passkey.
        assert!(!report.host.contains(['/', '?', '@']), "{}", report.host);
    }
}

/// Where the files of each book go.
fn plan_books(name: &str, files: Vec<PayloadFile>) -> Vec<Vec<String>> {
    let books = match plan_payload(name, &files) {
        PayloadPlan::SingleBook { files } => vec![files],
        PayloadPlan::Pack { parts, .. } => parts.into_iter().map(|part| part.files).collect(),
        PayloadPlan::NoAudio => vec![],
    };
    let targets = |book: Vec<PlannedFile>| book.into_iter().map(|file| file.target).collect();
    books.into_iter().map(targets).collect()
}
