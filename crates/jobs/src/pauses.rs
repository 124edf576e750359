//! The longest pause that a schedule leaves: how long a job that is well may not have run.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::schedule::{Schedule, TimeZone};

/// So far is looked ahead: a year has each month, and each day of the week in it.
const AHEAD: TimeDelta = TimeDelta::days(400);

impl Schedule {
    /// The longest pause between two starts: a night, a weekend, the months in which it does not start. Found from `now` on,
    /// and the same at any time of the day, so that it also holds within the pause. `None` = it does not start twice.
    pub fn find_longest_pause(&self, now: DateTime<Utc>, zone: TimeZone) -> Option<Duration> {
        let pause = match self {
            Self::Every(seconds) => TimeDelta::seconds(i64::from(*seconds)),
            Self::Cron(_) => self.find_longest_gap(now, zone)?,
        };
        pause.to_std().ok()
    }

    /// Every start of one day is looked at; of the others, which have the same times, only the first and the last: a job
    /// that starts each minute has half a million starts a year.
    fn find_longest_gap(&self, now: DateTime<Utc>, zone: TimeZone) -> Option<TimeDelta> {
        let mut first = self.next_after(zone.midnight_before(now) - TimeDelta::seconds(1), zone)?;
        let (mut span, mut longest) = (TimeDelta::zero(), None);
        loop {
            let mut last = first + span;
            let of_another_day = loop {
                let Some(next) = self.next_after(last, zone) else {
                    return longest;
                };
                longest = longest.max(Some(next - last));
                // Also when the day is an hour longer than the one before.
                if zone.date_of(next) != zone.date_of(first) {
                    break next;
                }
                last = next;
            };
            if of_another_day > now + AHEAD {
                return longest;
            }
            (first, span) = (of_another_day, last - first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn find(schedule: &str, now: &str, zone: &str) -> Option<TimeDelta> {
        let schedule: Schedule = schedule.parse().unwrap();
        let found = schedule.find_longest_pause(at(now), zone.parse().unwrap());
        found.map(|pause| TimeDelta::from_std(pause).unwrap())
    }

    /// At each hour of more than a week, within the pause and outside of it.
    #[track_caller]
    fn check(schedule: &str, expected: TimeDelta) {
        for hour in (0..200).step_by(7) {
            let now = at("2026-06-01T00:30:00Z") + TimeDelta::hours(hour);
            let found = find(schedule, &now.to_rfc3339(), "UTC");
            assert_eq!(found, Some(expected), "{schedule} at {now}");
        }
    }

    #[test]
    fn the_night_and_the_weekend_are_pauses_whenever_it_is_asked() {
        check("every 15 minutes", TimeDelta::minutes(15));
        check("* * * * *", TimeDelta::minutes(1));
        check("0 3 * * *", TimeDelta::hours(24));
        check("0 8-22 * * *", TimeDelta::hours(10));
        check("* 8-22 * * *", TimeDelta::minutes(9 * 60 + 1));
        check("*/10 8-17 * * 1-5", TimeDelta::minutes(62 * 60 + 10));
        check("0 3 * * 1-5", TimeDelta::days(3));
        check("0 5 * * 0", TimeDelta::days(7));
    }

    #[test]
    fn days_and_months_without_a_start_are_pauses_too() {
        check("0 3 1-9 * *", TimeDelta::days(23));
        check("0 3 1 * *", TimeDelta::days(31));
        // From the end of September to the beginning of January.
        check("0 3 * 1-9 *", TimeDelta::days(93));
    }

    #[test]
    fn a_start_that_comes_every_four_years_has_that_pause() {
        let found = find("0 3 29 2 *", "2026-06-01T12:00:00Z", "UTC");
        assert_eq!(found, Some(TimeDelta::days(4 * 365 + 1)));
    }

    #[test]
    fn days_of_23_and_25_hours_hide_no_night() {
        // The clocks of Berlin go forward in the night to 29 March 2026, and back in the night to 25 October.
        for day in ["2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25", "2026-10-26"] {
            for hour in 0..24 {
                let now = format!("{day}T{hour:02}:30:00Z");
                let found = find("0 0-12 * * *", &now, "Europe/Berlin").unwrap();
                let hours = found.num_hours();
                assert!((11..=13).contains(&hours), "{hours} hours at {now}");
            }
        }
    }
}
