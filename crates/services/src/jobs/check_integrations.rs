//! Tries every connected service, so that what is broken shows before it is needed.

use jobs::{Complaint, JobError, Outcome, RunContext};
use types::IntegrationId;
use types::integrations::{Health, TestOutcome};
use types::jobs::LogLevel;

use super::JOB_ACTOR;
use super::snapshot_account::find_fresh_outcome;
use crate::error::{Result, ServiceError};
use crate::{Services, integrations};

/// The job: one check of each enabled integration; what it found is on the integration itself.
pub async fn check_integrations(services: &Services, ctx: &RunContext) -> std::result::Result<Outcome, JobError> {
    let all = integrations::list_integrations(services, &JOB_ACTOR).await?;
    let enabled: Vec<_> = all.into_iter().filter(|integration| integration.is_enabled).collect();
    if enabled.is_empty() {
        return Ok(Outcome::NothingToDo("No integration is connected.".into()));
    }
    let mut failing = Vec::new();
    for (done, integration) in (1..).zip(&enabled) {
        ctx.check_cancelled()?;
        let outcome = match check(services, integration.id).await {
            Ok(outcome) => outcome,
            // Somebody removed it meanwhile.
            Err(ServiceError {
                code: types::ErrorCode::NotFound,
                ..
            }) => continue,
            Err(error) => return Err(error.into()),
        };
        if outcome.health == Health::Failing {
            ctx.log(LogLevel::Warning, format!("{}: {}", integration.name, outcome.sentence))
                .await;
            failing.push(integration.name.as_str());
            let complaint = Complaint {
                code: "integration_failing",
                sentence: outcome.sentence,
            };
            ctx.report_failure(integration.id.0, complaint);
        } else {
            ctx.report_success(integration.id.0);
        }
        ctx.progress(done, u64::try_from(enabled.len()).unwrap_or(0));
    }
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    ctx.count("ok", count(enabled.len() - failing.len()));
    ctx.count("failing", count(failing.len()));
    Ok(Outcome::Done(match failing.as_slice() {
        [] => "Every integration answers.".into(),
        names => format!("{} of {} fail: {}.", names.len(), enabled.len(), names.join(", ")),
    }))
}

/// Requests to a tracker are counted, so its account that was just read is check enough.
async fn check(services: &Services, id: IntegrationId) -> Result<TestOutcome> {
    match find_fresh_outcome(services, id).await? {
        Some(outcome) => Ok(outcome),
        None => integrations::check_integration(services, &JOB_ACTOR, id).await,
    }
}
