//! A database may be there later than the server: both start at once, or it is being restarted.

use std::time::Duration;

use anyhow::{Result, bail};
use db::sealed::KeyLock;
use db::{DbError, DbResult};
use tokio::time::{Instant, sleep};

/// How long to try, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    total: Duration,
    first_pause: Duration,
    longest_pause: Duration,
}

impl Patience {
    /// Tries after half a second, then ever more rarely, down to each 5 s.
    pub fn of(total: Duration) -> Self {
        Self {
            total,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(5),
        }
    }
}

/// Brings the database up to date as soon as it can be reached. A failure of another kind is none to wait for.
pub async fn migrate_when_reached(url: &str, patience: Patience) -> Result<()> {
    wait_until_reached(patience, async || db::migrate(url).await.map(drop)).await
}

/// Holds the key of the database as soon as it can be reached, and leaves the database as it is; `None` = somebody
/// changes the key.
pub async fn hold_key_when_reached(url: &str, patience: Patience) -> Result<Option<KeyLock>> {
    wait_until_reached(patience, async || db::sealed::hold_key(url).await).await
}

async fn wait_until_reached<T>(patience: Patience, mut attempt: impl AsyncFnMut() -> DbResult<T>) -> Result<T> {
    let started = Instant::now();
    let mut pause = patience.first_pause;
    loop {
        let detail = match attempt().await {
            Err(DbError::Unreachable(detail)) => detail,
            ended => return Ok(ended?),
        };
        let left = patience.total.saturating_sub(started.elapsed());
        if left.is_zero() {
            bail!(
                "the database could not be reached for {} s: {detail}. See that PostgreSQL runs and that DATABASE_URL \
                 names it. MAMCRAWLER_DATABASE_WAIT_SECONDS says how long a start waits",
                patience.total.as_secs()
            );
        }
        let wait = pause.min(left);
        tracing::warn!(
            "the database can't be reached yet: {detail}; trying again in {:.1} s, for {} s more",
            wait.as_secs_f64(),
            left.as_secs()
        );
        sleep(wait).await;
        pause = (pause * 2).min(patience.longest_pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(total: Duration) -> Patience {
        Patience {
            total,
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(4),
        }
    }

    fn unreachable() -> DbResult<()> {
        Err(DbError::Unreachable("connection refused".into()))
    }

    #[tokio::test]
    async fn a_database_that_comes_late_is_waited_for() {
        let mut attempts = 0;
        let waited = wait_until_reached(patience(Duration::from_secs(60)), async || {
            attempts += 1;
            if attempts < 6 { unreachable() } else { Ok(()) }
        });
        waited.await.unwrap();
        assert_eq!(attempts, 6);
    }

    #[tokio::test]
    async fn the_wait_ends_with_what_was_wrong_and_what_to_do() {
        let mut attempts = 0;
        let waited = wait_until_reached(patience(Duration::from_secs(2)), async || {
            attempts += 1;
            unreachable()
        });
        let error = waited.await.unwrap_err().to_string();
        for words in ["connection refused", "DATABASE_URL", "MAMCRAWLER_DATABASE_WAIT_SECONDS"] {
            assert!(error.contains(words), "{error}");
        }
        assert!(attempts > 2, "{attempts} attempts");
    }

    #[tokio::test]
    async fn nothing_is_waited_for_that_waiting_does_not_cure() {
        for total in [0, 60] {
            let mut attempts = 0;
            let waited = wait_until_reached(patience(Duration::from_secs(total)), async || {
                attempts += 1;
                match total {
                    0 => unreachable(),
                    _ => Err(DbError::NewerDatabase("99990101000000".into())),
                }
            });
            assert!(waited.await.is_err());
            assert_eq!(attempts, 1, "{total} s");
        }
    }
}
