//! When somebody who guesses has to wait: sliding windows over the times of failed guesses (issue 3, point 4).
//!
//! Failures count per (name, address) and per address, never per name alone: nobody can lock somebody else out from
//! another address.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, TimeDelta, Utc};

/// So many failures within the window, and the next guess waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessLimit {
    pub failures: usize,
    pub window: TimeDelta,
    /// From the newest failure on.
    pub wait: TimeDelta,
}

const QUARTER_HOUR: TimeDelta = TimeDelta::minutes(15);

/// Guesses at one name from one address.
pub const PER_NAME: GuessLimit = GuessLimit {
    failures: 5,
    window: QUARTER_HOUR,
    wait: QUARTER_HOUR,
};

/// Guesses at anything from one address.
pub const PER_ADDRESS: GuessLimit = GuessLimit {
    failures: 30,
    window: QUARTER_HOUR,
    wait: QUARTER_HOUR,
};

/// A failure of this age decides nothing any more.
pub const FORGOTTEN_AFTER: TimeDelta = TimeDelta::minutes(30);

/// Whole seconds to wait before the next guess; `None` when it may be made now. The failures are the newest ones,
/// newest first; more than `limit.failures` of them are not looked at.
pub fn seconds_to_wait(limit: GuessLimit, newest_first: &[DateTime<Utc>], now: DateTime<Utc>) -> Option<u64> {
    let newest = *newest_first.first()?;
    let oldest = *newest_first.get(limit.failures.checked_sub(1)?)?;
    if newest - oldest > limit.window {
        return None;
    }
    let left = newest + limit.wait - now;
    // A clock that was set back must not make anybody wait longer than the rule says.
    let left = left.min(limit.wait).num_milliseconds();
    u64::try_from(left)
        .ok()
        .filter(|left| *left > 0)
        .map(|left| left.div_ceil(1_000))
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 address, as one line owns all of it.
pub fn address_group(address: Option<&str>) -> String {
    let Some(address) = address else {
        return "unknown".into();
    };
    match address.parse::<IpAddr>().map(|parsed| parsed.to_canonical()) {
        Ok(IpAddr::V4(parsed)) => parsed.to_string(),
        Ok(IpAddr::V6(parsed)) => {
            let network = u128::from(parsed) & !u128::from(u64::MAX);
            format!("{}/64", Ipv6Addr::from(network))
        }
        Err(_) => address.chars().take(64).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800 + seconds, 0).unwrap()
    }

    fn check(failures: &[i64], now: i64, expected: Option<u64>) {
        let times: Vec<_> = failures.iter().rev().map(|second| at(*second)).collect();
        assert_eq!(
            seconds_to_wait(PER_NAME, &times, at(now)),
            expected,
            "{failures:?} at {now}"
        );
    }

    #[test]
    fn the_fifth_failure_within_15_minutes_makes_the_next_guess_wait_15_minutes() {
        check(&[], 0, None);
        check(&[0, 1, 2, 3], 4, None);
        check(&[0, 1, 2, 3, 4], 4, Some(900));
        check(&[0, 1, 2, 3, 4], 903, Some(1));
        check(&[0, 1, 2, 3, 4], 904, None);
        check(&[0, 300, 600, 899, 900], 901, Some(899));
        check(&[0, 300, 600, 899, 901], 902, None);
    }

    #[test]
    fn failures_older_than_the_limit_looks_back_do_not_matter() {
        check(&[0, 1, 2, 3, 4, 2_000], 2_001, None);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_lengthen_the_wait() {
        check(&[5_000, 5_000, 5_000, 5_000, 5_000], 0, Some(900));
    }

    #[test]
    fn an_ipv6_line_is_one_address_however_it_is_written() {
        for (address, group) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("::1", "::/64"),
            ("not an address", "not an address"),
        ] {
            assert_eq!(address_group(Some(address)), group);
        }
        assert_eq!(address_group(None), "unknown");
    }

    proptest! {
        #[test]
        fn no_pattern_of_guesses_gets_more_than_five_into_15_minutes(gaps in prop::collection::vec(0_i64..400, 1..200)) {
            let (mut now, mut made) = (at(0), Vec::new());
            for gap in gaps {
                now += TimeDelta::seconds(gap);
                let newest_first: Vec<_> = made.iter().rev().copied().take(PER_NAME.failures).collect();
                if seconds_to_wait(PER_NAME, &newest_first, now).is_none() {
                    made.push(now);
                }
            }
            for six in made.windows(PER_NAME.failures + 1) {
                prop_assert!(six[PER_NAME.failures] - six[0] >= PER_NAME.window);
            }
        }
    }
}
