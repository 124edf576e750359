//! The outside services: one folder each, behind the traits of `indexer`, `library` and `torrent_client`.
//!
//! Invariant: knows nothing of ours but `types`; opens connections only through `http`.

pub mod audiobookshelf;
pub mod error;
mod flex;
pub mod http;
pub mod indexer;
pub mod library;
pub mod myanonamouse;
pub mod oidc;
pub mod prowlarr;
pub mod qbittorrent;
mod status;
mod text;
pub mod torrent_client;
pub mod torrent_file;
pub mod torznab;

pub use error::ClientError;
