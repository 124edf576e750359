//! One row of a search answer, read leniently: each pitfall of `contracts/mam.md` was seen in the wild.

use secrecy::SecretString;
use serde_json::Value;
use types::search::{ReleaseFacts, SeriesClaim};
use url::Url;

use super::languages::{name_of_code, name_of_id};
use super::recording::{read_abridged, read_recording, read_tagged_bitrate};
use crate::flex;
use crate::indexer::FoundRelease;
use crate::text::{best_format, decode_entities, parse_size, parse_utc};

/// The site's media group of audiobooks.
pub(super) const AUDIOBOOKS: i64 = 13;
const MEDIA_TYPE_AUDIOBOOK: i64 = 1;
/// Bit of `browseflags` that the uploader sets for an abridged recording.
const ABRIDGED_FLAG: i64 = 1 << 5;

/// Whether the row is free only for VIP members, so that the member's class decides what it costs.
pub(super) fn depends_on_class(row: &Value) -> bool {
    let is_set = |name: &str| flex::flag(&row[name]).unwrap_or(false);
    is_set("fl_vip") && !is_set("free") && !is_set("personal_freeleech")
}

/// Reads a row. `is_vip_member` is `None` when the member's class is unknown. `None` when the row has no id or title.
pub fn read_row(row: &Value, base: &Url, is_vip_member: Option<bool>) -> Option<FoundRelease> {
    let id = flex::integer(&row["id"]).filter(|id| *id > 0)?;
    Some(FoundRelease {
        external_id: id.to_string(),
        facts: read_facts(row, base, id, is_vip_member)?,
        download_ref: SecretString::from(id.to_string()),
        info_hash: None,
    })
}

fn read_facts(row: &Value, base: &Url, id: i64, is_vip_member: Option<bool>) -> Option<ReleaseFacts> {
    let title = plain(&row["title"])?;
    let size_bytes = read_size(&row["size"]);
    let files = flex::count(&row["numfiles"]);
    let recording = read_recording(&row["mediainfo"], size_bytes, files);
    let tags = plain(&row["tags"]).unwrap_or_default();
    let (asin, isbn) = read_book_ids(&row["isbn"]);
    let flag = |name: &str| flex::flag(&row[name]);
    Some(ReleaseFacts {
        authors: read_names(&row["author_info"]),
        narrators: read_names(&row["narrator_info"]),
        series: read_series(&row["series_info"]),
        language: read_language(row),
        format: flex::text(&row["filetype"]).and_then(|types| best_format(&types)),
        bitrate_kbps: recording.bitrate_kbps.or_else(|| read_tagged_bitrate(&tags)),
        runtime_seconds: recording.runtime_seconds,
        is_abridged: read_row_abridged(row, &title, &tags),
        has_chapters: recording.has_chapters,
        asin,
        isbn,
        size_bytes,
        files,
        seeders: flex::count(&row["seeders"]),
        leechers: flex::count(&row["leechers"]),
        is_free: read_is_free(row, is_vip_member),
        is_vip_free: depends_on_class(row) && is_vip_member == Some(true),
        is_vip: flag("vip").unwrap_or(false),
        is_snatched: flag("my_snatched").unwrap_or(false),
        is_audiobook: read_is_audiobook(row),
        category: plain(&row["catname"]),
        tags,
        info_url: Some(crate::http::join_url(base, &format!("t/{id}")).to_string()),
        published_at: flex::text(&row["added"]).and_then(|added| parse_utc(&added)),
        title,
    })
}

/// Text with entities decoded and white space collapsed.
fn plain(value: &Value) -> Option<String> {
    let text = decode_entities(&flex::text(value)?);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// Names of `{"8234": "Kerrelyn Sparks"}`, in a string or not; an empty PHP array is `[]`.
fn read_names(value: &Value) -> Vec<String> {
    match flex::embedded(value) {
        Value::Object(names) => names.values().filter_map(plain).collect(),
        Value::Array(names) => names.iter().filter_map(plain).collect(),
        _ => Vec::new(),
    }
}

/// Series of `{"67": ["Love at Stake", "01-16, 13.5"]}`.
fn read_series(value: &Value) -> Vec<SeriesClaim> {
    let Value::Object(series) = flex::embedded(value) else {
        return Vec::new();
    };
    let read = |entry: &Value| {
        Some(SeriesClaim {
            name: plain(&entry[0])?,
            sequence: plain(&entry[1]),
        })
    };
    series.values().filter_map(read).collect()
}

fn read_language(row: &Value) -> Option<String> {
    let by_id = flex::integer(&row["language"]).and_then(name_of_id);
    let name = by_id.or_else(|| flex::text(&row["lang_code"]).and_then(|code| name_of_code(&code)))?;
    Some(name.to_owned())
}

fn read_size(value: &Value) -> Option<i64> {
    parse_size(&flex::text(value)?)
}

fn read_is_free(row: &Value, is_vip_member: Option<bool>) -> Option<bool> {
    let flags = [flex::flag(&row["free"]), flex::flag(&row["personal_freeleech"])];
    if flags.contains(&Some(true)) {
        return Some(true);
    }
    if depends_on_class(row) {
        return is_vip_member;
    }
    flags[0].map(|_| false)
}

fn read_is_audiobook(row: &Value) -> Option<bool> {
    let group = flex::integer(&row["main_cat"]).map(|group| group == AUDIOBOOKS);
    group.or_else(|| flex::integer(&row["mediatype"]).map(|media| media == MEDIA_TYPE_AUDIOBOOK))
}

/// From the uploader's flag, else from the words, the most deliberate first.
fn read_row_abridged(row: &Value, title: &str, tags: &str) -> Option<bool> {
    if flex::integer(&row["browseflags"]).is_some_and(|flags| flags & ABRIDGED_FLAG != 0) {
        return Some(true);
    }
    let description = || read_abridged(&flex::text(&row["description"])?);
    read_abridged(tags)
        .or_else(|| read_abridged(title))
        .or_else(description)
}

/// ASIN and ISBN of "ASIN:B0…", a bare ASIN, an ISBN with or without hyphens, or several of them.
fn read_book_ids(value: &Value) -> (Option<String>, Option<String>) {
    let (mut asin, mut isbn) = (None, None);
    let text = flex::text(value)
        .unwrap_or_default()
        .to_uppercase()
        .replace("ASIN:", " ASIN:");
    for word in text
        .replace("ASIN: ", "ASIN:")
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '/' | '|'))
    {
        let code: String = word
            .trim_start_matches("ASIN:")
            .trim_start_matches("ISBN:")
            .replace('-', "");
        let is_ten = code.len() == 10 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_ten && (word.starts_with("ASIN:") || code.starts_with("B0")) {
            asin.get_or_insert(code);
        } else if is_isbn(&code) {
            isbn.get_or_insert(code);
        }
    }
    (asin, isbn)
}

fn is_isbn(code: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match code.len() {
        10 => code.is_ascii() && digits(&code[..9]) && (digits(&code[9..]) || code.ends_with('X')),
        13 => digits(code),
        _ => false,
    }
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
