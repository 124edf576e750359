//! Finds the installed PostgreSQL that fits a cluster.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::EmbeddedError;
use super::layout::Layout;

const SYSTEM: &str = "/usr/lib/postgresql";
/// Looked through last; the environment's PATH may name anything.
const OTHER_PLACES: [&str; 4] = [
    "/usr/bin",
    "/usr/local/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/bin",
];

/// One installation.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    bin_dir: PathBuf,
    major: String,
}

impl Programs {
    pub(super) fn postgres(&self) -> PathBuf {
        self.bin_dir.join("postgres")
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.bin_dir.join("initdb")
    }
}

/// The configured installation, else the newest system one, that can read the cluster as it is.
pub(super) fn find_programs(configured: Option<&Path>, layout: &Layout) -> Result<Programs, EmbeddedError> {
    let installed = match configured {
        Some(bin_dir) => read_programs(bin_dir).into_iter().collect(),
        None => find_installed(),
    };
    let Some(newest) = installed.first() else {
        let place = configured
            .map(|path| format!(" in {}", path.display()))
            .unwrap_or_default();
        return Err(EmbeddedError::NotInstalled(place));
    };
    let Some(stored) = layout.stored_major() else {
        return Ok(newest.clone());
    };
    installed
        .iter()
        .find(|programs| programs.major == stored)
        .cloned()
        .ok_or_else(|| EmbeddedError::OtherMajor {
            data_dir: layout.cluster.display().to_string(),
            stored,
            installed: installed
                .iter()
                .map(|programs| programs.major.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })
}

/// Every directory in which PostgreSQL's programs may be.
pub(crate) fn list_bin_dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = system_bin_dirs().collect();
    dirs.extend(OTHER_PLACES.map(PathBuf::from));
    dirs
}

fn system_bin_dirs() -> impl Iterator<Item = PathBuf> {
    let versions = std::fs::read_dir(SYSTEM).into_iter().flatten().flatten();
    versions.map(|entry| entry.path().join("bin"))
}

/// Newest first.
fn find_installed() -> Vec<Programs> {
    let mut found: Vec<Programs> = system_bin_dirs()
        .filter_map(|bin_dir| read_programs(&bin_dir))
        .collect();
    found.sort_by_key(|programs| std::cmp::Reverse(programs.major.parse::<u32>().unwrap_or(0)));
    found.extend(OTHER_PLACES.iter().filter_map(|place| read_programs(Path::new(place))));
    found
}

fn read_programs(bin_dir: &Path) -> Option<Programs> {
    if !bin_dir.join("initdb").exists() {
        return None;
    }
    // "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
    let output = Command::new(bin_dir.join("postgres")).arg("--version").output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let major = line
        .split_whitespace()
        .nth(2)?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some(Programs {
        bin_dir: bin_dir.to_owned(),
        major,
    })
}
