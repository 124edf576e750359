//! Torznab: caps, search and errors; for Prowlarr's indexers and for a feed of another program.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::catalogue::{Listed, Listing};
use crate::files::answer_torrent;
use crate::prowlarr::guid_of;
use crate::state::Shared;

/// One feed.
pub struct Source {
    pub name: &'static str,
    pub listing: Listing,
    /// Prowlarr's indexer id.
    pub is_prowlarr: Option<i64>,
}

/// Where the other program's feed lives.
pub const FEED_PATH: &str = "/jackett/api/v2.0/indexers/lantern/results/torznab/api";

pub fn router() -> Router<Shared> {
    Router::new()
        .route(FEED_PATH, get(lantern_feed))
        .route("/jackett/dl/lantern/{id}", get(lantern_file))
}

/// Errors come with status 200, as from most feeds.
async fn lantern_feed(
    State(sandbox): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let is_known = query.get("apikey") == Some(&sandbox.secrets.torznab_api_key);
    if !is_known || sandbox.faults.take("torznab", "error_100") {
        return xml(StatusCode::OK, error(100, "Invalid API Key"));
    }
    if sandbox.faults.take("torznab", "error_500") {
        return xml(StatusCode::OK, error(500, "Request limit reached"));
    }
    let host = headers
        .get("host")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let source = Source {
        name: "Lantern",
        listing: Listing::Lantern,
        is_prowlarr: None,
    };
    let key = sandbox.secrets.torznab_api_key.clone();
    answer(&sandbox, &source, &query, &|row| {
        format!("http://{host}/jackett/dl/lantern/{}?apikey={key}", row.id)
    })
}

async fn lantern_file(
    State(sandbox): State<Shared>,
    Path(id): Path<u64>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if query.get("apikey") != Some(&sandbox.secrets.torznab_api_key) {
        return xml(StatusCode::OK, error(100, "Invalid API Key"));
    }
    match sandbox
        .catalogue
        .find_id(id)
        .filter(|row| row.release.listings.contains(&Listing::Lantern))
    {
        Some(row) => answer_torrent(&sandbox, row),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Answers caps, search and book of a source. Prowlarr's errors have a status, others come with 200.
pub fn answer(
    sandbox: &Shared,
    source: &Source,
    query: &BTreeMap<String, String>,
    link: &dyn Fn(&Listed) -> String,
) -> Response {
    let refuse = |code: u16, text: &str| {
        let status = if source.is_prowlarr.is_some() {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        xml(status, error(code, text))
    };
    let text = |name: &str| query.get(name).cloned().unwrap_or_default();
    match text("t").as_str() {
        "" => refuse(200, "Missing parameter (t)"),
        "caps" => xml(StatusCode::OK, caps(source)),
        "search" | "book" => {
            let categories = text("cat");
            if categories
                .split(',')
                .any(|cat| !cat.is_empty() && cat.parse::<u32>().is_err())
            {
                return refuse(201, "Incorrect parameter (cat)");
            }
            let is_audio = categories.is_empty() || categories.split(',').any(|cat| cat == "3030" || cat == "3000");
            let words = format!("{} {} {}", text("q"), text("author"), text("title"));
            let hits = if is_audio {
                sandbox.catalogue.search(source.listing, &words)
            } else {
                Vec::new()
            };
            // `offset` is ignored: every page is the first one.
            let limit = text("limit").parse().unwrap_or(100);
            xml(StatusCode::OK, results(source, hits.into_iter().take(limit), link))
        }
        _ => refuse(202, "No such function"),
    }
}

fn caps(source: &Source) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<caps><server title=\"{}\"/><limits default=\"100\" max=\"100\"/>\
         <searching><search available=\"yes\" supportedParams=\"q\"/><book-search available=\"yes\" supportedParams=\"q,author,title\"/></searching>\
         <categories><category id=\"3000\" name=\"Audio\"><subcat id=\"3030\" name=\"Audio/Audiobook\"/></category></categories>\
         <tags><tag name=\"freeleech\" description=\"Free\"/></tags></caps>",
        source.name
    )
}

fn results<'a>(source: &Source, rows: impl Iterator<Item = &'a Listed>, link: &dyn Fn(&Listed) -> String) -> String {
    let items: String = rows.map(|row| item(source, row, &escape(&link(row)))).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"1.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\" \
         xmlns:torznab=\"http://torznab.com/schemas/2015/feed\" xmlns:newznab=\"http://www.newznab.com/DTD/2010/feeds/attributes/\">\
         <channel><title>{}</title>{items}</channel></rss>",
        source.name
    )
}

fn item(source: &Source, row: &Listed, link: &str) -> String {
    let release = &row.release;
    let guid = guid_of(row, source.name);
    let published = chrono::Utc::now() - chrono::Duration::days(release.days_old);
    let size = row.torrent.total_bytes;
    let indexer = source.is_prowlarr.map(|id| {
        format!(
            "<prowlarrindexer id=\"{id}\" type=\"private\">{}</prowlarrindexer>",
            source.name
        )
    });
    let mut attributes = vec![
        ("category", "3030".to_owned()),
        ("category", "100047".to_owned()),
        ("seeders", release.seeders.to_string()),
        ("peers", (release.seeders + 1).to_string()),
        ("files", row.file_count.to_string()),
        (
            "downloadvolumefactor",
            if release.is_free { "0" } else { "1" }.to_owned(),
        ),
        ("uploadvolumefactor", "1".to_owned()),
    ];
    if source.is_prowlarr.is_none() {
        attributes.push(("infohash", row.torrent.info_hash.clone()));
        attributes.push(("author", release.authors.join(", ")));
        attributes.push(("booktitle", release.title.to_owned()));
        attributes.push(("minimumratio", "1".to_owned()));
        attributes.push(("minimumseedtime", "259200".to_owned()));
    }
    let attributes: String = attributes
        .iter()
        .map(|(name, value)| format!("<torznab:attr name=\"{name}\" value=\"{}\"/>", escape(value)))
        .collect();
    format!(
        "<item><title>{}</title><guid>{guid}</guid>{}<comments>{guid}</comments><pubDate>{}</pubDate><size>{size}</size>\
         <link>{link}</link><category>3030</category><enclosure url=\"{link}\" length=\"{size}\" type=\"application/x-bittorrent\"/>{attributes}</item>",
        escape(&release.flat_title()),
        indexer.unwrap_or_default(),
        published.format("%a, %d %b %Y %H:%M:%S +0000"),
    )
}

/// Text for XML; characters that XML forbids are dropped.
fn escape(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !c.is_control()).collect();
    kept.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

pub fn error(code: u16, description: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error code=\"{code}\" description=\"{description}\"/>")
}

fn xml(status: StatusCode, body: String) -> Response {
    (status, [("content-type", "application/rss+xml; charset=utf-8")], body).into_response()
}
