//! States as a word, a shape and a colour.

use leptos::prelude::*;
use types::backups::BackupState;
use types::downloads::{DownloadState, HoldReason};
use types::integrations::Health;
use types::jobs::RunStatus;
use types::search::{Decision, IdentityBand, IndexerStatus};
use types::wants::{WantReason, WantStatus};

use super::icons::{Drawing, Icon};
use super::notices::Tone;

/// What a badge shows.
pub type Face = (&'static str, Icon, Tone);

/// A state as a word, a shape and a colour.
#[component]
pub fn Badge(face: Face) -> impl IntoView {
    let (word, icon, tone) = face;
    view! {
        <span class=format!("badge {}", tone.class())>
            <Drawing icon=icon />
            {word}
        </span>
    }
}

/// Where a download is.
pub const fn download_face(state: DownloadState) -> Face {
    match state {
        DownloadState::Wanted => ("Wanted", Icon::Bookmark, Tone::Plain),
        DownloadState::Searching => ("Searching", Icon::Search, Tone::Plain),
        DownloadState::Hold => ("On hold", Icon::Pause, Tone::Warning),
        DownloadState::Review => ("Needs a decision", Icon::Eye, Tone::Warning),
        DownloadState::NotFound => ("Not found", Icon::Question, Tone::Warning),
        DownloadState::Queued => ("Queued", Icon::Clock, Tone::Plain),
        DownloadState::Sent => ("Sent to client", Icon::Send, Tone::Plain),
        DownloadState::Downloading => ("Downloading", Icon::Download, Tone::Plain),
        DownloadState::Downloaded => ("Downloaded", Icon::Tick, Tone::Plain),
        DownloadState::Verifying => ("Verifying", Icon::Shield, Tone::Plain),
        DownloadState::Importing => ("Importing", Icon::Box, Tone::Plain),
        DownloadState::Imported => ("In the library", Icon::Check, Tone::Good),
        DownloadState::Failed => ("Failed", Icon::Stop, Tone::Bad),
        DownloadState::Cancelled => ("Cancelled", Icon::Minus, Tone::Plain),
        DownloadState::Abandoned => ("Given up", Icon::Cross, Tone::Bad),
        DownloadState::Superseded => ("Replaced", Icon::Layers, Tone::Plain),
        DownloadState::RemovedFromTracker => ("Gone from tracker", Icon::Link, Tone::Warning),
    }
}

/// Why something is on hold, in two words.
pub const fn hold_label(reason: HoldReason) -> &'static str {
    match reason {
        HoldReason::VipRisk => "VIP at risk",
        HoldReason::Ratio => "Ratio",
        HoldReason::UnsatisfiedSlots => "No free slot",
        HoldReason::Points => "Points",
        HoldReason::NoSeeders => "No seeders",
        HoldReason::ClientDown => "Client down",
        HoldReason::DiskLow => "Disk low",
        HoldReason::Quota => "Quota",
        HoldReason::Approval => "Approval",
        HoldReason::LibraryUnreadable => "Library unreadable",
        HoldReason::AccountUnknown => "Account unknown",
        HoldReason::IndexerDown => "Indexer down",
    }
}

/// How an outside service is.
pub const fn health_face(health: Health) -> Face {
    match health {
        Health::Unknown => ("Not checked", Icon::Question, Tone::Plain),
        Health::Ok => ("Works", Icon::Check, Tone::Good),
        Health::Warning => ("Works, with a warning", Icon::Warning, Tone::Warning),
        Health::Failing => ("Fails", Icon::Stop, Tone::Bad),
    }
}

/// How a run went.
pub const fn run_face(status: RunStatus) -> Face {
    match status {
        RunStatus::Queued => ("Queued", Icon::Clock, Tone::Plain),
        RunStatus::Running => ("Running", Icon::Arrow, Tone::Plain),
        RunStatus::Succeeded => ("Done", Icon::Check, Tone::Good),
        RunStatus::NothingToDo => ("Nothing to do", Icon::Minus, Tone::Plain),
        RunStatus::Failed => ("Failed", Icon::Stop, Tone::Bad),
        RunStatus::Cancelled => ("Cancelled", Icon::Cross, Tone::Plain),
        RunStatus::Lost => ("Lost, runs again", Icon::Question, Tone::Warning),
    }
}

/// Whether a backup can be relied on.
pub const fn backup_face(state: BackupState) -> Face {
    match state {
        BackupState::Untested => ("Not tested yet", Icon::Question, Tone::Plain),
        BackupState::Restored => ("Tested", Icon::Check, Tone::Good),
        BackupState::Broken => ("Broken", Icon::Stop, Tone::Bad),
        BackupState::Gone => ("File is gone", Icon::Minus, Tone::Warning),
    }
}

/// What may be done with a candidate.
pub const fn decision_face(decision: Decision) -> Face {
    match decision {
        Decision::Accepted => ("Can be grabbed", Icon::Check, Tone::Good),
        Decision::Review => ("Needs a decision", Icon::Eye, Tone::Warning),
        Decision::Rejected => ("Rejected", Icon::Stop, Tone::Bad),
    }
}

/// How sure we are of what a release is.
pub const fn band_label(band: IdentityBand) -> &'static str {
    match band {
        IdentityBand::Different => "A different work",
        IdentityBand::Doubtful => "Doubtful match",
        IdentityBand::SameWork => "Same work",
        IdentityBand::SameRecording => "Same recording",
    }
}

/// How an indexer did.
pub const fn indexer_face(status: IndexerStatus) -> Face {
    match status {
        IndexerStatus::Searching => ("Searching", Icon::Search, Tone::Plain),
        IndexerStatus::Found => ("Found", Icon::Check, Tone::Good),
        IndexerStatus::Empty => ("Nothing", Icon::Minus, Tone::Plain),
        IndexerStatus::Partial => ("In part", Icon::Warning, Tone::Warning),
        IndexerStatus::Failed => ("Failed", Icon::Stop, Tone::Bad),
    }
}

/// Where a want is when no download says so.
pub const fn want_face(status: WantStatus) -> Face {
    match status {
        WantStatus::Open => ("Wanted", Icon::Bookmark, Tone::Plain),
        WantStatus::Fulfilled => ("Fulfilled", Icon::Check, Tone::Good),
        WantStatus::Cancelled => ("Cancelled", Icon::Minus, Tone::Plain),
    }
}

/// Why something is wanted.
pub const fn reason_label(reason: WantReason) -> &'static str {
    match reason {
        WantReason::Request => "Requested",
        WantReason::SeriesGap => "Missing in a series",
        WantReason::AuthorGap => "Missing from an author",
        WantReason::List => "From a list",
        WantReason::Upgrade => "Better recording",
        WantReason::Manual => "Chosen by hand",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Colour is never the only difference between two states.
    #[test]
    fn every_state_of_a_kind_has_its_own_word_and_shape() {
        let downloads: Vec<Face> = DownloadState::ALL.iter().map(|state| download_face(*state)).collect();
        let runs: Vec<Face> = RunStatus::ALL.iter().map(|status| run_face(*status)).collect();
        let health: Vec<Face> = Health::ALL.iter().map(|health| health_face(*health)).collect();
        let indexers: Vec<Face> = IndexerStatus::ALL.iter().map(|status| indexer_face(*status)).collect();
        let backups: Vec<Face> = BackupState::ALL.iter().map(|state| backup_face(*state)).collect();
        for faces in [downloads, runs, health, indexers, backups] {
            let words: HashSet<_> = faces.iter().map(|face| face.0).collect();
            let shapes: HashSet<_> = faces.iter().map(|face| format!("{:?}", face.1)).collect();
            assert_eq!((words.len(), shapes.len()), (faces.len(), faces.len()));
        }
    }
}
