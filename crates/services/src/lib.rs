//! The use cases: the one place that joins database, outside services and rules.
//!
//! Each is `async fn verb_noun(services, actor, thing, options) -> Result<T, ServiceError>`; it checks the actor's role,
//! validates, audits and enqueues. Server functions, JSON handlers and jobs call these and nothing below.

pub mod account;
pub mod actor;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod backups;
pub mod clock;
pub mod connect;
pub mod credentials;
pub mod dashboard;
pub mod downloads;
pub mod error;
pub mod events;
pub mod failures;
pub mod grab;
pub mod health;
pub mod idempotency;
pub mod identities;
pub mod integrations;
pub mod jobs;
pub mod key_rotation;
pub mod library;
pub mod oidc;
pub mod provision;
pub mod request_queue;
pub mod runs;
pub mod searches;
pub mod secrets;
pub mod seen;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod shown_once;
pub mod standing;
pub mod users;
pub mod wants;

mod breakers;
mod budget;
mod connected;
mod covers;
mod failover;
mod import;
mod integration_form;
mod kept;
mod latch;
mod library_sync;
mod login_guard;
mod ownership;
mod password;
mod paths;
mod search_judgement;
mod search_run;
mod tested_session;
mod text;
mod transition;
mod works;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use types::BasePath;
use uuid::Uuid;

pub use actor::{Actor, Credential, Origin, require, require_user};
pub use clock::{Clock, Random, SystemClock, SystemRandom};
pub use error::{FieldErrors, Result, ServiceError};
use secrets::SecretBox;

/// What the server reads from its environment for the use cases.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Which process this is, for people who run several: "worker on attic (process 71)".
    pub process: String,
    /// Holds the cover cache.
    pub data_dir: PathBuf,
    /// Program names or paths.
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
    /// Milliseconds between the starts of two requests to MyAnonamouse; 3,000 or more in production.
    pub mam_spacing_ms: u64,
    /// Requests to MyAnonamouse a day (UTC).
    pub mam_daily_budget: u32,
    /// Milliseconds between two looks at the torrent clients while something is on its way.
    pub poll_active_ms: u32,
    /// Days that an API key may last; 0 = it need not expire.
    pub max_api_key_days: u32,
    /// Where backups are kept. Made when it is needed.
    pub backup_dir: PathBuf,
    /// Directory with PostgreSQL's programs; looked at first.
    pub postgres_bin: Option<PathBuf>,
    /// Where our addresses begin on our host, for those that others lead to.
    pub base_path: BasePath,
}

impl ServiceConfig {
    /// The product's defaults around a data directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let data_dir: PathBuf = data_dir.into();
        Self {
            process: format!("process {}", std::process::id()),
            backup_dir: data_dir.join("backups"),
            postgres_bin: None,
            data_dir,
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
            mam_spacing_ms: 3_000,
            mam_daily_budget: 500,
            poll_active_ms: 15_000,
            max_api_key_days: 365,
            base_path: BasePath::ROOT,
        }
    }
}

/// The installation's own keys, kept by the server beside its data. Never printed or stored in the database.
#[derive(Clone)]
pub struct Keys {
    /// Seals the secrets of integrations.
    pub encryption: [u8; 32],
    /// Signs access tokens and derives refresh tokens.
    pub signing: [u8; 32],
    /// Signing keys of before, newest first: what they signed stays good.
    pub old_signing: Vec<[u8; 32]>,
    /// Encryption keys of before: they open what is not sealed anew yet.
    pub old_encryption: Vec<[u8; 32]>,
    /// Encrypts backups; `None` = they are not encrypted.
    pub backup: Option<[u8; 32]>,
}

impl Keys {
    /// The keys of an installation whose keys were never rotated.
    pub const fn new(encryption: [u8; 32], signing: [u8; 32]) -> Self {
        Self {
            encryption,
            signing,
            old_signing: Vec::new(),
            old_encryption: Vec::new(),
            backup: None,
        }
    }
}

/// Everything that use cases need; cheap to clone.
#[derive(Clone)]
pub struct Services {
    inner: Arc<Inner>,
}

struct Inner {
    /// Another one after each start.
    process_id: Uuid,
    pool: db::Pool,
    database_url: String,
    config: ServiceConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    secrets: SecretBox,
    backup_key: Option<backups::BackupKey>,
    credentials: credentials::Credentials,
    clients: connect::ClientCache,
    breakers: breakers::Breakers,
    events: events::Broadcast,
    cover_turns: covers::CoverTurns,
    oidc: oidc::ProviderCache,
    refusals: audit::RefusalGate,
    unchecked_guesses: login_guard::UncheckedGuesses,
    hashing: password::Hashing,
    disk_looks: health::DiskLooks,
}

impl Services {
    /// The use cases over one database.
    pub fn new(
        pool: db::Pool,
        database_url: &str,
        config: ServiceConfig,
        keys: &Keys,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let inner = Inner {
            process_id: clock::new_uuid(clock.as_ref(), random.as_ref()),
            pool,
            database_url: database_url.to_owned(),
            config,
            clock,
            secrets: SecretBox::new(&keys.encryption, &keys.old_encryption, Arc::clone(&random)),
            backup_key: keys.backup.as_ref().map(backups::BackupKey::new),
            credentials: credentials::Credentials::new(&keys.signing, &keys.old_signing),
            random,
            clients: connect::ClientCache::default(),
            breakers: breakers::Breakers::default(),
            events: events::Broadcast::default(),
            cover_turns: covers::CoverTurns::default(),
            oidc: oidc::ProviderCache::default(),
            refusals: audit::RefusalGate::default(),
            unchecked_guesses: login_guard::UncheckedGuesses::default(),
            hashing: password::Hashing::default(),
            disk_looks: health::DiskLooks::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A connection of the pool.
    pub async fn connection(&self) -> Result<db::PooledConnection> {
        Ok(db::get(&self.inner.pool).await?)
    }

    /// The pool, for the job worker.
    pub fn pool(&self) -> &db::Pool {
        &self.inner.pool
    }

    /// For parts that keep a connection of their own.
    pub fn database_url(&self) -> &str {
        &self.inner.database_url
    }

    /// What the server was started with.
    pub fn config(&self) -> &ServiceConfig {
        &self.inner.config
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    /// The clock itself, for parts that outlive a call.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.clock)
    }

    /// Randomness fit for secrets.
    pub fn random(&self) -> &dyn Random {
        self.inner.random.as_ref()
    }

    /// A new id; ids sort by the time they were made.
    pub fn new_id<T: From<Uuid>>(&self) -> T {
        clock::new_uuid(self.inner.clock.as_ref(), self.inner.random.as_ref()).into()
    }

    /// Seals and opens stored secrets.
    pub fn secrets(&self) -> &SecretBox {
        &self.inner.secrets
    }

    /// Seals and opens backups; `None` = they are not encrypted.
    pub(crate) fn backup_key(&self) -> Option<&backups::BackupKey> {
        self.inner.backup_key.as_ref()
    }
}
