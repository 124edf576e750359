//! Whether what the server stands on answers; for readiness checks, so nobody needs to be signed in.

use std::time::Duration;

use types::ErrorCode;

use crate::Services;
use crate::error::{Result, ServiceError};

/// An answer later than this is none.
const LIMIT: Duration = Duration::from_secs(2);

/// Asks the database for one value.
pub async fn check_database(services: &Services) -> Result<()> {
    let answer = tokio::time::timeout(LIMIT, async {
        let mut conn = services.connection().await?;
        Ok(db::ping(&mut conn).await?)
    });
    answer.await.unwrap_or_else(|_| {
        let sentence = format!(
            "The database did not answer within {} s. Check that it runs.",
            LIMIT.as_secs()
        );
        Err(ServiceError::new(ErrorCode::ServiceUnavailable, sentence))
    })
}
