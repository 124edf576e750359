//! What a handler is given: its work, and where to say how it goes.

use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use types::RunId;
use types::jobs::{Counter, JobKind, LogLevel};
use uuid::Uuid;

use crate::failures::Finding;
use crate::handler::{Complaint, JobError};
use crate::store::{self, ClaimedRun};
use crate::{Clock, Pool};

/// One run as its handler sees it. Cheap to clone.
#[derive(Clone)]
pub struct RunContext {
    inner: Arc<Inner>,
}

struct Inner {
    run: ClaimedRun,
    pool: Pool,
    clock: Clock,
    token: CancellationToken,
    figures: Mutex<Figures>,
    findings: Mutex<Vec<Finding>>,
}

/// Progress and counters, written to the database once a second at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub done: i64,
    /// 0 = unknown.
    pub total: i64,
    pub counters: Vec<Counter>,
    is_dirty: bool,
}

impl RunContext {
    pub(crate) fn new(run: ClaimedRun, pool: Pool, clock: Clock, token: CancellationToken) -> Self {
        Self {
            inner: Arc::new(Inner {
                run,
                pool,
                clock,
                token,
                figures: Mutex::default(),
                findings: Mutex::default(),
            }),
        }
    }

    /// The run's id.
    pub fn id(&self) -> RunId {
        self.inner.run.id
    }

    /// What kind of work it is.
    pub fn kind(&self) -> JobKind {
        self.inner.run.kind
    }

    /// 1 on the first start.
    pub fn attempt(&self) -> i32 {
        self.inner.run.attempt
    }

    /// Who or what queued it.
    pub fn started_by(&self) -> &str {
        &self.inner.run.started_by
    }

    /// The payload, parsed.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        serde_json::from_value(self.inner.run.payload.clone()).map_err(|error| {
            JobError::Fail(
                format!("The job's input can't be read: {error}. It was queued by another version; start it again.")
                    .into(),
            )
        })
    }

    /// The `id` that `NewRun::about` put into the payload.
    pub fn subject(&self) -> Result<Uuid, JobError> {
        #[derive(serde::Deserialize)]
        struct Subject {
            id: Uuid,
        }
        Ok(self.payload::<Subject>()?.id)
    }

    /// One of several things that the run is about did not work; the others go on. Counted when the run ends.
    pub fn report_failure(&self, item: Uuid, complaint: impl Into<Complaint>) {
        self.add_finding(item, Some(complaint.into()));
    }

    /// One of several things that the run is about worked: what was counted against it is forgotten when the run ends.
    pub fn report_success(&self, item: Uuid) {
        self.add_finding(item, None);
    }

    fn add_finding(&self, item: Uuid, complaint: Option<Complaint>) {
        let mut findings = self.inner.findings.lock().unwrap_or_else(PoisonError::into_inner);
        findings.retain(|finding| finding.item != item);
        findings.push(Finding { item, complaint });
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.inner
            .findings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Adds a line to the run's log. A line that can't be stored goes to the server's log only: it never fails the work.
    pub async fn log(&self, level: LogLevel, sentence: impl Into<String>) {
        let sentence = sentence.into();
        match level {
            LogLevel::Info => tracing::info!(run.id = %self.id(), run.kind = %self.kind(), "{sentence}"),
            LogLevel::Warning => tracing::warn!(run.id = %self.id(), run.kind = %self.kind(), "{sentence}"),
            LogLevel::Error => tracing::error!(run.id = %self.id(), run.kind = %self.kind(), "{sentence}"),
        }
        let now = (self.inner.clock)();
        if let Err(error) = store::append_log(&self.inner.pool, self.id(), now, level, &sentence).await {
            tracing::warn!(run.id = %self.id(), "could not store a line of the run's log: {error:#}");
        }
    }

    /// How far it is. `total` = 0 while unknown.
    pub fn progress(&self, done: u64, total: u64) {
        self.change(|figures| {
            figures.done = i64::try_from(done).unwrap_or(i64::MAX);
            figures.total = i64::try_from(total).unwrap_or(i64::MAX);
        });
    }

    /// Adds to a named figure: `count("read", 50)`.
    pub fn count(&self, name: &str, by: i64) {
        self.change(
            |figures| match figures.counters.iter_mut().find(|counter| counter.name == name) {
                Some(counter) => counter.value += by,
                None => figures.counters.push(Counter {
                    name: name.into(),
                    value: by,
                }),
            },
        );
    }

    /// Somebody cancelled the run, or the process is stopping: end at the next safe place.
    pub fn is_cancelled(&self) -> bool {
        self.inner.token.is_cancelled()
    }

    /// Waits until the run is to stop.
    pub async fn cancelled(&self) {
        self.inner.token.cancelled().await;
    }

    /// `ctx.check_cancelled()?` at a safe place.
    pub fn check_cancelled(&self) -> Result<(), JobError> {
        if self.is_cancelled() {
            Err(JobError::Stopped)
        } else {
            Ok(())
        }
    }

    /// The figures, if they changed since the last call.
    pub(crate) fn take_changed(&self) -> Option<Figures> {
        let mut figures = self.inner.figures.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut figures.is_dirty).then(|| figures.clone())
    }

    /// After a failed write: the next one carries them.
    pub(crate) fn keep_changed(&self) {
        self.change(|_| {});
    }

    fn change(&self, apply: impl FnOnce(&mut Figures)) {
        let mut figures = self.inner.figures.lock().unwrap_or_else(PoisonError::into_inner);
        apply(&mut figures);
        figures.is_dirty = true;
    }
}
