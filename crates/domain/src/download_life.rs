//! The life of a download as one table: which state may follow which, what a person can do, when a retry is due.
//!
//! `wanted → searching → (hold | review | not_found) → queued → sent → downloading → downloaded → verifying →
//! importing → imported`, ending also in `failed`, `cancelled`, `abandoned`; afterwards `superseded` and
//! `removed_from_tracker`. The side roads, and why:
//! - an active state may be entered again: its reason or sentence changed, or work restarted after a crash;
//! - a sent or running download may wait in `hold` (disk full, client gone, ratio emergency) and go back;
//! - `sent → queued`: the client does not have what we thought we had handed over;
//! - `downloaded | verifying → downloading`: a recheck found missing bytes; `importing → verifying`: an import that
//!   was undone starts over; `verifying ↔ review`: a person splits a pack;
//! - a retry of a failed, cancelled or abandoned download goes to `queued` (same release) or `searching`. The next
//!   candidate of a stalled one is a new download.

use std::time::Duration;

use types::downloads::{DownloadActions, DownloadState};

/// A transition that the table does not have: a defect of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a download can't go from {} to {to}", from.map_or("nothing", DownloadState::as_str))]
pub struct InvalidTransition {
    pub from: Option<DownloadState>,
    pub to: DownloadState,
}

/// The one guard of all transitions; `from` is `None` for a new download.
///
/// # Errors
/// When the table has no such transition.
pub fn check_transition(from: Option<DownloadState>, to: DownloadState) -> Result<(), InvalidTransition> {
    let is_known = match from {
        None => is_first_state(to),
        Some(from) if from == to => from.is_active(),
        Some(from) => next_states(from).contains(&to),
    };
    if is_known {
        Ok(())
    } else {
        Err(InvalidTransition { from, to })
    }
}

fn is_first_state(state: DownloadState) -> bool {
    use DownloadState::{Hold, Queued, Review, Searching, Wanted};
    matches!(state, Wanted | Searching | Hold | Review | Queued)
}

fn next_states(from: DownloadState) -> &'static [DownloadState] {
    use DownloadState::*;
    match from {
        Wanted => &[Searching, Hold, Review, Queued, Failed, Cancelled],
        Searching => &[Hold, Review, NotFound, Queued, Failed, Cancelled],
        Hold => &[
            Searching,
            Review,
            Queued,
            Sent,
            Downloading,
            Downloaded,
            Failed,
            Cancelled,
        ],
        Review => &[Searching, Hold, NotFound, Queued, Verifying, Failed, Cancelled],
        NotFound => &[Searching, Review, Queued, Cancelled],
        Queued => &[Hold, Sent, Failed, Cancelled],
        Sent => &[Hold, Queued, Downloading, Downloaded, Failed, Cancelled],
        Downloading => &[Hold, Downloaded, Failed, Cancelled],
        Downloaded => &[Downloading, Verifying, Failed, Cancelled],
        Verifying => &[Review, Downloading, Importing, Failed, Cancelled],
        Importing => &[Verifying, Imported, Failed, Cancelled],
        Imported => &[Superseded, RemovedFromTracker],
        Failed => &[Searching, Queued, Cancelled, Abandoned],
        Cancelled => &[Searching, Queued],
        Abandoned => &[Searching, Queued, Cancelled],
        Superseded => &[RemovedFromTracker],
        RemovedFromTracker => &[Superseded],
    }
}

/// What a person can do with a download in this state. One that reached the library has no actions: another
/// recording of it is a new want.
/// Of a pack, [`can_confirm_split`] tells one more.
pub fn actions(state: DownloadState) -> DownloadActions {
    use DownloadState::*;
    let has_ended_without_book = matches!(state, Failed | Cancelled | Abandoned);
    DownloadActions {
        can_retry: has_ended_without_book || matches!(state, Hold | NotFound),
        can_choose_another: has_ended_without_book
            || matches!(state, Hold | Review | NotFound | Queued | Sent | Downloading),
        can_cancel: state != Cancelled && next_states(state).contains(&Cancelled),
        can_confirm_split: false,
    }
}

/// Whether a person can confirm how a pack is split: it waits for that, and some of its `new_books` would come in.
pub fn can_confirm_split(state: DownloadState, new_books: usize) -> bool {
    state == DownloadState::Review && new_books > 0
}

const HOUR: Duration = Duration::from_secs(3600);

/// How long to wait after the `attempt`th failed try (the first is 1): 1 h, 6 h, 24 h, then never again.
/// `jitter`, 0.0..=1.0, moves it by up to a tenth either way, so that retries don't come all at once.
pub fn retry_delay(attempt: u32, jitter: f64) -> Option<Duration> {
    let delay = match attempt {
        0 | 1 => HOUR,
        2 => HOUR * 6,
        3 => HOUR * 24,
        _ => return None,
    };
    let jitter = if jitter.is_finite() {
        jitter.clamp(0.0, 1.0)
    } else {
        0.5
    };
    Some(delay.mul_f64(0.9 + 0.2 * jitter))
}

/// Whether a torrent that its client has already is told to go on: one of ours that is not complete, which was stopped when
/// somebody cancelled it. The client's word for its state doesn't count, as one that was just told to stop may still show
/// the word before. What a person added stays as it is. `progress` is 0.0..=1.0.
pub fn is_to_go_on(is_ours: bool, progress: f64) -> bool {
    is_ours && progress < 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::downloads::DownloadState::*;

    /// From a state, the words of all states that may follow, itself included.
    const EXPECTED: [(DownloadState, &str); 17] = [
        (Wanted, "wanted searching hold review queued failed cancelled"),
        (Searching, "searching hold review not_found queued failed cancelled"),
        (
            Hold,
            "searching hold review queued sent downloading downloaded failed cancelled",
        ),
        (
            Review,
            "searching hold review not_found queued verifying failed cancelled",
        ),
        (NotFound, "searching review not_found queued cancelled"),
        (Queued, "hold queued sent failed cancelled"),
        (Sent, "hold queued sent downloading downloaded failed cancelled"),
        (Downloading, "hold downloading downloaded failed cancelled"),
        (Downloaded, "downloading downloaded verifying failed cancelled"),
        (Verifying, "review downloading verifying importing failed cancelled"),
        (Importing, "verifying importing imported failed cancelled"),
        (Imported, "superseded removed_from_tracker"),
        (Failed, "searching queued cancelled abandoned"),
        (Cancelled, "searching queued"),
        (Abandoned, "searching queued cancelled"),
        (Superseded, "removed_from_tracker"),
        (RemovedFromTracker, "superseded"),
    ];

    fn reachable_from(from: Option<DownloadState>) -> String {
        let words = DownloadState::ALL
            .iter()
            .filter(|to| check_transition(from, **to).is_ok());
        words.map(|to| to.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_pair_of_states_is_allowed_or_refused_as_listed() {
        assert_eq!(EXPECTED.map(|(from, _)| from), DownloadState::ALL);
        for (from, expected) in EXPECTED {
            assert_eq!(reachable_from(Some(from)), expected, "from {from}");
        }
    }

    #[test]
    fn a_new_download_begins_before_the_client_has_it() {
        assert_eq!(reachable_from(None), "wanted searching hold review queued");
    }

    #[test]
    fn a_refused_transition_names_both_states() {
        let from_imported = check_transition(Some(Imported), Downloading).unwrap_err();
        assert_eq!(
            from_imported.to_string(),
            "a download can't go from imported to downloading"
        );
        let from_nothing = check_transition(None, Imported).unwrap_err();
        assert_eq!(from_nothing.to_string(), "a download can't go from nothing to imported");
    }

    #[test]
    fn every_active_state_can_be_cancelled_and_every_end_retried() {
        for state in DownloadState::ALL.iter().copied() {
            assert_eq!(
                actions(state).can_cancel,
                state.is_active() || matches!(state, Failed | Abandoned),
                "{state}"
            );
            let can_go_again = check_transition(Some(state), Queued).is_ok();
            assert!(
                !actions(state).can_retry || can_go_again,
                "{state} offers a retry that the guard refuses"
            );
        }
        for state in [Failed, Cancelled, Abandoned] {
            assert!(actions(state).can_retry && actions(state).can_choose_another, "{state}");
        }
        for state in [Imported, Superseded, RemovedFromTracker] {
            assert_eq!(actions(state), DownloadActions::default(), "{state}");
        }
    }

    #[test]
    fn a_split_is_confirmed_in_review_when_there_is_a_new_book() {
        for state in DownloadState::ALL.iter().copied() {
            assert_eq!(can_confirm_split(state, 2), state == Review, "{state}");
        }
        assert!(!can_confirm_split(Review, 0));
        assert!(check_transition(Some(Review), Verifying).is_ok());
    }

    #[test]
    fn retries_come_after_one_six_and_twenty_four_hours_then_never() {
        let hours = |attempt| retry_delay(attempt, 0.5).map(|delay| delay.as_secs_f64() / 3600.0);
        assert_eq!(
            [hours(0), hours(1), hours(2), hours(3), hours(4)],
            [Some(1.0), Some(1.0), Some(6.0), Some(24.0), None]
        );
    }

    #[test]
    fn jitter_moves_a_retry_by_a_tenth_at_most() {
        let seconds = |jitter| retry_delay(1, jitter).unwrap().as_secs_f64().round();
        assert_eq!(
            [seconds(0.0), seconds(1.0), seconds(7.0), seconds(-7.0)],
            [3240.0, 3960.0, 3960.0, 3240.0]
        );
        assert_eq!(seconds(f64::NAN), 3600.0);
    }

    #[test]
    fn only_our_own_unfinished_torrents_are_told_to_go_on() {
        assert!(is_to_go_on(true, 0.0) && is_to_go_on(true, 0.999));
        assert!(!is_to_go_on(true, 1.0), "it is complete");
        assert!(!is_to_go_on(false, 0.5), "a person added it");
    }
}
