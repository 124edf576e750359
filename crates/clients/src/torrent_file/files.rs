//! The names and files in a torrent's info dictionary.

use super::bencode::{Dict, Node};
use super::{TorrentFileError, TorrentPath, not_a_torrent};

/// The torrent's own name: its folder, or its only file.
pub(super) fn read_name(info: &Dict<'_>) -> Result<String, TorrentFileError> {
    let name = info.get(&b"name.utf-8"[..]).or_else(|| info.get(&b"name"[..]));
    let Some(name) = name.and_then(Node::as_bytes) else {
        return Err(not_a_torrent("it has no name"));
    };
    read_component(name)
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
    let mut files = Vec::new();
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
        let mut path = name.to_owned();
        for component in components {
            let bytes = component
                .as_bytes()
                .ok_or_else(|| not_a_torrent("its list of files is damaged"))?;
            path = format!("{path}/{}", read_component(bytes)?);
        }
        files.push(TorrentPath {
            path,
            size_bytes: read_size(entry.get(&b"length"[..]))?,
        });
    }
    Ok(files)
}

fn list_tree(info: &Dict<'_>, name: &str) -> Result<Vec<TorrentPath>, TorrentFileError> {
    let Some(tree) = info.get(&b"file tree"[..]).and_then(Node::as_dict) else {
        return Err(not_a_torrent("its file tree is missing"));
    };
    // A single file stands alone at the top and has no folder around it on disk.
    let is_single = tree.len() == 1 && tree.values().all(|node| leaf(node).is_some());
    let mut files = Vec::new();
    walk_tree(tree, if is_single { "" } else { name }, &mut files)?;
    Ok(files)
}

/// Recursion is bounded by the reader's depth.
fn walk_tree(tree: &Dict<'_>, folder: &str, files: &mut Vec<TorrentPath>) -> Result<(), TorrentFileError> {
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
        match (leaf(node), node.as_dict()) {
            (Some(file), _) if is_not_content(file) => {}
            (Some(file), _) => {
                files.push(TorrentPath {
                    path,
                    size_bytes: read_size(file.get(&b"length"[..]))?,
                });
            }
            (None, Some(inner)) => walk_tree(inner, &path, files)?,
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
