//! Search over the catalogue, answered in the site's own shapes: numbers as text, JSON inside of strings.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::catalogue::{Layout, Listed, Listing, REPEATED_ID, Release};
use crate::state::{Shared, lock};

pub async fn search(State(sandbox): State<Shared>, RawQuery(query): RawQuery, body: String) -> Response {
    if sandbox.faults.take("mam", "empty_error") {
        return nothing();
    }
    let asked = serde_json::from_str(&body).unwrap_or_else(|_| {
        parse_brackets(if body.is_empty() {
            query.as_deref().unwrap_or_default()
        } else {
            &body
        })
    });
    let tor = &asked["tor"];
    let mut hits: Vec<Value> = Vec::new();
    for row in sandbox
        .catalogue
        .search(Listing::MyAnonamouse, &flex_text(&tor["text"]))
    {
        if is_wanted(&sandbox, row, &asked) {
            hits.push(describe_row(&sandbox, row, row.id, &asked));
            if row.release.key == "piranesi" {
                hits.push(describe_row(&sandbox, row, REPEATED_ID, &asked));
            }
        }
    }
    if hits.is_empty() {
        return nothing();
    }
    sort_hits(&mut hits, &flex_text(&tor["sortType"]));
    let found = hits.len();
    let start = flex_number(&tor["startNumber"]).unwrap_or(0) as usize;
    let per_page = flex_number(&asked["perpage"]).unwrap_or(50).clamp(5, 1_000) as usize;
    let page: Vec<Value> = hits.into_iter().skip(start).take(per_page).collect();
    Json(json!({ "perpage": per_page, "start": start, "total": page.len().to_string(), "found": found, "data": page }))
        .into_response()
}

fn nothing() -> Response {
    Json(json!({ "error": "Nothing returned, out of 0" })).into_response()
}

fn is_wanted(sandbox: &Shared, row: &Listed, asked: &Value) -> bool {
    let tor = &asked["tor"];
    let release = &row.release;
    let list = |value: &Value| -> Vec<i64> {
        value
            .as_array()
            .map(|all| all.iter().filter_map(flex_number).collect())
            .unwrap_or_default()
    };
    let allows = |list: Vec<i64>, value: i64| list.is_empty() || list == [0] || list.contains(&value);
    let seeders = i64::from(release.seeders);
    let is_type = match flex_text(&tor["searchType"]).as_str() {
        "active" => seeders > 0,
        "inactive" => seeders == 0,
        "fl" => release.is_free,
        "VIP" => release.is_vip,
        "fl-VIP" => release.is_free || release.is_vip,
        "nVIP" => !release.is_vip,
        _ => true,
    };
    let id = flex_number(&tor["id"]);
    let hash = flex_text(&tor["hash"]);
    is_type
        && allows(list(&tor["main_cat"]), 13)
        && allows(list(&tor["cat"]), i64::from(release.category.0))
        && allows(list(&tor["browse_lang"]), language_of(release.language).0)
        && seeders >= flex_number(&tor["minSeeders"]).unwrap_or(0)
        && id.is_none_or(|id| id == row.id as i64)
        && (hash.is_empty() || hash.eq_ignore_ascii_case(&row.torrent.info_hash))
        && (asked["my_snatched"].is_null() || lock(&sandbox.member).snatched.contains(release.key))
}

fn describe_row(sandbox: &Shared, row: &Listed, id: u64, asked: &Value) -> Value {
    let release = &row.release;
    let member = lock(&sandbox.member).clone();
    let (seeding, leeching) = lock(&sandbox.swarms).count(&row.torrent.info_hash);
    let added = chrono::Utc::now() - chrono::Duration::days(release.days_old);
    let extras = member.unsatisfied() + id as u32 % 5;
    let mut described = json!({
        "id": id, "title": encode_entities(release.title), "added": added.format("%Y-%m-%d %H:%M:%S").to_string(),
        "category": release.category.0.to_string(), "catname": release.category.1, "main_cat": 13, "mediatype": 1, "maincat": "1",
        "categories": "[4,13]", "cat": format!("<div class=\"cat{0}\">{1}</div>", release.category.0, release.category.1),
        "language": language_of(release.language).0.to_string(), "lang_code": release.language,
        "filetype": release.layout.file_type(), "numfiles": row.file_count.to_string(), "size": size_text(row),
        "seeders": release.seeders.max(seeding).to_string(), "leechers": leeching, "times_completed": release.seeders * 13 + extras,
        "comments": 2, "browseflags": "16", "author_info": people(&release.authors, 8_000), "narrator_info": people(&release.narrators, 300),
        "series_info": series_text(release), "tags": tags_of(release), "free": u8::from(release.is_free).to_string(),
        "vip": u8::from(release.is_vip), "vip_expire": 0, "fl_vip": u8::from(release.is_vip).to_string(),
        "personal_freeleech": u8::from(member.personal_freeleech.contains(&row.id)),
        "my_snatched": u8::from(member.snatched.contains(release.key)), "bookmarked": null, "ownership": "[12345, \"archivist\"]",
        "owner_name": "archivist", "w": 5_527,
    });
    let mut add = |flag: &str, key: &str, value: Value| {
        if !asked[flag].is_null() {
            described[key] = value;
        }
    };
    add("dlLink", "dl", json!(format!("sbx{id}")));
    add(
        "isbn",
        "isbn",
        if release.asin.is_empty() {
            Value::Null
        } else {
            json!(format!("ASIN:{}", release.asin))
        },
    );
    add("description", "description", json!(release.description));
    add("mediaInfo", "mediainfo", json!(media_info(row)));
    add("thumbnail", "thumbnail", json!(""));
    described
}

/// The site puts entities into titles and names.
fn encode_entities(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('\'', "&#039;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn people(names: &[&str], base: usize) -> String {
    if names.is_empty() {
        return "[]".to_owned();
    }
    let map: Map<_, _> = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            (
                (base + index * 7 + name.len()).to_string(),
                json!(encode_entities(name)),
            )
        })
        .collect();
    Value::Object(map).to_string()
}

fn series_text(release: &Release) -> String {
    release
        .series
        .map(|(name, number)| json!({ (60 + name.len()).to_string(): [encode_entities(name), number] }).to_string())
        .unwrap_or_default()
}

fn tags_of(release: &Release) -> String {
    let abridged = if release.is_abridged { "abridged" } else { "unabridged" };
    format!(
        "{abridged} {} Kbps {} {}",
        release.kbps,
        release.layout.file_type().to_uppercase(),
        release.year
    )
}

fn size_text(row: &Listed) -> String {
    let bytes = row.torrent.total_bytes;
    match row.release.claimed_size {
        Some(claim) => claim.to_owned(),
        None if row.id.is_multiple_of(2) => bytes.to_string(),
        None => format!("{:.2} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// MediaInfo's two ways of writing a length and a bitrate are both seen.
fn media_info(row: &Listed) -> String {
    let release = &row.release;
    if !release.has_media_info {
        return String::new();
    }
    let seconds = row.seconds as u32;
    let is_mp4 = matches!(
        release.layout,
        Layout::M4b { .. } | Layout::BareM4b { .. } | Layout::CorruptM4b { .. } | Layout::Pack(_)
    );
    let (format, length, rate) = if is_mp4 {
        (
            "MPEG-4",
            format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
            format!("{} kb/s", release.kbps),
        )
    } else {
        (
            "MPEG Audio",
            format!("{} min {} s", seconds / 60, seconds % 60),
            format!("{}.0 kb/s", release.kbps),
        )
    };
    let codec = if is_mp4 { "AAC LC" } else { "MPEG Audio" };
    let mut info = json!({
        "General": { "Format": format, "Duration": length, "OverallBitRate": rate, "Title": release.title },
        "Audio1": { "Format": codec, "BitRate": rate, "BitRate_Mode": "CBR", "Channel(s)": "1 channel", "SamplingRate": "44.1 kHz" },
    });
    if let Layout::M4b { chapters, .. } | Layout::BareM4b { chapters, .. } = release.layout {
        let names = (1..=chapters).map(|number| {
            (
                format!("00:{:02}:00.000", number - 1),
                json!(format!("Chapter {number}")),
            )
        });
        info["menu"] = Value::Object(names.collect());
    }
    info.to_string()
}

/// (id, code) as in the site's table.
fn language_of(code: &str) -> (i64, &'static str) {
    match code {
        "GER" => (37, "GER"),
        "RUS" => (16, "RUS"),
        "JPN" => (38, "JPN"),
        _ => (1, "ENG"),
    }
}

fn sort_hits(hits: &mut [Value], by: &str) {
    let number = |hit: &Value, key: &str| flex_number(&hit[key]).unwrap_or(0);
    match by {
        "dateDesc" => hits.sort_by(|a, b| flex_text(&b["added"]).cmp(&flex_text(&a["added"]))),
        "dateAsc" => hits.sort_by(|a, b| flex_text(&a["added"]).cmp(&flex_text(&b["added"]))),
        "seedersDesc" => hits.sort_by_key(|hit| -number(hit, "seeders")),
        "seedersAsc" => hits.sort_by_key(|hit| number(hit, "seeders")),
        "snatchedDesc" => hits.sort_by_key(|hit| -number(hit, "times_completed")),
        _ => hits.sort_by_key(|hit| -number(hit, "id")),
    }
}

fn flex_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn flex_number(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}

/// `tor[text]=…&tor[main_cat][]=13&dlLink` as the JSON that it stands for.
fn parse_brackets(form: &str) -> Value {
    let mut root = Value::Object(Map::new());
    for pair in form.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
        let decode = |text: &str| {
            percent_decode_str(&text.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned()
        };
        let (name, value) = (decode(name), json!(decode(value)));
        let mut keys = name.split('[').map(|key| key.trim_end_matches(']'));
        let (first, rest): (&str, Vec<&str>) = (keys.next().unwrap_or_default(), keys.collect());
        match rest.as_slice() {
            [] => root[first] = value,
            [second] => root[first][*second] = value,
            [second, ..] => match &mut root[first][*second] {
                Value::Array(list) => list.push(value),
                slot => *slot = json!([value]),
            },
        }
    }
    root
}
