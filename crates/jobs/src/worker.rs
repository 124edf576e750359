//! The loop of one process: wake, queue what is due, claim, execute; and the ear for the database's notifications.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use futures::StreamExt;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use types::RunId;
use uuid::Uuid;

use crate::execute::{STOP_PATIENCE, Surroundings, execute_run};
use crate::handler::Handler;
use crate::lost::requeue_lost;
use crate::store::{borrow_connection, claim_run};
use crate::{Clock, Pool, WAKE_CHANNEL, definitions};

/// How a worker works. The defaults are for production.
#[derive(Clone)]
pub struct Options {
    /// Runs at once in this process.
    pub concurrency: usize,
    /// Longest sleep without a notification.
    pub poll_every: Duration,
    /// A run whose process is silent this long is run again.
    pub lease: Duration,
    /// How often a lease is extended; a third of the lease or less.
    pub heartbeat: Duration,
    /// How often progress is written, at most.
    pub progress_every: Duration,
    /// What a handler gets to stop at a safe place; shorter than the lease.
    pub stop_grace: Duration,
    /// Ids of scheduled runs.
    pub new_id: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

impl Options {
    /// Eight runs at once, lease 60 s.
    pub fn new(new_id: Arc<dyn Fn() -> Uuid + Send + Sync>) -> Self {
        Self {
            concurrency: 8,
            poll_every: Duration::from_secs(5),
            lease: Duration::from_secs(60),
            heartbeat: Duration::from_secs(10),
            progress_every: Duration::from_secs(1),
            stop_grace: Duration::from_secs(15),
            new_id,
        }
    }
}

/// A running worker. Dropping it without `stop` leaves its runs to the leases.
pub struct Worker {
    stopping: CancellationToken,
    wake: Arc<Notify>,
    tasks: Vec<JoinHandle<()>>,
}

type Running = Arc<Mutex<HashMap<RunId, CancellationToken>>>;

impl Worker {
    /// Starts to work on the queue of this database.
    pub fn start(pool: Pool, database_url: &str, handler: Arc<dyn Handler>, options: Options, clock: Clock) -> Self {
        let stopping = CancellationToken::new();
        let wake = Arc::new(Notify::new());
        let running = Running::default();
        let around = Surroundings {
            pool,
            handler,
            options,
            clock,
            stopping: stopping.clone(),
        };
        let tasks = vec![
            tokio::spawn(listen(
                database_url.to_owned(),
                Arc::clone(&wake),
                Arc::clone(&running),
                stopping.clone(),
            )),
            tokio::spawn(work(around, Arc::clone(&wake), running)),
        ];
        Self { stopping, wake, tasks }
    }

    /// Looks at the queue now instead of at the next poll.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Takes no more runs, asks the running ones to stop, and hands back those that did not end.
    pub async fn stop(self) {
        self.stopping.cancel();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!("a task of the job worker broke off: {error}");
            }
        }
    }
}

async fn work(around: Surroundings, wake: Arc<Notify>, running: Running) {
    let slots = Arc::new(Semaphore::new(around.options.concurrency));
    let tracker = TaskTracker::new();
    // A look that is cut off may have claimed a run; its lease tells the others.
    let cut_off = async {
        around.stopping.cancelled().await;
        tokio::time::sleep(STOP_PATIENCE).await;
    };
    let mut cut_off = std::pin::pin!(cut_off);
    while !around.stopping.is_cancelled() {
        let looked = tokio::select! {
            looked = take_work(&around, &slots, &tracker, &running, &wake) => looked,
            () = &mut cut_off => break,
        };
        match looked {
            Ok(()) => record_look((around.clock)()),
            Err(error) => tracing::error!("the job worker could not read the queue: {error:#}"),
        }
        tokio::select! {
            () = around.stopping.cancelled() => {}
            () = wake.notified() => {}
            () = tokio::time::sleep(around.options.poll_every) => {}
        }
    }
    tracker.close();
    tracker.wait().await;
}

/// For whoever checks that this loop still turns.
#[expect(clippy::cast_precision_loss, reason = "seconds of our time fit")]
fn record_look(now: DateTime<Utc>) {
    metrics::gauge!("mamcrawler_worker_last_look_timestamp_seconds").set(now.timestamp() as f64);
}

/// Queues what is due, rescues what was lost, and claims until the queue or our slots are empty.
async fn take_work(
    around: &Surroundings,
    slots: &Arc<Semaphore>,
    tracker: &TaskTracker,
    running: &Running,
    wake: &Arc<Notify>,
) -> anyhow::Result<()> {
    let mut conn = borrow_connection(&around.pool).await?;
    requeue_lost(&mut conn, (around.clock)()).await?;
    definitions::enqueue_due(&mut conn, (around.clock)(), around.options.new_id.as_ref()).await?;
    while let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
        if around.stopping.is_cancelled() {
            break;
        }
        let Some(run) = claim_run(&mut conn, (around.clock)(), around.options.lease).await? else {
            break;
        };
        // Told at once when the worker stops, also while the loop still waits for the database.
        let token = around.stopping.child_token();
        running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(run.id, token.clone());
        let (around, running, wake) = (around.clone(), Arc::clone(running), Arc::clone(wake));
        tracker.spawn(async move {
            let id = run.id;
            execute_run(around, run, token).await;
            running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            drop(slot);
            // A slot and perhaps a lock are free.
            wake.notify_one();
        });
    }
    Ok(())
}

/// Hears of new work and cancellations at once; without it, polling still finds them.
async fn listen(database_url: String, wake: Arc<Notify>, running: Running, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let heard = tokio::select! {
            () = stopping.cancelled() => return,
            heard = listen_once(&database_url, &wake, &running) => heard,
        };
        if let Err(error) = heard {
            tracing::warn!("the job worker lost its notifications and polls until they are back: {error:#}");
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
    }
}

async fn listen_once(database_url: &str, wake: &Notify, running: &Running) -> anyhow::Result<()> {
    let mut conn = AsyncPgConnection::establish(database_url).await?;
    diesel::sql_query(format!("LISTEN {WAKE_CHANNEL}"))
        .execute(&mut conn)
        .await?;
    // What was queued while nobody listened.
    wake.notify_one();
    let mut notifications = std::pin::pin!(conn.notifications_stream());
    while let Some(notification) = notifications.next().await {
        let notification = notification?;
        match notification
            .payload
            .strip_prefix("cancel:")
            .and_then(|id| id.parse::<RunId>().ok())
        {
            Some(id) => cancel_local(running, id),
            None => wake.notify_one(),
        }
    }
    anyhow::bail!("the database closed the connection")
}

fn cancel_local(running: &Running, id: RunId) {
    if let Some(token) = running.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
        token.cancel();
    }
}
