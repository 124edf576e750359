//! The backups as admins see them: the files of the folder, with what is noted about them.

use db::backups::BackupRow;
use types::backups::{Backup, BackupState};
use types::people::Role;

use super::facts::find_backups;
use super::folder::FoundBackup;
use crate::Services;
use crate::actor::{Actor, require};
use crate::error::{Result, ServiceError};

/// Every backup that is in the folder or noted, newest first.
pub async fn list_backups(services: &Services, actor: &Actor) -> Result<Vec<Backup>> {
    require(actor, Role::Admin)?;
    let notes = db::backups::list_backups(&mut *services.connection().await?).await?;
    let found = find_backups(services.config().backup_dir.clone())
        .await
        .map_err(|error| ServiceError::conflict(error.to_string()))?;
    let gone = notes
        .iter()
        .filter(|note| !found.iter().any(|file| file.name == note.name));
    let gone: Vec<Backup> = gone.map(tell_gone).collect();
    let mut backups: Vec<Backup> = found
        .iter()
        .map(|file| tell_found(file, notes.iter().find(|note| note.name == file.name)))
        .chain(gone)
        .collect();
    backups.sort_by_key(|backup| std::cmp::Reverse(backup.made_at));
    Ok(backups)
}

fn tell_found(file: &FoundBackup, note: Option<&BackupRow>) -> Backup {
    Backup {
        name: file.name.clone(),
        made_at: file.made_at,
        size_bytes: file.size_bytes,
        is_encrypted: note.map(|note| note.is_encrypted),
        state: match note {
            Some(note) if note.fault.is_some() => BackupState::Broken,
            Some(note) if note.proven_at.is_some() => BackupState::Restored,
            _ => BackupState::Untested,
        },
        proven_at: note.and_then(|note| note.proven_at),
        fault: note.and_then(|note| note.fault.clone()),
    }
}

fn tell_gone(note: &BackupRow) -> Backup {
    Backup {
        name: note.name.clone(),
        made_at: note.made_at,
        size_bytes: note.size_bytes.unsigned_abs(),
        is_encrypted: Some(note.is_encrypted),
        state: BackupState::Gone,
        proven_at: note.proven_at,
        fault: note.fault.clone(),
    }
}
