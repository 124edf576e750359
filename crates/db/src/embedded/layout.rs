//! The directories of a cluster, and making a new one.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::EmbeddedError;
use super::account::Account;
use super::install::Programs;

/// `sockaddr_un` holds 108 bytes with the closing zero.
const SOCKET_PATH_MAX: usize = 107;
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// Start the log anew beyond this size.
const LOG_MAX_BYTES: u64 = 10 * 1024 * 1024;

/// Where things are.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) cluster: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) log: PathBuf,
}

impl Layout {
    /// Makes the directories, 0700 and owned by `account`.
    pub(super) fn new(data_dir: &Path, account: &Account) -> Result<Self, EmbeddedError> {
        let failed = |source| EmbeddedError::Io {
            action: format!("making {}", data_dir.display()),
            source,
        };
        fs::create_dir_all(data_dir).map_err(failed)?;
        let data_dir = data_dir.canonicalize().map_err(failed)?;
        account.check_way(&data_dir)?;
        let layout = Self {
            cluster: cluster_of(&data_dir),
            socket_dir: choose_socket_dir(&data_dir),
            log: data_dir.join("postgres.log"),
        };
        for directory in [&data_dir, &layout.socket_dir] {
            make_private_dir(directory, account).map_err(|source| EmbeddedError::Io {
                action: format!("making {}", directory.display()),
                source,
            })?;
        }
        if fs::metadata(&layout.log).is_ok_and(|facts| facts.len() > LOG_MAX_BYTES) {
            fs::remove_file(&layout.log).map_err(|source| EmbeddedError::Io {
                action: "starting a new log".into(),
                source,
            })?;
        }
        Ok(layout)
    }

    /// Major version that wrote the cluster; absent when there is none yet.
    pub(super) fn stored_major(&self) -> Option<String> {
        fs::read_to_string(self.cluster.join("PG_VERSION"))
            .ok()
            .map(|text| text.trim().to_owned())
    }

    /// Process id in the lock file, which may be stale.
    pub(super) fn recorded_process(&self) -> Option<i32> {
        fs::read_to_string(self.cluster.join("postmaster.pid"))
            .ok()?
            .lines()
            .next()?
            .trim()
            .parse()
            .ok()
    }

    /// Runs `initdb` when there is no cluster. It is made beside and renamed, so that a kill leaves no half of one.
    pub(super) fn ensure_cluster(&self, programs: &Programs, account: &Account) -> Result<(), EmbeddedError> {
        if self.stored_major().is_some() {
            return Ok(());
        }
        let has_files = fs::read_dir(&self.cluster).is_ok_and(|mut entries| entries.next().is_some());
        if has_files {
            return Err(EmbeddedError::NotACluster {
                data_dir: self.cluster.display().to_string(),
            });
        }
        let draft = self.cluster.with_file_name("cluster.new");
        let failed = |source| EmbeddedError::Io {
            action: format!("making {}", draft.display()),
            source,
        };
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(failed)?;
        }
        let output = account
            .command(&programs.initdb())
            .arg("--pgdata")
            .arg(&draft)
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--data-checksums",
            ])
            .current_dir("/")
            .output()
            .map_err(failed)?;
        if !output.status.success() {
            return Err(EmbeddedError::Initdb(
                String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            ));
        }
        // The 0700 directory of the socket is the gate, so nobody but that user and root gets here.
        fs::write(draft.join("pg_hba.conf"), "local all all trust\n").map_err(failed)?;
        fs::rename(&draft, &self.cluster).map_err(failed)
    }

    /// The last lines of the log, for an error sentence.
    pub(super) fn log_tail(&self) -> String {
        let text = fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        let mut lines: Vec<&str> = text.lines().rev().take(6).collect();
        lines.reverse();
        lines.join(" / ")
    }
}

/// Where the cluster of a data directory is.
pub(super) fn cluster_of(data_dir: &Path) -> PathBuf {
    data_dir.join("cluster")
}

fn make_private_dir(directory: &Path, account: &Account) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    // In /tmp the name may be somebody else's trap.
    let facts = fs::symlink_metadata(directory)?;
    if !facts.is_dir() || !account.may_own(facts.uid()) {
        return Err(std::io::Error::other("it belongs to somebody else"));
    }
    account.take(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
}

/// `run` within the data directory, or a short place named by its hash when that would be too long for a socket.
/// The socket's directory of a cluster that runs, as it seems; nothing is made.
pub(super) fn find_socket_dir(data_dir: &Path) -> Option<PathBuf> {
    let socket_dir = choose_socket_dir(&data_dir.canonicalize().ok()?);
    socket_dir.join(SOCKET_NAME).exists().then_some(socket_dir)
}

fn choose_socket_dir(data_dir: &Path) -> PathBuf {
    let own = data_dir.join("run");
    if own.join(SOCKET_NAME).as_os_str().len() <= SOCKET_PATH_MAX {
        return own;
    }
    let mut hasher = DefaultHasher::new();
    data_dir.hash(&mut hasher);
    PathBuf::from("/tmp").join(format!("mamcrawler-pg-{:016x}", hasher.finish()))
}
