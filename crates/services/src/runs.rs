//! Background work as people see and steer it.

use std::sync::Arc;

use db::Connection;
use diesel_async::AsyncConnection;
use jobs::{Cancelled, Definition, Handler, JobSwitches, NewRun, Options, Schedule, TimeZone, Worker};
use serde_json::json;
use types::jobs::{JobKind, JobSummary, RunDetail, RunSummary};
use types::people::Role;
use types::settings::Settings;
use types::{Page, PageRequest, RunId};

use crate::Services;
use crate::actor::{Actor, require};
use crate::audit::{changes_between, record_action};
use crate::error::{Result, ServiceError};
use crate::seen::{Edited, Edition, Seen};
use crate::settings::read_settings;

/// When jobs start by themselves (`rules.md` 10), in the product's time zone; an admin may give a job another schedule.
/// Client polls are hastened to 15 s while a download is active.
const SCHEDULES: &[(JobKind, &str)] = &[
    (JobKind::PollClients, "every 5 minutes"),
    (JobKind::SnapshotAccount, "every 15 minutes"),
    (JobKind::CheckImports, "every 5 minutes"),
    (JobKind::RetryDue, "every 10 minutes"),
    (JobKind::SyncLibraryIncremental, "every 30 minutes"),
    (JobKind::SyncLibraryFull, "0 2 * * *"),
    (JobKind::SearchWanted, "every 6 hours"),
    (JobKind::CheckIntegrations, "every 15 minutes"),
    (JobKind::CleanUp, "0 1 * * *"),
    (JobKind::Backup, "0 3 * * *"),
    (JobKind::BackUpLibrary, "30 3 * * *"),
    (JobKind::TestRestore, "0 5 * * 0"),
];

/// Brings the stored schedules up to this version; called at each start.
pub async fn ensure_job_definitions(services: &Services) -> Result<()> {
    let zone = zone_of(&read_settings(services).await?);
    let definitions = list_definitions();
    Ok(jobs::ensure_definitions(&mut *services.connection().await?, &definitions, zone, services.now()).await?)
}

fn list_definitions() -> Vec<Definition> {
    let definition = |(kind, schedule): &(JobKind, &str)| Definition {
        kind: *kind,
        schedule: Some(schedule.parse().expect("a test reads each")),
    };
    SCHEDULES.iter().map(definition).collect()
}

/// Settings are checked when they are saved; a zone that this version no longer knows counts as UTC.
pub(crate) fn zone_of(settings: &Settings) -> TimeZone {
    settings.time_zone.parse().unwrap_or(TimeZone::UTC)
}

/// Starts to work on the queue in this process. `handler` does the work of every kind; `tune` changes the defaults.
pub fn start_worker(services: &Services, handler: Arc<dyn Handler>, tune: impl FnOnce(Options) -> Options) -> Worker {
    let (ids, clock) = (services.clone(), services.clock());
    let options = tune(Options::new(Arc::new(move || ids.new_id())));
    Worker::start(
        services.pool().clone(),
        services.database_url(),
        handler,
        options,
        Arc::new(move || clock.now()),
    )
}

/// Every job with its schedule and its last run.
pub async fn list_jobs(services: &Services, actor: &Actor) -> Result<Vec<JobSummary>> {
    require(actor, Role::Manager)?;
    Ok(jobs::list_jobs(&mut *services.connection().await?).await?)
}

/// One job with its schedule and its last run.
pub async fn get_job(services: &Services, actor: &Actor, kind: JobKind) -> Result<Edited<JobSummary>> {
    let jobs = list_jobs(services, actor).await?;
    let job = jobs.into_iter().find(|job| job.kind == kind);
    let job = job.ok_or_else(|| ServiceError::not_found("scheduled job"))?;
    Ok(Edited {
        edition: edition_of(
            kind,
            job.is_enabled,
            job.is_custom.then_some(job.schedule_text.as_str()),
        ),
        value: job,
    })
}

/// A person switches it and gives it a schedule; the runs come and go by themselves.
fn edition_of(kind: JobKind, is_enabled: bool, custom: Option<&str>) -> Edition {
    Edition::of(&json!({ "kind": kind, "is_enabled": is_enabled, "custom_schedule": custom }))
}

/// Runs, newest first.
pub async fn list_runs(
    services: &Services,
    actor: &Actor,
    kind: Option<JobKind>,
    page: PageRequest,
) -> Result<Page<RunSummary>> {
    require(actor, Role::Manager)?;
    if page
        .cursor
        .as_deref()
        .is_some_and(|cursor| !jobs::is_run_cursor(cursor))
    {
        return Err(db::DbError::BadCursor.into());
    }
    Ok(jobs::list_runs(&mut *services.connection().await?, kind, &page).await?)
}

/// A run with its log.
pub async fn get_run(services: &Services, actor: &Actor, id: RunId) -> Result<RunDetail> {
    require(actor, Role::Manager)?;
    let run = jobs::find_run(&mut *services.connection().await?, id).await?;
    run.ok_or_else(|| ServiceError::not_found("run"))
}

/// Starts a job now. If it is queued already, that run is moved forward and answered.
pub async fn run_now(services: &Services, actor: &Actor, kind: JobKind) -> Result<RunId> {
    require(actor, Role::Admin)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let id = queue_by_hand(services, conn, actor, kind).await?;
        record_action(
            conn,
            services,
            actor,
            "run_now",
            (Some(kind.as_str().into()), json!({ "run": id })),
        )
        .await?;
        Ok(id)
    })
    .await
}

/// Queues a job for a person, or finds the run that is queued already.
pub(crate) async fn queue_by_hand(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    kind: JobKind,
) -> Result<RunId> {
    if !kind.is_runnable_by_hand() {
        return Err(ServiceError::conflict(
            "This job belongs to one want or download. Start it from there.",
        ));
    }
    let run = NewRun {
        priority: 10,
        ..NewRun::of(services.new_id(), kind, actor.name(), services.now())
    };
    if let Some(id) = jobs::enqueue(conn, run, services.now()).await? {
        return Ok(id);
    }
    let queued = jobs::find_queued_run(conn, kind.as_str()).await?;
    queued.ok_or_else(|| ServiceError::not_found("run"))
}

/// Cancels a queued run, or asks a running one to stop at its next safe place.
pub async fn cancel_run(services: &Services, actor: &Actor, id: RunId) -> Result<()> {
    require(actor, Role::Admin)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let sentence = format!("Cancelled by {}.", actor.name());
        if jobs::cancel_run(conn, id, &sentence, services.now()).await? == Cancelled::TooLate {
            return Err(ServiceError::conflict("This run has ended already."));
        }
        record_action(conn, services, actor, "cancel_run", (Some(id.to_string()), json!({}))).await
    })
    .await
}

/// What is to change of a job; `None` = it stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobChange {
    pub is_enabled: Option<bool>,
    /// "every 30 minutes" or a cron expression; "default" or nothing = the program's.
    pub schedule: Option<String>,
}

/// Switches a job's schedule on or off; it can be started by hand either way.
pub async fn set_job_enabled(
    services: &Services,
    actor: &Actor,
    job: impl Into<Seen<JobKind>>,
    is_enabled: bool,
) -> Result<()> {
    let change = JobChange {
        is_enabled: Some(is_enabled),
        ..JobChange::default()
    };
    change_job(services, actor, job, change).await
}

/// Switches a job's schedule on or off, and gives it an admin's own or the program's back.
pub async fn change_job(
    services: &Services,
    actor: &Actor,
    job: impl Into<Seen<JobKind>>,
    change: JobChange,
) -> Result<()> {
    let Seen { it: kind, expected } = job.into();
    require(actor, Role::Admin)?;
    if change == JobChange::default() {
        return Err(ServiceError::field(
            "schedule",
            "Say what to change: is_enabled, schedule or both.",
        ));
    }
    let schedule = change.schedule.as_deref().map(read_schedule).transpose()?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let old = jobs::lock_job(conn, kind).await?;
        let old = old.ok_or_else(|| ServiceError::not_found("scheduled job"))?;
        expected.check(&edition_of(kind, old.is_enabled, old.custom_schedule.as_deref()))?;
        if let Some(is_enabled) = change.is_enabled {
            jobs::set_job_enabled(conn, kind, is_enabled, services.now()).await?;
            let about = (Some(kind.as_str().into()), json!({ "is_enabled": is_enabled }));
            record_action(conn, services, actor, "set_job_enabled", about).await?;
        }
        match &schedule {
            Some(schedule) => give_schedule(services, conn, actor, (kind, &old, schedule.as_ref())).await,
            None => Ok(()),
        }
    })
    .await
}

/// `None` = the program's own.
fn read_schedule(text: &str) -> Result<Option<Schedule>> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("default") {
        return Ok(None);
    }
    let read = text.parse::<Schedule>().map(Some);
    read.map_err(|error| ServiceError::field("schedule", error.to_string()))
}

async fn give_schedule(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    (kind, old, schedule): (JobKind, &JobSwitches, Option<&Schedule>),
) -> Result<()> {
    jobs::set_job_schedule(conn, kind, schedule, services.now()).await?;
    let new = schedule.map(ToString::to_string);
    let changes = changes_between(&json!({ "schedule": old.custom_schedule }), &json!({ "schedule": new }));
    let about = (Some(kind.as_str().into()), json!({ "changes": changes.into_value() }));
    record_action(conn, services, actor, "set_job_schedule", about).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schedule_of_the_program_can_be_read_and_is_as_an_admin_would_write_it() {
        let definitions = list_definitions();
        assert!(definitions.len() > 8, "{definitions:?}");
        for (definition, (kind, text)) in definitions.iter().zip(SCHEDULES) {
            assert_eq!(
                definition.schedule.as_ref().map(ToString::to_string).as_deref(),
                Some(*text),
                "{kind}"
            );
        }
    }
}
