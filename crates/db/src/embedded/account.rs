//! As whom PostgreSQL runs: never as root.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Gid, Uid, User};

use super::EmbeddedError;

/// The user that owns the cluster's files and process.
#[derive(Debug, Clone)]
pub(super) struct Account {
    name: String,
    uid: Uid,
    gid: Gid,
    /// We are root and step down.
    is_switched: bool,
}

impl Account {
    /// Ourselves, or as root `postgres`, else `nobody`.
    pub(super) fn choose() -> Result<Self, EmbeddedError> {
        if !Uid::effective().is_root() {
            let uid = Uid::effective();
            return Ok(Self {
                name: uid.to_string(),
                uid,
                gid: Gid::effective(),
                is_switched: false,
            });
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Self {
                name: user.name,
                uid: user.uid,
                gid: user.gid,
                is_switched: true,
            })
            .ok_or(EmbeddedError::NoAccount)
    }

    /// A command with an empty environment that runs as this user, out of reach of a ^C for us.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", "/usr/bin:/bin")
            .process_group(0);
        if self.is_switched {
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
        command
    }

    /// Whether a directory of this owner may be used: ours, or this user's from before.
    pub(super) fn may_own(&self, owner: u32) -> bool {
        owner == self.uid.as_raw() || owner == Uid::effective().as_raw()
    }

    /// Gives a path to this user.
    pub(super) fn take(&self, path: &Path) -> std::io::Result<()> {
        if self.is_switched {
            std::os::unix::fs::chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))?;
        }
        Ok(())
    }

    /// Whether this user can walk to `path`: every directory above it must let them through.
    pub(super) fn check_way(&self, path: &Path) -> Result<(), EmbeddedError> {
        for directory in path
            .ancestors()
            .skip(1)
            .filter(|directory| !directory.as_os_str().is_empty())
        {
            let Ok(facts) = directory.metadata() else { continue };
            let needed = if facts.uid() == self.uid.as_raw() {
                0o100
            } else if facts.gid() == self.gid.as_raw() {
                0o010
            } else {
                0o001
            };
            if facts.mode() & needed == 0 {
                return Err(EmbeddedError::NotReachable {
                    user: self.name.clone(),
                    directory: directory.display().to_string(),
                });
            }
        }
        Ok(())
    }
}
