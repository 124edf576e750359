//! One claimed run from its start to its end: heartbeat, cancellation, panics, retries.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use types::jobs::{LogLevel, RunStatus};

use crate::context::{Figures, RunContext};
use crate::failures::settle_run;
use crate::handler::{Complaint, Handler, JobError, Outcome};
use crate::store::{self, ClaimedRun, End, borrow_connection};
use crate::worker::Options;
use crate::{Clock, Pool};

/// A process that stops tries so long to write the end of a run. Then the lease tells the others, who run it again.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// What executing needs besides the run.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub pool: Pool,
    pub handler: Arc<dyn Handler>,
    pub options: Options,
    pub clock: Clock,
    /// The worker is stopping.
    pub stopping: CancellationToken,
}

type Answer = Result<Outcome, JobError>;

/// Runs the handler and writes its end. Everything that it logs carries the run's id.
pub(crate) async fn execute_run(around: Surroundings, run: ClaimedRun, token: CancellationToken) {
    let span = tracing::error_span!("run", id = %run.id, kind = %run.kind, outcome = Empty);
    execute_in_span(around, run, token).instrument(span).await;
}

async fn execute_in_span(around: Surroundings, run: ClaimedRun, token: CancellationToken) {
    let ctx = RunContext::new(run.clone(), around.pool.clone(), around.clock.clone(), token.clone());
    let handler = Arc::clone(&around.handler);
    let mut task = tokio::spawn({
        let ctx = ctx.clone();
        async move { handler.run(ctx).await }.in_current_span()
    });
    let started = Instant::now();
    let answer = tokio::select! {
        joined = &mut task => Some(read_join(joined, &run)),
        () = token.cancelled() => wait_for_stop(&mut task, &around, &run).await,
        () = keep_lease(&around, &run, &ctx, &token) => None,
    };
    // Aborting an ended task does nothing.
    task.abort();
    let is_cancelled = token.is_cancelled() && !around.stopping.is_cancelled();
    let Some(answer) = answer else {
        tracing::warn!(run.id = %run.id, "lost the lease of run {}; another worker answers for it", run.id);
        count_run(&run, "lost", started.elapsed());
        return;
    };
    let end = judge_end(answer, &run, is_cancelled, (around.clock)());
    count_run(&run, name_outcome(&end), started.elapsed());
    write_end(&around, &run, &ctx, &end).await;
}

/// For the log, traces and monitoring: how often runs of a kind end how, and how long they take.
fn count_run(run: &ClaimedRun, outcome: &'static str, took: Duration) {
    let kind = run.kind.as_str();
    tracing::debug!(outcome, duration_ms = took.as_millis(), "the run ended as {outcome}");
    Span::current().record("outcome", outcome);
    metrics::counter!("mamcrawler_job_runs_total", "kind" => kind, "outcome" => outcome).increment(1);
    metrics::histogram!("mamcrawler_job_duration_seconds", "kind" => kind).record(took);
}

/// A run that is to be tried again has not failed yet.
fn name_outcome(end: &End) -> &'static str {
    match end {
        End::Final(status, _) => status.as_str(),
        End::Failed(_) => RunStatus::Failed.as_str(),
        End::Again(..) => "retried",
        End::HandBack => "handed_back",
    }
}

/// The handler was told to stop: it gets the grace, with its lease kept by being longer than the grace.
async fn wait_for_stop(task: &mut JoinHandle<Answer>, around: &Surroundings, run: &ClaimedRun) -> Option<Answer> {
    match timeout(around.options.stop_grace, &mut *task).await {
        Ok(joined) => Some(read_join(joined, run)),
        Err(_) => {
            task.abort();
            Some(Err(JobError::Stopped))
        }
    }
}

fn read_join(joined: Result<Answer, tokio::task::JoinError>, run: &ClaimedRun) -> Answer {
    joined.unwrap_or_else(|error| {
        tracing::error!(run.id = %run.id, run.kind = %run.kind, "run {} of {} broke off: {error}", run.id, run.kind);
        Err(JobError::Fail(Complaint {
            code: "defect",
            sentence: "The job broke off on a defect in mamcrawler. The server's log says where; please report it."
                .into(),
        }))
    })
}

/// Keeps the lease, stores progress, notices a cancellation. Returns when the lease is lost, or before others may see it as
/// over: then two would work on one thing.
async fn keep_lease(around: &Surroundings, run: &ClaimedRun, ctx: &RunContext, token: &CancellationToken) {
    let mut tick = interval(around.options.progress_every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let is_sure_for = around.options.lease - around.options.lease / 6;
    let mut extended = run.claimed;
    loop {
        let beat = tokio::select! {
            beat = beat_when_due(around, run, ctx, (&mut tick, extended)) => beat,
            () = sleep_until(extended + is_sure_for) => return,
        };
        match beat {
            Beat::Lost => return,
            Beat::Extended { asked, is_cancelled } => {
                extended = asked;
                if is_cancelled {
                    token.cancel();
                }
            }
            Beat::Unheard => ctx.keep_changed(),
        }
    }
}

enum Beat {
    /// `asked`: before the statement that extended it, from which the lease counts.
    Extended {
        asked: Instant,
        is_cancelled: bool,
    },
    Lost,
    /// Nobody knows whether it was extended.
    Unheard,
}

async fn beat_when_due(
    around: &Surroundings,
    run: &ClaimedRun,
    ctx: &RunContext,
    (tick, extended): (&mut Interval, Instant),
) -> Beat {
    loop {
        tick.tick().await;
        let figures = ctx.take_changed();
        if figures.is_none() && extended.elapsed() < around.options.heartbeat {
            continue;
        }
        let asked = Instant::now();
        return match beat_in_time(around, run, figures.as_ref()).await {
            Ok(Some(is_cancelled)) => Beat::Extended { asked, is_cancelled },
            Ok(None) => Beat::Lost,
            Err(error) => {
                tracing::warn!(run.id = %run.id, "could not extend the lease of run {}: {error:#}", run.id);
                Beat::Unheard
            }
        };
    }
}

/// A pool without a free connection must not let the lease run out unnoticed.
async fn beat_in_time(
    around: &Surroundings,
    run: &ClaimedRun,
    figures: Option<&Figures>,
) -> anyhow::Result<Option<bool>> {
    timeout(around.options.heartbeat, beat(around, run, figures))
        .await
        .context("the database took too long")?
}

async fn beat(around: &Surroundings, run: &ClaimedRun, figures: Option<&Figures>) -> anyhow::Result<Option<bool>> {
    let mut conn = borrow_connection(&around.pool).await?;
    if let Some(figures) = figures {
        store::save_figures(&mut conn, run, figures).await?;
    }
    Ok(store::extend_lease(&mut conn, run, around.options.lease).await?)
}

fn judge_end(answer: Answer, run: &ClaimedRun, is_cancelled: bool, now: DateTime<Utc>) -> End {
    match answer {
        Ok(Outcome::Done(sentence)) => End::Final(RunStatus::Succeeded, sentence),
        Ok(Outcome::NothingToDo(sentence)) => End::Final(RunStatus::NothingToDo, sentence),
        Err(_) if is_cancelled => End::Final(RunStatus::Cancelled, "Cancelled before its end.".into()),
        Err(JobError::Stopped) => End::HandBack,
        Err(JobError::Fail(complaint)) => End::Failed(complaint),
        Err(JobError::Retry { complaint, .. }) if run.attempt >= run.max_attempts => End::Failed(Complaint {
            sentence: format!("{complaint} Given up after {} tries.", run.attempt),
            ..complaint
        }),
        Err(JobError::Retry { after, complaint }) => {
            let at = now + after.unwrap_or_else(|| pause_before_retry(run));
            End::Again(at, complaint.sentence)
        }
    }
}

/// 30 s, 2 min, 8 min, 32 min, then 1 h; up to a tenth longer, so that many runs don't come back in one second.
fn pause_before_retry(run: &ClaimedRun) -> Duration {
    let exponent = u32::try_from(run.attempt.clamp(1, 5) - 1).unwrap_or(0);
    let pause = Duration::from_secs(30)
        .saturating_mul(4_u32.pow(exponent))
        .min(Duration::from_secs(3600));
    pause + pause.mul_f64(f64::from(run.lease.as_bytes()[15]) / 2560.0)
}

/// Tries until it is written or the lease is over: an ended run must not be run again for a short database outage.
async fn write_end(around: &Surroundings, run: &ClaimedRun, ctx: &RunContext, end: &End) {
    let gives_up = async {
        tokio::select! {
            () = sleep(around.options.lease) => {}
            () = async { around.stopping.cancelled().await; sleep(STOP_PATIENCE).await } => {}
        }
    };
    tokio::select! {
        () = keep_writing_end(around, run, ctx, end) => {}
        () = gives_up => tracing::error!(
            run.id = %run.id,
            "could not write the end of run {} in time; it is run again when its lease is over",
            run.id
        ),
    }
}

async fn keep_writing_end(around: &Surroundings, run: &ClaimedRun, ctx: &RunContext, end: &End) {
    let figures = ctx.take_changed();
    loop {
        match try_write_end(around, run, (ctx, figures.as_ref()), end).await {
            Ok(true) => return,
            Ok(false) => {
                tracing::warn!(run.id = %run.id, "run {} ended after its lease was lost", run.id);
                return;
            }
            Err(error) => {
                tracing::warn!(run.id = %run.id, "could not write the end of run {} yet: {error:#}", run.id);
                sleep(around.options.progress_every).await;
            }
        }
    }
}

async fn try_write_end(
    around: &Surroundings,
    run: &ClaimedRun,
    (ctx, figures): (&RunContext, Option<&Figures>),
    end: &End,
) -> anyhow::Result<bool> {
    let mut conn = borrow_connection(&around.pool).await?;
    if let Some(figures) = figures {
        store::save_figures(&mut conn, run, figures).await?;
    }
    let now = (around.clock)();
    let findings = ctx.findings();
    let ended = conn.transaction::<_, diesel::result::Error, _>(async |conn| {
        if !store::end_run(conn, run, end, now).await? {
            return Ok(false);
        }
        if let Some((level, sentence)) = last_line(end) {
            store::insert_log(conn, run.id, now, level, &sentence).await?;
        }
        settle_run(conn, run, end, &findings, now).await?;
        Ok(true)
    });
    Ok(ended.await?)
}

/// What the run's log says of its end.
fn last_line(end: &End) -> Option<(LogLevel, String)> {
    match end {
        End::Failed(complaint) => Some((LogLevel::Error, complaint.sentence.clone())),
        End::Final(_, sentence) => Some((LogLevel::Info, sentence.clone())),
        End::Again(at, sentence) => Some((
            LogLevel::Warning,
            format!("{sentence} Tried again at {}.", at.format("%Y-%m-%d %H:%M:%S UTC")),
        )),
        End::HandBack => None,
    }
}
