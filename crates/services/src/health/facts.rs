//! What checks and metrics both look at.

use db::Connection;
use db::integrations::IntegrationRow;
use domain::health::find_late_from;
use jobs::{JobFigures, QueueFigures};
use types::health::{IntegrationHealth, JobHealth, QueueHealth};
use types::integrations::{Integration, IntegrationKind};

use crate::Services;
use crate::breakers::{find_rests, list_told};
use crate::error::Result;
use crate::request_queue::read_queue_state;

/// Every enabled integration by its last authenticated call.
pub(super) async fn read_integrations(
    services: &Services,
    conn: &mut Connection,
) -> Result<(Vec<Integration>, Vec<IntegrationHealth>)> {
    let (mut integrations, mut all) = (Vec::new(), Vec::new());
    let told = list_told(services, conn).await?;
    for row in db::integrations::list_integrations(conn).await? {
        if !row.is_enabled {
            continue;
        }
        let integration = row.view()?;
        all.push(IntegrationHealth {
            kind: integration.kind,
            name: integration.name.clone(),
            health: integration.health,
            sentence: integration.health_sentence.clone(),
            checked_at: integration.checked_at,
            stopped: find_stop(services, conn, (&row, &integration)).await?,
            breaker: services
                .inner
                .breakers
                .view(integration.id, row.revision, services.now()),
            left_alone_by: find_rests(services, &row, &told),
            version: integration.version.clone(),
        });
        integrations.push(integration);
    }
    Ok((integrations, all))
}

/// Why nothing is sent to it: a refused login is not tried again, and a queue that was stopped waits.
async fn find_stop(
    services: &Services,
    conn: &mut Connection,
    (row, integration): (&IntegrationRow, &Integration),
) -> Result<Option<String>> {
    if row.is_refused() {
        let said = integration.health_sentence.clone();
        return Ok(Some(said.unwrap_or_else(|| "it refused the credentials.".into())));
    }
    if integration.kind != IntegrationKind::Myanonamouse {
        return Ok(None);
    }
    Ok(read_queue_state(conn, services, integration.id).await?.stopped)
}

/// The queue by kind, with how long the oldest that is due waits.
pub(super) async fn read_queue(services: &Services, conn: &mut Connection) -> Result<Vec<QueueHealth>> {
    let now = services.now();
    let figures = jobs::read_queue(conn, now).await?;
    let view = |one: QueueFigures| QueueHealth {
        kind: one.kind,
        running: one.running,
        queued: one.queued,
        due: one.due,
        lag_seconds: one
            .due_since
            .map(|since| (now - since).num_seconds().max(0).unsigned_abs()),
    };
    Ok(figures.into_iter().map(view).collect())
}

/// The jobs that start by themselves.
pub(super) async fn read_jobs(services: &Services, conn: &mut Connection) -> Result<Vec<JobHealth>> {
    let figures = jobs::read_jobs(conn, services.now()).await?;
    let view = |one: JobFigures| {
        let (last_status, last_sentence) = one.last_end.unzip();
        JobHealth {
            kind: one.kind,
            is_enabled: one.is_enabled,
            longest_pause_seconds: one.longest_pause.map(|pause| pause.as_secs()),
            late_from: one
                .longest_pause
                .filter(|_| one.is_enabled)
                .and_then(|pause| find_late_from(pause, one.last_success_at, one.scheduled_since)),
            next_at: one.next_at,
            last_success_at: one.last_success_at,
            last_status,
            last_sentence,
        }
    };
    Ok(figures.into_iter().map(view).collect())
}
