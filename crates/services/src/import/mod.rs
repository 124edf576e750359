//! From a complete torrent to a book on the shelf: verify, place, scan, link. Nothing here writes to the torrent's files.

pub mod media;
pub mod place;
pub mod plan;
pub mod shelve;
pub mod verify;
