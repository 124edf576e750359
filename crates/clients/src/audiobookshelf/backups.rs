//! Backups that Audiobookshelf makes of itself: its database and covers, in its own folder.
//!
//! `GET /api/backups` and `POST /api/backups`, for admins only; both answer `{"backups":[{id, filename, fileSize,
//! createdAt, serverVersion, …}]}`, the POST when the backup is whole, or 500. Two within a minute have the same id and
//! the second replaces the first; it removes its oldest by itself. So what is newer is told by `createdAt`.

use serde_json::Value;

use crate::flex;
use crate::library::LibraryBackup;

/// The backups of an answer; `None` = it is no list of backups.
pub(super) fn read_backups(answer: &Value) -> Option<Vec<LibraryBackup>> {
    Some(answer["backups"].as_array()?.iter().filter_map(read_backup).collect())
}

fn read_backup(backup: &Value) -> Option<LibraryBackup> {
    Some(LibraryBackup {
        file_name: flex::text(&backup["filename"]).or_else(|| flex::text(&backup["id"]))?,
        size_bytes: flex::integer(&backup["fileSize"])
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0),
        made_ms: flex::integer(&backup["createdAt"])?,
    })
}
