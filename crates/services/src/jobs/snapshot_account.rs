//! Reads the member's account at the tracker: the ground of every decision about its budget.

use chrono::Duration;
use clients::ClientError;
use clients::indexer::{AccountFacts, Indexer};
use clients::myanonamouse::describe_account;
use db::account_snapshots::AccountSnapshotRow;
use jobs::{JobError, Outcome, RunContext};
use types::IntegrationId;
use types::events::LiveEvent;
use types::integrations::{Health, IntegrationKind, TestOutcome};
use types::jobs::LogLevel;

use crate::Services;
use crate::connect::{Connected, connect_indexers};
use crate::error::Result;
use crate::integrations::{failed_outcome, record_outcome};

/// A younger snapshot is as good as a new one, and requests are counted.
const FRESH: Duration = Duration::minutes(15);
/// A snapshot tells of the connection until the next one must be there: its period, and time for it to run.
const TELLS_FOR: Duration = Duration::minutes(20);

/// The job: one snapshot of each account. A failed one leaves the last, whose age stops what depends on it.
pub async fn snapshot_accounts(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let connected = connect_accounts(services).await?;
    if connected.is_empty() {
        return Ok(Outcome::NothingToDo("No MyAnonamouse is connected.".into()));
    }
    let (mut read, mut paused, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for one in &connected {
        ctx.check_cancelled()?;
        match read_account(one).await {
            Ok(Some(facts)) => {
                read.push(format!("{}: {}.", one.integration.name, describe(&facts)));
                store_account(services, one.integration.id, facts).await?;
            }
            Ok(None) => paused.push(format!("{} tells nothing about an account.", one.integration.name)),
            Err(error @ ClientError::Paused { .. }) => paused.push(error.to_string()),
            Err(error) => {
                ctx.log(LogLevel::Warning, error.to_string()).await;
                // Nothing was found out; what is stored says when it will be.
                if !matches!(error, ClientError::Resting { .. }) {
                    record_outcome(services, one.integration.id, &failed_outcome(&error)).await?;
                }
                failed.push(error.to_string());
            }
        }
    }
    if !failed.is_empty() {
        return Err(JobError::Fail(failed.join(" ").into()));
    }
    Ok(match read.is_empty() {
        true => Outcome::NothingToDo(paused.join(" ")),
        false => Outcome::Done(read.into_iter().chain(paused).collect::<Vec<_>>().join(" ")),
    })
}

/// Takes a snapshot when the newest is older than 15 minutes. An account that can't be read is logged and no error: the
/// budget decides by the age of what is known.
pub(crate) async fn refresh_account(services: &Services, integration: IntegrationId) -> Result<()> {
    let newest = {
        let mut conn = services.connection().await?;
        db::account_snapshots::find_newest_snapshot(&mut conn, integration).await?
    };
    if newest.is_some_and(|snapshot| (services.now() - snapshot.taken_at).abs() <= FRESH) {
        return Ok(());
    }
    let connected = connect_accounts(services).await?;
    let Some(account) = connected.iter().find(|one| one.integration.id == integration) else {
        return Ok(());
    };
    match read_account(account).await {
        Ok(Some(facts)) => store_account(services, integration, facts).await,
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::warn!(integration.id = %integration, "the account could not be read before a grab: {error}");
            Ok(())
        }
    }
}

/// What the newest snapshot told of the connection; `None` = it is old, or something was edited or failed since.
pub(super) async fn find_fresh_outcome(services: &Services, id: IntegrationId) -> Result<Option<TestOutcome>> {
    let mut conn = services.connection().await?;
    let Some(snapshot) = db::account_snapshots::find_newest_snapshot(&mut conn, id).await? else {
        return Ok(None);
    };
    let Some(row) = db::integrations::find_integration(&mut conn, id).await? else {
        return Ok(None);
    };
    let age = services.now() - snapshot.taken_at;
    let is_fresh = age.abs() <= TELLS_FOR && row.updated_at <= snapshot.taken_at;
    let integration = row.view()?;
    if !is_fresh || row.is_refused() || !matches!(integration.health, Health::Ok | Health::Warning) {
        return Ok(None);
    }
    Ok(Some(TestOutcome {
        health: integration.health,
        sentence: integration.health_sentence.unwrap_or_default(),
        facts: Vec::new(),
        version: integration.version,
    }))
}

async fn connect_accounts(services: &Services) -> Result<Vec<Connected<dyn Indexer>>> {
    let mut connected = connect_indexers(services).await?;
    connected.retain(|one| one.integration.kind == IntegrationKind::Myanonamouse);
    Ok(connected)
}

async fn read_account(connected: &Connected<dyn Indexer>) -> std::result::Result<Option<AccountFacts>, ClientError> {
    connected.client.as_ref().map_err(Clone::clone)?.account().await
}

/// Reading it was a test of the connection as well.
async fn store_account(services: &Services, integration: IntegrationId, facts: AccountFacts) -> Result<()> {
    record_outcome(services, integration, &describe_account(&facts)).await?;
    let row = AccountSnapshotRow {
        integration_id: integration.0,
        taken_at: services.now(),
        username: facts.username,
        class: facts.class,
        ratio: facts.ratio,
        uploaded_bytes: facts.uploaded_bytes,
        downloaded_bytes: facts.downloaded_bytes,
        points: facts.points,
        wedges: facts.wedges,
        vip_until: facts.vip_until,
        unsatisfied_count: facts.unsatisfied_count,
        unsatisfied_limit: facts.unsatisfied_limit,
        connectable: facts.connectable,
    };
    let mut conn = services.connection().await?;
    db::account_snapshots::insert_snapshot(&mut conn, &row).await?;
    crate::events::publish(&mut conn, &LiveEvent::Account).await
}

fn describe(facts: &AccountFacts) -> String {
    let ratio = facts
        .ratio
        .map_or_else(|| "ratio unknown".into(), |ratio| format!("ratio {ratio:.2}"));
    let slots = match (facts.unsatisfied_count, facts.unsatisfied_limit) {
        (Some(count), Some(limit)) => format!("{count} of {limit} unsatisfied"),
        _ => "unsatisfied slots unknown".into(),
    };
    format!("{ratio}, {slots}")
}
