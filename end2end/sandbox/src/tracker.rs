//! A BitTorrent tracker over HTTP (BEP 3 and 23), private: it knows its members by their passkey.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::state::{Shared, lock};
use crate::torrents::Bencode;

const INTERVAL: i64 = 60;
const FORGET_AFTER: Duration = Duration::from_secs(300);

/// Who is in the swarm of each info-hash.
#[derive(Default)]
pub struct Swarms(BTreeMap<String, BTreeMap<Vec<u8>, Peer>>);

struct Peer {
    address: SocketAddr,
    is_complete: bool,
    is_member: bool,
    seen: Instant,
}

impl Swarms {
    /// (seeders, leechers) now.
    pub fn count(&self, info_hash: &str) -> (u32, u32) {
        let peers = self
            .0
            .get(info_hash)
            .map(|peers| peers.values().collect::<Vec<_>>())
            .unwrap_or_default();
        let complete = peers.iter().filter(|peer| peer.is_complete).count() as u32;
        (complete, peers.len() as u32 - complete)
    }

    /// Info-hashes that the member downloads, and those that he seeds.
    pub fn of_member(&self) -> (BTreeSet<&str>, BTreeSet<&str>) {
        let of = |complete: bool| {
            let holds =
                move |peers: &BTreeMap<Vec<u8>, Peer>| peers.values().any(|p| p.is_member && p.is_complete == complete);
            self.0
                .iter()
                .filter(|(_, peers)| holds(peers))
                .map(|(hash, _)| hash.as_str())
                .collect()
        };
        (of(false), of(true))
    }

    pub fn to_json(&self) -> serde_json::Value {
        let swarms = self.0.iter().map(|(hash, peers)| {
            let (seeders, leechers) = self.count(hash);
            let member = peers.values().find(|peer| peer.is_member);
            let state = member.map(|peer| if peer.is_complete { "seeding" } else { "leeching" });
            (
                hash.clone(),
                json!({ "seeders": seeders, "leechers": leechers, "member": state }),
            )
        });
        serde_json::Value::Object(swarms.collect())
    }
}

pub fn router() -> Router<Shared> {
    Router::new()
        .route("/{passkey}/announce", get(announce))
        .route("/{passkey}/scrape", get(scrape))
}

async fn announce(
    State(sandbox): State<Shared>,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    Path(passkey): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    if sandbox.faults.take("tracker", "down") {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let is_member = passkey == sandbox.secrets.member_passkey;
    if !is_member && passkey != sandbox.secrets.uploader_passkey {
        return fail("Unrecognized host/passkey");
    }
    if is_member && sandbox.faults.take("tracker", "failure") {
        return fail("Torrent not registered with this tracker");
    }
    match join_swarm(&sandbox, remote, is_member, &parse_query(&query.unwrap_or_default())) {
        Some(body) => answer(body),
        None => fail("port and left are needed"),
    }
}

/// Notes the peer and tells it of the others; `None` for a request that is not one.
fn join_swarm(
    sandbox: &Shared,
    remote: SocketAddr,
    is_member: bool,
    query: &BTreeMap<String, Vec<u8>>,
) -> Option<Bencode> {
    let bytes = |name: &str| query.get(name).cloned().unwrap_or_default();
    let text = |name: &str| String::from_utf8_lossy(&bytes(name)).into_owned();
    let (port, left) = (text("port").parse::<u16>().ok()?, text("left").parse::<u64>().ok()?);
    let (info_hash, event) = (hex::encode(bytes("info_hash")), text("event"));
    if is_member && event == "completed" {
        note_snatch(sandbox, &info_hash);
    }
    let peer = Peer {
        address: SocketAddr::new(remote.ip(), port),
        is_complete: left == 0,
        is_member,
        seen: Instant::now(),
    };
    let is_alone = is_member && sandbox.faults.take("tracker", "no_peers");
    let mut swarms = lock(&sandbox.swarms);
    let peers = swarms.0.entry(info_hash.clone()).or_default();
    peers.retain(|_, peer| peer.seen.elapsed() < FORGET_AFTER);
    if event == "stopped" {
        peers.remove(&bytes("peer_id"));
    } else {
        peers.insert(bytes("peer_id"), peer);
    }
    let others = peers.values().filter(|other| !is_alone && other.address.port() != port);
    let compact = others.flat_map(|peer| compact_address(peer.address)).collect();
    let (complete, incomplete) = swarms.count(&info_hash);
    Some(Bencode::dict([
        ("complete", Bencode::Int(complete.into())),
        ("incomplete", Bencode::Int(incomplete.into())),
        ("interval", Bencode::Int(INTERVAL)),
        ("min interval", Bencode::Int(10)),
        ("peers", Bencode::Bytes(compact)),
    ]))
}

async fn scrape(State(sandbox): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = parse_query(&query.unwrap_or_default());
    let hash = query.get("info_hash").cloned().unwrap_or_default();
    let (complete, incomplete) = lock(&sandbox.swarms).count(&hex::encode(&hash));
    let figures = Bencode::dict([
        ("complete", Bencode::Int(complete.into())),
        ("downloaded", Bencode::Int(0)),
        ("incomplete", Bencode::Int(incomplete.into())),
    ]);
    answer(Bencode::dict([("files", Bencode::Dict([(hash, figures)].into()))]))
}

/// A finished download counts as a snatch, which has to be seeded.
fn note_snatch(sandbox: &Shared, info_hash: &str) {
    let row = sandbox.catalogue.find_hash(info_hash);
    let Some(key) = row.map(|row| row.release.key) else {
        return;
    };
    let mut member = lock(&sandbox.member);
    member.snatched.insert(key.to_owned());
    member.save(sandbox);
}

fn compact_address(address: SocketAddr) -> Vec<u8> {
    match address.ip() {
        IpAddr::V4(ip) => [ip.octets().as_slice(), &address.port().to_be_bytes()].concat(),
        IpAddr::V6(_) => Vec::new(),
    }
}

/// Values are bytes: an info-hash is not text.
fn parse_query(query: &str) -> BTreeMap<String, Vec<u8>> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), percent_decode_str(value).collect()))
        .collect()
}

fn answer(body: Bencode) -> Response {
    ([("content-type", "text/plain")], body.encode()).into_response()
}

fn fail(reason: &str) -> Response {
    answer(Bencode::dict([("failure reason", Bencode::text(reason))]))
}
