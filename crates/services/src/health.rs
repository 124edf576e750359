//! Whether what the server stands on answers, and how all of it stands.

mod disks;
mod facts;
mod readings;
mod report;

use std::time::Duration;

use db::SchemaState;
use types::ErrorCode;

pub(crate) use disks::DiskLooks;
pub use readings::{Readings, take_readings};
pub use report::get_health;

use crate::Services;
use crate::error::{Result, ServiceError};

/// An answer later than this is none.
const LIMIT: Duration = Duration::from_secs(2);

/// Whether work can be done: the database answers, and its schema has all that this program uses. A newer program may
/// have brought it further meanwhile, which takes nothing away (DEVELOPMENT.md, "Expand, then contract"). For readiness
/// checks, so nobody needs to be signed in.
pub async fn check_ready(services: &Services) -> Result<()> {
    match in_time(read_schema(services)).await? {
        SchemaState::Current(_) | SchemaState::Ahead(_) => Ok(()),
        SchemaState::Behind(missing) => Err(unavailable(format!(
            "The database lacks {missing} migrations. Run `mamcrawler migrate`, or restart the server."
        ))),
    }
}

/// How the schema stands to this program's.
pub async fn read_schema(services: &Services) -> Result<SchemaState> {
    let mut conn = services.connection().await?;
    Ok(db::read_schema_state(&mut conn).await?)
}

async fn in_time<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|_| {
        let seconds = LIMIT.as_secs();
        Err(unavailable(format!(
            "The database did not answer within {seconds} s. Check that it runs."
        )))
    })
}

fn unavailable(sentence: String) -> ServiceError {
    ServiceError::new(ErrorCode::ServiceUnavailable, sentence)
}
