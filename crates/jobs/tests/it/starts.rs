//! When a schedule starts, by the clock of a place.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::{DateTime, TimeDelta, Utc};
use jobs::{Schedule, TimeZone};
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// The first starts after `from`, in Berlin.
fn check(schedule: &str, from: &str, expected: &[&str]) {
    let (schedule, zone): (Schedule, TimeZone) = (schedule.parse().unwrap(), "Europe/Berlin".parse().unwrap());
    let mut now = at(from);
    for expected in expected {
        now = schedule.next_after(now, zone).unwrap();
        assert_eq!(now, at(expected), "{schedule}: {}", zone.format(now));
    }
}

#[test]
fn a_time_that_the_clocks_skip_starts_right_after_the_gap_and_once() {
    // 29 March 2026: 02:00 CET is 03:00 CEST.
    check(
        "30 2 * * *",
        "2026-03-28T00:00:00Z",
        &[
            "2026-03-28T02:30:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-30T02:30:00+02:00",
        ],
    );
}

#[test]
fn a_time_that_comes_twice_starts_the_first_time_only() {
    // 25 October 2026: 03:00 CEST is 02:00 CET.
    check(
        "30 2 * * *",
        "2026-10-24T00:00:00Z",
        &[
            "2026-10-24T02:30:00+02:00",
            "2026-10-25T02:30:00+02:00",
            "2026-10-26T02:30:00+01:00",
        ],
    );
}

#[test]
fn what_repeats_goes_on_through_both_hours() {
    check(
        "*/30 * * * *",
        "2026-10-25T01:45:00+02:00",
        &[
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:00:00+01:00",
        ],
    );
    check(
        "*/30 * * * *",
        "2026-03-29T01:45:00+01:00",
        &["2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"],
    );
}

#[test]
fn pauses_are_counted_from_the_start_before_whatever_the_clocks_do() {
    check(
        "every 12 hours",
        "2026-03-28T18:00:00Z",
        &["2026-03-29T06:00:00Z", "2026-03-29T18:00:00Z"],
    );
}

#[test]
fn a_schedule_is_told_in_words() {
    let told = |text: &str| {
        text.parse::<Schedule>()
            .unwrap()
            .sentence("Europe/Berlin".parse().unwrap())
    };
    assert_eq!(told("0 3 * * *"), "daily at 03:00 (Europe/Berlin)");
    assert_eq!(told("0 2 * * 5"), "at 02:00, on Friday (Europe/Berlin)");
    assert_eq!(told("*/15 * * * *"), "every 15 minutes (Europe/Berlin)");
    assert_eq!(told("0 4 1 * *"), "at 04:00, on day 1 (Europe/Berlin)");
    assert_eq!(told("@daily"), "daily at 00:00 (Europe/Berlin)");
    assert_eq!(told("Every  90  Minutes"), "every 90 minutes");
    assert_eq!(told("every 120 minutes"), "every 2 hours");
    assert_eq!(told("every minute"), "every minute");
}

#[test]
fn what_never_starts_or_starts_too_often_is_refused_with_a_sentence() {
    let check = |text: &str, said: &str| {
        let refused = text.parse::<Schedule>().unwrap_err().to_string();
        assert!(refused.contains(said), "{text:?}: {refused}");
    };
    check("0 0 30 2 *", "That day never comes.");
    check("0 0 31 4,6,9,11 *", "That day never comes.");
    check("* * * * * *", "five fields");
    check("*/10 * * * * *", "can't start more often than every minute");
    check("every 30 seconds", "can't start more often than every minute");
    check("every 0 minutes", "can't start more often than every minute");
    check("every 31 days", "30 days");
    check("every 4000000000 days", "whole number");
    check("every -5 minutes", "whole number");
    check("every full moon", "minutes, hours or days");
    check("61 * * * *", "can't be read");
    check("0 2 * *", "five fields");
    check("", "Enter a schedule");
    check(", * * * *", "between two values");
    check("1, * * * *", "between two values");
    check("@whenever", "can't be read");
    check(&format!("0 0 * * {}1", "1,".repeat(60)), "too long");
}

#[test]
fn a_zone_is_named_in_any_case_and_an_unknown_one_is_refused() {
    assert_eq!("europe/berlin".parse::<TimeZone>().unwrap().name(), "Europe/Berlin");
    assert!("Mars/Olympus".parse::<TimeZone>().unwrap_err().contains("IANA"));
    assert_eq!(
        TimeZone::UTC.format(at("2026-11-23T02:00:00Z")),
        "Mon 23 Nov 2026, 02:00 UTC"
    );
}

fn schedules() -> impl Strategy<Value = String> {
    let minute = prop_oneof![
        Just("*".to_owned()),
        Just("*/7".to_owned()),
        (0..60_u8).prop_map(|n| n.to_string())
    ];
    let hour = prop_oneof![
        Just("*".to_owned()),
        Just("*/5".to_owned()),
        (0..24_u8).prop_map(|n| n.to_string())
    ];
    let day = prop_oneof![
        Just("*".to_owned()),
        Just("L".to_owned()),
        (1..29_u8).prop_map(|n| n.to_string())
    ];
    let month = prop_oneof![Just("*".to_owned()), (1..13_u8).prop_map(|n| n.to_string())];
    let weekday = prop_oneof![
        Just("*".to_owned()),
        (0..8_u8).prop_map(|n| n.to_string()),
        Just("FRI#1".to_owned())
    ];
    let cron = (minute, hour, day, month, weekday).prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"));
    prop_oneof![
        cron,
        (1..40_000_u32).prop_map(|minutes| format!("every {minutes} minutes"))
    ]
}

fn zones() -> impl Strategy<Value = &'static str> {
    // With whole, half and no changes of clocks, and a day that was skipped.
    prop::sample::select(vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Pacific/Apia",
    ])
}

proptest! {
    #[test]
    fn the_next_start_is_later_and_never_moves_back(
        text in schedules(), zone in zones(), from in 1_700_000_000_i64..2_000_000_000, step in 1_i64..400_000
    ) {
        let (schedule, zone): (Schedule, TimeZone) = (text.parse().unwrap(), zone.parse().unwrap());
        let now = DateTime::from_timestamp(from, 0).unwrap();
        let next = schedule.next_after(now, zone).unwrap();
        prop_assert!(next > now, "{} {}", text, zone.format(now));
        let later = schedule.next_after(now + TimeDelta::seconds(step), zone).unwrap();
        prop_assert!(later >= next, "{} {}: {} then {}", text, zone.format(now), next, later);
    }

    #[test]
    fn a_start_by_the_clock_is_late_by_less_than_the_pause(
        text in schedules(), zone in zones(), from in 1_700_000_000_i64..2_000_000_000, chance in any::<u8>()
    ) {
        let (schedule, zone): (Schedule, TimeZone) = (text.parse().unwrap(), zone.parse().unwrap());
        let due = DateTime::from_timestamp(from, 0).unwrap();
        let start = due + schedule.jitter(due, zone, chance);
        prop_assert!(start - due <= TimeDelta::seconds(60));
        prop_assert!(start < schedule.next_after(due, zone).unwrap());
    }

    #[test]
    fn a_schedule_is_read_back_as_it_is_shown(text in schedules()) {
        let schedule: Schedule = text.parse().unwrap();
        prop_assert_eq!(schedule.to_string().parse::<Schedule>().unwrap(), schedule);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[-0-9*/,#LWa-z @?+]{0,40}") {
        if let Ok(schedule) = text.parse::<Schedule>() {
            let now = at("2026-11-22T12:00:00Z");
            let next = schedule.next_after(now, TimeZone::UTC);
            prop_assert!(next.is_some_and(|next| next > now), "{} {:?}", text, next);
            prop_assert!(!schedule.sentence(TimeZone::UTC).is_empty());
        }
    }
}
