//! What other processes and people see of a process's breakers. Each tells the database of its own and shows those of all.
//! It is told in the background, so that no call waits for the database or fails with it, and at best: what could not be
//! told is logged, and a rest that nobody takes back ends by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use db::breaker_rests::BreakerRestRow;
use db::integrations::IntegrationRow;
use domain::health::judge_rests;
use types::IntegrationId;
use types::events::LiveEvent;
use types::health::BreakerRest;
use types::integrations::{Health, Integration, TestOutcome};

use crate::Services;
use crate::error::Result;

/// What a breaker found out about the service itself.
pub(super) enum News {
    /// It does not answer, in a sentence.
    Fails(String),
    Recovered,
}

/// What is still to be told, by integration. How a breaker stands is read when it is told, so the order does not matter.
#[derive(Default)]
pub(super) struct Untold(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    waiting: HashMap<IntegrationId, Option<News>>,
    is_being_told: bool,
}

impl Untold {
    /// Whether somebody has to begin to tell.
    fn add(&self, id: IntegrationId, news: Option<News>) -> bool {
        let mut queue = self.lock();
        let waiting = queue.waiting.entry(id).or_default();
        if news.is_some() {
            *waiting = news;
        }
        !std::mem::replace(&mut queue.is_being_told, true)
    }

    /// `None` = all is told.
    fn take(&self) -> Option<(IntegrationId, Option<News>)> {
        let mut queue = self.lock();
        let next = queue.waiting.keys().next().copied();
        queue.is_being_told = next.is_some();
        next.and_then(|id| queue.waiting.remove_entry(&id))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells how this process's breaker stands, and the news, soon.
pub(super) fn tell_soon(services: &Services, id: IntegrationId, news: Option<News>) {
    if !services.inner.breakers.untold.add(id, news) {
        return;
    }
    let services = services.clone();
    tokio::spawn(async move {
        while let Some((id, news)) = services.inner.breakers.untold.take() {
            if let Err(error) = tell(&services, id, news).await {
                tracing::warn!(integration.id = %id, "could not store how this process stands to an integration: {error}");
            }
        }
    });
}

async fn tell(services: &Services, id: IntegrationId, news: Option<News>) -> Result<()> {
    let mut conn = services.connection().await?;
    let is_news = news.is_some();
    match news {
        Some(News::Fails(sentence)) => {
            let outcome = TestOutcome {
                health: Health::Failing,
                sentence,
                facts: Vec::new(),
                version: None,
            };
            db::integrations::record_health(&mut conn, id, &outcome, services.now()).await?;
        }
        Some(News::Recovered) => {
            db::integrations::record_recovery(&mut conn, id, "It answers again.", services.now()).await?;
        }
        None => {}
    }
    let is_changed = match own_rest(services, id) {
        Some(rest) => {
            db::breaker_rests::save_rest(&mut conn, &rest).await?;
            true
        }
        None => db::breaker_rests::delete_rest(&mut conn, id, services.inner.process_id).await?,
    };
    if is_news || is_changed {
        crate::events::publish(&mut conn, &LiveEvent::Integrations).await?;
    }
    Ok(())
}

fn own_rest(services: &Services, id: IntegrationId) -> Option<BreakerRestRow> {
    let (revision, rest, reason) = services.inner.breakers.find_rest(id)?;
    Some(BreakerRestRow {
        integration_id: id.0,
        process_id: services.inner.process_id,
        process: services.config().process.clone(),
        revision,
        failures: i32::try_from(rest.failures).unwrap_or(i32::MAX),
        rests_until: rest.until,
        reason,
    })
}

/// What each process told, those of before included until their rests have ended.
pub(crate) async fn list_told(services: &Services, conn: &mut db::Connection) -> Result<Vec<BreakerRestRow>> {
    Ok(db::breaker_rests::list_rests(conn, services.now()).await?)
}

/// Who leaves this integration alone now. Of itself this process knows better than what it told.
pub(crate) fn find_rests(services: &Services, row: &IntegrationRow, told: &[BreakerRestRow]) -> Vec<BreakerRest> {
    let breakers = &services.inner.breakers;
    let own = breakers.view(row.id.into(), row.revision, services.now());
    let own = own.and_then(|view| {
        Some(BreakerRest {
            process: services.config().process.clone(),
            failures: view.failures?,
            asked_again_at: view.asked_again_at?,
            sentence: view.sentence.unwrap_or_default(),
        })
    });
    let others = told.iter().filter(|rest| {
        let is_of_row = rest.integration_id == row.id && rest.revision == row.revision;
        is_of_row && rest.process_id != services.inner.process_id
    });
    let others = others.map(|rest| BreakerRest {
        process: rest.process.clone(),
        failures: rest.failures.unsigned_abs(),
        asked_again_at: rest.rests_until,
        sentence: rest.reason.clone(),
    });
    own.into_iter().chain(others).collect()
}

/// An integration as those who look after it see it: who leaves it alone counts more than what was last found.
pub(crate) fn view_integration(
    services: &Services,
    row: &IntegrationRow,
    told: &[BreakerRestRow],
) -> Result<Integration> {
    let mut integration = row.view()?;
    // A refusal lasts longer than any rest, and says what to do.
    if row.is_enabled
        && !row.is_refused()
        && let Some((health, sentence)) = judge_rests(&find_rests(services, row, told))
    {
        (integration.health, integration.health_sentence) = (health, Some(sentence));
    }
    Ok(integration)
}
