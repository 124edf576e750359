//! What it means that a book has arrived: once, unchanged, and its torrent goes on seeding.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use types::DownloadId;
use types::downloads::{DownloadDetail, DownloadState, EventCode};

use crate::stage::{Stage, wait_until};

impl Stage {
    /// The book is here once, wherever one looks: client, disk, library, database.
    pub async fn assert_arrived_once(&self, id: DownloadId, key: &str) -> DownloadDetail {
        let detail = self.wait_for_state(id, DownloadState::Imported).await;
        assert_eq!(self.only_download().await, id);
        let count = |code: EventCode| detail.events.iter().filter(|event| event.code == code).count();
        assert_eq!(
            (count(EventCode::Imported), count(EventCode::TorrentFetched)),
            (1, 1),
            "{:#?}",
            detail.events
        );

        let release = self.sandbox.release(key).await.unwrap();
        let torrents = self.torrents().await;
        assert_eq!(torrents.len(), 1, "{torrents:#?}");
        assert_eq!(torrents[0]["infohash_v1"], release["info_hash"]);
        self.assert_seeding().await;
        assert_eq!(self.proxy.added(), 1, "qBittorrent was given a torrent once");

        let mut conn = self.services.connection().await.unwrap();
        let targets = db::imports::list_live_targets(&mut conn).await.unwrap();
        drop(conn);
        assert_eq!(
            self.book_folders(),
            targets.iter().map(PathBuf::from).collect::<Vec<_>>()
        );
        assert_eq!(targets.len(), 1);
        self.assert_same_files(&detail, Path::new(release["payload"].as_str().unwrap()));

        let books = self.books(release["title"].as_str().unwrap()).await;
        let ours: Vec<_> = books.iter().filter(|book| book.download_id == Some(id)).collect();
        assert_eq!(ours.len(), 1, "{books:#?}");
        assert_eq!(Some(ours[0].summary.id), detail.book_id);
        detail
    }

    /// Our torrent is complete and given to others.
    pub async fn assert_seeding(&self) {
        wait_until(async || {
            let torrents = self.torrents().await;
            let is_seeding = |torrent: &Value| {
                matches!(torrent["state"].as_str(), Some("uploading" | "stalledUP")) && torrent["progress"] == json!(1)
            };
            if torrents.iter().all(is_seeding) {
                Ok(())
            } else {
                Err(format!("{torrents:#?}"))
            }
        })
        .await;
    }

    /// Every imported file is the client's own file on disk, with the bytes that the uploader made.
    fn assert_same_files(&self, detail: &DownloadDetail, payload: &Path) {
        let made: BTreeMap<_, _> = files_below(payload)
            .into_iter()
            .map(|path| (hash_file(&path), path))
            .collect();
        assert!(!detail.files.is_empty());
        for file in &detail.files {
            assert_eq!(file.method, "hardlink");
            let (source, target) = (
                std::fs::metadata(&file.source).unwrap(),
                std::fs::metadata(&file.target).unwrap(),
            );
            assert_eq!((source.dev(), source.ino()), (target.dev(), target.ino()), "{file:?}");
            assert!(
                made.contains_key(&hash_file(Path::new(&file.target))),
                "{file:?} differs from {made:#?}"
            );
        }
        // The client still has all of it, changed nowhere.
        let below = self.sandbox.facts.downloads_path.join(payload.file_name().unwrap());
        let kept: BTreeMap<_, _> = files_below(&below)
            .into_iter()
            .map(|path| (hash_file(&path), path))
            .collect();
        assert!(kept.keys().eq(made.keys()), "{kept:#?} and {made:#?}");
    }

    /// Folders of the library that hold files, hidden ones too.
    fn book_folders(&self) -> Vec<PathBuf> {
        let files = files_below(&self.sandbox.facts.library_path);
        let mut folders: Vec<PathBuf> = files.iter().map(|file| file.parent().unwrap().to_owned()).collect();
        folders.sort();
        folders.dedup();
        folders
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let entries = std::fs::read_dir(folder).unwrap();
    entries.flat_map(|entry| files_below(&entry.unwrap().path())).collect()
}

fn hash_file(path: &Path) -> String {
    format!("{:x}", Sha256::digest(std::fs::read(path).unwrap()))
}
