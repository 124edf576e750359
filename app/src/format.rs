//! Figures as people read them. Pure: whoever asks gives the time.

use chrono::{DateTime, Datelike, Timelike, Utc};

use crate::span::tell_span;

/// "21 h 02", "45 min", "30 s".
pub fn format_duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{} h {minutes:02}", format_count(hours.unsigned_abs())),
    }
}

/// A whole library's length: "812 days", "3 days", "21 h 02".
pub fn format_long_duration(seconds: u64) -> String {
    match seconds / 86_400 {
        0 | 1 => format_duration(i64::try_from(seconds).unwrap_or(i64::MAX)),
        days => format!("{} days", format_count(days)),
    }
}

/// Binary units: "512 B", "843 MiB", "1.2 GiB".
pub fn format_bytes(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{} B", bytes.max(0));
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.5 would be shown as "1024": it belongs to the next unit already.
    while value >= 1023.5 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    if value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// "1.2 MiB/s".
pub fn format_speed(bytes_per_second: i64) -> String {
    format!("{}/s", format_bytes(bytes_per_second))
}

/// Thousands apart: "1,605".
pub fn format_count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1 book", "1,605 books".
pub fn format_counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", format_count(count), if count == 1 { one } else { many })
}

/// Whole per cent, never 100 before it is done.
pub fn format_percent(fraction: f64) -> String {
    let percent = (fraction.clamp(0.0, 1.0) * 100.0).floor();
    format!("{percent:.0} %")
}

/// "just now", "5 min ago", "in 3 h", "4 days ago", and a date when it is further away than 60 days.
pub fn format_relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    tell_span((at - now).num_seconds()).unwrap_or_else(|| format_date(at))
}

/// "2026-11-22".
pub fn format_date(at: DateTime<Utc>) -> String {
    format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day())
}

/// "2026-11-22 14:05 UTC", for tooltips and histories.
pub fn format_moment(at: DateTime<Utc>) -> String {
    format!("{} {:02}:{:02} UTC", format_date(at), at.hour(), at.minute())
}

/// "14:05:09", for logs.
pub fn format_clock(at: DateTime<Utc>) -> String {
    format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
}

/// Names in a row: "Ursula K. Le Guin, Rob Inglis".
pub fn join_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_356_000, 0).unwrap()
    }

    #[test]
    fn durations_read_as_hours_and_two_digit_minutes() {
        let cases = [
            (75_720, "21 h 02"),
            (2_700, "45 min"),
            (30, "30 s"),
            (3_600, "1 h 00"),
            (-5, "0 s"),
        ];
        for (seconds, text) in cases {
            assert_eq!(format_duration(seconds), text);
        }
        assert_eq!(format_duration(5_000 * 3600), "5,000 h 00");
    }

    #[test]
    fn a_librarys_length_is_told_in_days() {
        assert_eq!(format_long_duration(812 * 86_400 + 5), "812 days");
        assert_eq!(format_long_duration(75_720), "21 h 02");
    }

    #[test]
    fn sizes_use_binary_units_and_never_show_1024() {
        let cases = [
            (-1, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (884_000_000, "843 MiB"),
            (1_288_490_189, "1.2 GiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (i64::MAX, "8192 PiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(format_bytes(bytes), text);
        }
        assert_eq!(format_speed(1_258_291), "1.2 MiB/s");
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(format_count(0), "0");
        assert_eq!(format_count(999), "999");
        assert_eq!(format_count(1605), "1,605");
        assert_eq!(format_counted(1, "book", "books"), "1 book");
        assert_eq!(format_counted(1_234_567, "book", "books"), "1,234,567 books");
    }

    #[test]
    fn nothing_is_shown_as_complete_before_it_is() {
        assert_eq!(format_percent(0.999), "99 %");
        assert_eq!(format_percent(1.0), "100 %");
        assert_eq!(format_percent(f64::NAN.max(0.0)), "0 %");
    }

    #[test]
    fn times_far_away_are_told_as_dates() {
        let near = now() - Duration::days(4);
        assert_eq!(format_relative(near, now()), "4 days ago");
        let far = now() - Duration::days(400);
        assert_eq!(format_relative(far, now()), format_date(far));
    }

    #[test]
    fn moments_are_told_in_utc() {
        let at = DateTime::from_timestamp(1_767_225_909, 0).unwrap();
        assert_eq!(format_moment(at), "2026-01-01 00:05 UTC");
        assert_eq!(format_clock(at), "00:05:09");
    }
}
