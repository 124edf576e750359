//! Backups, which jobs make and test.

use types::backups::Backup;

use super::AppError;

/// Every backup in the backup folder, newest first.
pub async fn list_backups() -> Result<Vec<Backup>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::backups::list_backups(&services, &actor).await?)
}
