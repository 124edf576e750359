//! The names and files in a torrent's info dictionary.

use super::bencode::{Dict, Node};
use super::{TorrentFileError, TorrentPath, not_a_torrent};

/// Longest path that Linux takes.
const MAX_PATH_BYTES: usize = 4096;
/// As deep as the tree of a v2 torrent can be read.
const MAX_PATH_PARTS: usize = 100;
/// Bounds the memory that a long name takes in front of each of many files; 100,000 files with long paths stay below it.
const MAX_LISTED_BYTES: usize = 64 * 1024 * 1024;

/// The torrent's own name: its folder, or its only file.
pub(super) fn read_name(info: &Dict<'_>) -> Result<String, TorrentFileError> {
    let name = info.get(&b"name.utf-8"[..]).or_else(|| info.get(&b"name"[..]));
    let Some(name) = name.and_then(Node::as_bytes) else {
        return Err(not_a_torrent("it has no name"));
    };
    let name = read_component(name)?;
    // Before it is written in front of each file.
    if name.len() > MAX_PATH_BYTES {
        return Err(not_a_torrent("its name is too long"));
    }
    Ok(name)
}

/// The files without padding and symbolic links. v2 and hybrid torrents are read by their tree.
pub(super) fn list_files(info: &Dict<'_>, name: &str, is_v2: bool) -> Result<Vec<TorrentPath>, TorrentFileError> {
    let files = if is_v2 {
        list_tree(info, name)?
    } else if let Some(length) = info.get(&b"length"[..]) {
        vec![TorrentPath {
            path: name.into(),
            size_bytes: read_size(Some(length))?,
        }]
    } else {
        list_v1_files(info, name)?
    };
    if files.is_empty() {
        Err(TorrentFileError::NoFiles)
    } else {
        Ok(files)
    }
}

/// The sum, refused where it is beyond any disk.
pub(super) fn sum_sizes(files: &[TorrentPath]) -> Result<i64, TorrentFileError> {
    let total = files
        .iter()
        .try_fold(0_i64, |total, file| total.checked_add(file.size_bytes));
    total.ok_or_else(|| not_a_torrent("its sizes are impossible"))
}

fn list_v1_files(info: &Dict<'_>, name: &str) -> Result<Vec<TorrentPath>, TorrentFileError> {
    let entries = info.get(&b"files"[..]).map(Node::as_list).unwrap_or_default();
    let mut listing = Listing::default();
    for entry in entries {
        let Some(entry) = entry.as_dict() else {
            return Err(not_a_torrent("its list of files is damaged"));
        };
        let path = entry.get(&b"path.utf-8"[..]).or_else(|| entry.get(&b"path"[..]));
        let components = path.map(Node::as_list).unwrap_or_default();
        if is_not_content(entry) || components.first().and_then(Node::as_bytes) == Some(b".pad") {
            continue;
        }
        if components.is_empty() {
            return Err(TorrentFileError::UnsafePath(String::new()));
        }
        listing.add(join_path(name, components)?, entry)?;
    }
    Ok(listing.files)
}

fn join_path(name: &str, components: &[Node<'_>]) -> Result<String, TorrentFileError> {
    if components.len() >= MAX_PATH_PARTS {
        return Err(not_a_torrent("a path in it is too deep"));
    }
    let mut path = name.to_owned();
    for component in components {
        let bytes = component
            .as_bytes()
            .ok_or_else(|| not_a_torrent("its list of files is damaged"))?;
        path.push('/');
        path.push_str(&read_component(bytes)?);
    }
    Ok(path)
}

/// The files so far, and how much text their paths are.
#[derive(Default)]
struct Listing {
    files: Vec<TorrentPath>,
    path_bytes: usize,
}

impl Listing {
    fn add(&mut self, path: String, file: &Dict<'_>) -> Result<(), TorrentFileError> {
        self.path_bytes += path.len();
        if path.len() > MAX_PATH_BYTES || self.path_bytes > MAX_LISTED_BYTES {
            return Err(not_a_torrent("its paths are too long"));
        }
        let size_bytes = read_size(file.get(&b"length"[..]))?;
        self.files.push(TorrentPath { path, size_bytes });
        Ok(())
    }
}

fn list_tree(info: &Dict<'_>, name: &str) -> Result<Vec<TorrentPath>, TorrentFileError> {
    let Some(tree) = info.get(&b"file tree"[..]).and_then(Node::as_dict) else {
        return Err(not_a_torrent("its file tree is missing"));
    };
    // A single file stands alone at the top and has no folder around it on disk.
    let is_single = tree.len() == 1 && tree.values().all(|node| leaf(node).is_some());
    let mut listing = Listing::default();
    walk_tree(tree, if is_single { "" } else { name }, &mut listing)?;
    Ok(listing.files)
}

/// Recursion is bounded by the reader's depth.
fn walk_tree(tree: &Dict<'_>, folder: &str, listing: &mut Listing) -> Result<(), TorrentFileError> {
    for (component, node) in tree {
        if folder.is_empty() && *component == b".pad" {
            continue;
        }
        let component = read_component(component)?;
        let path = if folder.is_empty() {
            component
        } else {
            format!("{folder}/{component}")
        };
        if path.len() > MAX_PATH_BYTES {
            return Err(not_a_torrent("its paths are too long"));
        }
        match (leaf(node), node.as_dict()) {
            (Some(file), _) if is_not_content(file) => {}
            (Some(file), _) => listing.add(path, file)?,
            (None, Some(inner)) => walk_tree(inner, &path, listing)?,
            (None, None) => return Err(not_a_torrent("its file tree is damaged")),
        }
    }
    Ok(())
}

/// The description of a file: a dictionary under the empty key.
fn leaf<'n, 'a>(node: &'n Node<'a>) -> Option<&'n Dict<'a>> {
    node.as_dict()?.get(&b""[..])?.as_dict()
}

/// Padding ('p') or a symbolic link ('l').
fn is_not_content(file: &Dict<'_>) -> bool {
    let attributes = file.get(&b"attr"[..]).and_then(Node::as_bytes).unwrap_or_default();
    attributes.contains(&b'p') || attributes.contains(&b'l')
}

fn read_size(node: Option<&Node<'_>>) -> Result<i64, TorrentFileError> {
    let size = node.and_then(Node::as_integer).filter(|size| *size >= 0);
    size.ok_or_else(|| not_a_torrent("a file has no valid size"))
}

/// One path component. Bytes that are not UTF-8 become '_', as libtorrent writes them to disk.
fn read_component(bytes: &[u8]) -> Result<String, TorrentFileError> {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push('_');
        }
    }
    let is_drive = matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if matches!(text.as_str(), "" | "." | "..") || is_drive || text.contains(['/', '\\', '\0']) {
        return Err(TorrentFileError::UnsafePath(text));
    }
    Ok(text)
}
