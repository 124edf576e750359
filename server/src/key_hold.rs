//! The hold on the encryption key, for as long as the process runs: also when the database was away meanwhile, and the
//! lock with it.

use std::time::Duration;

use anyhow::{Error, anyhow};
use db::sealed::{KeyLock, hold_key};
use services::Services;
use services::key_rotation::check_key;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Between two tries to take a lost lock again: short, so that nobody changes the key meanwhile.
const RETRY: Duration = Duration::from_millis(500);

/// Tells `rotate-key` that the key is in use.
pub struct KeyHold {
    keeping: JoinHandle<Error>,
}

impl KeyHold {
    /// Keeps the lock from here on.
    pub fn keep(lock: KeyLock, url: &str, services: &Services) -> Self {
        Self {
            keeping: tokio::spawn(keep(lock, url.to_owned(), services.clone())),
        }
    }

    /// Returns when the key was or is being changed. The process must then stop: it would seal with a key that is no more.
    pub async fn wait_for_loss(&mut self) -> Error {
        match (&mut self.keeping).await {
            Ok(reason) => reason,
            Err(error) => anyhow!(error).context("the encryption key is no longer held"),
        }
    }
}

impl Drop for KeyHold {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

async fn keep(mut lock: KeyLock, url: String, services: Services) -> Error {
    loop {
        lock.wait_for_loss().await;
        lock = match take_again(&url).await {
            Ok(lock) => lock,
            Err(reason) => return reason,
        };
        if let Err(reason) = check_again(&services).await {
            return reason;
        }
        tracing::info!("the database is back, and holds that the encryption key is in use");
    }
}

async fn take_again(url: &str) -> Result<KeyLock, Error> {
    loop {
        match hold_key(url).await {
            Ok(Some(lock)) => return Ok(lock),
            Ok(None) => {
                return Err(anyhow!(
                    "`mamcrawler rotate-key` changes the encryption key while the database came back. Start again when it has \
                     ended"
                ));
            }
            Err(_) => sleep(RETRY).await,
        }
    }
}

/// Whether the key was changed in the moment that nobody held it.
async fn check_again(services: &Services) -> Result<(), Error> {
    loop {
        match check_key(services).await {
            Ok(()) => return Ok(()),
            Err(error) if error.code.status() >= 500 => sleep(RETRY).await,
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use db::sealed::claim_key;
    use testing::TestDatabase;

    use super::*;
    use crate::web::test_state::TestState;

    /// Waits until the database knows of so many who hold the key or claim it.
    async fn wait_for_holds(database: &TestDatabase, expected: i64) {
        let counted = async { while database.count_advisory_locks().await != expected {} };
        let counted = tokio::time::timeout(Duration::from_secs(60), counted).await;
        counted.unwrap_or_else(|_| panic!("not {expected} hold the key"));
    }

    /// A lock that the database forgot, and the claim of somebody who came then.
    async fn lose_hold(database: &TestDatabase) -> (KeyLock, KeyLock) {
        let lost = hold_key(database.url()).await.unwrap().unwrap();
        database.end_who_hold_advisory_locks().await;
        wait_for_holds(database, 0).await;
        let claim = claim_key(database.url()).await.unwrap().expect("nobody holds it");
        (lost, claim)
    }

    #[tokio::test]
    async fn who_finds_the_key_being_changed_can_not_go_on() {
        let database = TestDatabase::new().await;
        let state = TestState::over(&database, |_| {});
        let (lost, _claim) = lose_hold(&database).await;
        let mut hold = KeyHold::keep(lost, database.url(), &state.app.services);
        let reason = hold.wait_for_loss().await.to_string();
        assert!(reason.contains("`mamcrawler rotate-key`"), "{reason}");
    }

    #[tokio::test]
    async fn who_finds_the_key_changed_can_not_go_on() {
        let database = TestDatabase::new().await;
        let state = TestState::over(&database, |_| {});
        check_key(&state.app.services).await.unwrap();
        let (lost, claim) = lose_hold(&database).await;
        // As it is after `rotate-key` with another key.
        let mut conn = database.connection().await;
        let foreign = serde_json::json!({ "sealed": "AAAA" });
        let now = state.app.services.now();
        db::settings::write_setting(&mut conn, "encryption_key_check", &foreign, None, now)
            .await
            .unwrap();
        drop(claim);
        wait_for_holds(&database, 0).await;
        let mut hold = KeyHold::keep(lost, database.url(), &state.app.services);
        let reason = hold.wait_for_loss().await.to_string();
        assert!(reason.contains("does not fit this database"), "{reason}");
    }

    #[tokio::test]
    async fn a_lost_hold_is_taken_again_under_the_same_key() {
        let database = TestDatabase::new().await;
        let state = TestState::over(&database, |_| {});
        check_key(&state.app.services).await.unwrap();
        let (lost, claim) = lose_hold(&database).await;
        drop(claim);
        wait_for_holds(&database, 0).await;
        let _hold = KeyHold::keep(lost, database.url(), &state.app.services);
        wait_for_holds(&database, 1).await;
    }
}
