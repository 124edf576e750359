//! Any bytes as a .torrent, and the plan for bringing in what it holds.
#![no_main]

use clients::torrent_file::TorrentFile;
use domain::payload::{PayloadFile, PayloadPlan, plan_payload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(torrent) = TorrentFile::parse(bytes) else { return };
    assert_eq!(torrent.client_hash().len(), 40);
    let is_safe = |path: &str| path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    assert!(torrent.files.iter().all(|file| is_safe(&file.path)));
    let files = torrent.files.into_iter().map(|file| PayloadFile {
        path: file.path,
        size_bytes: file.size_bytes,
    });
    let books = match plan_payload(&torrent.name, &files.collect::<Vec<_>>()) {
        PayloadPlan::SingleBook { files } => vec![files],
        PayloadPlan::Pack { parts, .. } => parts.into_iter().map(|part| part.files).collect(),
        PayloadPlan::NoAudio => vec![],
    };
    assert!(books.iter().flatten().all(|file| is_safe(&file.target)));
});
