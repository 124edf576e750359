//! Builds private .torrent files of all three versions from files on disk.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use sha1::Sha1;
use sha2::{Digest, Sha256};

const PIECE_LENGTH: usize = 64 * 1024;
/// BEP 52 hashes blocks of this size.
const BLOCK_LENGTH: usize = 16 * 1024;

/// Which hashes a torrent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TorrentVersion {
    V1,
    V2,
    Hybrid,
}

/// The bytes of a .torrent for a file or a folder.
pub fn build_torrent(content: &Path, announce: &str, version: TorrentVersion) -> anyhow::Result<Vec<u8>> {
    let name = content
        .file_name()
        .context("the content has a name")?
        .to_string_lossy()
        .into_owned();
    let files = read_files(content)?;
    let mut info = BTreeMap::from([
        ("name", Bencode::text(&name)),
        ("piece length", Bencode::Integer(PIECE_LENGTH)),
        ("private", Bencode::Integer(1)),
    ]);
    let mut root = BTreeMap::from([("announce", Bencode::text(announce))]);
    if version != TorrentVersion::V2 {
        add_v1(&mut info, &files, version == TorrentVersion::Hybrid);
    }
    if version != TorrentVersion::V1 {
        root.insert("piece layers", add_v2(&mut info, &files, &name));
    }
    root.insert("info", Bencode::dict(info));
    let mut bytes = Vec::new();
    Bencode::dict(root).write(&mut bytes);
    Ok(bytes)
}

/// A file's path below the content (empty for a single file) and its bytes.
struct File {
    path: Vec<String>,
    bytes: Vec<u8>,
}

/// In the order of a v2 file tree, which a hybrid's v1 list must have too.
fn read_files(content: &Path) -> anyhow::Result<Vec<File>> {
    if content.is_file() {
        return Ok(vec![File {
            path: Vec::new(),
            bytes: std::fs::read(content)?,
        }]);
    }
    let mut entries = std::fs::read_dir(content)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(|entry| entry.file_name());
    let mut files = Vec::new();
    for entry in entries {
        for mut file in read_files(&entry.path())? {
            file.path.insert(0, entry.file_name().to_string_lossy().into_owned());
            files.push(file);
        }
    }
    Ok(files)
}

fn add_v1(info: &mut BTreeMap<&'static str, Bencode>, files: &[File], has_padding: bool) {
    let mut data = Vec::new();
    let mut list = Vec::new();
    for (index, file) in files.iter().enumerate() {
        data.extend_from_slice(&file.bytes);
        list.push(describe_v1(&file.path, file.bytes.len(), false));
        let padding = data.len().next_multiple_of(PIECE_LENGTH) - data.len();
        if has_padding && padding > 0 && index + 1 < files.len() {
            data.resize(data.len() + padding, 0);
            list.push(describe_v1(&[".pad".into(), padding.to_string()], padding, true));
        }
    }
    let pieces = data
        .chunks(PIECE_LENGTH)
        .flat_map(|piece| Sha1::digest(piece).to_vec())
        .collect();
    info.insert("pieces", Bencode::Bytes(pieces));
    match files {
        [single] if single.path.is_empty() => info.insert("length", Bencode::Integer(single.bytes.len())),
        _ => info.insert("files", Bencode::List(list)),
    };
}

fn describe_v1(path: &[String], length: usize, is_padding: bool) -> Bencode {
    let path = path.iter().map(|part| Bencode::text(part)).collect();
    let mut file = BTreeMap::from([("length", Bencode::Integer(length)), ("path", Bencode::List(path))]);
    if is_padding {
        file.insert("attr", Bencode::text("p"));
    }
    Bencode::dict(file)
}

/// Adds the file tree; gives the piece layers, which stand outside of the info dictionary.
fn add_v2(info: &mut BTreeMap<&'static str, Bencode>, files: &[File], name: &str) -> Bencode {
    let mut layers = BTreeMap::new();
    let mut tree = Bencode::Dict(BTreeMap::new());
    for file in files {
        let mut leaf = BTreeMap::from([("length", Bencode::Integer(file.bytes.len()))]);
        if !file.bytes.is_empty() {
            let (root, layer) = hash_tree(&file.bytes);
            leaf.insert("pieces root", Bencode::Bytes(root.to_vec()));
            if file.bytes.len() > PIECE_LENGTH {
                layers.insert(root.to_vec(), Bencode::Bytes(layer));
            }
        }
        let single = [name.to_owned()];
        let path = if file.path.is_empty() {
            &single[..]
        } else {
            &file.path[..]
        };
        tree.insert_at(path, Bencode::dict(BTreeMap::from([("", Bencode::dict(leaf))])));
    }
    info.insert("file tree", tree);
    info.insert("meta version", Bencode::Integer(2));
    Bencode::Dict(layers)
}

/// The Merkle root over the blocks, padded with zeros to a power of two, and the layer of the pieces.
fn hash_tree(bytes: &[u8]) -> ([u8; 32], Vec<u8>) {
    let mut level: Vec<[u8; 32]> = bytes
        .chunks(BLOCK_LENGTH)
        .map(|block| Sha256::digest(block).into())
        .collect();
    let blocks_per_piece = PIECE_LENGTH / BLOCK_LENGTH;
    level.resize(level.len().next_power_of_two(), [0; 32]);
    let (mut width, mut layer) = (1, Vec::new());
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| Sha256::digest(pair.concat()).into())
            .collect();
        width *= 2;
        if width == blocks_per_piece {
            layer = level
                .iter()
                .take(bytes.len().div_ceil(PIECE_LENGTH))
                .flatten()
                .copied()
                .collect();
        }
    }
    (level[0], layer)
}

enum Bencode {
    Integer(usize),
    Bytes(Vec<u8>),
    List(Vec<Bencode>),
    Dict(BTreeMap<Vec<u8>, Bencode>),
}

impl Bencode {
    fn text(text: &str) -> Self {
        Self::Bytes(text.into())
    }

    fn dict(entries: BTreeMap<&str, Bencode>) -> Self {
        Self::Dict(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// Puts `value` at a path of dictionaries, making those that are missing.
    fn insert_at(&mut self, path: &[String], value: Bencode) {
        let Self::Dict(entries) = self else { return };
        match path {
            [] => {}
            [last] => {
                entries.insert(last.clone().into_bytes(), value);
            }
            [first, rest @ ..] => {
                let inner = entries
                    .entry(first.clone().into_bytes())
                    .or_insert_with(|| Self::Dict(BTreeMap::new()));
                inner.insert_at(rest, value);
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let write_bytes = |bytes: &[u8], out: &mut Vec<u8>| {
            out.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
            out.extend_from_slice(bytes);
        };
        match self {
            Self::Integer(number) => out.extend_from_slice(format!("i{number}e").as_bytes()),
            Self::Bytes(bytes) => write_bytes(bytes, out),
            Self::List(items) => {
                out.push(b'l');
                items.iter().for_each(|item| item.write(out));
                out.push(b'e');
            }
            Self::Dict(entries) => {
                out.push(b'd');
                for (key, value) in entries {
                    write_bytes(key, out);
                    value.write(out);
                }
                out.push(b'e');
            }
        }
    }
}
