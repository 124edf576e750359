//! Writes .torrent files: v1 and hybrid (v1 + v2), BEP 3, 47 and 52.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// A bencode value.
#[derive(Debug, Clone)]
pub enum Bencode {
    Int(i64),
    Bytes(Vec<u8>),
    List(Vec<Bencode>),
    Dict(BTreeMap<Vec<u8>, Bencode>),
}

impl Bencode {
    pub fn text(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }

    pub fn dict<const N: usize>(entries: [(&str, Bencode); N]) -> Self {
        Self::Dict(
            entries
                .into_iter()
                .map(|(key, value)| (key.as_bytes().to_vec(), value))
                .collect(),
        )
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(value) => out.extend(format!("i{value}e").bytes()),
            Self::Bytes(bytes) => write_bytes(out, bytes),
            Self::List(items) => {
                out.push(b'l');
                items.iter().for_each(|item| item.write(out));
                out.push(b'e');
            }
            Self::Dict(entries) => {
                out.push(b'd');
                for (key, value) in entries {
                    write_bytes(out, key);
                    value.write(out);
                }
                out.push(b'e');
            }
        }
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(format!("{}:", bytes.len()).bytes());
    out.extend(bytes);
}

/// A torrent without its announce URL, which differs for each member.
#[derive(Debug, Clone)]
pub struct Metainfo {
    info: Bencode,
    piece_layers: Option<Bencode>,
    /// SHA-1 of the info dictionary, lower-case hex.
    pub info_hash: String,
    /// SHA-256 of the info dictionary of a hybrid torrent.
    pub info_hash_v2: Option<String>,
    pub name: String,
    pub total_bytes: u64,
}

impl Metainfo {
    /// The .torrent of one member.
    pub fn to_file(&self, announce: &str) -> Vec<u8> {
        let Bencode::Dict(mut top) = Bencode::dict([
            ("announce", Bencode::text(announce)),
            ("comment", Bencode::text("Made by the mamcrawler sandbox")),
            ("created by", Bencode::text("mamcrawler sandbox")),
            ("creation date", Bencode::Int(1_700_000_000)),
            ("info", self.info.clone()),
        ]) else {
            unreachable!("dict makes a dictionary")
        };
        if let Some(layers) = &self.piece_layers {
            top.insert(b"piece layers".to_vec(), layers.clone());
        }
        Bencode::Dict(top).encode()
    }
}

const PIECE: usize = 32 * 1024;
const BLOCK: usize = 16 * 1024;

/// A payload file: its path below the torrent's folder and where it lies.
struct PayloadFile {
    parts: Vec<String>,
    bytes: Vec<u8>,
}

/// Makes the torrent of a file or folder.
pub fn make_torrent(payload: &Path, source: &str, is_hybrid: bool) -> Result<Metainfo> {
    let name = payload
        .file_name()
        .and_then(|name| name.to_str())
        .context("a payload has a UTF-8 name")?
        .to_owned();
    let files = read_payload(payload)?;
    let is_single = payload.is_file();
    let total_bytes = files.iter().map(|file| file.bytes.len() as u64).sum();

    let mut info = BTreeMap::new();
    let mut put = |key: &str, value: Bencode| info.insert(key.as_bytes().to_vec(), value);
    put("name", Bencode::text(&name));
    put("piece length", Bencode::Int(PIECE as i64));
    put("private", Bencode::Int(1));
    put("source", Bencode::text(source));
    put("pieces", Bencode::Bytes(hash_pieces(&files, is_hybrid && !is_single)));
    if is_single {
        put("length", Bencode::Int(total_bytes as i64));
    } else {
        put("files", list_v1_files(&files, is_hybrid));
    }
    let mut layers = BTreeMap::new();
    if is_hybrid {
        put("meta version", Bencode::Int(2));
        put("file tree", build_file_tree(&files, &mut layers));
    }
    let info = Bencode::Dict(info);
    let encoded = info.encode();
    Ok(Metainfo {
        info_hash: hex::encode(Sha1::digest(&encoded)),
        info_hash_v2: is_hybrid.then(|| hex::encode(Sha256::digest(&encoded))),
        piece_layers: is_hybrid.then_some(Bencode::Dict(layers)),
        info,
        name,
        total_bytes,
    })
}

fn read_payload(payload: &Path) -> Result<Vec<PayloadFile>> {
    let mut paths = Vec::new();
    collect_files(payload, &mut paths)?;
    let mut files = Vec::new();
    for path in paths {
        let relative = if path == payload {
            Path::new(path.file_name().unwrap_or_default())
        } else {
            path.strip_prefix(payload)?
        };
        let parts = relative
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        files.push(PayloadFile {
            parts,
            bytes: fs::read(&path).with_context(|| format!("reading {}", path.display()))?,
        });
    }
    // The order of the v2 file tree, which v1 has to follow in a hybrid.
    files.sort_by(|a, b| a.parts.cmp(&b.parts));
    Ok(files)
}

/// Every file below a path.
pub fn collect_files(path: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        found.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(|| format!("listing {}", path.display()))? {
        collect_files(&entry?.path(), found)?;
    }
    Ok(())
}

fn padding_of(file: &PayloadFile) -> usize {
    (PIECE - file.bytes.len() % PIECE) % PIECE
}

fn hash_pieces(files: &[PayloadFile], is_padded: bool) -> Vec<u8> {
    let mut all = Vec::new();
    for (index, file) in files.iter().enumerate() {
        all.extend(&file.bytes);
        if is_padded && index + 1 < files.len() {
            all.resize(all.len() + padding_of(file), 0);
        }
    }
    all.chunks(PIECE)
        .flat_map(|piece| Sha1::digest(piece).to_vec())
        .collect()
}

fn list_v1_files(files: &[PayloadFile], is_hybrid: bool) -> Bencode {
    let mut list = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let path = file.parts.iter().map(|part| Bencode::text(part)).collect();
        list.push(Bencode::dict([
            ("length", Bencode::Int(file.bytes.len() as i64)),
            ("path", Bencode::List(path)),
        ]));
        let padding = padding_of(file);
        if is_hybrid && index + 1 < files.len() && padding > 0 {
            let path = vec![Bencode::text(".pad"), Bencode::text(&padding.to_string())];
            list.push(Bencode::dict([
                ("attr", Bencode::text("p")),
                ("length", Bencode::Int(padding as i64)),
                ("path", Bencode::List(path)),
            ]));
        }
    }
    Bencode::List(list)
}

fn build_file_tree(files: &[PayloadFile], layers: &mut BTreeMap<Vec<u8>, Bencode>) -> Bencode {
    let mut tree = BTreeMap::new();
    for file in files {
        let (root, layer) = hash_v2(&file.bytes);
        if let Some(layer) = layer {
            layers.insert(root.clone(), Bencode::Bytes(layer));
        }
        let leaf = Bencode::dict([
            ("length", Bencode::Int(file.bytes.len() as i64)),
            ("pieces root", Bencode::Bytes(root)),
        ]);
        insert_leaf(&mut tree, &file.parts, Bencode::dict([("", leaf)]));
    }
    Bencode::Dict(tree)
}

fn insert_leaf(tree: &mut BTreeMap<Vec<u8>, Bencode>, parts: &[String], leaf: Bencode) {
    let Some((first, rest)) = parts.split_first() else {
        return;
    };
    let key = first.as_bytes().to_vec();
    if rest.is_empty() {
        tree.insert(key, leaf);
    } else if let Bencode::Dict(below) = tree.entry(key).or_insert_with(|| Bencode::Dict(BTreeMap::new())) {
        insert_leaf(below, rest, leaf);
    }
}

/// Merkle root of a file, and the hashes of its pieces when it has more than one.
fn hash_v2(bytes: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let blocks: Vec<Vec<u8>> = bytes
        .chunks(BLOCK)
        .map(|block| Sha256::digest(block).to_vec())
        .collect();
    if bytes.len() <= PIECE {
        return (merkle_root(blocks, &[0; 32]), None);
    }
    let zero = vec![0; 32];
    let per_piece = PIECE / BLOCK;
    let pieces: Vec<Vec<u8>> = blocks
        .chunks(per_piece)
        .map(|blocks| {
            let mut blocks = blocks.to_vec();
            blocks.resize(per_piece, zero.clone());
            merkle_root(blocks, &zero)
        })
        .collect();
    let empty_piece = merkle_root(vec![zero.clone(); per_piece], &zero);
    let layer = pieces.concat();
    (merkle_root(pieces, &empty_piece), Some(layer))
}

fn merkle_root(mut level: Vec<Vec<u8>>, filler: &[u8]) -> Vec<u8> {
    level.resize(level.len().next_power_of_two(), filler.to_vec());
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| Sha256::digest(pair.concat()).to_vec())
            .collect();
    }
    level.pop().unwrap_or_default()
}

/// A .torrent whose file list tries to leave its folder.
pub fn make_climbing_torrent(announce: &str) -> Vec<u8> {
    let path = ["..", "..", "..", "etc", "cron.d", "sandbox"]
        .iter()
        .map(|part| Bencode::text(part))
        .collect();
    let file = Bencode::dict([("length", Bencode::Int(4)), ("path", Bencode::List(path))]);
    let info = Bencode::dict([
        ("files", Bencode::List(vec![file])),
        ("name", Bencode::text("climbing")),
        ("piece length", Bencode::Int(PIECE as i64)),
        ("pieces", Bencode::Bytes(Sha1::digest(b"evil").to_vec())),
        ("private", Bencode::Int(1)),
    ]);
    Bencode::dict([("announce", Bencode::text(announce)), ("info", info)]).encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_are_written_in_key_order() {
        let value = Bencode::dict([("b", Bencode::Int(-3)), ("a", Bencode::List(vec![Bencode::text("ä")]))]);
        assert_eq!(value.encode(), "d1:al2:äe1:bi-3ee".as_bytes());
    }

    #[test]
    fn a_small_file_of_a_hybrid_has_its_block_hash_as_root_and_no_layer() {
        let (root, layer) = hash_v2(b"sound");
        assert_eq!((root, layer), (Sha256::digest(b"sound").to_vec(), None));
    }

    #[test]
    fn a_large_file_of_a_hybrid_has_one_layer_hash_a_piece() {
        let bytes = vec![7; PIECE * 2 + 1];
        let (root, layer) = hash_v2(&bytes);
        let pair = |a: &[u8], b: &[u8]| Sha256::digest([a, b].concat()).to_vec();
        let block = Sha256::digest(vec![7; BLOCK]).to_vec();
        let (full, last) = (pair(&block, &block), pair(&Sha256::digest([7]), &[0; 32]));
        assert_eq!(layer, Some([full.clone(), full.clone(), last.clone()].concat()));
        let empty = pair(&[0; 32], &[0; 32]);
        assert_eq!(root, pair(&pair(&full, &full), &pair(&last, &empty)));
    }
}
