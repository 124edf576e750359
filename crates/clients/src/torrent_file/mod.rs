//! Reads a .torrent (BEP 3, 12, 27, 47, 52): what it is called, what is in it, and by which hashes a client knows it.
//!
//! The bytes come from strangers: nothing here panics, follows a path, or keeps an announce address, which holds a key.

use reqwest::Url;
use sha1::{Digest, Sha1};
use sha2::Sha256;

mod bencode;
mod files;
#[cfg(test)]
mod tests;

use crate::http::looks_like_html;
use bencode::{Dict, Node, Value};

/// Largest .torrent that is read.
pub const MAX_TORRENT_BYTES: usize = 16 * 1024 * 1024;

/// More announce addresses than that are not looked at.
const MAX_TRACKERS: usize = 1_000;

/// Why bytes are not a torrent that we take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TorrentFileError {
    #[error(
        "a web page came instead of a torrent: the tracker probably wants a new login. Test it under Integrations."
    )]
    IsHtml,
    #[error("the torrent is larger than {} MB, which is refused.", MAX_TORRENT_BYTES / 1024 / 1024)]
    TooLarge,
    #[error("the torrent can't be read: {0}. Fetch it again, or choose another release.")]
    NotBencode(String),
    #[error("the file is no usable torrent: {0}. Choose another release.")]
    NotATorrent(String),
    #[error("the torrent holds a file name that could escape its folder ({0:?}). Choose another release.")]
    UnsafePath(String),
    #[error("the torrent holds no files. Choose another release.")]
    NoFiles,
}

/// A file in a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorrentPath {
    /// Below the save path, with '/': starts with the torrent's folder unless it is a single file.
    pub path: String,
    pub size_bytes: i64,
}

/// What a .torrent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorrentFile {
    pub name: String,
    /// 40 lower-case hex digits; v1 and hybrid torrents have it.
    pub infohash_v1: Option<String>,
    /// 64 lower-case hex digits; v2 and hybrid torrents have it.
    pub infohash_v2: Option<String>,
    /// Without padding and symbolic links.
    pub files: Vec<TorrentPath>,
    pub is_private: bool,
    /// Sum of `files`.
    pub total_bytes: i64,
    pub piece_length: i64,
    /// Hosts only, in order, without repeats.
    pub announce_hosts: Vec<String>,
}

impl TorrentFile {
    /// Reads the bytes strictly; one newline after the end is tolerated.
    pub fn parse(bytes: &[u8]) -> Result<Self, TorrentFileError> {
        if bytes.len() > MAX_TORRENT_BYTES {
            return Err(TorrentFileError::TooLarge);
        }
        if looks_like_html(bytes) {
            return Err(TorrentFileError::IsHtml);
        }
        let root = bencode::parse(bytes)?;
        let Value::Dict(root) = &root.value else {
            return Err(not_a_torrent("it is not a dictionary"));
        };
        let Some(Node {
            value: Value::Dict(info),
            raw,
        }) = root.get(&b"info"[..])
        else {
            return Err(not_a_torrent("it has no info dictionary"));
        };
        let (infohash_v1, infohash_v2) = hash_info(info, raw)?;
        let name = files::read_name(info)?;
        let files = files::list_files(info, &name, infohash_v2.is_some())?;
        Ok(Self {
            name,
            infohash_v1,
            infohash_v2,
            total_bytes: files::sum_sizes(&files)?,
            files,
            is_private: info.get(&b"private"[..]).and_then(Node::as_integer) == Some(1),
            piece_length: read_piece_length(info)?,
            announce_hosts: list_announce_hosts(root),
        })
    }

    /// The key that qBittorrent gives it: the v1 hash, or the first 40 digits of the v2 hash for v2 and hybrid torrents.
    pub fn client_hash(&self) -> String {
        let hash = self
            .infohash_v2
            .as_deref()
            .or(self.infohash_v1.as_deref())
            .unwrap_or_default();
        hash.get(..40).unwrap_or(hash).to_owned()
    }

    /// Every form by which a client or an indexer may know it; the client's own key first.
    pub fn hashes(&self) -> Vec<String> {
        let mut hashes = vec![self.client_hash()];
        for hash in [&self.infohash_v1, &self.infohash_v2].into_iter().flatten() {
            if !hashes.contains(hash) {
                hashes.push(hash.clone());
            }
        }
        hashes
    }
}

fn not_a_torrent(detail: &str) -> TorrentFileError {
    TorrentFileError::NotATorrent(detail.into())
}

/// v1 and v2 hashes over the span as it stands in the file; never over a re-encoding.
fn hash_info(info: &Dict<'_>, raw: &[u8]) -> Result<(Option<String>, Option<String>), TorrentFileError> {
    let version = info.get(&b"meta version"[..]).map(Node::as_integer);
    let is_v2 = match version {
        None | Some(Some(1)) => false,
        Some(Some(2)) => true,
        Some(_) => return Err(not_a_torrent("its meta version is unknown")),
    };
    let is_v1 = match info.get(&b"pieces"[..]).map(Node::as_bytes) {
        None => false,
        Some(Some(pieces)) if pieces.len().is_multiple_of(20) => true,
        Some(_) => return Err(not_a_torrent("its piece hashes are damaged")),
    };
    if !is_v1 && !is_v2 {
        return Err(not_a_torrent("it has neither v1 nor v2 piece hashes"));
    }
    let v1 = is_v1.then(|| hex::encode(Sha1::digest(raw)));
    let v2 = is_v2.then(|| hex::encode(Sha256::digest(raw)));
    Ok((v1, v2))
}

fn read_piece_length(info: &Dict<'_>) -> Result<i64, TorrentFileError> {
    let length = info.get(&b"piece length"[..]).and_then(Node::as_integer);
    length
        .filter(|length| *length > 0)
        .ok_or_else(|| not_a_torrent("its piece length is missing"))
}

fn list_announce_hosts(root: &Dict<'_>) -> Vec<String> {
    let single = root.get(&b"announce"[..]).into_iter();
    let tiers = root.get(&b"announce-list"[..]).into_iter().flat_map(Node::as_list);
    let listed = tiers.flat_map(Node::as_list);
    let mut hosts = Vec::new();
    for text in single.chain(listed).take(MAX_TRACKERS).filter_map(Node::as_bytes) {
        let url = std::str::from_utf8(text).ok().and_then(|text| Url::parse(text).ok());
        let Some(host) = url.as_ref().and_then(Url::host_str) else {
            continue;
        };
        if !hosts.iter().any(|known| known == host) {
            hosts.push(host.to_owned());
        }
    }
    hosts
}
