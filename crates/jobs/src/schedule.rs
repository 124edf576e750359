//! When a job starts by itself: every so often, or by a cron expression in the product's time zone.
//!
//! An hour that the clocks skip: what was to start in it starts right after it. An hour that comes twice: a fixed time
//! starts the first time only; "every 10 minutes" goes on through both.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// Months have no fixed length, so who wants longer pauses writes a cron expression.
const MAX_EVERY_SECONDS: i32 = 30 * 86_400;
/// Longer ones say nothing that a person could check.
const MAX_CRON_CHARACTERS: usize = 100;
/// Scheduled starts are spread over this much, or a tenth of the pause if that is less.
const MAX_JITTER: Duration = Duration::from_secs(60);

/// A time zone of the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeZone(Tz);

impl TimeZone {
    pub const UTC: Self = Self(Tz::UTC);

    /// "Europe/Berlin".
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    pub(crate) fn date_of(self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.0).date_naive()
    }

    /// When the day of this moment began; off by an hour on a day on which the clocks change.
    pub(crate) fn midnight_before(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let time = at.with_timezone(&self.0).time();
        at - TimeDelta::seconds(i64::from(time.num_seconds_from_midnight()))
    }

    /// "Mon 23 Nov 2026, 02:00 CET".
    pub fn format(self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.0).format("%a %-d %b %Y, %H:%M %Z").to_string()
    }
}

impl FromStr for TimeZone {
    type Err = &'static str;

    /// Takes any case: "europe/berlin" is "Europe/Berlin".
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut zones = TZ_VARIANTS.iter();
        let found = zones.find(|zone| zone.name().eq_ignore_ascii_case(text.trim()));
        found
            .map(|zone| Self(*zone))
            .ok_or("Enter a time zone by its IANA name, such as Europe/Berlin or UTC.")
    }
}

/// When a job starts by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Seconds between starts, counted from the start before.
    Every(i32),
    /// Minute, hour, day of the month, month, day of the week.
    Cron(Box<CronExpression>),
}

/// A cron expression that starts again and again, once a minute at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronExpression {
    text: String,
    cron: Cron,
}

/// Why a text is no schedule, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScheduleError(String);

impl Schedule {
    /// The next start after `now`: one, however many were missed. `None` = there is none in this calendar.
    pub fn next_after(&self, now: DateTime<Utc>, zone: TimeZone) -> Option<DateTime<Utc>> {
        match self {
            Self::Every(seconds) => now.checked_add_signed(TimeDelta::seconds(i64::from(*seconds))),
            Self::Cron(expression) => {
                let next = expression.cron.find_next_occurrence(&now.with_timezone(&zone.0), false);
                next.ok().map(|next| next.to_utc()).filter(|next| *next > now)
            }
        }
    }

    /// How much later than its time a due job starts, so that many installations don't ask one tracker in one second.
    /// `chance` out of 255. What is counted from the start before is spread by itself.
    pub fn jitter(&self, due: DateTime<Utc>, zone: TimeZone, chance: u8) -> Duration {
        let Self::Cron(_) = self else { return Duration::ZERO };
        let following = self.next_after(due, zone);
        let pause = following.and_then(|following| (following - due).to_std().ok());
        let most = pause.map_or(Duration::ZERO, |pause| (pause / 10).min(MAX_JITTER));
        most.mul_f64(f64::from(chance) / 255.0)
    }

    /// "every 15 minutes", "daily at 03:00 (Europe/Berlin)".
    pub fn sentence(&self, zone: TimeZone) -> String {
        match self {
            Self::Every(seconds) => tell_pause(*seconds),
            Self::Cron(expression) => format!("{} ({})", expression.tell(), zone.name()),
        }
    }
}

/// What is stored, and what people edit; reads back.
impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(seconds) => formatter.write_str(&tell_pause(*seconds)),
            Self::Cron(expression) => formatter.write_str(&expression.text),
        }
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] => Err(refuse(
                "Enter a schedule, such as \"every 30 minutes\" or \"0 2 * * *\".",
            )),
            ["every", unit] => read_pause("1", unit),
            ["every", count, unit] => read_pause(count, unit),
            _ => read_cron(text).map(|cron| Self::Cron(Box::new(cron))),
        }
    }
}

fn refuse(sentence: impl Into<String>) -> ScheduleError {
    ScheduleError(sentence.into())
}

fn read_pause(count: &str, unit: &str) -> Result<Schedule, ScheduleError> {
    let seconds = match unit.strip_suffix('s').unwrap_or(unit) {
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        "second" => 1,
        _ => return Err(refuse("Count in minutes, hours or days, such as \"every 30 minutes\".")),
    };
    let count = count.parse::<u32>().ok().and_then(|count| i32::try_from(count).ok());
    let Some(seconds) = count.and_then(|count| count.checked_mul(seconds)) else {
        return Err(refuse("Enter a whole number, such as \"every 30 minutes\"."));
    };
    if seconds < 60 {
        return Err(refuse(
            "A job can't start more often than every minute. Enter \"every minute\" or more.",
        ));
    }
    if seconds > MAX_EVERY_SECONDS {
        return Err(refuse(
            "A pause can't be longer than 30 days. For less often write a cron expression, such as \"0 2 1 */3 *\".",
        ));
    }
    Ok(Schedule::Every(seconds))
}

fn read_cron(text: &str) -> Result<CronExpression, ScheduleError> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    if text.chars().count() > MAX_CRON_CHARACTERS {
        return Err(refuse(
            "The cron expression is too long to be checked by anybody. Write a shorter one.",
        ));
    }
    let fields = text.split(' ').count();
    if fields > 5 {
        return Err(refuse(
            "A cron expression has five fields: minute, hour, day of the month, month, day of the week. Seconds are not taken, as a job can't start more often than every minute.",
        ));
    }
    if fields < 5 && !text.starts_with('@') {
        return Err(refuse(
            "Enter \"every 30 minutes\", or a cron expression with five fields: minute, hour, day of the month, month, day of the week.",
        ));
    }
    // The library takes an empty item for none, and would look for a start for ever.
    let is_broken_list = |field: &str| field.split(',').any(str::is_empty);
    if text.split(' ').any(is_broken_list) {
        return Err(refuse(
            "The cron expression can't be read: a comma stands between two values.",
        ));
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed);
    let cron = parser
        .build()
        .parse(&text)
        .map_err(|error| refuse(format!("The cron expression can't be read: {error}")))?;
    // Dates that never come, such as 30 February, are none in any time zone.
    if cron.find_next_occurrence(&DateTime::UNIX_EPOCH, false).is_err() {
        return Err(refuse(
            "That day never comes. Check the day of the month against the month.",
        ));
    }
    Ok(CronExpression { text, cron })
}

impl CronExpression {
    /// In words, without the zone: "daily at 03:00", "at 02:00, on Friday".
    fn tell(&self) -> String {
        let words = self.cron.describe();
        let words = words.trim_end_matches('.');
        let mut letters = words.chars();
        let first = letters.next().map(|letter| letter.to_lowercase().to_string());
        let words = first.unwrap_or_default() + letters.as_str();
        if let Some(rest) = words.strip_prefix("at every ") {
            return format!("every {rest}");
        }
        // "at 02:00", and nothing about days.
        if words.len() == "at 02:00".len() && words.starts_with("at ") {
            return format!("daily {words}");
        }
        words
    }
}

fn tell_pause(seconds: i32) -> String {
    let (count, unit) = match seconds {
        _ if seconds % 86_400 == 0 => (seconds / 86_400, "day"),
        _ if seconds % 3600 == 0 => (seconds / 3600, "hour"),
        _ if seconds % 60 == 0 => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    match count {
        1 => format!("every {unit}"),
        _ => format!("every {count} {unit}s"),
    }
}
