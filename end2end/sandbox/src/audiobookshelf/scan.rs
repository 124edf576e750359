//! The scan: returns at once, runs for a moment, reads the library folder for real.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::sleep;
use uuid::Uuid;

use super::folder_rules::{group_files, parse_folder, split_names};
use super::shelf::{AudioFile, Chapter, Item, PlainFile};
use super::views::file_type;
use crate::state::{Shared, lock, now_ms};
use crate::torrents::collect_files;

/// Starts a scan unless one runs.
pub fn scan_library(sandbox: &Shared) {
    {
        let mut shelf = lock(&sandbox.shelf);
        if shelf.task.is_some() {
            return;
        }
        shelf.task = Some(
            json!({ "id": Uuid::new_v4().to_string(), "action": "library-scan", "data": { "libraryId": shelf.library_id, "libraryName": "Audiobooks" },
            "title": "Scanning \"Audiobooks\" library", "description": null, "error": null, "isFailed": false, "isFinished": false, "startedAt": now_ms(), "finishedAt": null }),
        );
    }
    let sandbox = sandbox.clone();
    tokio::spawn(async move {
        let is_slow = sandbox.faults.take("abs", "slow_scan");
        sleep(if is_slow {
            Duration::from_secs(20)
        } else {
            Duration::from_millis(600)
        })
        .await;
        if sandbox.faults.take("abs", "late_items") {
            // The scan looks done before its books can be seen.
            {
                let mut shelf = lock(&sandbox.shelf);
                (shelf.task, shelf.last_scan) = (None, Some(now_ms()));
            }
            sleep(Duration::from_secs(4)).await;
        }
        if !sandbox.faults.take("abs", "never_scans")
            && let Err(error) = read_library(&sandbox).await
        {
            eprintln!("sandbox: the scan failed: {error:#}");
        }
        lock(&sandbox.shelf).task = None;
    });
}

async fn read_library(sandbox: &Shared) -> Result<()> {
    let (root, mut items) = {
        let shelf = lock(&sandbox.shelf);
        (shelf.library_path.clone(), shelf.items.clone())
    };
    let mut paths = Vec::new();
    collect_files(&root, &mut paths)?;
    let relative = paths.iter().filter_map(|path| path.strip_prefix(&root).ok()?.to_str());
    // Names that begin with a dot are skipped, so half-written imports too.
    let files: Vec<String> = relative
        .filter(|path| !path.split('/').any(|part| part.starts_with('.')))
        .map(str::to_owned)
        .collect();
    let groups = group_files(&files)?;
    let before = items.len();
    for (rel_path, members) in &groups {
        read_item(&root, rel_path, members, &mut items).await?;
    }
    for item in items.iter_mut().filter(|item| item.is_scanned) {
        let is_missing = !groups.contains_key(&item.rel_path);
        if is_missing != item.is_missing {
            item.is_missing = is_missing;
            item.updated_at = now_ms();
        }
    }
    let mut shelf = lock(&sandbox.shelf);
    // Edits that came in while the scan ran win over what it read before them.
    for item in &mut items {
        if let Some(current) = shelf
            .find(&item.id)
            .filter(|current| current.updated_at > item.updated_at)
        {
            item.clone_from(current);
        }
    }
    println!(
        "sandbox: scanned the library folder: {} books in it, {} new",
        groups.len(),
        items.len() - before
    );
    shelf.items = items;
    shelf.last_scan = Some(now_ms());
    shelf.refresh_entities();
    shelf.save(sandbox);
    Ok(())
}

/// Adds or refreshes one book. The id survives a move inside of the folder, where the inode stays.
async fn read_item(root: &Path, rel_path: &str, members: &[String], items: &mut Vec<Item>) -> Result<()> {
    let about = fs::metadata(root.join(rel_path)).with_context(|| format!("reading {rel_path}"))?;
    let is_file = about.is_file();
    let known = items
        .iter()
        .position(|item| item.is_scanned && (item.rel_path == rel_path || item.ino == about.ino()));
    let mut files = Vec::new();
    for member in members {
        let inner = if is_file {
            member.as_str()
        } else {
            member.strip_prefix(rel_path).unwrap_or(member).trim_start_matches('/')
        };
        let file = fs::metadata(root.join(member))?;
        files.push(PlainFile {
            rel_path: inner.to_owned(),
            size: file.len(),
            mtime_ms: file.mtime() * 1_000,
            ino: file.ino(),
        });
    }
    files.sort_by(|a, b| a.rel_path.cmp(&b.rel_path));
    let mut item = known.map_or_else(|| Item::new(rel_path.to_owned()), |index| items[index].clone());
    let (audio, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file_type(&file.rel_path) == "audio");
    let is_same = item.rel_path == rel_path
        && item.other_files == others
        && item.audio.iter().map(|audio| &audio.file).eq(&audio);
    if known.is_some() && is_same {
        return Ok(());
    }
    item.rel_path = rel_path.to_owned();
    item.is_file = is_file;
    item.is_scanned = true;
    item.ino = about.ino();
    item.mtime_ms = about.mtime() * 1_000;
    item.updated_at = now_ms();
    item.has_cover = others.iter().any(|file| file_type(&file.rel_path) == "image");
    item.other_files = others;
    item.audio.clear();
    item.chapters.clear();
    for file in audio {
        let path = if is_file {
            root.join(rel_path)
        } else {
            root.join(rel_path).join(&file.rel_path)
        };
        add_audio(&mut item, &path, file).await?;
    }
    if !item.is_edited {
        fill_metadata(&mut item)?;
    }
    match known {
        Some(index) => items[index] = item,
        None => items.push(item),
    }
    Ok(())
}

async fn add_audio(item: &mut Item, path: &Path, file: PlainFile) -> Result<()> {
    let arguments = [
        "-v",
        "error",
        "-print_format",
        "json",
        "-show_format",
        "-show_streams",
        "-show_chapters",
    ];
    let output = Command::new("ffprobe")
        .args(arguments)
        .arg(path)
        .output()
        .await
        .context("starting ffprobe")?;
    let probe: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let stream = probe["streams"]
        .as_array()
        .and_then(|streams| streams.iter().find(|stream| stream["codec_type"] == "audio").cloned());
    let number = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or_default()
    };
    let start = item.duration();
    let empty = Vec::new();
    for chapter in probe["chapters"].as_array().unwrap_or(&empty) {
        let title = chapter["tags"]["title"].as_str().unwrap_or_default().to_owned();
        item.chapters.push(Chapter {
            start: start + number(&chapter["start_time"]),
            end: start + number(&chapter["end_time"]),
            title,
        });
    }
    item.audio.push(AudioFile {
        file,
        duration: number(&probe["format"]["duration"]),
        bit_rate: number(&probe["format"]["bit_rate"]) as u64,
        codec: stream
            .as_ref()
            .and_then(|stream| stream["codec_name"].as_str())
            .unwrap_or("unknown")
            .to_owned(),
        format: probe["format"]["format_long_name"]
            .as_str()
            .unwrap_or("unknown")
            .to_owned(),
        channels: stream
            .as_ref()
            .and_then(|stream| stream["channels"].as_u64())
            .unwrap_or_default(),
        tags: read_tags(&probe["format"]["tags"]),
        error: stream.is_none().then(|| "Invalid audio file".to_owned()),
    });
    Ok(())
}

/// Tags under Audiobookshelf's names, such as `tagArtist` and `tagSeriesPart`.
fn read_tags(tags: &Value) -> BTreeMap<String, String> {
    const NAMES: [(&str, &str); 14] = [
        ("title", "tagTitle"),
        ("album", "tagAlbum"),
        ("artist", "tagArtist"),
        ("album_artist", "tagAlbumArtist"),
        ("composer", "tagComposer"),
        ("date", "tagDate"),
        ("genre", "tagGenre"),
        ("track", "tagTrack"),
        ("disc", "tagDisc"),
        ("comment", "tagComment"),
        ("publisher", "tagPublisher"),
        ("series", "tagSeries"),
        ("series-part", "tagSeriesPart"),
        ("asin", "tagASIN"),
    ];
    let empty = serde_json::Map::new();
    let own = tags.as_object().unwrap_or(&empty).iter().filter_map(|(name, value)| {
        let (_, tag) = NAMES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?;
        Some(((*tag).to_owned(), value.as_str()?.to_owned()))
    });
    own.collect()
}

/// The folder first, then the tags of the first file over it: Audiobookshelf's default precedence.
fn fill_metadata(item: &mut Item) -> Result<()> {
    let metadata = &mut item.metadata;
    if item.is_file {
        metadata.title = item.rel_path.rsplit_once('.').map(|(stem, _)| stem.to_owned());
    } else {
        let folder = parse_folder(&item.rel_path)?;
        metadata.title = Some(folder.title);
        metadata.authors = folder.authors;
        metadata.narrators = folder.narrators;
        metadata.series = folder.series.map(|name| (name, folder.sequence)).into_iter().collect();
        metadata.published_year = folder.year;
        metadata.asin = folder.asin;
    }
    let Some(first) = item.audio.first() else { return Ok(()) };
    let tag = |name: &str| first.tags.get(name).filter(|value| !value.trim().is_empty()).cloned();
    let put = |field: &mut Option<String>, value: Option<String>| {
        if value.is_some() {
            *field = value;
        }
    };
    put(&mut metadata.title, tag("tagAlbum").or_else(|| tag("tagTitle")));
    put(&mut metadata.published_year, tag("tagDate"));
    put(&mut metadata.publisher, tag("tagPublisher"));
    put(&mut metadata.asin, tag("tagASIN"));
    if let Some(authors) = tag("tagArtist").or_else(|| tag("tagAlbumArtist")) {
        metadata.authors = split_names(&authors);
    }
    if let Some(narrators) = tag("tagComposer") {
        metadata.narrators = split_names(&narrators);
    }
    if let Some(genres) = tag("tagGenre") {
        metadata.genres = genres.split(['/', ';']).map(|genre| genre.trim().to_owned()).collect();
    }
    if let Some(series) = tag("tagSeries") {
        metadata.series = vec![(series, tag("tagSeriesPart"))];
    }
    Ok(())
}
