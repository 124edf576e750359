//! When a service that fails time and again is left alone, and when it is asked again.
//!
//! Closed until it failed so often in a row; then open for a pause; then one call goes out to see. If that fails too,
//! the next pause is twice as long, up to a limit; if it is answered, all is as before.

use chrono::{DateTime, TimeDelta, Utc};
use types::health::BreakerState;

/// How patient a breaker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Failures in a row before it opens; at least 1.
    pub failures: u32,
    pub first_pause: TimeDelta,
    pub longest_pause: TimeDelta,
}

/// Between us and one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    Closed {
        failures: u32,
    },
    Open(Rest),
    /// One call is out. The others wait for what it finds, or until the rest is over, should it never come back.
    HalfOpen(Rest),
}

/// A pause that a service is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// In a row.
    pub failures: u32,
    pub until: DateTime<Utc>,
    pause: TimeDelta,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Rest {
    fn begin(failures: u32, pause: TimeDelta, now: DateTime<Utc>) -> Self {
        Self {
            failures,
            until: now + pause,
            pause,
        }
    }

    /// A clock that was set back makes no rest longer.
    fn is_over(self, now: DateTime<Utc>) -> bool {
        now >= self.until || self.until - now > self.pause
    }
}

impl Breaker {
    /// The breaker once a call is out; `Err` = none may go out before the end of this rest.
    pub fn admit(self, now: DateTime<Utc>) -> Result<Self, Rest> {
        match self {
            Self::Closed { .. } => Ok(self),
            Self::Open(rest) | Self::HalfOpen(rest) if rest.is_over(now) => {
                Ok(Self::HalfOpen(Rest::begin(rest.failures, rest.pause, now)))
            }
            Self::Open(rest) | Self::HalfOpen(rest) => Err(rest),
        }
    }

    /// Whether a call may go out that is no look, as its failure would tell nothing; `Err` = not before the end of this
    /// rest. It leaves the one look to others.
    pub fn admit_aside(self, now: DateTime<Utc>) -> Result<(), Rest> {
        self.rest_at(now).map_or(Ok(()), Err)
    }

    /// After a call that was not answered.
    pub fn fail(self, patience: Patience, now: DateTime<Utc>) -> Self {
        match self {
            Self::Closed { failures } if failures + 1 < patience.failures => Self::Closed { failures: failures + 1 },
            Self::Closed { failures } => Self::Open(Rest::begin(failures + 1, patience.first_pause, now)),
            // It was sent before the breaker opened, and says nothing new.
            Self::Open(rest) if !rest.is_over(now) => self,
            Self::Open(rest) | Self::HalfOpen(rest) => {
                let pause = (rest.pause * 2).min(patience.longest_pause);
                Self::Open(Rest::begin(rest.failures.saturating_add(1), pause, now))
            }
        }
    }

    /// In a word. A rest that is over does not count: nobody has called since, and how the service is nobody knows.
    pub fn state(self, now: DateTime<Utc>) -> BreakerState {
        match self {
            Self::Closed { .. } => BreakerState::Closed,
            Self::Open(rest) | Self::HalfOpen(rest) if rest.is_over(now) => BreakerState::Due,
            Self::Open(_) => BreakerState::Open,
            Self::HalfOpen(_) => BreakerState::HalfOpen,
        }
    }

    /// The rest, unless it is closed.
    pub fn rest(self) -> Option<Rest> {
        match self {
            Self::Closed { .. } => None,
            Self::Open(rest) | Self::HalfOpen(rest) => Some(rest),
        }
    }

    /// The rest that lasts at this time.
    pub fn rest_at(self, now: DateTime<Utc>) -> Option<Rest> {
        self.rest().filter(|rest| !rest.is_over(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        failures: 3,
        first_pause: TimeDelta::seconds(30),
        longest_pause: TimeDelta::seconds(100),
    };

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800 + seconds, 0).unwrap()
    }

    /// Lets things happen, each at a second: `ask` (a call goes out), `no` (none may), `aside` (one goes out that is no
    /// look), `look` (nothing happens), `fail`, `ok`. Compares the state at the last second, and when its rest ends.
    fn check(story: &[(i64, &str)], state: BreakerState, until: Option<i64>) {
        let mut breaker = Breaker::default();
        for (second, word) in story {
            let now = at(*second);
            breaker = match *word {
                "ask" => breaker.admit(now).unwrap_or_else(|rest| panic!("{second}: {rest:?}")),
                "no" => {
                    assert!(breaker.admit(now).is_err(), "{second}: {breaker:?}");
                    assert!(breaker.admit_aside(now).is_err(), "{second}: {breaker:?}");
                    breaker
                }
                "aside" => {
                    assert_eq!(breaker.admit_aside(now), Ok(()), "{second}");
                    breaker
                }
                "look" => breaker,
                "fail" => breaker.fail(PATIENCE, now),
                "ok" => Breaker::default(),
                other => panic!("{other}"),
            };
        }
        let last = story.last().map_or(0, |(second, _)| *second);
        assert_eq!(breaker.state(at(last)), state, "{story:?}");
        assert_eq!(breaker.rest().map(|rest| rest.until), until.map(at), "{story:?}");
    }

    const OPENED: [(i64, &str); 3] = [(0, "fail"), (1, "fail"), (2, "fail")];

    fn check_after_opening(story: &[(i64, &str)], state: BreakerState, until: Option<i64>) {
        check(&[&OPENED, story].concat(), state, until);
    }

    #[test]
    fn it_opens_at_the_third_failure_in_a_row() {
        check(&[(0, "fail"), (1, "fail"), (1, "ask")], BreakerState::Closed, None);
        check(&OPENED, BreakerState::Open, Some(32));
        check(
            &[(0, "fail"), (1, "fail"), (2, "ok"), (3, "fail"), (4, "fail")],
            BreakerState::Closed,
            None,
        );
    }

    #[test]
    fn nothing_goes_out_before_the_rest_is_over_and_then_one_call() {
        check_after_opening(&[(31, "no")], BreakerState::Open, Some(32));
        check_after_opening(&[(32, "ask"), (33, "no")], BreakerState::HalfOpen, Some(62));
        check_after_opening(&[(32, "ask"), (33, "ok"), (33, "ask")], BreakerState::Closed, None);
    }

    #[test]
    fn each_failed_look_doubles_the_rest_up_to_the_longest() {
        check_after_opening(&[(32, "ask"), (33, "fail"), (92, "no")], BreakerState::Open, Some(93));
        let third = [(32, "ask"), (33, "fail"), (93, "ask"), (94, "fail")];
        check_after_opening(&third, BreakerState::Open, Some(194));
        let fourth = [&third[..], &[(194, "ask"), (195, "fail")]].concat();
        check_after_opening(&fourth, BreakerState::Open, Some(295));
    }

    #[test]
    fn a_call_that_was_out_already_prolongs_no_rest_but_may_end_it() {
        check_after_opening(&[(10, "fail")], BreakerState::Open, Some(32));
        check_after_opening(&[(10, "ok")], BreakerState::Closed, None);
    }

    #[test]
    fn a_look_that_never_comes_back_gives_way_to_another() {
        check_after_opening(
            &[(32, "ask"), (61, "no"), (62, "ask")],
            BreakerState::HalfOpen,
            Some(92),
        );
    }

    #[test]
    fn a_rest_that_is_over_is_no_state_to_be_worried_about() {
        check_after_opening(&[(31, "look")], BreakerState::Open, Some(32));
        check_after_opening(&[(32, "look")], BreakerState::Due, Some(32));
        check_after_opening(&[(9_000, "look")], BreakerState::Due, Some(32));
        check_after_opening(&[(32, "ask"), (62, "look")], BreakerState::Due, Some(62));
    }

    #[test]
    fn a_call_that_is_no_look_goes_out_between_rests_and_uses_up_no_look() {
        check(&[(0, "aside")], BreakerState::Closed, None);
        let after_rest = [(32, "aside"), (33, "aside"), (34, "ask"), (35, "no")];
        check_after_opening(&after_rest, BreakerState::HalfOpen, Some(64));
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        check_after_opening(&[(-3600, "ask")], BreakerState::HalfOpen, Some(-3570));
    }

    #[test]
    fn a_failed_test_by_hand_after_the_rest_counts_as_a_look() {
        check_after_opening(&[(40, "fail")], BreakerState::Open, Some(100));
    }
}
