//! The file of a backup, written and read in one go.
//!
//! - A line that says what it is, and a line of JSON, the [`Header`]: both readable without a key.
//! - The body, sealed if there is a key: the dump in frames (length in 4 bytes, bytes; the last has length 0), then the
//!   [`Manifest`] as JSON. It comes last because only then its figures are known.
//! - The SHA-256 of all that, 32 bytes: whether a file is whole can be told without a key.

use chrono::{DateTime, Utc};
use db::dumps::{DatabaseContents, TableContents};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, Result as IoResult};

use super::seal::{Opener, PIECE, Sealer, TAG};

const KIND: &str = "mamcrawler backup 1\n";
/// How all of them begin, whatever their format.
const ANY_KIND: &str = "mamcrawler backup ";
pub(super) const CHECKSUM: usize = 32;
/// Longer ones are none of ours.
const HEADER_MAX: u64 = 4096;

/// What can be known of a backup without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub made_at: DateTime<Utc>,
    /// Version of mamcrawler.
    pub program: String,
    /// The newest migration.
    pub schema: String,
    /// Major version of the server, and of the program that dumped it.
    pub server: u32,
    pub pg_dump: u32,
    pub seal: Option<SealHeader>,
}

/// How the body is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealHeader {
    /// Names the key without telling it.
    pub key: String,
    pub nonce: String,
}

/// What must be there when everything is brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// "15.14".
    pub server_version: String,
    pub dump_bytes: u64,
    /// SHA-256 in hex.
    pub dump_sha256: String,
    pub tables: Vec<TableManifest>,
}

/// A table as it was in the snapshot of the dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableManifest {
    pub name: String,
    pub rows: i64,
    pub checksum: String,
}

impl From<TableContents> for TableManifest {
    fn from(table: TableContents) -> Self {
        Self {
            name: table.name,
            rows: table.rows,
            checksum: table.checksum,
        }
    }
}

impl Manifest {
    /// Rows of all tables.
    pub fn rows(&self) -> i64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// What is not in a database as it was: one clause a table.
    pub fn find_differences(&self, found: &DatabaseContents) -> Vec<String> {
        let mut differences = Vec::new();
        for table in &self.tables {
            match found.tables.iter().find(|other| other.name == table.name) {
                None => differences.push(format!("the table {} is missing", table.name)),
                Some(other) if other.rows != table.rows => {
                    let (name, is, was) = (&table.name, other.rows, table.rows);
                    differences.push(format!("{name} has {is} rows in place of {was}"));
                }
                Some(other) if other.checksum != table.checksum => {
                    differences.push(format!("rows of {} have other values", table.name));
                }
                Some(_) => {}
            }
        }
        for other in &found.tables {
            if !self.tables.iter().any(|table| table.name == other.name) {
                differences.push(format!("the table {} was not in the backup", other.name));
            }
        }
        differences
    }
}

/// The two lines at the start.
fn print_header(header: &Header) -> Vec<u8> {
    let json = serde_json::to_string(header).expect("a header is plain text and numbers");
    format!("{KIND}{json}\n").into_bytes()
}

/// Writes a backup from front to end.
pub(super) struct ArchiveWriter<W> {
    out: W,
    hash: Sha256,
    sealer: Option<Sealer>,
    /// Waits to fill a piece.
    pending: Vec<u8>,
    dump_hash: Sha256,
    dump_bytes: u64,
}

impl<W: AsyncWrite + Unpin> ArchiveWriter<W> {
    /// Writes the header. `make_sealer` gets its bytes, which the body is bound to.
    pub async fn begin(out: W, header: &Header, make_sealer: impl FnOnce(&[u8]) -> Option<Sealer>) -> IoResult<Self> {
        let bytes = print_header(header);
        let mut writer = Self {
            out,
            hash: Sha256::new(),
            sealer: make_sealer(&bytes),
            pending: Vec::with_capacity(PIECE + PIECE),
            dump_hash: Sha256::new(),
            dump_bytes: 0,
        };
        writer.emit(&bytes).await?;
        Ok(writer)
    }

    /// The next bytes of the dump, at most 4 GiB.
    pub async fn write_dump(&mut self, bytes: &[u8]) -> IoResult<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.dump_hash.update(bytes);
        self.dump_bytes += bytes.len() as u64;
        self.write_frame(bytes).await
    }

    /// Ends the dump, and with it the file.
    pub async fn finish(mut self, contents: DatabaseContents) -> IoResult<(W, Manifest)> {
        let manifest = Manifest {
            server_version: contents.server_version,
            dump_bytes: self.dump_bytes,
            dump_sha256: hex::encode(self.dump_hash.clone().finalize()),
            tables: contents.tables.into_iter().map(Into::into).collect(),
        };
        self.write_frame(&[]).await?;
        let json = serde_json::to_vec(&manifest).expect("a manifest is plain text and numbers");
        self.push(&json).await?;
        let rest = std::mem::take(&mut self.pending);
        let last = match self.sealer.take() {
            Some(sealer) => sealer.seal_last(&rest),
            None => rest,
        };
        self.emit(&last).await?;
        let checksum = self.hash.finalize();
        self.out.write_all(&checksum).await?;
        self.out.flush().await?;
        Ok((self.out, manifest))
    }

    async fn write_frame(&mut self, bytes: &[u8]) -> IoResult<()> {
        let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
        self.push(&length.to_be_bytes()).await?;
        self.push(bytes).await
    }

    /// The last piece is never empty: a piece goes out only when more follows.
    async fn push(&mut self, bytes: &[u8]) -> IoResult<()> {
        self.pending.extend_from_slice(bytes);
        while self.pending.len() > PIECE {
            let rest = self.pending.split_off(PIECE);
            let plain = std::mem::replace(&mut self.pending, rest);
            let piece = match &mut self.sealer {
                Some(sealer) => sealer.seal(&plain),
                None => plain,
            };
            self.emit(&piece).await?;
        }
        Ok(())
    }

    async fn emit(&mut self, bytes: &[u8]) -> IoResult<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes).await
    }
}

/// Why bytes are no backup that can be read here.
#[derive(Debug)]
pub(super) enum Unreadable {
    Foreign,
    NewerFormat,
    Damaged,
    Io(std::io::Error),
}

impl From<std::io::Error> for Unreadable {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads the header, and its bytes.
pub(super) async fn read_header(file: &mut (impl AsyncBufRead + Unpin)) -> Result<(Header, Vec<u8>), Unreadable> {
    let mut start = file.take(HEADER_MAX);
    let mut bytes = Vec::new();
    start.read_until(b'\n', &mut bytes).await?;
    if bytes != KIND.as_bytes() {
        return Err(match bytes.starts_with(ANY_KIND.as_bytes()) {
            true => Unreadable::NewerFormat,
            false => Unreadable::Foreign,
        });
    }
    let first = bytes.len();
    start.read_until(b'\n', &mut bytes).await?;
    let header = serde_json::from_slice(&bytes[first..]).map_err(|_| Unreadable::Damaged)?;
    Ok((header, bytes))
}

/// Compares the checksum of a file of `length` bytes.
pub(super) async fn check_checksum(file: &mut (impl AsyncBufRead + Unpin), length: u64) -> Result<(), Unreadable> {
    let mut left = length.checked_sub(CHECKSUM as u64).ok_or(Unreadable::Damaged)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let read = file.read(&mut piece[..wanted]).await?;
        if read == 0 {
            return Err(Unreadable::Damaged);
        }
        hash.update(&piece[..read]);
        left -= read as u64;
    }
    let mut checksum = Vec::new();
    file.take(CHECKSUM as u64 + 1).read_to_end(&mut checksum).await?;
    match checksum == hash.finalize().as_slice() {
        true => Ok(()),
        false => Err(Unreadable::Damaged),
    }
}

/// Reads the body, which has `left` bytes before the checksum: the dump by pieces, then the manifest.
pub(super) struct BodyReader<R> {
    file: R,
    left: u64,
    opener: Option<Opener>,
    plain: Vec<u8>,
    dump_hash: Sha256,
}

impl<R: AsyncBufRead + Unpin> BodyReader<R> {
    pub fn new(file: R, left: u64, opener: Option<Opener>) -> Self {
        Self {
            file,
            left,
            opener,
            plain: Vec::new(),
            dump_hash: Sha256::new(),
        }
    }

    /// The next bytes of the dump; `None` = it is over.
    pub async fn next_of_dump(&mut self) -> Result<Option<Vec<u8>>, Unreadable> {
        let length = self.take_plain(4).await?;
        let length = u32::from_be_bytes(length.try_into().map_err(|_| Unreadable::Damaged)?);
        if length == 0 {
            return Ok(None);
        }
        let bytes = self.take_plain(length as usize).await?;
        self.dump_hash.update(&bytes);
        Ok(Some(bytes))
    }

    /// What follows the dump.
    pub async fn read_manifest(mut self) -> Result<Manifest, Unreadable> {
        while self.left > 0 {
            self.fill().await?;
        }
        let manifest: Manifest = serde_json::from_slice(&self.plain).map_err(|_| Unreadable::Damaged)?;
        match manifest.dump_sha256 == hex::encode(self.dump_hash.finalize()) {
            true => Ok(manifest),
            false => Err(Unreadable::Damaged),
        }
    }

    async fn take_plain(&mut self, count: usize) -> Result<Vec<u8>, Unreadable> {
        while self.plain.len() < count {
            self.fill().await?;
        }
        let rest = self.plain.split_off(count);
        Ok(std::mem::replace(&mut self.plain, rest))
    }

    /// Opens one piece more.
    async fn fill(&mut self) -> Result<(), Unreadable> {
        let whole = PIECE + if self.opener.is_some() { TAG } else { 0 };
        let size = usize::try_from(self.left).unwrap_or(whole).min(whole);
        if size == 0 {
            return Err(Unreadable::Damaged);
        }
        let mut piece = vec![0; size];
        self.file
            .read_exact(&mut piece)
            .await
            .map_err(|_| Unreadable::Damaged)?;
        self.left -= size as u64;
        let opened = match self.opener.take() {
            None => Ok(piece),
            Some(opener) if self.left == 0 => opener.open_last(&piece),
            Some(mut opener) => {
                let opened = opener.open(&piece);
                self.opener = Some(opener);
                opened
            }
        };
        self.plain.extend(opened.map_err(|_| Unreadable::Damaged)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::seal::{BackupKey, new_nonce};
    use super::*;
    use crate::SystemRandom;

    fn header(key: Option<&BackupKey>) -> Header {
        Header {
            made_at: DateTime::from_timestamp(1_795_348_800, 0).unwrap(),
            program: "0.1.0".into(),
            schema: "20261122000014".into(),
            server: 15,
            pg_dump: 15,
            seal: key.map(|key| SealHeader {
                key: key.name(),
                nonce: new_nonce(&SystemRandom),
            }),
        }
    }

    fn contents() -> DatabaseContents {
        DatabaseContents {
            server_major: 15,
            server_version: "15.14".into(),
            schema: None,
            tables: vec![TableContents {
                name: "books".into(),
                rows: 3,
                checksum: "-5".into(),
            }],
        }
    }

    async fn write(dump: &[u8], key: Option<&BackupKey>) -> Vec<u8> {
        let header = header(key);
        let seal = |bytes: &[u8]| Sealer::new(key?, &header.seal.as_ref()?.nonce, bytes);
        let mut writer = ArchiveWriter::begin(Vec::new(), &header, seal).await.unwrap();
        for piece in dump.chunks(50_000) {
            writer.write_dump(piece).await.unwrap();
        }
        writer.finish(contents()).await.unwrap().0
    }

    /// The dump and the manifest, without a look at the checksum.
    async fn read(file: &[u8], key: Option<&BackupKey>) -> Result<(Vec<u8>, Manifest), Unreadable> {
        let mut rest = file;
        let (header, bytes) = read_header(&mut rest).await?;
        let opener = header.seal.as_ref().zip(key);
        let opener = opener.and_then(|(seal, key)| Opener::new(key, &seal.nonce, &bytes));
        let left = file.len().saturating_sub(bytes.len() + CHECKSUM) as u64;
        let mut body = BodyReader::new(rest, left, opener);
        let mut dump = Vec::new();
        while let Some(piece) = body.next_of_dump().await? {
            dump.extend(piece);
        }
        Ok((dump, body.read_manifest().await?))
    }

    #[tokio::test]
    async fn what_was_written_is_read_whatever_its_length() {
        let key = BackupKey::new(&[7; 32]);
        for length in [
            0,
            1,
            49_999,
            50_000,
            PIECE - 4,
            PIECE,
            PIECE + 1,
            2 * PIECE - 8,
            3 * PIECE,
            1_000_000,
        ] {
            let dump: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
            for key in [None, Some(&key)] {
                let file = write(&dump, key).await;
                check_checksum(&mut &file[..], file.len() as u64).await.unwrap();
                let (read, manifest) = read(&file, key).await.unwrap();
                assert!(read == dump, "{length} bytes");
                assert_eq!(manifest.dump_bytes, length as u64);
                assert!(manifest.find_differences(&contents()).is_empty());
                let shows_itself = file.windows(100).any(|window| window == &dump[..length.min(100)]);
                assert_eq!(shows_itself && length >= 100, key.is_none() && length >= 100);
            }
        }
    }

    #[tokio::test]
    async fn a_changed_byte_anywhere_is_noticed_by_the_checksum_and_in_a_sealed_body_without_it() {
        let key = BackupKey::new(&[7; 32]);
        let dump = vec![5; 2 * PIECE];
        for key in [None, Some(&key)] {
            let file = write(&dump, key).await;
            for place in (0..file.len()).step_by(997).chain([file.len() - 1]) {
                let mut changed = file.clone();
                changed[place] ^= 1;
                assert!(
                    check_checksum(&mut &changed[..], changed.len() as u64).await.is_err(),
                    "{place}"
                );
                let is_body = place < file.len() - CHECKSUM;
                assert!(
                    key.is_none() || !is_body || read(&changed, key).await.is_err(),
                    "{place}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_cut_off_file_is_noticed_and_in_a_sealed_one_without_the_checksum() {
        let key = BackupKey::new(&[7; 32]);
        let dump = vec![5; 3 * PIECE];
        for key in [None, Some(&key)] {
            let file = write(&dump, key).await;
            for length in (0..file.len()).step_by(1013) {
                assert!(
                    check_checksum(&mut &file[..length], length as u64).await.is_err(),
                    "{length}"
                );
                assert!(key.is_none() || read(&file[..length], key).await.is_err(), "{length}");
            }
        }
    }

    #[tokio::test]
    async fn another_key_opens_nothing() {
        let file = write(b"dump", Some(&BackupKey::new(&[7; 32]))).await;
        assert!(read(&file, Some(&BackupKey::new(&[8; 32]))).await.is_err());
    }

    #[test]
    fn differences_are_told_table_by_table() {
        let manifest = |name: &str, rows, checksum: &str| Manifest {
            server_version: String::new(),
            dump_bytes: 0,
            dump_sha256: String::new(),
            tables: vec![TableManifest {
                name: name.into(),
                rows,
                checksum: checksum.into(),
            }],
        };
        let tell = |manifest: Manifest| manifest.find_differences(&contents()).join("; ");
        assert_eq!(tell(manifest("books", 3, "-5")), "");
        assert_eq!(tell(manifest("books", 4, "-5")), "books has 3 rows in place of 4");
        assert_eq!(tell(manifest("books", 3, "5")), "rows of books have other values");
        assert_eq!(
            tell(manifest("wants", 3, "-5")),
            "the table wants is missing; the table books was not in the backup"
        );
    }
}
