//! The stall ladder: what to do with a torrent that brings no bytes, and how to explain it.
//!
//! Nothing for one pause: reannounce. Again nothing: recheck and restart. Again: the next candidate. Then a person.
//! A byte gained starts the ladder over. What no ladder can mend (disk, a stop by hand) goes to a person at once.

use chrono::{DateTime, TimeDelta, Utc};

/// What the torrent client does with the torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientActivity {
    /// Downloads, or says that it is stalled: only bytes count.
    Downloading,
    /// Waits for its turn in the client's queue.
    Queued,
    /// Somebody stopped it.
    Stopped,
    Checking,
    Moving,
    /// Has every byte; "stalled" while seeding is healthy.
    Complete,
    MissingFiles,
    /// The client gave up, mostly because of the disk.
    Errored,
}

/// A rung of the ladder that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LadderStep {
    Reannounced,
    Rechecked,
    /// The next candidate was looked for and there was none.
    NoCandidateLeft,
}

/// All that the ladder decides by.
#[derive(Debug, Clone, PartialEq)]
pub struct StallFacts {
    pub now: DateTime<Utc>,
    pub activity: ClientActivity,
    /// When the completed bytes last grew, or when the client got the torrent.
    pub last_progress_at: DateTime<Utc>,
    /// The last rung and when it was taken.
    pub last_step: Option<(LadderStep, DateTime<Utc>)>,
    pub seeders: Option<i32>,
    /// Complete copies within reach; below 1.0 some pieces are nowhere.
    pub availability: Option<f64>,
    /// What a tracker that does not work says.
    pub tracker_message: Option<String>,
    /// What the client says of its disk, or of its error.
    pub disk_error: Option<String>,
    /// Minutes without a byte before the next rung.
    pub stall_minutes: u32,
}

/// What to do now; each sentence says what is wrong and what is done or asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StallStep {
    Healthy,
    /// Nothing to do before `until`.
    Wait {
        until: DateTime<Utc>,
        sentence: String,
    },
    Reannounce(String),
    Recheck(String),
    /// Why this one is given up; whoever looks for the next one says whether there is one.
    NextCandidate(String),
    AskPerson(String),
}

/// The next rung for a torrent.
pub fn next_step(facts: &StallFacts) -> StallStep {
    match (facts.activity, &facts.disk_error) {
        (ClientActivity::Complete, _) => StallStep::Healthy,
        (_, Some(error)) => StallStep::AskPerson(format!(
            "The torrent client can't write: {error}. Free space or mend the disk, then start the torrent."
        )),
        (ClientActivity::Errored, None) => StallStep::AskPerson(
            "The torrent client reports an error, mostly a full or unwritable disk. Look at its log, mend the cause, \
             then start the torrent."
                .into(),
        ),
        (ClientActivity::Stopped, None) => StallStep::AskPerson(
            "Somebody stopped the torrent in the client. Start it there, or cancel this download.".into(),
        ),
        (ClientActivity::MissingFiles, None) => recover_missing_files(facts),
        (ClientActivity::Queued, None) => wait(
            facts,
            facts.now,
            "The torrent client's queue limit holds it back until another torrent is done.",
        ),
        (ClientActivity::Checking, None) => wait(facts, facts.now, "The torrent client checks the files."),
        (ClientActivity::Moving, None) => wait(facts, facts.now, "The torrent client moves the files."),
        (ClientActivity::Downloading, None) => climb_ladder(facts),
    }
}

fn wait(facts: &StallFacts, since: DateTime<Utc>, sentence: &str) -> StallStep {
    StallStep::Wait {
        until: since + pause(facts),
        sentence: sentence.to_owned(),
    }
}

/// At least a minute, so that a setting of 0 does not run up the ladder in one go.
fn pause(facts: &StallFacts) -> TimeDelta {
    TimeDelta::minutes(i64::from(facts.stall_minutes.max(1)))
}

/// The last rung since bytes last came.
fn step_in_force(facts: &StallFacts) -> Option<(LadderStep, DateTime<Utc>)> {
    facts.last_step.filter(|(_, at)| *at >= facts.last_progress_at)
}

fn recover_missing_files(facts: &StallFacts) -> StallStep {
    match step_in_force(facts) {
        Some((LadderStep::Rechecked | LadderStep::NoCandidateLeft, _)) => StallStep::AskPerson(
            "The torrent's files are gone from the client's disk, and a recheck did not bring them back. Put them back \
             or retry the download."
                .into(),
        ),
        _ => StallStep::Recheck("The torrent's files are missing on the client's disk: it checks them again.".into()),
    }
}

fn climb_ladder(facts: &StallFacts) -> StallStep {
    let step = step_in_force(facts);
    let since = step.map_or(facts.last_progress_at, |(_, at)| at);
    if facts.now < since + pause(facts) {
        return match step {
            None => StallStep::Healthy,
            Some(_) => wait(facts, since, &explain_stall(facts)),
        };
    }
    let cause = explain_stall(facts);
    match step.map(|(step, _)| step) {
        Some(LadderStep::NoCandidateLeft) => StallStep::AskPerson(format!(
            "{cause} No other candidate is left: choose another release, or wait."
        )),
        Some(LadderStep::Rechecked) => StallStep::NextCandidate(cause),
        // Asking the tracker again about a torrent that it does not know only costs time.
        _ if is_unknown_to_tracker(facts) => StallStep::NextCandidate(cause),
        Some(LadderStep::Reannounced) => {
            StallStep::Recheck(format!("{cause} The torrent is checked and started again."))
        }
        None => StallStep::Reannounce(format!("{cause} The tracker is asked for peers again.")),
    }
}

fn is_unknown_to_tracker(facts: &StallFacts) -> bool {
    const PHRASES: [&str; 5] = [
        "unregistered",
        "not registered",
        "torrent not found",
        "unknown torrent",
        "trumped",
    ];
    let message = facts.tracker_message.as_deref().unwrap_or_default().to_lowercase();
    PHRASES.iter().any(|phrase| message.contains(phrase))
}

/// Why no byte comes, as far as the facts tell.
fn explain_stall(facts: &StallFacts) -> String {
    let minutes = (facts.now - facts.last_progress_at).num_minutes().max(0);
    let cause = if let Some(message) = facts
        .tracker_message
        .as_deref()
        .filter(|message| !message.trim().is_empty())
    {
        format!("the tracker says \"{}\"", message.trim())
    } else {
        match (facts.seeders, facts.availability) {
            (Some(seeders), _) if seeders <= 0 => "nobody seeds it".to_owned(),
            (_, Some(copies)) if copies < 1.0 => "the peers within reach don't have all pieces".to_owned(),
            (Some(seeders), _) => format!("of {seeders} seeders none answers; the client may not be connectable"),
            (None, _) => "the client knows no seeders".to_owned(),
        }
    };
    format!("No byte came for {minutes} min: {cause}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn stalled() -> StallFacts {
        StallFacts {
            now: at(10),
            activity: ClientActivity::Downloading,
            last_progress_at: at(0),
            last_step: None,
            seeders: Some(3),
            availability: Some(2.0),
            tracker_message: None,
            disk_error: None,
            stall_minutes: 10,
        }
    }

    fn after(step: LadderStep, taken: i64, now: i64) -> StallFacts {
        StallFacts {
            last_step: Some((step, at(taken))),
            now: at(now),
            ..stalled()
        }
    }

    #[test]
    fn the_ladder_is_climbed_one_pause_at_a_time() {
        assert!(matches!(next_step(&stalled()), StallStep::Reannounce(_)));
        assert!(matches!(
            next_step(&after(LadderStep::Reannounced, 10, 20)),
            StallStep::Recheck(_)
        ));
        assert!(matches!(
            next_step(&after(LadderStep::Rechecked, 20, 30)),
            StallStep::NextCandidate(_)
        ));
        assert!(matches!(
            next_step(&after(LadderStep::NoCandidateLeft, 30, 40)),
            StallStep::AskPerson(_)
        ));
    }

    #[test]
    fn each_rung_gets_its_pause() {
        assert_eq!(
            next_step(&StallFacts {
                now: at(9),
                ..stalled()
            }),
            StallStep::Healthy
        );
        let step = next_step(&after(LadderStep::Reannounced, 10, 19));
        assert!(
            matches!(step, StallStep::Wait { until, .. } if until == at(20)),
            "{step:?}"
        );
    }

    #[test]
    fn a_byte_gained_starts_the_ladder_over() {
        let facts = StallFacts {
            last_progress_at: at(25),
            ..after(LadderStep::Rechecked, 20, 30)
        };
        assert_eq!(next_step(&facts), StallStep::Healthy);
        assert!(matches!(
            next_step(&StallFacts { now: at(35), ..facts }),
            StallStep::Reannounce(_)
        ));
    }

    #[test]
    fn a_pause_of_zero_is_a_minute() {
        let facts = StallFacts {
            stall_minutes: 0,
            now: at(0),
            ..stalled()
        };
        assert_eq!(next_step(&facts), StallStep::Healthy);
        assert!(matches!(
            next_step(&StallFacts { now: at(1), ..facts }),
            StallStep::Reannounce(_)
        ));
    }

    #[test]
    fn seeding_without_peers_is_healthy_whatever_else_is_said() {
        let facts = StallFacts {
            activity: ClientActivity::Complete,
            now: at(10_000),
            disk_error: Some("disk full".into()),
            ..after(LadderStep::Rechecked, 20, 30)
        };
        assert_eq!(next_step(&facts), StallStep::Healthy);
    }

    #[test]
    fn the_sentence_explains_the_stall() {
        let explain = |facts: StallFacts| match next_step(&facts) {
            StallStep::Reannounce(sentence) | StallStep::NextCandidate(sentence) | StallStep::AskPerson(sentence) => {
                sentence
            }
            other => panic!("{other:?}"),
        };
        let cases = [
            (
                StallFacts {
                    seeders: Some(0),
                    ..stalled()
                },
                "No byte came for 10 min: nobody seeds it.",
            ),
            (
                StallFacts {
                    availability: Some(0.7),
                    ..stalled()
                },
                "the peers within reach don't have all pieces",
            ),
            (
                stalled(),
                "of 3 seeders none answers; the client may not be connectable",
            ),
            (
                StallFacts {
                    seeders: None,
                    ..stalled()
                },
                "the client knows no seeders",
            ),
            (
                StallFacts {
                    tracker_message: Some(" busy ".into()),
                    ..stalled()
                },
                "the tracker says \"busy\"",
            ),
            (
                StallFacts {
                    disk_error: Some("No space left".into()),
                    ..stalled()
                },
                "can't write: No space left",
            ),
            (
                StallFacts {
                    activity: ClientActivity::Stopped,
                    ..stalled()
                },
                "Somebody stopped the torrent",
            ),
            (
                StallFacts {
                    activity: ClientActivity::Errored,
                    ..stalled()
                },
                "reports an error",
            ),
        ];
        for (facts, expected) in cases {
            let sentence = explain(facts);
            assert!(sentence.contains(expected), "{sentence}");
        }
    }

    #[test]
    fn a_torrent_unknown_to_its_tracker_is_replaced_at_once() {
        let facts = StallFacts {
            tracker_message: Some("Unregistered torrent".into()),
            ..stalled()
        };
        assert!(matches!(next_step(&facts), StallStep::NextCandidate(_)));
    }

    #[test]
    fn queued_checked_and_moved_torrents_are_waited_for() {
        for activity in [ClientActivity::Queued, ClientActivity::Checking, ClientActivity::Moving] {
            let step = next_step(&StallFacts {
                activity,
                now: at(500),
                ..stalled()
            });
            assert!(
                matches!(step, StallStep::Wait { until, .. } if until == at(510)),
                "{step:?}"
            );
        }
    }

    #[test]
    fn missing_files_are_rechecked_once_then_a_person_is_asked() {
        let gone = StallFacts {
            activity: ClientActivity::MissingFiles,
            ..stalled()
        };
        assert!(matches!(next_step(&gone), StallStep::Recheck(_)));
        let rechecked = StallFacts {
            last_step: Some((LadderStep::Rechecked, at(5))),
            ..gone
        };
        assert!(matches!(next_step(&rechecked), StallStep::AskPerson(_)));
    }
}
