//! Removes what nobody looks at any more. The history of downloads stays.

use chrono::Duration;
use domain::login_window::FORGOTTEN_AFTER;
use jobs::{JobError, Outcome, RunContext};

use crate::Services;
use crate::error::Result;
use crate::settings::read_settings;

/// Runs, account snapshots and searches are kept this long.
const KEPT: Duration = Duration::days(30);
/// Runs that found nothing to do are noise after this.
const IDLE_RUNS_KEPT: Duration = Duration::hours(1);

/// The job: one pass over everything that grows.
pub async fn clean_up(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let removed = remove_old(services).await?;
    let mut parts = Vec::new();
    for (count, noun) in removed {
        ctx.count(noun, i64::try_from(count).unwrap_or(i64::MAX));
        if count > 0 {
            parts.push(format!("{noun}: {count}"));
        }
    }
    Ok(match parts.is_empty() {
        true => Outcome::NothingToDo("Nothing is old enough to be removed.".into()),
        false => Outcome::Done(format!("Removed what was old ({}).", parts.join(", "))),
    })
}

async fn remove_old(services: &Services) -> Result<Vec<(usize, &'static str)>> {
    let now = services.now();
    let before = now - KEPT;
    let retention = Duration::days(read_settings(services).await?.audit_retention_days.into());
    let mut conn = services.connection().await?;
    let conn = &mut *conn;
    Ok(vec![
        (
            db::account_snapshots::delete_snapshots_before(conn, before).await?,
            "account snapshots",
        ),
        (
            db::sessions::delete_expired_sessions(conn, now).await?,
            "expired sign-ins",
        ),
        (
            db::api_keys::delete_dead_keys(conn, before).await?,
            "revoked and expired API keys",
        ),
        (
            db::login_attempts::delete_failures_before(conn, now - FORGOTTEN_AFTER).await?,
            "failed sign-ins that no longer count",
        ),
        (
            db::oidc::delete_expired_oidc_logins(conn, now).await?,
            "single sign-ons that nobody finished",
        ),
        (
            db::idempotency_keys::delete_keys_before(conn, now - crate::idempotency::KEPT).await?,
            "answers to repeated requests",
        ),
        (jobs::delete_runs_before(conn, before).await?, "runs"),
        (
            jobs::delete_idle_runs_before(conn, now - IDLE_RUNS_KEPT).await?,
            "runs without work",
        ),
        (
            db::searches::delete_unused_searches_before(conn, before).await?,
            "searches",
        ),
        (
            db::audit_log::delete_audit_entries_before(conn, now - retention).await?,
            "audit log lines",
        ),
    ])
}
