//! The items of a feed as releases.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use types::search::ReleaseFacts;
use url::Url;

use super::xml::{Element, parse_xml};
use crate::indexer::FoundRelease;
use crate::myanonamouse::languages::name_of_code;
use crate::myanonamouse::recording::{read_abridged, read_tagged_bitrate};
use crate::prowlarr::title::{read_title, split_names};
use crate::text::{best_format, decode_entities, has_key, is_plausible, page_url};

/// Audio/Audiobook.
pub(crate) const AUDIOBOOK: u32 = 3030;

/// More categories than that say nothing more of an item.
const MAX_CATEGORIES: usize = 100;

/// The releases of a feed's answer. The error is a clause for people. `chosen` are the categories asked for.
pub fn read_feed(bytes: &[u8], base: &Url, chosen: &[u32]) -> Result<Vec<FoundRelease>, String> {
    Ok(read_items(&parse_xml(bytes)?, base, chosen))
}

/// The items of an RSS document; items that can't be used are left out. `chosen` are the categories asked for.
pub(super) fn read_items(root: &Element, base: &Url, chosen: &[u32]) -> Vec<FoundRelease> {
    let channel = root.child("channel").unwrap_or(root);
    channel
        .children_named("item")
        .filter_map(|item| read_item(item, base, chosen))
        .collect()
}

fn read_item(item: &Element, base: &Url, chosen: &[u32]) -> Option<FoundRelease> {
    let attrs = Attrs { item };
    let link = download_link(item, base).or_else(|| attrs.text("magneturl"))?;
    let guid = item
        .child_text("guid")
        .or_else(|| item.child_text("comments"))
        .unwrap_or(&link);
    Some(FoundRelease {
        external_id: safe_guid(guid),
        facts: read_facts(&attrs, guid, &link, chosen)?,
        info_hash: attrs.text("infohash").and_then(|hash| read_hash(&hash)),
        download_ref: SecretString::from(link),
    })
}

fn read_facts(attrs: &Attrs<'_>, guid: &str, link: &str, chosen: &[u32]) -> Option<ReleaseFacts> {
    let item = attrs.item;
    let written = decode_entities(item.child_text("title")?);
    let title = read_title(&written, attrs.text("author").as_deref());
    let (seeders, peers) = (attrs.count("seeders"), attrs.count("peers"));
    let categories = read_categories(item, attrs);
    let page = item.child_text("comments").and_then(page_url);
    let authors: Vec<String> = attrs.texts("author").flat_map(|names| split_names(&names)).collect();
    let tags: Vec<String> = attrs.texts("tag").collect();
    Some(ReleaseFacts {
        authors: if authors.is_empty() { title.authors } else { authors },
        language: attrs
            .text("language")
            .map(|name| language_name(&name))
            .or(title.language),
        format: title.format.or_else(|| best_format(&written)),
        bitrate_kbps: read_tagged_bitrate(&written),
        is_abridged: read_abridged(&written),
        size_bytes: read_size(item, attrs),
        files: attrs.count("files"),
        seeders,
        leechers: peers.map(|peers| (peers - seeders.unwrap_or(0)).max(0)),
        is_free: attrs.number("downloadvolumefactor").map(|factor| factor == 0.0),
        is_vip: title.is_vip,
        is_audiobook: is_audiobook(&categories, chosen),
        category: categories.first().map(u32::to_string),
        tags: tags.join(" "),
        info_url: page.or_else(|| page_url(guid)).filter(|page| page != link),
        published_at: item.child_text("pubDate").and_then(read_date),
        title: title.title,
        ..ReleaseFacts::default()
    })
}

/// The `attr` elements of either namespace.
struct Attrs<'a> {
    item: &'a Element,
}

impl Attrs<'_> {
    fn texts(&self, name: &str) -> impl Iterator<Item = String> {
        let is_it = move |attr: &&Element| attr.attribute("name").is_some_and(|key| key.eq_ignore_ascii_case(name));
        let value = |attr: &Element| attr.attribute("value").map(|value| value.trim().to_owned());
        self.item
            .children_named("attr")
            .filter(is_it)
            .filter_map(value)
            .filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.texts(name).next()
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn count(&self, name: &str) -> Option<i32> {
        self.number(name)
            .filter(|count| *count >= 0.0)
            .map(|count| count as i32)
    }
}

fn download_link(item: &Element, base: &Url) -> Option<String> {
    let enclosure = item.child("enclosure").and_then(|enclosure| enclosure.attribute("url"));
    let written = enclosure
        .or_else(|| item.child_text("link"))
        .filter(|link| !link.trim().is_empty())?;
    let url = base.join(written.trim()).ok()?;
    matches!(url.scheme(), "http" | "https" | "magnet").then(|| url.to_string())
}

/// The first known of attribute, `<size>` and the enclosure's length, where 0 means unknown.
fn read_size(item: &Element, attrs: &Attrs<'_>) -> Option<i64> {
    let read = |text: &str| text.trim().parse::<i64>().ok().filter(|size| *size > 0);
    let enclosure = || read(item.child("enclosure")?.attribute("length")?);
    attrs
        .text("size")
        .and_then(|size| read(&size))
        .or_else(|| item.child_text("size").and_then(read))
        .or_else(enclosure)
}

fn read_categories(item: &Element, attrs: &Attrs<'_>) -> Vec<u32> {
    let elements = item
        .children_named("category")
        .map(|category| category.text.trim().to_owned());
    let mut ids: Vec<u32> = Vec::new();
    for id in elements
        .chain(attrs.texts("category"))
        .take(MAX_CATEGORIES)
        .filter_map(|text| text.parse().ok())
    {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// Yes in 3030; unknown without a standard category or in a broader one that the user chose; else no.
pub(crate) fn is_audiobook(categories: &[u32], chosen: &[u32]) -> Option<bool> {
    if categories.contains(&AUDIOBOOK) {
        return Some(true);
    }
    let standard: Vec<&u32> = categories.iter().filter(|id| **id < 100_000).collect();
    let is_chosen =
        |id: &&u32| chosen.contains(id) || chosen.iter().any(|wide| wide % 1000 == 0 && wide / 1000 == *id / 1000);
    (!standard.is_empty() && !standard.iter().any(is_chosen)).then_some(false)
}

pub(crate) fn language_name(text: &str) -> String {
    name_of_code(text).map_or_else(|| text.trim().to_owned(), str::to_owned)
}

/// An id that may be stored in the clear: some feeds use the download link, with its key, as guid.
pub(crate) fn safe_guid(guid: &str) -> String {
    if guid.len() <= 500 && !has_key(guid) && !guid.starts_with("magnet:") && !guid.contains('\0') {
        return guid.to_owned();
    }
    format!("sha256:{}", hex::encode(Sha256::digest(guid.as_bytes())))
}

/// RFC 822 with the zones that feeds write, or ISO 8601.
pub(crate) fn read_date(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let zoned = text
        .strip_suffix("UTC")
        .or_else(|| text.strip_suffix('Z'))
        .map(|time| format!("{} +0000", time.trim()));
    let parsed = DateTime::parse_from_rfc2822(zoned.as_deref().unwrap_or(text));
    parsed
        .or_else(|_| DateTime::parse_from_rfc3339(text))
        .ok()
        .map(|time| time.with_timezone(&Utc))
        .filter(is_plausible)
}

/// A v1 hash as lower-case hex, from 40 hex digits or 32 of base32.
pub(crate) fn read_hash(text: &str) -> Option<String> {
    let text = text.trim();
    match text.len() {
        40 if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => Some(text.to_ascii_lowercase()),
        32 => decode_base32(text).map(hex::encode),
        _ => None,
    }
}

fn decode_base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut buffer, mut bits) = (Vec::with_capacity(20), 0u32, 0);
    for byte in text.bytes() {
        let digit = match byte.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            number @ b'2'..=b'7' => number - b'2' + 26,
            _ => return None,
        };
        buffer = (buffer << 5) | u32::from(digit);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
