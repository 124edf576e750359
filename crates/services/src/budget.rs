//! The tracker account's budget as the database has it: last snapshot, what is on its way, and the limits.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use db::Connection;
use domain::account::{Account, Budget, BudgetRules, Commitments, check_budget};
use types::downloads::HoldReason;
use types::integrations::{Integration, IntegrationKind};
use types::{DownloadId, IntegrationId};

use crate::Services;
use crate::error::Result;
use crate::settings::read_settings_over;

/// Everything that the budget of a grab depends on.
pub struct BudgetView {
    accounts: HashMap<IntegrationId, (Option<Account>, Commitments)>,
    rules: BudgetRules,
}

impl BudgetView {
    /// Reads the newest snapshot and the commitments of every account.
    ///
    /// `except` is a download that is about to be decided on, which must not count against itself.
    pub async fn load(services: &Services, conn: &mut Connection, except: Option<DownloadId>) -> Result<Self> {
        let settings = read_settings_over(conn).await?;
        let rules = BudgetRules {
            reserve: i64::from(settings.unsatisfied_reserve),
            floor_buffer: settings.floor_buffer,
        };
        let mut accounts = HashMap::new();
        for integration in db::integrations::list_integrations(conn).await? {
            if integration.kind != IntegrationKind::Myanonamouse.as_str() {
                continue;
            }
            let id = IntegrationId(integration.id);
            let snapshot = db::account_snapshots::find_newest_snapshot(conn, id).await?;
            let commitments = db::commitments::sum_commitments(conn, id, except, services.now()).await?;
            let account = snapshot.map(|row| Account {
                ratio: row.ratio,
                uploaded_bytes: row.uploaded_bytes,
                downloaded_bytes: row.downloaded_bytes,
                unsatisfied_count: row.unsatisfied_count,
                unsatisfied_limit: row.unsatisfied_limit,
                taken_at: row.taken_at,
            });
            let commitments = Commitments {
                in_flight: commitments.in_flight,
                pending_paid_bytes: commitments.pending_paid_bytes,
            };
            accounts.insert(id, (account, commitments));
        }
        Ok(Self { accounts, rules })
    }
}

/// Why the budget refuses a grab of this release now; `None` = it allows it, or the indexer has no account.
pub fn refusal(
    view: &BudgetView,
    integration: &Integration,
    size_bytes: i64,
    is_free: bool,
    now: DateTime<Utc>,
) -> Option<(HoldReason, String)> {
    if integration.kind != IntegrationKind::Myanonamouse {
        return None;
    }
    let (account, commitments) = view.accounts.get(&integration.id)?;
    match check_budget(account.as_ref(), commitments, &view.rules, size_bytes, is_free, now) {
        Budget::Allowed => None,
        Budget::Held(reason, sentence) => Some((reason, sentence)),
    }
}
