//! A queue with a worker whose handler the test decides.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use diesel::sql_types::{Integer, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use futures::future::BoxFuture;
use jobs::{Definition, Handler, JobError, JobFigures, NewRun, Options, Outcome, RunContext, TimeZone, Worker};
use testing::{FakeClock, TestDatabase};
use types::RunId;
use types::jobs::JobKind;
use uuid::Uuid;

type Work = dyn Fn(RunContext) -> BoxFuture<'static, Result<Outcome, JobError>> + Send + Sync;

/// A handler made of a closure.
struct Closure(Box<Work>);

#[async_trait]
impl Handler for Closure {
    async fn run(&self, ctx: RunContext) -> Result<Outcome, JobError> {
        (self.0)(ctx).await
    }
}

/// A handler made of a closure.
pub fn handler<F, Fut>(work: F) -> Arc<dyn Handler>
where
    F: Fn(RunContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Outcome, JobError>> + Send + 'static,
{
    Arc::new(Closure(Box::new(move |ctx| Box::pin(work(ctx)))))
}

/// What the test sees of a run.
#[derive(Debug, Clone, PartialEq, Eq, diesel::QueryableByName)]
pub struct SeenRun {
    #[diesel(sql_type = Text)]
    pub status: String,
    #[diesel(sql_type = Text)]
    pub sentence: String,
    #[diesel(sql_type = Integer)]
    pub attempt: i32,
}

/// A database with a clock.
pub struct Queue {
    pub database: TestDatabase,
    pub clock: Arc<FakeClock>,
    next_id: AtomicU32,
}

impl Queue {
    pub async fn new() -> Self {
        Self {
            database: TestDatabase::new().await,
            clock: Arc::new(FakeClock::default()),
            next_id: AtomicU32::new(1),
        }
    }

    /// Ids count up: 1, 2, 3.
    pub fn new_id(&self) -> RunId {
        RunId(Uuid::from_u128(self.next_id.fetch_add(1, Ordering::Relaxed).into()))
    }

    /// A run without keys.
    pub fn new_run(&self, kind: JobKind) -> NewRun {
        NewRun {
            dedupe_key: None,
            lock_key: None,
            ..NewRun::of(self.new_id(), kind, "test", self.clock.now())
        }
    }

    /// Gives the job this schedule, as a start of the program does.
    pub async fn define(&self, kind: JobKind, schedule: &str) {
        let definition = Definition {
            kind,
            schedule: Some(schedule.parse().unwrap()),
        };
        let mut conn = self.database.connection().await;
        jobs::ensure_definitions(&mut conn, &[definition], TimeZone::UTC, self.clock.now())
            .await
            .unwrap();
    }

    pub async fn read_job(&self, kind: JobKind) -> JobFigures {
        let mut conn = self.database.connection().await;
        let jobs = jobs::read_jobs(&mut conn, self.clock.now()).await.unwrap();
        jobs.into_iter().find(|job| job.kind == kind).unwrap()
    }

    pub async fn enqueue_due(&self) -> usize {
        let mut conn = self.database.connection().await;
        jobs::enqueue_due(&mut conn, self.clock.now(), &|| self.new_id().into())
            .await
            .unwrap()
    }

    pub async fn enqueue(&self, run: NewRun) -> Option<RunId> {
        let mut conn = self.database.connection().await;
        jobs::enqueue(&mut conn, run, self.clock.now()).await.unwrap()
    }

    pub fn start(&self, handler: Arc<dyn Handler>) -> Worker {
        self.start_with(handler, |_| {})
    }

    pub fn start_with(&self, handler: Arc<dyn Handler>, change: impl FnOnce(&mut Options)) -> Worker {
        let mut options = Options::new(Arc::new(|| Uuid::from_u128(0xffff)));
        options.poll_every = Duration::from_millis(50);
        options.heartbeat = Duration::from_millis(50);
        options.progress_every = Duration::from_millis(20);
        options.stop_grace = Duration::from_millis(500);
        change(&mut options);
        let clock = Arc::clone(&self.clock);
        let pool = self.database.pool().clone();
        Worker::start(
            pool,
            self.database.url(),
            handler,
            options,
            Arc::new(move || clock.now()),
        )
    }

    pub async fn see(&self, id: RunId) -> SeenRun {
        let mut conn = self.database.connection().await;
        diesel::sql_query("SELECT status, sentence, attempt FROM runs WHERE id = $1")
            .bind::<SqlUuid, _>(id.0)
            .get_result(&mut conn)
            .await
            .unwrap()
    }

    /// Waits until the run has the status; fails with what it is instead after 20 s.
    pub async fn wait_for(&self, id: RunId, status: &str) -> SeenRun {
        for _ in 0..1000 {
            let seen = self.see(id).await;
            if seen.status == status {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("run {id} did not become {status}: {:?}", self.see(id).await);
    }

    /// The same for its sentence.
    pub async fn wait_for_sentence(&self, id: RunId, sentence: &str) {
        for _ in 0..1000 {
            if self.see(id).await.sentence == sentence {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("run {id} did not say \"{sentence}\": {:?}", self.see(id).await);
    }

    pub async fn run_sql(&self, sql: &str) {
        let mut conn = self.database.connection().await;
        diesel::sql_query(sql).execute(&mut conn).await.unwrap();
    }

    pub async fn log_of(&self, id: RunId) -> Vec<String> {
        #[derive(diesel::QueryableByName)]
        struct Line {
            #[diesel(sql_type = Text)]
            sentence: String,
        }
        let mut conn = self.database.connection().await;
        let lines: Vec<Line> = diesel::sql_query("SELECT sentence FROM run_log WHERE run_id = $1 ORDER BY id")
            .bind::<SqlUuid, _>(id.0)
            .load(&mut conn)
            .await
            .unwrap();
        lines.into_iter().map(|line| line.sentence).collect()
    }
}
