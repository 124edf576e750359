//! Background work: what is scheduled, what ran, what it said.

use leptos::prelude::*;
use types::jobs::{Failure, JobKind, JobSummary, RunDetail, RunSummary};
use types::{FailureId, Page, PageRequest, RunId};

use super::AppError;

/// The scheduled jobs.
pub async fn list_jobs() -> Result<Vec<JobSummary>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::runs::list_jobs(&services, &actor).await?)
}

/// One page of runs, newest first.
pub async fn list_runs(kind: Option<JobKind>, page: PageRequest) -> Result<Page<RunSummary>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::runs::list_runs(&services, &actor, kind, page).await?)
}

/// A run with its log.
pub async fn get_run(id: RunId) -> Result<RunDetail, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::runs::get_run(&services, &actor, id).await?)
}

/// Starts a job and shows its run.
#[server]
pub async fn run_now(kind: JobKind) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    let run = services::runs::run_now(&services, &actor, kind).await?;
    super::go_to(&format!("/runs/{run}"));
    Ok(())
}

/// Asks a run to stop.
#[server]
pub async fn cancel_run(id: RunId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::runs::cancel_run(&services, &actor, id).await?;
    Ok(())
}

/// Gives a job another schedule; without one, the program's.
#[server]
pub async fn set_job_schedule(kind: JobKind, #[server(default)] schedule: String) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    let change = services::runs::JobChange {
        schedule: Some(schedule),
        ..Default::default()
    };
    services::runs::change_job(&services, &actor, kind, change).await?;
    super::go_to(&format!("/jobs?kind={kind}"));
    Ok(())
}

/// One page of what jobs could not do, newest first.
pub async fn list_failures(kind: Option<JobKind>, page: PageRequest) -> Result<Page<Failure>, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::failures::list_failures(&services, &actor, kind, page).await?)
}

/// Does again what failed, and shows how that goes.
#[server]
pub async fn retry_failure(id: FailureId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    match services::failures::retry_failure(&services, &actor, id).await? {
        services::failures::Retried::Run(run) => super::go_to(&format!("/runs/{run}")),
        services::failures::Retried::Download(download) => super::go_to(&format!("/downloads/{download}")),
    }
    Ok(())
}

/// Hides a failure until its count has doubled, it fails a week later, or it worked once and failed again.
#[server]
pub async fn dismiss_failure(id: FailureId) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::failures::dismiss_failure(&services, &actor, id).await?;
    Ok(())
}

/// Switches a schedule on or off.
#[server]
pub async fn set_job_enabled(kind: JobKind, is_enabled: bool) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::runs::set_job_enabled(&services, &actor, kind, is_enabled).await?;
    Ok(())
}
