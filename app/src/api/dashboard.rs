//! The first page.

use types::dashboard::Dashboard;

use super::AppError;

/// Everything on the first page.
pub async fn get_dashboard() -> Result<Dashboard, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::dashboard::get_dashboard(&services, &actor).await?)
}
