//! The member's account: what it says, what it buys, what it has snatched.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::state::{Sandbox, Secrets, Shared, lock, now_ms, store};

const GIB: f64 = 1_073_741_824.0;

/// The state of the one member; survives a restart.
#[derive(Clone, Serialize, Deserialize)]
pub struct Member {
    /// The only values of the session cookie that are accepted.
    pub session: String,
    pub previous_session: Option<String>,
    pub points: f64,
    pub wedges: u32,
    pub vip_until_ms: i64,
    pub uploaded_bytes: f64,
    pub downloaded_bytes: f64,
    /// Unsatisfied torrents besides those snatched here.
    pub unsatisfied_before: u32,
    pub unsatisfied_limit: u32,
    /// Keys of releases whose download was finished.
    pub snatched: BTreeSet<String>,
    pub personal_freeleech: BTreeSet<u64>,
    pub seedbox_set_ms: i64,
    /// Fields that a test set to see how the product copes; they win over the computed ones.
    pub overrides: BTreeMap<String, Value>,
    #[serde(skip)]
    pub in_flight: u32,
    #[serde(skip)]
    pub most_in_flight: u32,
}

impl Member {
    pub fn create(secrets: &Secrets) -> Self {
        Self {
            session: secrets.mam_id.clone(),
            previous_session: None,
            points: 48_211.0,
            wedges: 12,
            vip_until_ms: now_ms() + 61 * 86_400_000,
            uploaded_bytes: 1_320.0 * GIB,
            downloaded_bytes: 310.5 * GIB,
            unsatisfied_before: 3,
            unsatisfied_limit: 150,
            snatched: BTreeSet::new(),
            personal_freeleech: BTreeSet::new(),
            seedbox_set_ms: 0,
            overrides: BTreeMap::new(),
            in_flight: 0,
            most_in_flight: 0,
        }
    }

    /// Keeps it for the next start.
    pub fn save(&self, sandbox: &Sandbox) {
        if let Err(error) = store(&sandbox.dir.join("member.json"), self) {
            eprintln!("sandbox: the member's account could not be kept: {error:#}");
        }
    }

    pub fn unsatisfied(&self) -> u32 {
        self.unsatisfied_before + self.snatched.len() as u32
    }
}

pub async fn load_account(State(sandbox): State<Shared>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let (leeching, seeding) = {
        let swarms = lock(&sandbox.swarms);
        let (leeching, seeding) = swarms.of_member();
        (leeching.len(), seeding.len())
    };
    let member = lock(&sandbox.member).clone();
    let vip = chrono::DateTime::from_timestamp_millis(member.vip_until_ms).unwrap_or_default();
    let mut answer = json!({
        "uid": 204_918, "username": "sandbox_mouse", "classname": "VIP",
        "ratio": format!("{:.2}", member.uploaded_bytes / member.downloaded_bytes),
        "uploaded": format!("{:.3} TiB", member.uploaded_bytes / GIB / 1024.0),
        "downloaded": format!("{:.2} GiB", member.downloaded_bytes / GIB),
        "uploaded_bytes": member.uploaded_bytes, "downloaded_bytes": member.downloaded_bytes,
        "seedbonus": member.points, "wedges": member.wedges, "vip_until": vip.format("%Y-%m-%d %H:%M:%S").to_string(),
        "connectable": "online", "v6_connectable": null, "ipv6_mac": false, "partial": false, "recently_deleted": 0,
        "country_code": "xx", "country_name": "Sandbox", "created": now_ms() / 1_000, "update": now_ms() / 1_000,
    });
    if query.contains_key("snatch_summary") {
        add_buckets(&mut answer, &member, leeching, seeding);
    }
    if query.contains_key("notif") {
        answer["notifs"] =
            json!({ "pms": 0, "aboutToDropClient": 0, "tickets": 0, "waiting_tickets": 0, "requests": 0, "topics": 0 });
    }
    for (key, value) in member.overrides {
        answer[key] = value;
    }
    Json(answer).into_response()
}

fn add_buckets(answer: &mut Value, member: &Member, leeching: usize, seeding: usize) {
    const EMPTY: [(&str, &str); 7] = [
        ("sSat", "Seeding - Satisfied"),
        ("seedHnr", "Seeding - H&R"),
        ("inactHnr", "Not seeding - H&R"),
        ("inactSat", "Not seeding - Satisfied"),
        ("inactUnsat", "Not seeding - Unsatisfied"),
        ("upAct", "Uploads - Active"),
        ("upInact", "Uploads - Inactive"),
    ];
    let bucket = |name: &str, count: usize| json!({ "name": name, "count": count, "red": false, "size": null });
    answer["unsat"] = json!({ "name": "Unsatisfied", "count": member.unsatisfied(), "red": false, "size": 123, "limit": member.unsatisfied_limit });
    answer["leeching"] = bucket("Leeching", leeching);
    answer["seedUnsat"] = bucket("Seeding - Unsatisfied", seeding);
    for (key, name) in EMPTY {
        answer[key] = bucket(name, 0);
    }
    answer["duplicates"] = json!({ "name": "Duplicates", "count": 0, "red": true });
    answer["reseed"] = json!({ "count": 0, "inactive": 0, "red": false });
    answer["ite"] = json!({ "name": "Tracker errors", "count": 0, "latest": 0 });
}

/// Spends points or wedges, with the site's refusals.
pub async fn buy(State(sandbox): State<Shared>, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let mut member = lock(&sandbox.member);
    let bought = match text("spendtype") {
        "upload" => member.buy_upload(text("amount")),
        "VIP" if text("duration") == "max" => member.buy_vip(),
        "VIP" => Err("Invalid duration specified"),
        "wedges" => member.spend(50_000.0).map(|()| member.wedges += 1),
        "personalFL" => member.buy_freeleech(&sandbox, text("torrentid")),
        _ => Err("Unknown spend type"),
    };
    member.save(&sandbox);
    Json(match bought {
        Ok(()) => json!({ "success": true, "seedbonus": member.points, "wedges": member.wedges }),
        Err(error) => json!({ "success": false, "error": error }),
    })
}

type Bought = Result<(), &'static str>;

impl Member {
    fn spend(&mut self, points: f64) -> Bought {
        if self.points < points {
            return Err("Not enough bonus points");
        }
        self.points -= points;
        Ok(())
    }

    fn buy_upload(&mut self, amount: &str) -> Bought {
        let gib = if amount == "Max Affordable " {
            (self.points / 500.0).floor()
        } else {
            amount.parse().unwrap_or(0.0)
        };
        if gib < 50.0 || gib.fract() != 0.0 {
            return Err("Invalid amount specified");
        }
        self.spend(gib * 500.0)?;
        self.uploaded_bytes += gib * GIB;
        Ok(())
    }

    fn buy_vip(&mut self) -> Bought {
        let missing_days = 90.0 - (self.vip_until_ms - now_ms()) as f64 / 86_400_000.0;
        let weeks = (missing_days / 7.0).floor().min((self.points / 1_250.0).floor());
        if weeks < 1.0 {
            return Err("Min VIP is 1 week purchased for Automated methods");
        }
        self.spend(weeks * 1_250.0)?;
        self.vip_until_ms += weeks as i64 * 7 * 86_400_000;
        Ok(())
    }

    fn buy_freeleech(&mut self, sandbox: &Sandbox, id: &str) -> Bought {
        let row = id
            .parse()
            .ok()
            .and_then(|id| sandbox.catalogue.find_id(id))
            .ok_or("No such torrent")?;
        if row.release.is_vip {
            return Err("This Torrent is VIP");
        }
        if self.personal_freeleech.contains(&row.id) {
            return Err("This is already a personal freeleech");
        }
        self.wedges = self.wedges.checked_sub(1).ok_or("Not enough wedges")?;
        self.personal_freeleech.insert(row.id);
        Ok(())
    }
}

/// Once an hour at most.
pub async fn set_seedbox(State(sandbox): State<Shared>) -> Response {
    let mut member = lock(&sandbox.member);
    let body = |msg: &str| {
        Json(
            json!({ "Success": msg != "Last Change too recent", "msg": msg, "ip": "127.0.0.1", "ASN": 64_512, "AS": "Loopback" }),
        )
    };
    if now_ms() - member.seedbox_set_ms < 3_600_000 {
        return (StatusCode::TOO_MANY_REQUESTS, body("Last Change too recent")).into_response();
    }
    let msg = if member.seedbox_set_ms == 0 {
        "Completed"
    } else {
        "No Change"
    };
    member.seedbox_set_ms = now_ms();
    member.save(&sandbox);
    body(msg).into_response()
}
