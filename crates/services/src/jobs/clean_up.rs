//! Removes what nobody looks at any more. The history of downloads stays.

use chrono::Duration;
use db::error::DbResult;
use domain::login_window::FORGOTTEN_AFTER;
use jobs::{JobError, Outcome, RunContext};

use crate::Services;
use crate::error::Result;
use crate::settings::read_settings;

/// Runs, account snapshots and searches are kept this long.
const KEPT: Duration = Duration::days(30);
/// Runs that found nothing to do are noise after this.
const IDLE_RUNS_KEPT: Duration = Duration::hours(1);
/// A process that still runs may write the row anew; one that ended left it.
const RESTS_KEPT: Duration = Duration::hours(1);

/// The job: one pass over everything that grows. What can't be removed keeps nothing else from being removed.
pub async fn clean_up(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let (mut parts, mut failed) = (Vec::new(), Vec::new());
    for (noun, removed) in remove_old(services).await? {
        match removed {
            Ok(count) => {
                ctx.count(noun, i64::try_from(count).unwrap_or(i64::MAX));
                if count > 0 {
                    parts.push(format!("{noun}: {count}"));
                }
            }
            Err(error) => {
                tracing::error!("could not remove {noun}: {error}");
                failed.push(noun);
            }
        }
    }
    let removed = parts.join(", ");
    if !failed.is_empty() {
        let rest = match removed.is_empty() {
            true => "Nothing else was old enough to be removed.".to_owned(),
            false => format!("What else was old is removed ({removed})."),
        };
        let sentence = format!(
            "The database refused to remove {}; its reason is in the server's log. {rest}",
            failed.join(", ")
        );
        return Err(JobError::Fail(sentence.into()));
    }
    Ok(match removed.is_empty() {
        true => Outcome::NothingToDo("Nothing is old enough to be removed.".into()),
        false => Outcome::Done(format!("Removed what was old ({removed}).")),
    })
}

/// How much of each is gone, or why it is not.
async fn remove_old(services: &Services) -> Result<Vec<(&'static str, DbResult<usize>)>> {
    let now = services.now();
    let before = now - KEPT;
    let retention = Duration::days(read_settings(services).await?.audit_retention_days.into());
    let mut conn = services.connection().await?;
    let conn = &mut *conn;
    Ok(vec![
        (
            "account snapshots",
            db::account_snapshots::delete_snapshots_before(conn, before).await,
        ),
        (
            "expired sign-ins",
            db::sessions::delete_expired_sessions(conn, now).await,
        ),
        (
            "revoked and expired API keys",
            db::api_keys::delete_dead_keys(conn, before).await,
        ),
        (
            "failed sign-ins that no longer count",
            db::login_attempts::delete_failures_before(conn, now - FORGOTTEN_AFTER).await,
        ),
        (
            "single sign-ons that nobody finished",
            db::oidc::delete_expired_oidc_logins(conn, now).await,
        ),
        (
            "answers to repeated requests",
            db::idempotency_keys::delete_keys_before(conn, now - crate::idempotency::KEPT).await,
        ),
        (
            "rests of services that are over",
            db::breaker_rests::delete_rests_before(conn, now - RESTS_KEPT).await,
        ),
        ("runs", jobs::delete_runs_before(conn, before).await.map_err(Into::into)),
        (
            "runs without work",
            jobs::delete_idle_runs_before(conn, now - IDLE_RUNS_KEPT)
                .await
                .map_err(Into::into),
        ),
        (
            "problems",
            jobs::delete_failures_before(conn, before).await.map_err(Into::into),
        ),
        (
            "searches",
            db::searches::delete_unused_searches_before(conn, before).await,
        ),
        (
            "audit log lines",
            db::audit_log::delete_audit_entries_before(conn, now - retention).await,
        ),
    ])
}
