//! The member's account at the tracker: how it stands, and how it stood.

use chrono::{DateTime, Duration, Utc};
use db::Connection;
use db::account_snapshots::AccountSnapshotRow;
use types::dashboard::{AccountSnapshot, AccountView};
use types::integrations::{Integration, IntegrationKind};
use types::people::Role;
use types::{Page, PageRequest};

use crate::Services;
use crate::actor::{Actor, require};
use crate::error::Result;
use crate::request_queue::{QueueState, read_queue_state};

/// An older snapshot of the account is not acted on (`rules.md` 9.2).
const STALE_AFTER: Duration = Duration::hours(24);

/// Every account that was ever read, as last read, with the requests of today.
pub async fn list_accounts(services: &Services, actor: &Actor) -> Result<Vec<AccountView>> {
    require(actor, Role::Viewer)?;
    read_accounts(services, &mut *services.connection().await?).await
}

/// The same for use cases, whoever asks.
pub(crate) async fn read_accounts(services: &Services, conn: &mut Connection) -> Result<Vec<AccountView>> {
    let rows = db::integrations::list_integrations(conn).await?;
    let mut accounts = Vec::new();
    for row in rows
        .iter()
        .filter(|row| row.is_enabled && row.kind == IntegrationKind::Myanonamouse.as_str())
    {
        let integration = row.view()?;
        let snapshot = db::account_snapshots::find_newest_snapshot(conn, integration.id).await?;
        let queue = read_queue_state(conn, services, integration.id).await?;
        accounts.extend(snapshot.map(|row| view_account(&integration, row, &queue, services.now())));
    }
    Ok(accounts)
}

/// One page of readings, newest first.
pub async fn list_snapshots(services: &Services, actor: &Actor, page: PageRequest) -> Result<Page<AccountSnapshot>> {
    require(actor, Role::Viewer)?;
    let rows = db::account_snapshots::list_snapshots(&mut *services.connection().await?, &page).await?;
    Ok(Page {
        items: rows.items.into_iter().map(view_snapshot).collect(),
        next_cursor: rows.next_cursor,
        total: rows.total,
    })
}

/// The account as pages show it.
pub(crate) fn view_account(
    integration: &Integration,
    row: AccountSnapshotRow,
    queue: &QueueState,
    now: DateTime<Utc>,
) -> AccountView {
    AccountView {
        integration: integration.name.clone(),
        username: row.username,
        class: row.class,
        ratio: row.ratio,
        unsatisfied_count: row.unsatisfied_count,
        unsatisfied_limit: row.unsatisfied_limit,
        points: row.points,
        wedges: row.wedges,
        vip_until: row.vip_until,
        requests_today: queue.requests_today.into(),
        requests_limit: queue.budget.into(),
        taken_at: row.taken_at,
        // A reading from the future is a broken clock, not a fresh reading.
        is_stale: (now - row.taken_at).abs() > STALE_AFTER,
    }
}

fn view_snapshot(row: AccountSnapshotRow) -> AccountSnapshot {
    AccountSnapshot {
        integration_id: row.integration_id.into(),
        taken_at: row.taken_at,
        username: row.username,
        class: row.class,
        ratio: row.ratio,
        uploaded_bytes: row.uploaded_bytes,
        downloaded_bytes: row.downloaded_bytes,
        points: row.points,
        wedges: row.wedges,
        vip_until: row.vip_until,
        unsatisfied_count: row.unsatisfied_count,
        unsatisfied_limit: row.unsatisfied_limit,
    }
}
