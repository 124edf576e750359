//! What the stand-in keeps of each item, and the ids of authors and series.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::state::{Sandbox, now_ms, store};

/// The one library with everything in it. Survives a restart.
#[derive(Clone, Serialize, Deserialize)]
pub struct Shelf {
    pub library_id: String,
    pub folder_id: String,
    pub user_id: String,
    pub library_path: PathBuf,
    pub created_at: i64,
    pub last_scan: Option<i64>,
    pub items: Vec<Item>,
    pub authors: BTreeMap<String, Entity>,
    pub series: BTreeMap<String, Entity>,
    pub progress: BTreeMap<String, Value>,
    /// As they are listed, oldest first.
    #[serde(default)]
    pub backups: Vec<Value>,
    /// The scan that runs now.
    #[serde(skip)]
    pub task: Option<Value>,
}

/// An author or a series: made when a book names it, gone with its last book.
#[derive(Clone, Serialize, Deserialize)]
pub struct Entity {
    pub id: String,
    pub added_at: i64,
}

/// One book of the library.
#[derive(Clone, Serialize, Deserialize)]
pub struct Item {
    pub id: String,
    pub media_id: String,
    pub ino: u64,
    pub rel_path: String,
    pub is_file: bool,
    /// Found on the disk by a scan; the others are records without files.
    pub is_scanned: bool,
    pub is_missing: bool,
    /// Somebody edited it: later scans leave its metadata alone, as `metadata.json` makes them.
    pub is_edited: bool,
    /// Some values are of a type that they should not be.
    pub is_quirky: bool,
    pub added_at: i64,
    pub updated_at: i64,
    pub mtime_ms: i64,
    pub metadata: Metadata,
    pub tags: Vec<String>,
    pub audio: Vec<AudioFile>,
    pub other_files: Vec<PlainFile>,
    pub chapters: Vec<Chapter>,
    pub has_cover: bool,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    pub title: Option<String>,
    pub subtitle: Option<String>,
    pub authors: Vec<String>,
    pub narrators: Vec<String>,
    pub series: Vec<(String, Option<String>)>,
    pub genres: Vec<String>,
    pub published_year: Option<String>,
    pub publisher: Option<String>,
    pub description: Option<String>,
    pub isbn: Option<String>,
    pub asin: Option<String>,
    pub language: Option<String>,
    pub explicit: bool,
    pub abridged: bool,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct PlainFile {
    /// Below the item's folder.
    pub rel_path: String,
    pub size: u64,
    pub mtime_ms: i64,
    pub ino: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct AudioFile {
    pub file: PlainFile,
    pub duration: f64,
    pub bit_rate: u64,
    pub codec: String,
    pub format: String,
    pub channels: u64,
    pub tags: BTreeMap<String, String>,
    pub error: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Chapter {
    pub start: f64,
    pub end: f64,
    pub title: String,
}

impl Item {
    pub fn new(rel_path: String) -> Self {
        let now = now_ms();
        Self {
            id: Uuid::new_v4().to_string(),
            media_id: Uuid::new_v4().to_string(),
            ino: rand::random::<u32>().into(),
            rel_path,
            is_file: false,
            is_scanned: false,
            is_missing: false,
            is_edited: false,
            is_quirky: false,
            added_at: now,
            updated_at: now,
            mtime_ms: now,
            metadata: Metadata::default(),
            tags: Vec::new(),
            audio: Vec::new(),
            other_files: Vec::new(),
            chapters: Vec::new(),
            has_cover: true,
        }
    }

    pub fn duration(&self) -> f64 {
        self.audio.iter().map(|audio| audio.duration).sum()
    }

    pub fn size(&self) -> u64 {
        self.audio
            .iter()
            .map(|audio| audio.file.size)
            .chain(self.other_files.iter().map(|file| file.size))
            .sum()
    }
}

impl Shelf {
    pub fn create(library_path: &Path) -> Self {
        Self {
            library_id: Uuid::new_v4().to_string(),
            folder_id: Uuid::new_v4().to_string(),
            user_id: Uuid::new_v4().to_string(),
            library_path: library_path.to_owned(),
            created_at: now_ms(),
            last_scan: None,
            items: Vec::new(),
            authors: BTreeMap::new(),
            series: BTreeMap::new(),
            progress: BTreeMap::new(),
            backups: Vec::new(),
            task: None,
        }
    }

    pub fn find(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// Gives new authors and series an id and drops those without a book; they come back under a new id.
    pub fn refresh_entities(&mut self) {
        let metadata = || self.items.iter().map(|item| &item.metadata);
        let authors: BTreeSet<String> = metadata().flat_map(|m| m.authors.iter().cloned()).collect();
        let series: BTreeSet<String> = metadata()
            .flat_map(|m| m.series.iter().map(|(name, _)| name.clone()))
            .collect();
        refresh(&mut self.authors, authors);
        refresh(&mut self.series, series);
    }

    /// Keeps it for the next start.
    pub fn save(&self, sandbox: &Sandbox) {
        if let Err(error) = store(&sandbox.dir.join("shelf.json"), self) {
            eprintln!("sandbox: the library could not be kept: {error:#}");
        }
    }
}

fn refresh(entities: &mut BTreeMap<String, Entity>, names: BTreeSet<String>) {
    entities.retain(|name, _| names.contains(name));
    for name in names {
        entities.entry(name).or_insert_with(|| Entity {
            id: Uuid::new_v4().to_string(),
            added_at: now_ms(),
        });
    }
}
