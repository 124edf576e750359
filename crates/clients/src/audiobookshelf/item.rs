//! Items as Audiobookshelf sends them, read leniently: one dirty record must not hide the other 1,604.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::flex;
use crate::library::{Item, ItemFile, ItemHead, ItemSeries, LibraryRoot};
use crate::text::is_plausible;

/// A library; `None` without an id.
pub fn read_library(library: &Value) -> Option<LibraryRoot> {
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
pub fn read_head(item: &Value) -> Option<ItemHead> {
    Some(ItemHead {
        id: flex::text(&item["id"])?,
        path: flex::text(&item["path"]).unwrap_or_default(),
        updated_ms: flex::integer(&item["updatedAt"]).unwrap_or_default(),
        is_missing: flex::flag(&item["isMissing"]).unwrap_or(false),
    })
}

/// An expanded item; `None` without an id.
pub fn read_item(item: &Value) -> Option<Item> {
    let head = read_head(item)?;
    let (media, metadata) = (&item["media"], &item["media"]["metadata"]);
    let text = |name: &str| flex::text(&metadata[name]);
    Some(Item {
        library_id: flex::text(&item["libraryId"]).unwrap_or_default(),
        added_at: flex::integer(&item["addedAt"])
            .and_then(DateTime::<Utc>::from_timestamp_millis)
            .filter(is_plausible),
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
        duration_seconds: read_duration(&media["duration"]),
        size_bytes: read_size(&item["size"]).or_else(|| read_size(&media["size"])),
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
        size_bytes: read_size(&metadata["size"]).unwrap_or_default(),
        duration_seconds: read_duration(&file["duration"]),
        codec: flex::text(&file["codec"]),
        bitrate_bps: read_size(&file["bitRate"]),
        format: flex::text(&file["format"]),
    })
}

fn read_duration(value: &Value) -> Option<f64> {
    flex::number(value).filter(|seconds| *seconds >= 0.0)
}

fn read_size(value: &Value) -> Option<i64> {
    flex::integer(value).filter(|size| *size >= 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const FULL: &[u8] = include_bytes!("fixtures/item.json");

    /// What the database refuses would hide all that is stored along with it.
    fn check_storable(item: &Item) -> Result<(), TestCaseError> {
        let durations = item.audio_files.iter().map(|file| file.duration_seconds);
        let mut durations = durations.chain([item.duration_seconds]).flatten();
        prop_assert!(durations.all(|seconds| seconds.is_finite() && seconds >= 0.0));
        let sizes = item
            .audio_files
            .iter()
            .flat_map(|file| [Some(file.size_bytes), file.bitrate_bps]);
        prop_assert!(sizes.chain([item.size_bytes]).flatten().all(|size| size >= 0));
        prop_assert!(item.added_at.is_none_or(|added| is_plausible(&added)));
        prop_assert!(!item.id.is_empty() && !item.id.contains('\0') && !item.path.contains('\0'));
        let names = item
            .authors
            .iter()
            .chain(&item.narrators)
            .chain(&item.tags)
            .chain(&item.genres);
        let mut names = names.chain(item.series.iter().map(|series| &series.name));
        prop_assert!(names.all(|name| !name.is_empty() && name.trim() == name && !name.contains('\0')));
        Ok(())
    }

    proptest! {
        #[test]
        fn a_damaged_item_is_read_into_what_can_be_stored(bytes in testing::damage::damaged(FULL)) {
            let Ok(value) = serde_json::from_slice::<Value>(&bytes) else { return Ok(()) };
            let item = read_item(&value);
            prop_assert_eq!(item.as_ref().map(|item| item.id.clone()), read_head(&value).map(|head| head.id));
            if let Some(item) = item {
                check_storable(&item)?;
            }
            let _ = read_library(&value);
        }

        #[test]
        fn one_odd_field_takes_nothing_else_along(number in any::<f64>(), text in "\\PC{0,12}", whole in any::<i64>()) {
            let full: Value = serde_json::from_slice(FULL).unwrap();
            let title = read_item(&full).unwrap().title;
            for odd in [json!(number), json!(text), json!(whole), json!([text]), json!({ "name": whole }), Value::Null] {
                for name in ["addedAt", "updatedAt", "size", "isMissing", "libraryId", "path"] {
                    let mut changed = full.clone();
                    changed[name] = odd.clone();
                    let item = read_item(&changed).unwrap();
                    check_storable(&item)?;
                    prop_assert_eq!(&item.title, &title);
                }
            }
        }
    }

    #[test]
    fn a_time_or_a_length_that_cannot_be_is_unknown() {
        let item = read_item(
            &json!({"id": "a", "addedAt": -1_000_000_000_000_000_i64, "size": -1, "media": {"audioFiles": [
            {"duration": -1, "bitRate": -1, "metadata": {"relPath": "a.m4b", "size": -1}}]}}),
        )
        .unwrap();
        assert_eq!((item.added_at, item.size_bytes), (None, None));
        let file = &item.audio_files[0];
        assert_eq!(
            (file.duration_seconds, file.bitrate_bps, file.size_bytes),
            (None, None, 0)
        );
    }

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
