//! What jobs could not do, as people see it, retry it and put it aside.

use db::Connection;
use diesel_async::AsyncConnection;
use jobs::FailureRow;
use serde_json::json;
use types::jobs::{FailedItem, FailedItemKind, Failure, JobKind};
use types::people::Role;
use types::{DownloadId, FailureId, Page, PageRequest, RunId};

use crate::Services;
use crate::actor::{Actor, require};
use crate::audit::record_action;
use crate::error::{Result, ServiceError};
use crate::jobs::{OURS, enqueue_next};
use crate::runs::queue_by_hand;

/// Failures that nobody dismissed, or that happened again and were dismissed more than an hour ago; newest first.
pub async fn list_failures(
    services: &Services,
    actor: &Actor,
    kind: Option<JobKind>,
    page: PageRequest,
) -> Result<Page<Failure>> {
    require(actor, Role::Manager)?;
    let mut conn = services.connection().await?;
    let rows = jobs::list_failures(&mut conn, kind, &page, services.now()).await?;
    let rows = rows.ok_or(db::DbError::BadCursor)?;
    Ok(Page {
        items: view_failures(&mut conn, rows.items).await?,
        next_cursor: rows.next_cursor,
        total: rows.total,
    })
}

/// How many there are.
pub(crate) async fn count_failures(services: &Services, conn: &mut Connection) -> Result<u64> {
    Ok(jobs::count_failures(conn, None, services.now()).await?)
}

async fn view_failures(conn: &mut Connection, rows: Vec<FailureRow>) -> Result<Vec<Failure>> {
    let ids: Vec<uuid::Uuid> = rows.iter().filter_map(|row| row.item).collect();
    let items = db::failed_items::name_items(conn, &ids).await?;
    let view = |row: FailureRow| Failure {
        id: FailureId(row.id),
        kind: row.job(),
        item: row.item.and_then(|id| items.iter().find(|item| item.id == id).cloned()),
        code: row.code,
        sentence: row.sentence,
        count: row.count.unsigned_abs(),
        first_at: row.first_at,
        last_at: row.last_at,
        last_run: row.last_run.map(RunId),
        dismissed_at: row.last_dismissed_at,
        count_since_dismissal: row
            .dismissed_count
            .map(|before| (row.count - before).max(0).unsigned_abs()),
    };
    Ok(rows.into_iter().map(view).collect())
}

/// What a retry started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    Run(RunId),
    Download(DownloadId),
}

/// Does again what failed. The failure stays until that worked.
pub async fn retry_failure(services: &Services, actor: &Actor, id: FailureId) -> Result<Retried> {
    require(actor, Role::Manager)?;
    let failure = find_failure(services, &mut *services.connection().await?, id).await?;
    match &failure.item {
        Some(item) if item.kind == FailedItemKind::Gone => Err(ServiceError::conflict(
            "What it failed at was removed meanwhile, so there is nothing to try again. Dismiss it.",
        )),
        Some(item) if item.kind == FailedItemKind::Download => {
            let download = DownloadId(item.id);
            retry_download(services, actor, download).await?;
            Ok(Retried::Download(download))
        }
        _ => {
            // As by "Run now".
            require(actor, Role::Admin)?;
            retry_job(services, actor, &failure).await.map(Retried::Run)
        }
    }
}

async fn find_failure(services: &Services, conn: &mut Connection, id: FailureId) -> Result<Failure> {
    let row = jobs::find_failure(conn, id, services.now()).await?;
    let row = row.ok_or_else(|| ServiceError::not_found("problem"))?;
    let mut views = view_failures(conn, vec![row]).await?;
    views.pop().ok_or_else(|| ServiceError::not_found("problem"))
}

/// Where a job has the next step it is queued; otherwise the download itself is retried.
async fn retry_download(services: &Services, actor: &Actor, id: DownloadId) -> Result<()> {
    let mut conn = services.connection().await?;
    let is_queued = conn
        .transaction::<_, ServiceError, _>(async |conn| {
            let download = db::downloads::lock_download(conn, id).await?;
            if !OURS.contains(&download.state()?) {
                return Ok(false);
            }
            if !enqueue_next(services, conn, &download).await? {
                return Err(ServiceError::conflict(
                    "It is being tried already. Look at its history.",
                ));
            }
            let about = (None, json!({ "download": id }));
            record_action(conn, services, actor, "retry_failure", about).await?;
            Ok(true)
        })
        .await?;
    drop(conn);
    if is_queued {
        return Ok(());
    }
    crate::downloads::retry_download(services, actor, id).await
}

async fn retry_job(services: &Services, actor: &Actor, failure: &Failure) -> Result<RunId> {
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let run = queue_by_hand(services, conn, actor, failure.kind).await?;
        let about = about(failure, json!({ "run": run }));
        record_action(conn, services, actor, "retry_failure", about).await?;
        Ok(run)
    })
    .await
}

/// Hides a failure for an hour, and then until it has happened again.
pub async fn dismiss_failure(services: &Services, actor: &Actor, id: FailureId) -> Result<()> {
    require(actor, Role::Manager)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let failure = find_failure(services, conn, id).await?;
        jobs::dismiss_failure(conn, id, services.now()).await?;
        let about = about(&failure, json!({ "count": failure.count, "code": failure.code }));
        record_action(conn, services, actor, "dismiss_failure", about).await
    })
    .await
}

/// The audit log's subject: what failed, at what.
fn about(failure: &Failure, detail: serde_json::Value) -> (Option<String>, serde_json::Value) {
    let name = |item: &FailedItem| format!("{}: {}", failure.kind, item.name);
    let subject = failure.item.as_ref().map_or_else(|| failure.kind.to_string(), name);
    (Some(subject), detail)
}
