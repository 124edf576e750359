//! Background work: what is scheduled, what ran, what it said.

use leptos::prelude::*;
use types::jobs::{JobKind, JobSummary, RunDetail, RunSummary};
use types::{Page, PageRequest, RunId};

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

/// Switches a schedule on or off.
#[server]
pub async fn set_job_enabled(kind: JobKind, is_enabled: bool) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::runs::set_job_enabled(&services, &actor, kind, is_enabled).await?;
    Ok(())
}
