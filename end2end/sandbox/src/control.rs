//! The sandbox's own door: faults, state, reset. Only tests and people who try things out use it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::myanonamouse::Member;
use crate::state::{Faults, KNOWN_FAULTS, Shared, lock};

pub fn router() -> Router<Shared> {
    Router::new()
        .route("/control/faults", get(list_faults).post(set_fault))
        .route("/control/state", get(get_state))
        .route("/control/reset", post(reset))
        .route("/control/account", post(change_account))
        .route("/control/catalogue", get(list_catalogue))
        .route("/control/scan", post(scan))
}

/// `{"service":"mam","fault":"429","times":2}` or `{"service":"abs","fault":"down","on":true}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultOrder {
    service: String,
    fault: String,
    times: Option<u32>,
    on: Option<bool>,
}

async fn list_faults(State(sandbox): State<Shared>) -> Json<Value> {
    let known: Map<String, Value> = KNOWN_FAULTS
        .iter()
        .map(|(service, faults)| ((*service).to_owned(), json!(faults)))
        .collect();
    Json(json!({ "known": known, "active": sandbox.faults.list() }))
}

async fn set_fault(State(sandbox): State<Shared>, Json(order): Json<FaultOrder>) -> Response {
    let is_on = match switch_fault(&sandbox.faults, &order) {
        Ok(is_on) => is_on,
        Err(sentence) => return (StatusCode::BAD_REQUEST, sentence).into_response(),
    };
    if order.service == "client"
        && let Err(error) = set_client_fault(&sandbox, &order.fault, is_on).await
    {
        sandbox.faults.set(&order.service, &order.fault, None);
        return (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response();
    }
    Json(json!({ "active": sandbox.faults.list() })).into_response()
}

/// Switches a fault that there is, and says whether it is on now.
pub fn switch_fault(faults: &Faults, order: &FaultOrder) -> Result<bool, String> {
    let is_known = KNOWN_FAULTS
        .iter()
        .any(|(service, faults)| *service == order.service && faults.contains(&order.fault.as_str()));
    if !is_known {
        return Err(format!(
            "There is no fault {}/{}; see GET /control/faults.",
            order.service, order.fault
        ));
    }
    let uses = match (order.on, order.times) {
        (Some(false), _) | (_, Some(0)) => None,
        (_, Some(times)) => Some(Some(times)),
        _ => Some(None),
    };
    faults.set(&order.service, &order.fault, uses);
    Ok(uses.is_some())
}

async fn set_client_fault(sandbox: &Shared, fault: &str, is_on: bool) -> anyhow::Result<()> {
    let mut client = sandbox.user_client.lock().await;
    match fault {
        "down" => client.switch(!is_on).await,
        _ => client.limit_disk(is_on).await,
    }
}

async fn get_state(State(sandbox): State<Shared>) -> Json<Value> {
    let is_client_up = sandbox.user_client.lock().await.running.is_some();
    let member = lock(&sandbox.member).clone();
    let shelf = {
        let shelf = lock(&sandbox.shelf);
        let missing = shelf.items.iter().filter(|item| item.is_missing).count();
        let scanned: Vec<_> = shelf.items.iter().filter(|item| item.is_scanned).map(|item| json!({ "id": item.id, "rel_path": item.rel_path, "title": item.metadata.title, "is_missing": item.is_missing })).collect();
        json!({ "items": shelf.items.len(), "missing": missing, "scanned": scanned, "is_scanning": shelf.task.is_some(), "last_scan": shelf.last_scan })
    };
    Json(json!({
        "journal": sandbox.journal.to_json(),
        "faults": sandbox.faults.list(),
        "member": { "snatched": member.snatched, "unsatisfied": member.unsatisfied(), "points": member.points, "wedges": member.wedges,
            "most_in_flight": member.most_in_flight },
        "swarms": lock(&sandbox.swarms).to_json(),
        "client": { "is_up": is_client_up },
        "audiobookshelf": shelf,
    }))
}

/// What the catalogue holds, with the hashes that tests look for.
async fn list_catalogue(State(sandbox): State<Shared>) -> Json<Value> {
    let rows = sandbox.catalogue.rows.iter().map(|row| {
        let release = &row.release;
        json!({ "id": row.id, "key": release.key, "title": release.title, "authors": release.authors, "narrators": release.narrators,
            "listings": release.listings.iter().map(|listing| format!("{listing:?}")).collect::<Vec<_>>(), "info_hash": row.torrent.info_hash,
            "info_hash_v2": row.torrent.info_hash_v2, "total_bytes": row.torrent.total_bytes, "seconds": row.seconds, "is_seeded": !release.is_unseeded,
            "payload": crate::audio::payload_path(&sandbox.dir.join("seeds"), release) })
    });
    Json(rows.collect())
}

/// Fields that the account call answers from now on, such as `{"unsat":{"count":149,"limit":150}}`; null takes one back.
async fn change_account(State(sandbox): State<Shared>, Json(fields): Json<Map<String, Value>>) -> Json<Value> {
    let mut member = lock(&sandbox.member);
    for (key, value) in fields {
        if value.is_null() {
            member.overrides.remove(&key);
        } else {
            member.overrides.insert(key, value);
        }
    }
    member.save(&sandbox);
    Json(json!(member.overrides))
}

async fn scan(State(sandbox): State<Shared>) -> &'static str {
    crate::audiobookshelf::scan_library(&sandbox);
    "OK"
}

/// Back to the first day: faults off, journal empty, the session and the account as generated, the client up. Files stay.
async fn reset(State(sandbox): State<Shared>) -> Response {
    {
        let mut client = sandbox.user_client.lock().await;
        let lifted = if sandbox.faults.list().contains_key("client/disk_full") {
            client.limit_disk(false).await
        } else {
            Ok(())
        };
        if let Err(error) = lifted.and(client.switch(true).await) {
            return (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response();
        }
    }
    sandbox.faults.clear();
    sandbox.journal.clear();
    let mut member = lock(&sandbox.member);
    *member = Member::create(&sandbox.secrets);
    member.save(&sandbox);
    drop(member);
    crate::provision::write_provision(&sandbox);
    Json(json!({ "mam_id": sandbox.secrets.mam_id })).into_response()
}
