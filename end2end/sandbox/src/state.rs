//! What every stand-in shares: ports, secrets, switched-on faults, and a journal of what was asked.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::audiobookshelf::Shelf;
use crate::catalogue::Catalogue;
use crate::myanonamouse::Member;
use crate::oidc::Provider;
use crate::swarm::UserClient;
use crate::tracker::Swarms;

/// Everything the stand-ins share. Handed to handlers as `Shared`.
pub struct Sandbox {
    pub dir: PathBuf,
    pub ports: Ports,
    pub secrets: Secrets,
    pub catalogue: Catalogue,
    pub faults: Arc<Faults>,
    pub journal: Journal,
    pub member: Mutex<Member>,
    pub swarms: Mutex<Swarms>,
    pub shelf: Mutex<Shelf>,
    pub user_client: tokio::sync::Mutex<UserClient>,
    pub sign_in_provider: Arc<Provider>,
}

/// A cheap handle on the one sandbox.
pub type Shared = Arc<Sandbox>;

/// Locks without caring whether another handler panicked: the sandbox goes on.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since 1970, as Audiobookshelf writes times.
pub fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// One port for each listener, all on the loopback. They are kept between runs: announce URLs hold the tracker's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ports {
    pub control: u16,
    pub myanonamouse: u16,
    pub prowlarr: u16,
    pub audiobookshelf: u16,
    pub tracker: u16,
    pub seeder_web: u16,
    pub seeder_peers: u16,
    pub client_web: u16,
    pub client_peers: u16,
}

impl Ports {
    /// Nine ports in a row from `base`, or nine that are free now.
    pub fn choose(base: Option<u16>) -> Result<Self> {
        let base = match base {
            Some(base) => base,
            None => find_free_block()?,
        };
        let port = |offset: u16| {
            base.checked_add(offset)
                .context("the port base leaves no room for nine ports")
        };
        Ok(Self {
            control: port(0)?,
            myanonamouse: port(1)?,
            prowlarr: port(2)?,
            audiobookshelf: port(3)?,
            tracker: port(4)?,
            seeder_web: port(5)?,
            seeder_peers: port(6)?,
            client_web: port(7)?,
            client_peers: port(8)?,
        })
    }
}

/// A free block below the ports that the system gives to outgoing connections: a client that is stopped and started
/// again must find its port free.
fn find_free_block() -> Result<u16> {
    const FIRST: u16 = 10_000;
    const BLOCK: u16 = 16;
    const BLOCKS: u16 = 1_000;
    for _ in 0..200 {
        let base = FIRST + BLOCK * rand::random_range(0..BLOCKS);
        let mut ports = base..base + BLOCK;
        if ports.all(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return Ok(base);
        }
    }
    anyhow::bail!("No nine free ports in a row were found. Name a --port-base.")
}

/// Made once for a state directory. None of them opens anything outside this machine.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    pub mam_id: String,
    pub member_passkey: String,
    pub uploader_passkey: String,
    pub prowlarr_api_key: String,
    pub torznab_api_key: String,
    pub abs_api_key: String,
    pub abs_password: String,
    pub client_username: String,
    pub client_password: String,
    /// The line qBittorrent keeps instead of the password.
    pub client_password_line: String,
}

impl Secrets {
    pub fn generate() -> Self {
        let client_password = random_hex(10);
        Self {
            mam_id: random_mam_id(),
            member_passkey: random_hex(16),
            uploader_passkey: random_hex(16),
            prowlarr_api_key: random_hex(16),
            torznab_api_key: random_hex(16),
            abs_api_key: format!("eyJhbGciOiJIUzI1NiJ9.{}.{}", random_hex(40), random_hex(21)),
            abs_password: random_hex(8),
            client_username: "reader".into(),
            client_password_line: crate::swarm::password_line(&client_password),
            client_password,
        }
    }
}

/// `bytes` random bytes as lower-case hex.
pub fn random_hex(bytes: usize) -> String {
    hex::encode((0..bytes).map(|_| rand::random::<u8>()).collect::<Vec<_>>())
}

/// A session value as the site makes it: long, with percent escapes that must not be re-encoded.
pub fn random_mam_id() -> String {
    format!("{}%2B{}%2F{}%3D", random_hex(50), random_hex(40), random_hex(12))
}

/// Reads a JSON state file, or makes and stores the first value.
pub fn load_or_create<T: Serialize + DeserializeOwned>(path: &Path, create: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Ok(bytes) = fs::read(path) {
        return serde_json::from_slice(&bytes)
            .with_context(|| format!("{} does not read; delete it to start afresh", path.display()));
    }
    let value = create()?;
    store(path, &value)?;
    Ok(value)
}

/// Writes a JSON state file so that a crash leaves the old or the new one.
pub fn store<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    replace_file(path, &serde_json::to_vec_pretty(value)?)
}

/// Replaces a file in one step.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("new");
    fs::write(&temporary, bytes).with_context(|| format!("writing {}", temporary.display()))?;
    fs::rename(&temporary, path).with_context(|| format!("replacing {}", path.display()))
}

/// The misbehaviour that was asked for, by "service/fault". `None` = until switched off.
#[derive(Default)]
pub struct Faults(Mutex<BTreeMap<String, Option<u32>>>);

/// Every fault there is; others are refused so that a typing error can't make a test pass.
pub const KNOWN_FAULTS: &[(&str, &[&str])] = &[
    (
        "mam",
        &[
            "html",
            "403",
            "406",
            "429",
            "500",
            "empty_error",
            "rotate_on_error",
            "slow",
            "down",
        ],
    ),
    ("torrent", &["html", "oversized", "malformed", "climbing_path", "404"]),
    (
        "prowlarr",
        &["indexer_down", "401", "429", "500", "empty", "html", "down"],
    ),
    ("torznab", &["error_100", "error_500", "html", "down"]),
    (
        "abs",
        &[
            "down",
            "401",
            "slow_scan",
            "never_scans",
            "late_items",
            "ignore_patch",
            "html",
            "backup_500",
            "backup_empty",
        ],
    ),
    ("tracker", &["failure", "no_peers", "down"]),
    ("client", &["down", "disk_full"]),
    (
        "oidc",
        &[
            "down",
            "html",
            "slow",
            "other_issuer",
            "trailing_slash",
            "slash_in_token",
            "weak_algorithms",
            "secret_in_body",
            "access_denied",
            "reused_code",
            "no_iss_parameter",
            "wrong_iss_parameter",
            "no_id_token",
            "alg_none",
            "hs256_secret",
            "hs256_public_key",
            "unknown_kid",
            "stolen_kid",
            "wrong_iss",
            "wrong_aud",
            "several_aud",
            "wrong_azp",
            "wrong_nonce",
            "no_nonce",
            "expired",
            "slightly_expired",
            "issued_later",
            "long_subject",
            "claims_in_userinfo",
            "userinfo_of_another",
            "verified_in_token",
            "endpoint_in_the_house",
        ],
    ),
];

impl Faults {
    /// Switches a fault on for `times` uses, on for good, or off.
    pub fn set(&self, service: &str, fault: &str, uses: Option<Option<u32>>) {
        let mut faults = lock(&self.0);
        let key = format!("{service}/{fault}");
        match uses {
            Some(uses) => faults.insert(key, uses),
            None => faults.remove(&key),
        };
    }

    /// Whether the fault applies now; uses up one time.
    pub fn take(&self, service: &str, fault: &str) -> bool {
        let mut faults = lock(&self.0);
        let key = format!("{service}/{fault}");
        let Some(uses) = faults.get_mut(&key) else { return false };
        if let Some(left) = uses {
            *left = left.saturating_sub(1);
            if *left == 0 {
                faults.remove(&key);
            }
        }
        true
    }

    pub fn list(&self) -> BTreeMap<String, Option<u32>> {
        lock(&self.0).clone()
    }

    pub fn clear(&self) {
        lock(&self.0).clear();
    }
}

/// What was asked of the stand-ins, without secrets.
#[derive(Default)]
pub struct Journal(Mutex<JournalInner>);

#[derive(Default)]
struct JournalInner {
    requests: VecDeque<serde_json::Value>,
    counters: BTreeMap<String, u64>,
}

const JOURNAL_LENGTH: usize = 3_000;

impl Journal {
    pub fn to_json(&self) -> serde_json::Value {
        let inner = lock(&self.0);
        json!({ "counters": inner.counters, "requests": inner.requests })
    }

    pub fn clear(&self) {
        *lock(&self.0) = JournalInner::default();
    }

    fn record(&self, counter: String, request: serde_json::Value) {
        let mut inner = lock(&self.0);
        *inner.counters.entry(counter).or_default() += 1;
        if inner.requests.len() == JOURNAL_LENGTH {
            inner.requests.pop_front();
        }
        inner.requests.push_back(request);
    }
}

/// Middleware: notes each request of one service in the journal.
pub async fn record_request(
    State((sandbox, service)): State<(Shared, &'static str)>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().to_string();
    let path = redact_path(&sandbox.secrets, request.uri().path());
    let query = redact_query(request.uri().query().unwrap_or_default());
    let agent = request
        .headers()
        .get("user-agent")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let (at, started) = (now_ms(), Instant::now());
    let response = next.run(request).await;
    let counter = format!("{service} {method} {}", generalise_path(&path));
    sandbox.journal.record(
        counter,
        json!({ "at": at, "service": service, "method": method, "path": path, "query": query, "agent": agent,
                "status": response.status().as_u16(), "duration_ms": started.elapsed().as_millis() as u64 }),
    );
    response
}

fn redact_path(secrets: &Secrets, path: &str) -> String {
    path.replace(&secrets.member_passkey, "{member}")
        .replace(&secrets.uploader_passkey, "{uploader}")
}

fn redact_query(query: &str) -> String {
    const SECRET: [&str; 6] = ["apikey", "passkey", "link", "token", "info_hash", "peer_id"];
    let kept = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if SECRET.contains(&name) => format!("{name}=…"),
        _ => pair.to_owned(),
    });
    kept.collect::<Vec<_>>().join("&")
}

/// Ids become `{}` so that counters count endpoints.
fn generalise_path(path: &str) -> String {
    let is_id = |part: &str| part.len() >= 20 || (!part.is_empty() && part.chars().all(|c| c.is_ascii_digit()));
    let parts = path.split('/').map(|part| if is_id(part) { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}
