//! What the jobs do: one file a job, all entered through [`JobHandler`].

mod advance_download;
mod backups;
mod check_imports;
mod check_integrations;
mod clean_up;
mod fetch_torrent;
mod import_download;
mod import_pack;
mod poll_clients;
mod retry_due;
mod search_want;
mod snapshot_account;
mod stall_ladder;
mod sync_library;

pub use check_imports::enqueue_unfinished;
pub(crate) use check_imports::{OURS, enqueue_next};
pub(crate) use fetch_torrent::torrent_context;
pub(crate) use poll_clients::enqueue_import;

use async_trait::async_trait;
use jobs::{Complaint, Handler, JobError, Outcome, RunContext};
use types::ErrorCode;
use types::jobs::JobKind;

use crate::Services;
use crate::actor::Actor;
use crate::error::ServiceError;

/// Jobs act as this.
pub(crate) const JOB_ACTOR: Actor = Actor::System("mamcrawler");

/// Runs every kind of job over the use cases.
pub struct JobHandler {
    pub services: Services,
}

#[async_trait]
impl Handler for JobHandler {
    async fn run(&self, ctx: RunContext) -> Result<Outcome, JobError> {
        let services = &self.services;
        match ctx.kind() {
            JobKind::SyncLibraryFull => sync_library::sync_full(services, &ctx).await,
            JobKind::SyncLibraryIncremental => sync_library::sync_incremental(services, &ctx).await,
            JobKind::SearchWant => search_want::search_want(services, &ctx).await,
            JobKind::SearchWanted => retry_due::search_wanted(services, &ctx).await,
            JobKind::AdvanceDownload => advance_download::advance_download(services, &ctx).await,
            JobKind::PollClients => poll_clients::poll_clients(services, &ctx).await,
            JobKind::ImportDownload => import_download::import_download(services, &ctx).await,
            JobKind::CheckImports => check_imports::check_imports(services, &ctx).await,
            JobKind::RetryDue => retry_due::retry_due(services, &ctx).await,
            JobKind::SnapshotAccount => snapshot_account::snapshot_accounts(services, &ctx).await,
            JobKind::CheckIntegrations => check_integrations::check_integrations(services, &ctx).await,
            JobKind::CleanUp => clean_up::clean_up(services, &ctx).await,
            JobKind::Backup => backups::back_up(services, &ctx).await,
            JobKind::TestRestore => backups::test_restore(services, &ctx).await,
            JobKind::BackUpLibrary => backups::back_up_library(services, &ctx).await,
        }
    }
}

/// Counted by the error's code.
pub(crate) fn complaint_of(error: ServiceError) -> Complaint {
    Complaint {
        code: error.code.as_str(),
        sentence: error.message,
    }
}

/// A use case that failed in a job: what may pass is tried again, what a person must mend is not.
impl From<ServiceError> for JobError {
    fn from(error: ServiceError) -> Self {
        match error.code {
            ErrorCode::DatabaseError
            | ErrorCode::ServiceUnavailable
            | ErrorCode::ExternalApiError
            | ErrorCode::Conflict => Self::retry(complaint_of(error)),
            _ => Self::Fail(complaint_of(error)),
        }
    }
}
