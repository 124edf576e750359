//! The one queue of a service that must not be hurried, and the store of its rotating secret.
//!
//! One request at a time over all processes (an advisory lock), spaced, counted against a day's budget, stopped when the
//! service says so. Rules: `rules.md` 9.1, `contracts/mam.md` "Pace".

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use clients::ClientError;
use clients::indexer::{RequestQueue, SessionStore, Turn};
use db::Connection;
use db::request_budgets::{self, RequestBudgetRow};
use secrecy::SecretString;
use tokio::sync::{Mutex, OwnedMutexGuard};
use types::IntegrationId;

use crate::Services;

/// The queue of one integration.
pub struct DatabaseQueue {
    services: Services,
    id: IntegrationId,
    service: &'static str,
    /// In front of the database's lock: of this process only one waits there, on one connection.
    local: Arc<Mutex<()>>,
}

/// Both locks; the database's is given back first.
struct HeldTurn {
    _shared: request_budgets::Turn,
    _local: OwnedMutexGuard<()>,
}

impl DatabaseQueue {
    /// The queue of integration `id`; `local` is shared by all queues of this integration in the process.
    pub(crate) fn new(services: Services, id: IntegrationId, service: &'static str, local: Arc<Mutex<()>>) -> Self {
        Self {
            services,
            id,
            service,
            local,
        }
    }

    /// Waits for the spacing and counts the request, with the turn held.
    async fn prepare_request(&self) -> Result<(), ClientError> {
        let mut conn = self
            .services
            .connection()
            .await
            .map_err(|error| self.paused(error.message))?;
        let newest = request_budgets::find_newest_budget(&mut conn, self.id)
            .await
            .map_err(|error| self.broken(&error))?;
        drop(conn);
        let now = self.services.now();
        if let Some(sentence) = newest
            .as_ref()
            .and_then(|row| stop_sentence(row, self.services.config().mam_daily_budget, now))
        {
            return Err(self.paused(sentence));
        }
        if let Some(wait) = newest
            .and_then(|row| row.last_request_at)
            .and_then(|last| self.time_to_wait(last, now))
        {
            tokio::time::sleep(wait).await;
        }
        // Counted before it is sent: a request that a crash interrupts may have reached the service.
        let mut conn = self
            .services
            .connection()
            .await
            .map_err(|error| self.paused(error.message))?;
        let counted = request_budgets::record_request(&mut conn, self.id, self.services.now()).await;
        counted.map_err(|error| self.broken(&error))?;
        Ok(())
    }

    /// Never longer than the spacing itself, should the machine's clock have been set back.
    fn time_to_wait(&self, last: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
        let spacing = Duration::from_millis(self.services.config().mam_spacing_ms);
        let passed = (now - last).to_std().unwrap_or_default();
        spacing.checked_sub(passed).filter(|wait| !wait.is_zero())
    }

    fn paused(&self, reason: String) -> ClientError {
        ClientError::Paused {
            service: self.service.into(),
            reason,
        }
    }

    /// Without its books the queue can't be kept, so nothing is sent.
    fn broken(&self, error: &db::DbError) -> ClientError {
        tracing::error!(integration.id = %self.id, "the request queue can't be read: {error}");
        self.paused("its request counter can't be read from the database. Nothing is sent until it can.".into())
    }
}

/// Why nothing may be sent now.
fn stop_sentence(row: &RequestBudgetRow, budget: u32, now: DateTime<Utc>) -> Option<String> {
    match (row.paused_until, &row.pause_sentence) {
        (Some(until), sentence) if until > now => {
            let reason = sentence.as_deref().unwrap_or("It asked for a pause.");
            return Some(format!("{reason} Requests go on at {}.", until.format("%H:%M:%S UTC")));
        }
        (None, Some(sentence)) => {
            return Some(format!(
                "{sentence} Requests wait until you press Test or edit the integration."
            ));
        }
        _ => {}
    }
    let is_used_up = row.day == now.date_naive() && i64::from(row.requests) >= i64::from(budget);
    is_used_up.then(|| format!("today's budget of {budget} requests is used up. It starts anew at 00:00 UTC."))
}

#[async_trait]
impl RequestQueue for DatabaseQueue {
    async fn wait_turn(&self) -> Result<Turn, ClientError> {
        let local = Arc::clone(&self.local).lock_owned().await;
        let shared = request_budgets::Turn::wait(self.services.pool(), self.id).await;
        let held = HeldTurn {
            _shared: shared.map_err(|error| self.broken(&error))?,
            _local: local,
        };
        self.prepare_request().await?;
        Ok(Box::new(SharedTurn(Mutex::new(held))))
    }

    async fn pause(&self, until: Option<DateTime<Utc>>, sentence: &str) -> anyhow::Result<()> {
        let mut conn = db::get(self.services.pool()).await?;
        request_budgets::pause_requests(&mut conn, self.id, until, sentence, self.services.now()).await?;
        db::events::notify(&mut conn, &types::events::LiveEvent::Integrations).await?;
        Ok(())
    }

    fn now(&self) -> DateTime<Utc> {
        self.services.now()
    }
}

/// A database connection is not `Sync`, which a `Turn` has to be.
struct SharedTurn(#[expect(dead_code, reason = "held until it is dropped")] Mutex<HeldTurn>);

/// Requests sent today, and why none may be sent now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueState {
    pub requests_today: u32,
    pub budget: u32,
    pub stopped: Option<String>,
}

/// The request counter that is on screen.
pub async fn read_queue_state(
    conn: &mut Connection,
    services: &Services,
    id: IntegrationId,
) -> crate::Result<QueueState> {
    let (now, budget) = (services.now(), services.config().mam_daily_budget);
    let Some(row) = request_budgets::find_newest_budget(conn, id).await? else {
        return Ok(QueueState {
            budget,
            ..QueueState::default()
        });
    };
    let requests_today = if row.day == now.date_naive() {
        u32::try_from(row.requests).unwrap_or(0)
    } else {
        0
    };
    Ok(QueueState {
        requests_today,
        budget,
        stopped: stop_sentence(&row, budget, now),
    })
}

/// The rotating session of an integration, encrypted in its row.
pub struct DatabaseSession {
    services: Services,
    id: IntegrationId,
    /// An edit meanwhile makes this older than the row; then nothing of it is stored.
    revision: i32,
}

impl DatabaseSession {
    pub(crate) fn new(services: Services, id: IntegrationId, revision: i32) -> Self {
        Self { services, id, revision }
    }
}

/// Where a session secret is bound to.
pub(crate) fn session_context(id: IntegrationId) -> String {
    format!("integrations/{id}/session")
}

#[async_trait]
impl SessionStore for DatabaseSession {
    async fn load(&self) -> anyhow::Result<Option<SecretString>> {
        let mut conn = db::get(self.services.pool()).await?;
        let row = db::integrations::find_integration(&mut conn, self.id).await?;
        let stored = row
            .filter(|row| row.revision == self.revision)
            .and_then(|row| row.session_secret);
        let opened = stored.map(|stored| self.services.secrets().open_text(&session_context(self.id), &stored));
        Ok(opened.transpose()?)
    }

    async fn save(&self, secret: &SecretString) -> anyhow::Result<()> {
        let sealed = self.services.secrets().seal_text(&session_context(self.id), secret);
        let mut conn = db::get(self.services.pool()).await?;
        // Its own statement, so it is committed when this returns.
        db::integrations::save_session_secret(&mut conn, self.id, self.revision, Some(&sealed)).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn row() -> RequestBudgetRow {
        let now = now();
        RequestBudgetRow {
            integration_id: uuid::Uuid::nil(),
            day: now.date_naive(),
            requests: 10,
            last_request_at: Some(now),
            paused_until: None,
            pause_sentence: None,
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800, 0).unwrap()
    }

    #[test]
    fn the_budget_is_for_one_day() {
        assert_eq!(stop_sentence(&row(), 11, now()), None);
        assert!(stop_sentence(&row(), 10, now()).is_some_and(|sentence| sentence.contains("used up")));
        assert_eq!(stop_sentence(&row(), 10, now() + TimeDelta::days(1)), None);
    }

    #[test]
    fn a_pause_with_a_time_ends_by_itself_and_one_without_does_not() {
        let timed = RequestBudgetRow {
            paused_until: Some(now() + TimeDelta::seconds(60)),
            ..row()
        };
        assert!(stop_sentence(&timed, 500, now()).is_some());
        assert_eq!(stop_sentence(&timed, 500, now() + TimeDelta::seconds(60)), None);
        let stopped = RequestBudgetRow {
            pause_sentence: Some("Refused.".into()),
            ..row()
        };
        assert!(stop_sentence(&stopped, 500, now() + TimeDelta::days(9)).is_some());
    }
}
