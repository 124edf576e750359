//! What Audiobookshelf tells, and how folders are named for it.

use clients::audiobookshelf::{read_head, read_item, read_library};
use domain::abs_folder::{is_disc_folder, parse_relative_folder};
use domain::naming::{BookNames, MAX_COMPONENT_BYTES, Template};

use crate::text;

/// A folder's path as Audiobookshelf would read it.
pub fn abs_folder(bytes: &[u8]) {
    let text = text(bytes);
    let folder = parse_relative_folder(&text);
    assert!(folder.title.len() <= text.len());
    assert!(folder.asin.is_none_or(|asin| asin.len() == 10));
    assert!(folder.published_year.is_none_or(|year| year.len() == 4));
    let _ = is_disc_folder(&text);
}

/// An item, and the same bytes as a library.
pub fn abs_item(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice(bytes) else {
        return;
    };
    let _ = read_library(&value);
    let head = read_head(&value);
    let item = read_item(&value);
    assert_eq!(head.is_some(), item.is_some());
    let Some(item) = item else { return };
    assert!(!item.id.is_empty() && !item.id.contains('\0'));
    assert!(item.size_bytes.is_none_or(|size| size >= 0));
    for file in &item.audio_files {
        assert!(file.size_bytes >= 0 && file.bitrate_bps.is_none_or(|rate| rate >= 0));
        assert!(
            file.duration_seconds
                .is_none_or(|seconds| seconds.is_finite() && seconds >= 0.0)
        );
    }
    let names = item.authors.iter().chain(&item.narrators).chain(&item.tags);
    assert!(names.into_iter().all(|name| !name.is_empty() && !name.contains('\0')));
}

/// A naming template on the first line, filled with the lines after it.
pub fn naming_template(bytes: &[u8]) {
    let text = text(bytes);
    let mut lines = text.lines();
    let Ok(template) = Template::parse(lines.next().unwrap_or_default()) else {
        return;
    };
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let names = BookNames {
        authors: vec![next()],
        title: next(),
        subtitle: Some(next()),
        series: Some(next()),
        sequence: Some(next()),
        year: Some(next()),
        narrators: vec![next(), next()],
        asin: Some(next()),
    };
    for copy in [1, 2] {
        let Ok(folder) = template.render_copy(&names, copy) else {
            continue;
        };
        assert!(!folder.components().is_empty());
        for part in folder.components() {
            assert!(!part.is_empty() && part.len() <= MAX_COMPONENT_BYTES && !part.contains(['/', '\\', '\0']));
            assert!(!part.starts_with('.') && !part.ends_with('.'));
        }
    }
}
