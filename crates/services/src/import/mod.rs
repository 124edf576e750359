//! From a complete torrent to a book on the shelf: verify, split, place, scan, link. Nothing here writes to the torrent's files.

pub mod bring_in;
pub mod media;
pub mod place;
pub mod plan;
pub mod shelve;
pub mod split;
pub mod verify;
