//! Moves a download from state to state: the one way in which its state ever changes.

use db::Connection;
use db::downloads::{DownloadChanges, DownloadRow, NewEvent};
use diesel_async::AsyncConnection;
use domain::download_life::check_transition;
use types::DownloadId;
use types::downloads::{DownloadState, EventCode, HoldReason};

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
    let event = new_event(services, actor, step.code, step.sentence);
    Ok(db::downloads::transition_download(conn, download.id(), &[from], step.to, step.changes, event).await?)
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
