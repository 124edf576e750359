//! The audit log, for admins.

use types::audit::{AuditEntry, AuditFilter};
use types::{Page, PageRequest};

use super::AppError;

/// One page of lines, newest first.
pub async fn list_audit_entries(filter: AuditFilter, page: PageRequest) -> Result<Page<AuditEntry>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::audit::list_entries(&services, &actor, filter, page).await?)
}
