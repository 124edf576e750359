//! What the product gives the engine: one function that does the work of any kind.

use std::time::Duration;

use async_trait::async_trait;

use crate::context::RunContext;

/// How a run ended well. The sentence is what people read in the list of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Work was done: "Read 1,605 books, 12 of them new."
    Done(String),
    /// Nothing failed and nothing was there to do, and why: "No want is open."
    NothingToDo(String),
}

/// What went wrong: a word by which failures are counted, and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    pub code: &'static str,
    pub sentence: String,
}

impl From<String> for Complaint {
    fn from(sentence: String) -> Self {
        Self {
            code: "failed",
            sentence,
        }
    }
}

impl From<&str> for Complaint {
    fn from(sentence: &str) -> Self {
        sentence.to_owned().into()
    }
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

/// Why a run did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It may work later. `after` = `None` lets the engine choose: 30 s, 2 min, 8 min, … up to 1 h.
    #[error("{complaint}")]
    Retry {
        after: Option<Duration>,
        complaint: Complaint,
    },
    /// Trying again changes nothing until a person acts.
    #[error("{0}")]
    Fail(Complaint),
    /// The handler saw `RunContext::cancelled` and stopped at a safe place.
    #[error("stopped before its end")]
    Stopped,
}

impl JobError {
    /// A failure that is tried again after the engine's own pause.
    pub fn retry(complaint: impl Into<Complaint>) -> Self {
        Self::Retry {
            after: None,
            complaint: complaint.into(),
        }
    }
}

/// Does the work. It may be called twice for one run, and may be dropped at any `.await`.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Runs the job that `ctx` names, with its payload.
    async fn run(&self, ctx: RunContext) -> Result<Outcome, JobError>;
}
