//! Brings the newest backup back into a database of its own, beside the real one, to know that it could be done.

use std::time::Duration;

use super::facts::find_backups;
use super::folder::FoundBackup;
use super::notes::note_found;
use super::restore::Backup;
use super::{BackupError, Manifest};
use crate::Services;

/// A backup that everything was brought back from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    pub name: String,
    pub size_bytes: u64,
    pub manifest: Manifest,
    pub took: Duration,
}

/// Brings the newest backup back into a scratch database, compares it, and drops that again; notes what was found.
///
/// One at a time for a database: scratch databases that are there already are what died before.
pub async fn prove_newest_backup(services: &Services) -> Result<Proven, BackupError> {
    let folder = &services.config().backup_dir;
    let newest = find_backups(folder.clone()).await?.into_iter().next();
    let newest = newest.ok_or_else(|| BackupError::NoneThere(folder.display().to_string()))?;
    let started = std::time::Instant::now();
    let found = prove(services, &newest).await;
    let note = match &found {
        Ok(_) => Some(Ok(services.now())),
        Err(error) if error.condemns_file() => Some(Err(error.to_string())),
        // It says nothing about the file: a missing right, program or key.
        Err(_) => None,
    };
    if let Some(note) = note {
        // One that came by another way has nothing yet that this could be noted on.
        note_found(services, std::slice::from_ref(&newest)).await?;
        let mut conn = services.connection().await?;
        let note = note.as_ref().map(|at| *at).map_err(String::as_str);
        db::backups::record_proof(&mut conn, &newest.name, note).await?;
    }
    Ok(Proven {
        name: newest.name,
        size_bytes: newest.size_bytes,
        manifest: found?,
        took: started.elapsed(),
    })
}

async fn prove(services: &Services, newest: &FoundBackup) -> Result<Manifest, BackupError> {
    let url = services.database_url();
    let left = db::dumps::drop_scratches(url).await?;
    if left > 0 {
        tracing::info!("removed {left} scratch databases of restore tests that were cut off");
    }
    let backup = Backup::open(services, &newest.path).await?;
    let id: uuid::Uuid = services.new_id();
    let id = id.simple().to_string();
    let scratch = db::dumps::create_scratch(url, &id).await?;
    let found = async {
        backup.check_target(&scratch).await?;
        backup.restore_into(services, &scratch).await
    };
    let found = found.await;
    let dropped = db::dumps::drop_scratch(url, &id).await;
    let manifest = found?;
    dropped?;
    Ok(manifest)
}

/// Removes the scratch database of a test that was given up.
pub async fn clear_given_up(services: &Services) -> Result<(), BackupError> {
    db::dumps::drop_scratches(services.database_url()).await?;
    Ok(())
}
