//! What of a torrent's file list enters the library: one book, several, or nothing.
//!
//! - Audio files, and the covers, cue sheets, notes and e-books that go with them; no samples, no hidden files.
//! - Disc folders ("CD1", "Disc 2", "Part 03", "02") stay one book in order. They are written as "CD1", the form
//!   that Audiobookshelf joins to the folder above; any other folder within a book is flattened.
//! - Several other folders with audio are a pack. So are several files of one folder when each has another title:
//!   certain when all are numbered as books ("Book 2 - B.m4b"), to be confirmed by a person when m4b files merely
//!   differ. Track numbers and part marks are no titles, and mp3 files that differ are chapters.

mod labels;

use std::collections::{BTreeMap, HashMap, HashSet};

use labels::{natural_key, read_disc, read_label};

use crate::naming::safe_file_name;

/// A file of a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadFile {
    /// Relative, with '/'.
    pub path: String,
    pub size_bytes: i64,
}

/// One file's way into the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// As in the torrent's file list.
    pub source: String,
    /// Relative to the book's folder: "CD1/01.mp3" or "Dune.m4b".
    pub target: String,
}

/// One book of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackPart {
    /// Its folder's or file's name, numbers included.
    pub title_hint: String,
    pub files: Vec<PlannedFile>,
}

/// What a torrent holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadPlan {
    SingleBook {
        files: Vec<PlannedFile>,
    },
    /// `is_certain` = may be split without asking.
    Pack {
        parts: Vec<PackPart>,
        is_certain: bool,
    },
    NoAudio,
}

const AUDIO: [&str; 16] = [
    "m4b", "m4a", "mp3", "flac", "ogg", "oga", "opus", "aac", "wma", "wav", "mp4", "mka", "aif", "aiff", "awb", "caf",
];
const COMPANIONS: [&str; 9] = ["jpg", "jpeg", "png", "webp", "cue", "nfo", "txt", "pdf", "epub"];

/// Whether the file's extension is that of audio we can import.
pub fn is_audio(path: &str) -> bool {
    has_extension(path, &AUDIO)
}

fn has_extension(path: &str, extensions: &[&str]) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| extensions.contains(&extension.to_lowercase().as_str()))
}

/// Plans the import of a torrent by its name and file list.
pub fn plan_payload(name: &str, files: &[PayloadFile]) -> PayloadPlan {
    let entries = place_files(files);
    let mut groups: BTreeMap<Vec<String>, Vec<Entry>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.is_audio) {
        groups.entry(entry.book.clone()).or_default().push(entry.clone());
    }
    let companions: Vec<&Entry> = entries.iter().filter(|entry| !entry.is_audio).collect();
    match groups.len() {
        0 => PayloadPlan::NoAudio,
        1 => plan_folder(groups.into_values().flatten().collect(), &companions),
        _ => plan_folders(name, groups, &companions),
    }
}

/// A file with its place: the folders of its book, and its disc.
#[derive(Debug, Clone)]
struct Entry {
    source: String,
    book: Vec<String>,
    disc: Option<u32>,
    file_name: String,
    is_audio: bool,
}

impl Entry {
    fn stem(&self) -> &str {
        self.file_name
            .rsplit_once('.')
            .map_or(self.file_name.as_str(), |(stem, _)| stem)
    }
}

/// Drops what is not imported, and the folders that all audio shares.
fn place_files(files: &[PayloadFile]) -> Vec<Entry> {
    let kept: Vec<&PayloadFile> = files.iter().filter(|file| is_wanted(file)).collect();
    let audio_count = kept.iter().filter(|file| is_audio(&file.path)).count();
    // A book may be called "Sample": what is the only audio is no sample.
    let is_kept = |file: &&&PayloadFile| audio_count <= 1 || !is_sample(&file.path);
    let mut entries: Vec<Entry> = kept.iter().filter(is_kept).map(|file| place_file(&file.path)).collect();
    let shared = shared_folders(&entries);
    for entry in &mut entries {
        let common = entry.book.iter().zip(&shared).take_while(|(a, b)| a == b).count();
        entry.book.drain(..common);
    }
    entries.sort_by_cached_key(|entry| (entry.book.clone(), entry.disc, natural_key(&entry.file_name)));
    entries
}

fn is_wanted(file: &PayloadFile) -> bool {
    let is_hidden = file
        .path
        .split('/')
        .any(|part| part.starts_with('.') || part.eq_ignore_ascii_case("__MACOSX"));
    file.size_bytes > 0 && !is_hidden && (is_audio(&file.path) || has_extension(&file.path, &COMPANIONS))
}

fn is_sample(path: &str) -> bool {
    let mut parts = path.split('/').rev();
    let file_name = parts.next().unwrap_or_default().to_lowercase();
    let stem = file_name.rsplit_once('.').map_or(file_name.as_str(), |(stem, _)| stem);
    stem == "sample"
        || stem.ends_with("-sample")
        || parts.any(|part| matches!(part.to_lowercase().as_str(), "sample" | "samples"))
}

fn place_file(path: &str) -> Entry {
    let mut book: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    let file_name = book.pop().unwrap_or_default();
    let mut disc = None;
    if let Some(found) = book.last().and_then(|folder| read_disc(folder)) {
        book.pop();
        disc = Some(found.number);
        // "Dune CD1" and "Dune CD2" are discs of the book "Dune".
        book.extend(Some(found.title).filter(|title| !title.is_empty()));
    }
    Entry {
        source: path.to_owned(),
        book,
        disc,
        is_audio: is_audio(path),
        file_name,
    }
}

fn shared_folders(entries: &[Entry]) -> Vec<String> {
    let mut audio = entries.iter().filter(|entry| entry.is_audio);
    let Some(first) = audio.next() else { return Vec::new() };
    audio.fold(first.book.clone(), |mut shared, entry| {
        let common = shared.iter().zip(&entry.book).take_while(|(a, b)| a == b).count();
        shared.truncate(common);
        shared
    })
}

/// All audio lies in one folder, discs aside: a book, or a pack of files.
fn plan_folder(audio: Vec<Entry>, companions: &[&Entry]) -> PayloadPlan {
    let has_discs = audio.iter().any(|entry| entry.disc.is_some());
    match judge_titles(&audio.iter().map(Entry::stem).collect::<Vec<_>>()) {
        Titles::Differ { is_labelled } if !has_discs && audio.len() > 1 => {
            let is_book_format = audio
                .iter()
                .all(|entry| has_extension(&entry.file_name, &["m4b", "m4a"]));
            if is_labelled || is_book_format {
                let mut by_stem: HashMap<String, Vec<&Entry>> = HashMap::new();
                for companion in companions {
                    by_stem
                        .entry(companion.stem().to_ascii_lowercase())
                        .or_default()
                        .push(companion);
                }
                let parts = audio.iter().map(|entry| pack_file(entry, &by_stem)).collect();
                return PayloadPlan::Pack {
                    parts,
                    is_certain: is_labelled,
                };
            }
        }
        _ => {}
    }
    let of_book: Vec<&Entry> = audio.iter().chain(companions.iter().copied()).collect();
    PayloadPlan::SingleBook {
        files: plan_files(&of_book),
    }
}

/// A file that is a book, with the companions that bear its name.
fn pack_file(entry: &Entry, companions: &HashMap<String, Vec<&Entry>>) -> PackPart {
    let own = companions.get(&entry.stem().to_ascii_lowercase()).into_iter().flatten();
    let files: Vec<&Entry> = std::iter::once(entry).chain(own.copied()).collect();
    PackPart {
        title_hint: entry.stem().to_owned(),
        files: plan_files(&files),
    }
}

/// Audio lies in several folders that are no discs of each other.
fn plan_folders(name: &str, groups: BTreeMap<Vec<String>, Vec<Entry>>, companions: &[&Entry]) -> PayloadPlan {
    let hint = |folders: &[String]| folders.last().cloned().unwrap_or_else(|| name.to_owned());
    let hints: Vec<String> = groups.keys().map(|folders| hint(folders)).collect();
    let titles = judge_titles(&hints.iter().map(String::as_str).collect::<Vec<_>>());
    // Loose files beside folders, or a folder within a book's folder, may be extras of one book.
    // In their order, what lies within a folder follows it at once.
    let is_nested = groups
        .keys()
        .zip(groups.keys().skip(1))
        .any(|(outer, inner)| inner.starts_with(outer));
    let is_certain = matches!(titles, Titles::Differ { .. }) && !is_nested && !hints.iter().any(|hint| is_extra(hint));
    let own = sort_companions(&groups, companions);
    let mut parts: Vec<PackPart> = Vec::new();
    for ((folders, audio), title_hint) in groups.iter().zip(hints) {
        let own = own.get(folders.as_slice()).into_iter().flatten();
        let files: Vec<&Entry> = audio.iter().chain(own.copied()).collect();
        parts.push(PackPart {
            title_hint,
            files: plan_files(&files),
        });
    }
    parts.sort_by_cached_key(|part| natural_key(&part.title_hint));
    PayloadPlan::Pack { parts, is_certain }
}

/// The companions in or below each folder with audio; loose ones at the top belong to none.
fn sort_companions<'a>(
    groups: &BTreeMap<Vec<String>, Vec<Entry>>,
    companions: &[&'a Entry],
) -> HashMap<&'a [String], Vec<&'a Entry>> {
    let mut sorted: HashMap<&[String], Vec<&Entry>> = HashMap::new();
    for companion in companions {
        let folders = (1..=companion.book.len()).map(|depth| &companion.book[..depth]);
        for folder in folders.filter(|folder| groups.contains_key(*folder)) {
            sorted.entry(folder).or_default().push(companion);
        }
    }
    sorted
}

fn is_extra(folder: &str) -> bool {
    const EXTRAS: [&str; 6] = ["bonus", "extra", "extras", "interview", "outtakes", "deleted scenes"];
    let lower = folder.to_lowercase();
    EXTRAS.iter().any(|extra| lower.starts_with(extra))
}

enum Titles {
    /// Only numbers and part marks tell the names apart.
    Same,
    /// `is_labelled` = each is numbered as a book of its own.
    Differ { is_labelled: bool },
}

fn judge_titles(names: &[&str]) -> Titles {
    let labels: Vec<_> = names.iter().map(|name| read_label(name)).collect();
    let titles: HashSet<&str> = labels.iter().map(|label| label.title.as_str()).collect();
    let is_distinct = titles.len() == names.len() && !titles.contains("");
    let numbers: HashSet<&str> = labels.iter().filter_map(|label| label.book_number.as_deref()).collect();
    if is_distinct {
        Titles::Differ {
            is_labelled: numbers.len() == names.len(),
        }
    } else {
        Titles::Same
    }
}

/// Safe targets, unique whatever the case, in listening order.
fn plan_files(entries: &[&Entry]) -> Vec<PlannedFile> {
    let mut taken = HashSet::new();
    // Where the search for a free number goes on: from the start each time, many equal names would take for ever.
    let mut counts: HashMap<String, u32> = HashMap::new();
    let mut files = Vec::new();
    for entry in entries {
        let folder = entry.disc.map(|disc| format!("CD{disc}/")).unwrap_or_default();
        let safe_name = safe_file_name(&entry.file_name);
        let (stem, extension) = safe_name.rsplit_once('.').unwrap_or((safe_name.as_str(), ""));
        let numbered = |count: u32| match count {
            1 => format!("{folder}{safe_name}"),
            _ => format!("{folder}{stem} ({count}).{extension}"),
        };
        let count = counts.entry(numbered(1).to_lowercase()).or_default();
        let target = loop {
            *count += 1;
            let target = numbered(*count);
            if taken.insert(target.to_lowercase()) {
                break target;
            }
        };
        files.push(PlannedFile {
            source: entry.source.clone(),
            target,
        });
    }
    files
}

#[cfg(test)]
mod tests;
