//! Notes of backups that came into the folder otherwise than by being made here: copied, or made before a restore.

use db::backups::BackupRow;

use super::BackupError;
use super::folder::{FoundBackup, open_header};
use crate::Services;

/// Notes those that have none yet, as untested.
pub(super) async fn note_found(services: &Services, found: &[FoundBackup]) -> Result<(), BackupError> {
    let noted = db::backups::list_backups(&mut *services.connection().await?).await?;
    for backup in found {
        if noted.iter().any(|note| note.name == backup.name) {
            continue;
        }
        let header = open_header(&backup.path).await;
        let row = BackupRow {
            name: backup.name.clone(),
            made_at: backup.made_at,
            size_bytes: i64::try_from(backup.size_bytes).unwrap_or(i64::MAX),
            is_encrypted: header.is_some_and(|header| header.seal.is_some()),
            proven_at: None,
            fault: None,
        };
        db::backups::record_backup(&mut *services.connection().await?, &row).await?;
    }
    Ok(())
}
