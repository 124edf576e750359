//! Background work as people see and steer it.

use std::sync::Arc;

use diesel_async::AsyncConnection;
use jobs::{Cancelled, Definition, Handler, NewRun, Options, Schedule, Worker};
use serde_json::json;
use types::jobs::{JobKind, JobSummary, RunDetail, RunSummary};
use types::people::Role;
use types::{Page, PageRequest, RunId};

use crate::Services;
use crate::actor::{Actor, require};
use crate::audit::record_action;
use crate::error::{Result, ServiceError};
use crate::seen::{Edited, Edition, Seen};

const MINUTE: i32 = 60;
const HOUR: i32 = 60 * MINUTE;

/// When jobs start by themselves (`rules.md` 10). Client polls are hastened to 15 s while a download is active.
const SCHEDULES: &[(JobKind, Schedule)] = &[
    (JobKind::PollClients, Schedule::Every(5 * MINUTE)),
    (JobKind::SnapshotAccount, Schedule::Every(15 * MINUTE)),
    (JobKind::CheckImports, Schedule::Every(5 * MINUTE)),
    (JobKind::RetryDue, Schedule::Every(10 * MINUTE)),
    (JobKind::SyncLibraryIncremental, Schedule::Every(30 * MINUTE)),
    (JobKind::SyncLibraryFull, Schedule::Daily(2 * HOUR)),
    (JobKind::SearchWanted, Schedule::Every(6 * HOUR)),
    (JobKind::CheckIntegrations, Schedule::Every(15 * MINUTE)),
    (JobKind::CleanUp, Schedule::Daily(HOUR)),
];

/// Brings the stored schedules up to this version; called at each start.
pub async fn ensure_job_definitions(services: &Services) -> Result<()> {
    let definitions: Vec<Definition> = SCHEDULES
        .iter()
        .map(|(kind, schedule)| Definition {
            kind: *kind,
            schedule: Some(*schedule),
        })
        .collect();
    Ok(jobs::ensure_definitions(&mut *services.connection().await?, &definitions, services.now()).await?)
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
        edition: edition_of(kind, job.is_enabled),
        value: job,
    })
}

/// A person switches it; the runs come and go by themselves.
fn edition_of(kind: JobKind, is_enabled: bool) -> Edition {
    Edition::of(&json!({ "kind": kind, "is_enabled": is_enabled }))
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
    if !kind.is_runnable_by_hand() {
        return Err(ServiceError::conflict(
            "This job belongs to one want or download. Start it from there.",
        ));
    }
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let run = NewRun {
            priority: 10,
            ..NewRun::of(services.new_id(), kind, actor.name(), services.now())
        };
        let id = match jobs::enqueue(conn, run, services.now()).await? {
            Some(id) => id,
            None => jobs::find_queued_run(conn, kind.as_str())
                .await?
                .ok_or_else(|| ServiceError::not_found("run"))?,
        };
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

/// Switches a job's schedule on or off; it can be started by hand either way.
pub async fn set_job_enabled(
    services: &Services,
    actor: &Actor,
    job: impl Into<Seen<JobKind>>,
    is_enabled: bool,
) -> Result<()> {
    let Seen { it: kind, expected } = job.into();
    require(actor, Role::Admin)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let was_enabled = jobs::lock_job(conn, kind).await?;
        let was_enabled = was_enabled.ok_or_else(|| ServiceError::not_found("scheduled job"))?;
        expected.check(&edition_of(kind, was_enabled))?;
        jobs::set_job_enabled(conn, kind, is_enabled, services.now()).await?;
        let about = (Some(kind.as_str().into()), json!({ "is_enabled": is_enabled }));
        record_action(conn, services, actor, "set_job_enabled", about).await
    })
    .await
}
