//! Moves a download from state to state: the one way in which its state ever changes.

use db::Connection;
use db::downloads::{DownloadChanges, DownloadRow, NewEvent};
use diesel_async::AsyncConnection;
use domain::download_life::check_transition;
use jobs::Failed;
use types::DownloadId;
use types::downloads::{DownloadState, EventCode, HoldReason};
use types::jobs::JobKind;

use crate::Services;
use crate::actor::Actor;
use crate::error::{Result, ServiceError};
use crate::jobs::JOB_ACTOR;

/// A step in a download's life: where it goes, why, and what is written with it.
pub struct Step {
    pub to: DownloadState,
    pub code: EventCode,
    pub sentence: String,
    pub changes: DownloadChanges,
}

impl Step {
    /// A step that changes nothing but the state.
    pub fn new(to: DownloadState, code: EventCode, sentence: impl Into<String>) -> Self {
        Self {
            to,
            code,
            sentence: sentence.into(),
            changes: DownloadChanges::default(),
        }
    }

    /// A step into `hold`, which always has a reason.
    pub fn hold(reason: HoldReason, sentence: impl Into<String>) -> Self {
        let mut step = Self::new(DownloadState::Hold, EventCode::Held, sentence);
        step.changes.hold_reason = Some(reason);
        step
    }

    /// The same step with what else changes.
    pub fn with(mut self, change: impl FnOnce(&mut DownloadChanges)) -> Self {
        change(&mut self.changes);
        self
    }
}

/// Takes the step if the download is still where the caller saw it; the event is written in the same transaction.
pub async fn take_step(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    download: &DownloadRow,
    step: Step,
) -> Result<DownloadRow> {
    let from = download.state()?;
    check_transition(Some(from), step.to).map_err(|error| ServiceError::conflict(error.to_string()))?;
    let (to, code) = (step.to, step.code);
    let event = new_event(services, actor, code, step.sentence.clone());
    let moved = db::downloads::transition_download(conn, download.id(), &[from], to, step.changes, event).await?;
    match count_step(actor, from, to) {
        Tally::Count(kind) => {
            let failed = Failed {
                kind: kind.as_str(),
                item: Some(download.id),
                code: code.as_str(),
                sentence: &step.sentence,
                run: None,
            };
            jobs::record_failure(conn, &failed, services.now()).await?;
        }
        Tally::Forget => jobs::forget_failures(conn, download.id).await?,
        Tally::Leave => {}
    }
    Ok(moved)
}

/// What a step does to the tally of failures.
enum Tally {
    Count(JobKind),
    Forget,
    Leave,
}

/// A failure counts for the job whose step it was. It is forgotten when the download ended well, was ended on purpose, or a
/// person decided anew; by itself a retry settles nothing.
fn count_step(actor: &Actor, from: DownloadState, to: DownloadState) -> Tally {
    let is_failed = |state| matches!(state, DownloadState::Failed | DownloadState::Abandoned);
    match to {
        DownloadState::Failed | DownloadState::Abandoned => Tally::Count(match from {
            DownloadState::Wanted | DownloadState::Searching => JobKind::SearchWant,
            DownloadState::Downloaded | DownloadState::Verifying | DownloadState::Importing => JobKind::ImportDownload,
            DownloadState::Downloading | DownloadState::Sent => JobKind::PollClients,
            DownloadState::Failed => JobKind::RetryDue,
            _ => JobKind::AdvanceDownload,
        }),
        DownloadState::Imported | DownloadState::Cancelled | DownloadState::Superseded => Tally::Forget,
        _ if is_failed(from) && actor.user_id().is_some() => Tally::Forget,
        _ => Tally::Leave,
    }
}

/// What is said of a download that stays in its state, and what is written with it.
pub struct Remark {
    pub code: EventCode,
    pub sentence: String,
    pub changes: DownloadChanges,
}

/// Puts a job's remark on the download's pages and into its history: both or neither.
pub async fn make_remark(
    services: &Services,
    conn: &mut Connection,
    download: &DownloadRow,
    remark: Remark,
) -> Result<()> {
    conn.transaction::<_, ServiceError, _>(async |conn| {
        note_job_event(services, conn, download, remark.code, &remark.sentence).await?;
        let (sentence, now) = (Some(remark.sentence.as_str()), services.now());
        Ok(db::downloads::update_download(conn, download, remark.changes, sentence, now).await?)
    })
    .await
}

/// Adds a line to the history without a change of state.
pub async fn note_event(
    services: &Services,
    conn: &mut Connection,
    actor: &Actor,
    id: DownloadId,
    code: EventCode,
    sentence: &str,
) -> Result<()> {
    let event = new_event(services, actor, code, sentence);
    Ok(db::downloads::append_event(conn, id, &event).await?)
}

/// The same by a job.
pub async fn note_job_event(
    services: &Services,
    conn: &mut Connection,
    download: &DownloadRow,
    code: EventCode,
    sentence: &str,
) -> Result<()> {
    note_event(services, conn, &JOB_ACTOR, download.id(), code, sentence).await
}

/// A line of history by this actor, now.
pub fn new_event(services: &Services, actor: &Actor, code: EventCode, sentence: impl Into<String>) -> NewEvent {
    NewEvent {
        at: services.now(),
        user_id: actor.user_id().map(Into::into),
        actor: actor_name(actor),
        code,
        sentence: sentence.into(),
    }
}

fn actor_name(actor: &Actor) -> String {
    match actor {
        Actor::User(user, _) => user.username.clone(),
        Actor::System(_) => "mamcrawler".into(),
    }
}
