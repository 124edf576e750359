//! Our own PostgreSQL: a supervisor of a system PostgreSQL with a data directory of our own.
//!
//! It listens on a unix socket in a 0700 directory only, never runs as root, keeps fsync on, survives kill -9 of either
//! side, and is adopted when it still runs from before.

mod account;
mod install;
mod layout;
mod process;

use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

use self::account::Account;
use self::layout::Layout;
use self::process::Supervisor;

pub(crate) use self::install::list_bin_dirs;

/// Crash recovery of a large database may take a while.
const START_WITHIN: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);

/// Where the cluster lives and how.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// Made when missing. Holds the cluster, its socket and its log.
    pub data_dir: PathBuf,
    /// Directory with `postgres` and `initdb`; found by itself when absent.
    pub bin_dir: Option<PathBuf>,
    /// PostgreSQL is stopped by the kernel when this process dies, however it dies: for tests.
    pub dies_with_parent: bool,
}

/// Why the embedded PostgreSQL does not run, as a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(
        "No PostgreSQL was found{0}. Install it (Debian, Ubuntu: `apt-get install postgresql`), \
         or set DATABASE_URL to a PostgreSQL 14 or newer."
    )]
    NotInstalled(String),
    #[error(
        "{data_dir} was written by PostgreSQL {stored}, but only PostgreSQL {installed} is installed. Install \
         postgresql-{stored}, or dump the database with the old version and restore it into an empty directory."
    )]
    OtherMajor {
        data_dir: String,
        stored: String,
        installed: String,
    },
    #[error(
        "The user \"{user}\", as whom PostgreSQL runs, may not enter {directory}. \
         Set MAMCRAWLER_DATA_DIR to a directory outside of it, or run `chmod o+x {directory}`."
    )]
    NotReachable { user: String, directory: String },
    #[error(
        "PostgreSQL never runs as root, and neither a user \"postgres\" nor \"nobody\" exists. \
         Make one with `useradd --system postgres`."
    )]
    NoAccount,
    #[error("{data_dir} holds files but no PostgreSQL cluster. Empty it, or choose another MAMCRAWLER_DATA_DIR.")]
    NotACluster { data_dir: String },
    #[error("{action} failed: {source}. Check that the disk is not full and the directory can be written.")]
    Io { action: String, source: std::io::Error },
    #[error("`initdb` failed: {0}")]
    Initdb(String),
    #[error("PostgreSQL did not start: {reason} Its log is {log}.")]
    Start { reason: String, log: String },
    #[error("PostgreSQL runs, but refused to make a database: {0}")]
    Database(String),
}

/// A running PostgreSQL. Stopped when dropped.
pub struct EmbeddedPostgres {
    layout: Layout,
    supervisor: Supervisor,
}

/// Whether a cluster was made in this data directory; nothing is made or started.
pub fn has_cluster(data_dir: &Path) -> bool {
    layout::cluster_of(data_dir).join("PG_VERSION").is_file()
}

/// The URL of a database in the one of this data directory, if some process runs it; nothing is made or started.
pub fn find_running(data_dir: &Path, database: &str) -> Option<String> {
    Some(url_at(&layout::find_socket_dir(data_dir)?, database))
}

fn url_at(socket_dir: &Path, database: &str) -> String {
    let path = socket_dir.to_string_lossy();
    let host = percent_encoding::utf8_percent_encode(&path, percent_encoding::NON_ALPHANUMERIC);
    format!("postgres://postgres@{host}/{database}")
}

impl EmbeddedPostgres {
    /// Makes the cluster when it is new, starts it or adopts the one that runs, and returns once it answers.
    pub async fn start(options: EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let account = Account::choose()?;
        let prepared = tokio::task::spawn_blocking(move || {
            let layout = Layout::new(&options.data_dir, &account)?;
            let programs = install::find_programs(options.bin_dir.as_deref(), &layout)?;
            layout.ensure_cluster(&programs, &account)?;
            let supervisor = Supervisor::launch(programs, layout.clone(), account, options.dies_with_parent);
            Ok::<_, EmbeddedError>((layout, supervisor))
        });
        let (layout, supervisor) = match prepared.await {
            Ok(result) => result?,
            Err(error) => {
                return Err(EmbeddedError::Start {
                    reason: format!("{error}."),
                    log: String::new(),
                });
            }
        };
        let postgres = Self { layout, supervisor };
        postgres.wait_until_ready().await?;
        Ok(postgres)
    }

    /// The URL of a database in it.
    pub fn url(&self, database: &str) -> String {
        url_at(&self.layout.socket_dir, database)
    }

    /// Makes the database when it is missing. The name may hold letters, digits and underscores.
    pub async fn ensure_database(&self, name: &str) -> Result<(), EmbeddedError> {
        let refused = |error: String| EmbeddedError::Database(error);
        let mut conn = AsyncPgConnection::establish(&self.url("postgres"))
            .await
            .map_err(|error| refused(error.to_string()))?;
        match conn.batch_execute(&format!("CREATE DATABASE \"{name}\"")).await {
            Err(error) if !error.to_string().contains("already exists") => Err(refused(error.to_string())),
            _ => Ok(()),
        }
    }

    /// Process id of the running postmaster; absent between a crash and the restart.
    pub fn process_id(&self) -> Option<i32> {
        self.supervisor.process_id()
    }

    /// Ends it in order: connections are closed, everything is on disk when this returns.
    pub async fn stop(mut self) {
        let stopping = tokio::task::spawn_blocking(move || self.supervisor.stop());
        if stopping.await.is_err() {
            tracing::error!("the thread that stops PostgreSQL panicked");
        }
    }

    /// Ends our hold: one that ran before us goes on for whoever started it, one of ours stops in order.
    pub async fn release(mut self) {
        let releasing = tokio::task::spawn_blocking(move || self.supervisor.release());
        if releasing.await.is_err() {
            tracing::error!("the thread that leaves PostgreSQL alone panicked");
        }
    }

    async fn wait_until_ready(&self) -> Result<(), EmbeddedError> {
        let deadline = tokio::time::Instant::now() + START_WITHIN;
        loop {
            let error = match AsyncPgConnection::establish(&self.url("postgres")).await {
                Ok(_) if self.process_id().is_some() => return Ok(()),
                // One that runs from before may answer sooner than it is adopted.
                Ok(_) => "it is not adopted yet".to_owned(),
                Err(error) => error.to_string(),
            };
            let log = self.layout.log.display().to_string();
            if let Some(reason) = self.supervisor.failure() {
                return Err(EmbeddedError::Start { reason, log });
            }
            if tokio::time::Instant::now() > deadline {
                return Err(EmbeddedError::Start {
                    reason: format!("no answer within 120 s ({error})."),
                    log,
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
