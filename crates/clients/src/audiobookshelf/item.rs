//! Items as Audiobookshelf sends them, read leniently: one dirty record must not hide the other 1,604.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::flex;
use crate::library::{Item, ItemFile, ItemHead, ItemSeries, LibraryRoot};

/// A library; `None` without an id.
pub(super) fn read_library(library: &Value) -> Option<LibraryRoot> {
    let folders = library["folders"].as_array().into_iter().flatten();
    Some(LibraryRoot {
        id: flex::text(&library["id"])?,
        name: flex::text(&library["name"]).unwrap_or_default(),
        is_books: library["mediaType"] == "book",
        folders: folders.filter_map(|folder| flex::text(&folder["fullPath"])).collect(),
        last_scan_ms: flex::integer(&library["lastScan"]),
    })
}

/// What a list tells of an item; `None` without an id.
pub(super) fn read_head(item: &Value) -> Option<ItemHead> {
    Some(ItemHead {
        id: flex::text(&item["id"])?,
        path: flex::text(&item["path"]).unwrap_or_default(),
        updated_ms: flex::integer(&item["updatedAt"]).unwrap_or_default(),
        is_missing: flex::flag(&item["isMissing"]).unwrap_or(false),
    })
}

/// An expanded item; `None` without an id.
pub(super) fn read_item(item: &Value) -> Option<Item> {
    let head = read_head(item)?;
    let (media, metadata) = (&item["media"], &item["media"]["metadata"]);
    let text = |name: &str| flex::text(&metadata[name]);
    Some(Item {
        library_id: flex::text(&item["libraryId"]).unwrap_or_default(),
        added_at: flex::integer(&item["addedAt"]).and_then(DateTime::<Utc>::from_timestamp_millis),
        title: text("title"),
        subtitle: text("subtitle"),
        authors: read_authors(metadata),
        narrators: read_narrators(metadata),
        series: read_series(&metadata["series"]),
        genres: flex::texts(&metadata["genres"]),
        tags: flex::texts(&media["tags"]),
        published_year: text("publishedYear"),
        published_date: text("publishedDate"),
        publisher: text("publisher"),
        description: text("description"),
        isbn: text("isbn"),
        asin: text("asin"),
        language: text("language"),
        is_explicit: flex::flag(&metadata["explicit"]),
        is_abridged: flex::flag(&metadata["abridged"]),
        has_cover: flex::text(&media["coverPath"]).is_some(),
        duration_seconds: flex::number(&media["duration"]).filter(|seconds| *seconds >= 0.0),
        size_bytes: flex::integer(&item["size"]).or_else(|| flex::integer(&media["size"])),
        chapters: media["chapters"].as_array().map_or(0, Vec::len),
        audio_files: media["audioFiles"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(read_file)
            .collect(),
        id: head.id,
        path: head.path,
        updated_ms: head.updated_ms,
        is_missing: head.is_missing,
    })
}

/// The list of authors; the flat string only where there is no list, as names may hold commas.
fn read_authors(metadata: &Value) -> Vec<String> {
    match metadata["authors"].as_array() {
        Some(authors) => authors
            .iter()
            .filter_map(|author| flex::text(&author["name"]))
            .collect(),
        None => split_flat(&metadata["authorName"]),
    }
}

fn read_narrators(metadata: &Value) -> Vec<String> {
    match &metadata["narrators"] {
        list @ Value::Array(_) => flex::texts(list),
        _ => split_flat(&metadata["narratorName"]),
    }
}

fn split_flat(names: &Value) -> Vec<String> {
    let names = flex::text(names).unwrap_or_default();
    names
        .split(", ")
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Series of the list, or of the one object that a list filtered by series has.
fn read_series(series: &Value) -> Vec<ItemSeries> {
    let read = |entry: &Value| {
        Some(ItemSeries {
            name: flex::text(&entry["name"])?,
            sequence: flex::text(&entry["sequence"]),
        })
    };
    match series {
        Value::Array(entries) => entries.iter().filter_map(read).collect(),
        entry => read(entry).into_iter().collect(),
    }
}

fn read_file(file: &Value) -> Option<ItemFile> {
    let metadata = &file["metadata"];
    if flex::flag(&file["exclude"]) == Some(true) {
        return None;
    }
    Some(ItemFile {
        relative_path: flex::text(&metadata["relPath"]).or_else(|| flex::text(&metadata["filename"]))?,
        size_bytes: flex::integer(&metadata["size"]).unwrap_or_default(),
        duration_seconds: flex::number(&file["duration"]),
        codec: flex::text(&file["codec"]),
        bitrate_bps: flex::integer(&file["bitRate"]),
        format: flex::text(&file["format"]),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_expanded_item_gives_every_fact() {
        let item = read_item(&serde_json::from_str(include_str!("fixtures/item.json")).unwrap()).unwrap();
        insta::assert_debug_snapshot!(item);
    }

    #[test]
    fn authors_come_from_the_list_even_when_names_hold_commas() {
        let item = |metadata: Value| read_item(&json!({"id": "a", "media": {"metadata": metadata}})).unwrap();
        let listed = item(json!({"authors": [{"name": "Herbert, Frank"}], "authorName": "Herbert, Frank"}));
        assert_eq!(listed.authors, ["Herbert, Frank"]);
        let flat = item(json!({"authorName": "A B, C D", "narratorName": ""}));
        assert_eq!(
            (flat.authors, flat.narrators.len()),
            (vec!["A B".to_owned(), "C D".to_owned()], 0)
        );
    }

    #[test]
    fn dirty_records_are_read_as_far_as_they_go() {
        let item = read_item(&json!({"id": "a", "updatedAt": "12", "media": {"duration": "x", "chapters": {}, "tags": "t",
            "metadata": {"title": "", "publishedYear": 1965, "series": [{"sequence": "1"}, {"name": "S", "sequence": 2}],
            "narrators": null, "abridged": "yes"}}}))
        .unwrap();
        assert_eq!(
            (item.title, item.published_year.as_deref(), item.updated_ms),
            (None, Some("1965"), 12)
        );
        assert_eq!(
            item.series,
            [ItemSeries {
                name: "S".into(),
                sequence: Some("2".into())
            }]
        );
        assert_eq!(item.is_abridged, Some(true));
        assert!(read_item(&json!({"media": {}})).is_none());
    }
}
