//! What health asks of backups: which could be restored, and whether another one can be made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use db::Connection;
use db::backups::BackupRow;
use db::dumps::{find_pg_dump, find_pg_restore};
use domain::health::{BackupFacts, Judgement, SoundBackup};
use tokio::sync::Semaphore;
use types::integrations::Health;

use super::BackupError;
use super::folder::{FoundBackup, list_found, refused};
use crate::Services;

/// A network file system that hangs answers never.
const LIMIT: Duration = Duration::from_secs(2);
/// So many looks that hang may hold a thread at once.
static LOOKS: Semaphore = Semaphore::const_new(4);

/// Compares what is noted with the files that are there.
pub(crate) async fn read_backup_facts(services: &Services, conn: &mut Connection) -> crate::Result<BackupFacts> {
    let notes = db::backups::list_backups(conn).await?;
    let folder = services.config().backup_dir.clone();
    let mut facts = BackupFacts {
        last_made: notes.first().map(|note| note.made_at),
        folder: folder.display().to_string(),
        ..BackupFacts::default()
    };
    match find_backups(folder).await {
        Ok(found) => facts.last_sound = find_last_sound(&notes, &found),
        Err(error) => facts.obstacle = Some(error.to_string()),
    }
    Ok(facts)
}

/// The backups in the folder, newest first, if it answers in time.
pub(super) async fn find_backups(folder: PathBuf) -> Result<Vec<FoundBackup>, BackupError> {
    let looked_at = folder.clone();
    look(move || list_found(&looked_at))
        .await
        .unwrap_or_else(|| Err(refused(&folder, std::io::Error::other("it does not answer"))))
}

/// Notes come newest first. One of another size than its note is cut off.
fn find_last_sound(notes: &[BackupRow], found: &[FoundBackup]) -> Option<SoundBackup> {
    let is_there = |note: &&BackupRow| {
        let mut files = found.iter();
        files.any(|file| file.name == note.name && file.size_bytes == note.size_bytes.unsigned_abs())
    };
    let mut sound = notes.iter().filter(|note| note.fault.is_none());
    let newest = sound.find(is_there)?;
    Some(SoundBackup {
        made_at: newest.made_at,
        is_encrypted: newest.is_encrypted,
    })
}

/// Whether there is a `pg_dump` for the server of this version ("15.8 (Debian 15.8-0+deb12u1)").
pub(crate) async fn judge_pg_dump(services: &Services, server_version: &str) -> Judgement {
    judge_program(services.config().postgres_bin.clone(), server_version).await
}

async fn judge_program(configured: Option<PathBuf>, server_version: &str) -> Judgement {
    let major = server_version
        .split(['.', ' '])
        .next()
        .and_then(|major| major.parse().ok());
    let Some(major) = major else {
        let sentence = format!("PostgreSQL says its version is \"{server_version}\", which nobody here understands.");
        return (Health::Unknown, sentence);
    };
    look(move || judge_pair(configured.as_deref(), major))
        .await
        .unwrap_or_else(|| {
            let sentence = "It does not answer. Run `pg_dump --version` to see why.";
            (Health::Warning, sentence.into())
        })
}

/// Of what use is a dump that nothing here brings back into the server that it is of?
fn judge_pair(configured: Option<&Path>, server: u32) -> Judgement {
    let warn = |impossible: &str, error| (Health::Warning, format!("{impossible} {}", BackupError::from(error)));
    let pg_dump = match find_pg_dump(configured, server) {
        Ok(found) => found,
        Err(error) => return warn("No backup can be made here.", error),
    };
    match find_pg_restore(configured, pg_dump.major, server) {
        Ok(_) => (
            Health::Ok,
            format!("{} is of PostgreSQL {}.", pg_dump.path.display(), pg_dump.major),
        ),
        Err(error) => warn("Backups are made here, but none can be restored.", error),
    }
}

/// What a look that may hang answers in time.
async fn look<T: Send + 'static>(at: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let looking = async {
        let turn = LOOKS.acquire().await.ok()?;
        let look = tokio::task::spawn_blocking(move || {
            let seen = at();
            // Held by the thread, however long nobody waits for it any more.
            drop(turn);
            seen
        });
        look.await.ok()
    };
    tokio::time::timeout(LIMIT, looking).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[tokio::test]
    async fn a_missing_pg_dump_is_a_warning_that_says_what_to_install() {
        let (health, sentence) = judge_program(None, "9000.1 (Debian 9000.1-1)").await;
        assert_eq!(health, Health::Warning);
        assert!(sentence.contains("postgresql-client-9000"), "{sentence}");
        let (health, sentence) = judge_program(None, "new").await;
        assert_eq!(
            (health, sentence.contains("\"new\"")),
            (Health::Unknown, true),
            "{sentence}"
        );
    }

    #[tokio::test]
    async fn dumps_that_no_pg_restore_here_can_bring_back_are_a_warning() {
        let programs = tempfile::tempdir().unwrap();
        let install = |name: &str| {
            let script = format!("#!/bin/sh\necho '{name} (PostgreSQL) 99.1'\n");
            testing::scripts::install_script(&programs.path().join(name), &script);
        };
        let judge = |server: &'static str| judge_program(Some(programs.path().to_owned()), server);
        install("pg_dump");
        let (health, sentence) = judge("99.1").await;
        assert_eq!(health, Health::Warning);
        assert!(sentence.contains("No pg_restore of PostgreSQL 99"), "{sentence}");
        install("pg_restore");
        assert_eq!(judge("99.1").await.0, Health::Ok);
        let (health, sentence) = judge("16.2").await;
        assert_eq!(health, Health::Warning);
        assert!(sentence.contains("can't write into PostgreSQL 16"), "{sentence}");
        assert!(sentence.contains("postgresql-client-16"), "{sentence}");
    }

    #[test]
    fn only_a_backup_that_is_there_whole_and_not_found_broken_is_sound() {
        let at = |hour: i64| DateTime::from_timestamp(1_795_348_800 + hour * 3600, 0).unwrap();
        let note = |hour: i64, fault: Option<&str>| BackupRow {
            name: hour.to_string(),
            made_at: at(hour),
            size_bytes: 5,
            is_encrypted: hour == 2,
            proven_at: None,
            fault: fault.map(str::to_owned),
        };
        let file = |hour: i64, size_bytes| FoundBackup {
            name: hour.to_string(),
            path: PathBuf::new(),
            made_at: at(hour),
            size_bytes,
        };
        let notes = [note(5, None), note(4, Some("is damaged")), note(3, None), note(2, None)];
        let sound = |found: &[FoundBackup]| find_last_sound(&notes, found);
        let told = |hour: i64, is_encrypted| {
            Some(SoundBackup {
                made_at: at(hour),
                is_encrypted,
            })
        };
        assert_eq!(sound(&[file(4, 5), file(3, 4), file(2, 5)]), told(2, true));
        assert_eq!(sound(&[file(3, 5), file(2, 5)]), told(3, false));
        assert_eq!(sound(&[file(6, 5), file(4, 5)]), None);
    }
}
