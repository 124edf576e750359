//! The first page in one call.

use db::Connection;
use types::PageRequest;
use types::dashboard::{AccountView, Dashboard, ServiceHealth};
use types::downloads::{DownloadScope, DownloadSummary};
use types::integrations::{Health, Integration, IntegrationKind};
use types::jobs::{RunStatus, RunSummary};
use types::paging::MAX_LIMIT;
use types::people::Role;

use crate::Services;
use crate::account::view_account;
use crate::actor::{Actor, require};
use crate::error::Result;
use crate::failures::count_failures;
use crate::ownership::find_library_obstacle;
use crate::request_queue::{QueueState, read_queue_state};

/// Downloads in each of the three lists.
const DOWNLOADS: u32 = 8;
/// Newest books.
const ARRIVED: u32 = 12;
/// Ended runs, besides those that run now.
const ENDED_RUNS: usize = 6;

/// What runs, what waits and why, what came in.
pub async fn get_dashboard(services: &Services, actor: &Actor) -> Result<Dashboard> {
    require(actor, Role::Viewer)?;
    let mut conn = services.connection().await?;
    let integrations = list_enabled(&mut conn).await?;
    let mut alerts: Vec<String> = library_alert(&mut conn).await?.into_iter().collect();
    alerts.extend(integrations.iter().filter_map(failing_alert));
    let mut dashboard = Dashboard {
        counts: db::book_facets::count_library(&mut conn).await?,
        active: list_scope(&mut conn, DownloadScope::Active).await?,
        waiting: list_scope(&mut conn, DownloadScope::Waiting).await?,
        problems: list_scope(&mut conn, DownloadScope::Problems).await?,
        arrived: db::book_list::list_newest_books(&mut conn, ARRIVED).await?,
        runs: list_shown_runs(&mut conn).await?,
        services: integrations.iter().map(health_of).collect(),
        accounts: Vec::new(),
        failures: match require(actor, Role::Manager) {
            Ok(()) => Some(count_failures(services, &mut conn).await?),
            Err(_) => None,
        },
        alerts,
    };
    for integration in integrations
        .iter()
        .filter(|one| one.kind == IntegrationKind::Myanonamouse)
    {
        let snapshot = db::account_snapshots::find_newest_snapshot(&mut conn, integration.id).await?;
        let queue = read_queue_state(&mut conn, services, integration.id).await?;
        let account = snapshot.map(|row| view_account(integration, row, &queue, services.now()));
        dashboard
            .alerts
            .extend(account_alerts(integration, account.as_ref(), &queue));
        dashboard.accounts.extend(account);
    }
    Ok(dashboard)
}

async fn list_enabled(conn: &mut Connection) -> Result<Vec<Integration>> {
    let rows = db::integrations::list_integrations(conn).await?;
    let enabled = rows.iter().filter(|row| row.is_enabled);
    enabled.map(|row| Ok(row.view()?)).collect()
}

async fn list_scope(conn: &mut Connection, scope: DownloadScope) -> Result<Vec<DownloadSummary>> {
    let page = PageRequest {
        limit: Some(DOWNLOADS),
        cursor: None,
    };
    Ok(db::download_list::list_downloads(conn, scope, &page).await?.items)
}

/// What runs now, then what ended last. A run that found nothing to do is no news.
async fn list_shown_runs(conn: &mut Connection) -> Result<Vec<RunSummary>> {
    let mut shown = jobs::list_active_runs(conn, MAX_LIMIT).await?;
    shown.retain(|run| run.status == RunStatus::Running);
    let page = PageRequest {
        limit: Some(MAX_LIMIT),
        cursor: None,
    };
    let newest = jobs::list_runs(conn, None, &page).await?.items;
    let is_news = |run: &RunSummary| {
        !matches!(
            run.status,
            RunStatus::Queued | RunStatus::Running | RunStatus::NothingToDo
        )
    };
    shown.extend(newest.into_iter().filter(is_news).take(ENDED_RUNS));
    Ok(shown)
}

fn health_of(integration: &Integration) -> ServiceHealth {
    let unchecked = || "It was not checked yet.".to_owned();
    ServiceHealth {
        kind: integration.kind,
        name: integration.name.clone(),
        health: integration.health,
        sentence: integration.health_sentence.clone().unwrap_or_else(unchecked),
        checked_at: integration.checked_at,
        is_sandbox: integration.is_sandbox,
    }
}

async fn library_alert(conn: &mut Connection) -> Result<Option<String>> {
    let obstacle = find_library_obstacle(conn).await?;
    Ok(obstacle.map(|reason| {
        format!("Automatic grabbing is stopped: {reason} Until it is read, nobody can tell what is owned.")
    }))
}

fn failing_alert(integration: &Integration) -> Option<String> {
    let sentence = integration
        .health_sentence
        .as_deref()
        .unwrap_or("its last check failed. Test it under Integrations.");
    (integration.health == Health::Failing).then(|| format!("{}: {sentence}", integration.name))
}

fn account_alerts(integration: &Integration, account: Option<&AccountView>, queue: &QueueState) -> Vec<String> {
    let name = &integration.name;
    let stopped = queue
        .stopped
        .as_ref()
        .map(|reason| format!("{name} is paused: {reason}"));
    let unknown = match account {
        None => Some(format!(
            "The account at {name} was not read yet, so grabs from it wait."
        )),
        Some(account) if account.is_stale => Some(format!(
            "The account at {name} was last read on {}, more than 24 hours ago, so grabs from it wait.",
            account.taken_at.format("%Y-%m-%d at %H:%M UTC")
        )),
        Some(_) => None,
    };
    stopped.into_iter().chain(unknown).collect()
}
