//! How often is too often: a class of requests and its rate.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Result;
use governor::Quota;

use super::source::Source;

/// What a rate is kept for. Each has a setting of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateClass {
    /// API calls of nobody known, and sign-ins through either door.
    Public,
    /// API calls of a person or an API key.
    Authenticated,
    /// API calls of an admin, or of a key with an admin's rights.
    Admin,
    /// Grabs and what starts one, through both doors.
    Download,
    /// Searches of the indexers, through both doors.
    Search,
    /// Look-ups at metadata providers, through both doors.
    Metadata,
    /// Health checks.
    Health,
    /// Files sent in, through both doors.
    Upload,
    /// Pages and what their own code fetches.
    Page,
    /// Everything from one address, static files and covers included.
    Address,
}

impl RateClass {
    /// Every class, in declaration order.
    pub const ALL: [Self; 10] = [
        Self::Public,
        Self::Authenticated,
        Self::Admin,
        Self::Download,
        Self::Search,
        Self::Metadata,
        Self::Health,
        Self::Upload,
        Self::Page,
        Self::Address,
    ];

    /// The setting that holds its rate.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Public => "MAMCRAWLER_RATE_PUBLIC",
            Self::Authenticated => "MAMCRAWLER_RATE_AUTHENTICATED",
            Self::Admin => "MAMCRAWLER_RATE_ADMIN",
            Self::Download => "MAMCRAWLER_RATE_DOWNLOAD",
            Self::Search => "MAMCRAWLER_RATE_SEARCH",
            Self::Metadata => "MAMCRAWLER_RATE_METADATA",
            Self::Health => "MAMCRAWLER_RATE_HEALTH",
            Self::Upload => "MAMCRAWLER_RATE_UPLOAD",
            Self::Page => "MAMCRAWLER_RATE_PAGE",
            Self::Address => "MAMCRAWLER_RATE_ADDRESS",
        }
    }

    /// Its word in an error's context.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Authenticated => "authenticated",
            Self::Admin => "admin",
            Self::Download => "download",
            Self::Search => "search",
            Self::Metadata => "metadata",
            Self::Health => "health",
            Self::Upload => "upload",
            Self::Page => "page",
            Self::Address => "address",
        }
    }
}

/// So many requests in a while, written `10/min`: all of them at once or spread out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    pub count: NonZeroU32,
    period: Period,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Period {
    Second,
    Minute,
    Hour,
    Day,
}

/// A rate that can't be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number from 1 up, a slash and s, min, h or day: 10/min")]
pub struct BadRate;

impl Rate {
    /// So many in a minute.
    pub const fn per_minute(count: NonZeroU32) -> Self {
        Self {
            count,
            period: Period::Minute,
        }
    }

    /// The same for the limiter.
    pub fn quota(self) -> Quota {
        let seconds = match self.period {
            Period::Second => 1,
            Period::Minute => 60,
            Period::Hour => 3600,
            Period::Day => 86_400,
        };
        let interval = Duration::from_secs(seconds) / self.count.get();
        // Only more than a thousand million a second would come to nothing.
        Quota::with_period(interval.max(Duration::from_nanos(1)))
            .expect("the interval is not zero")
            .allow_burst(self.count)
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = match self.period {
            Period::Second => "s",
            Period::Minute => "min",
            Period::Hour => "h",
            Period::Day => "day",
        };
        write!(formatter, "{}/{word}", self.count)
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let (count, period) = text.split_once('/').ok_or(BadRate)?;
        let period = match period.trim() {
            "s" => Period::Second,
            "min" => Period::Minute,
            "h" => Period::Hour,
            "day" => Period::Day,
            _ => return Err(BadRate),
        };
        let count = count.trim().parse().map_err(|_| BadRate)?;
        Ok(Self { count, period })
    }
}

/// The rate of every class.
#[derive(Debug, Clone, Copy)]
pub struct Rates([Rate; RateClass::ALL.len()]);

impl Rates {
    /// Each class's setting, or its default.
    pub(super) fn read(source: &Source) -> Result<Self> {
        let mut rates = [Rate::per_minute(NonZeroU32::MIN); RateClass::ALL.len()];
        for (class, rate) in RateClass::ALL.into_iter().zip(&mut rates) {
            *rate = source.parsed(class.setting())?;
        }
        Ok(Self(rates))
    }

    /// The same rate for every class.
    #[cfg(test)]
    pub const fn all(rate: Rate) -> Self {
        Self([rate; RateClass::ALL.len()])
    }

    /// The rate of a class.
    pub fn of(&self, class: RateClass) -> Rate {
        self.0[class as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_setting_each_class_has_the_rate_that_is_promised() {
        let rates = Rates::read(&Source::of(&[])).unwrap();
        let promised = [
            (RateClass::Public, "10/min"),
            (RateClass::Authenticated, "60/min"),
            (RateClass::Admin, "1000/min"),
            (RateClass::Download, "20/h"),
            (RateClass::Search, "20/min"),
            (RateClass::Metadata, "30/min"),
            (RateClass::Health, "100/min"),
            (RateClass::Upload, "5/min"),
        ];
        for (class, rate) in promised {
            assert_eq!(rates.of(class).to_string(), rate, "{class:?}");
        }
    }

    #[test]
    fn a_rate_is_read_and_written_alike() {
        for text in ["10/min", "20/h", "1/s", "500/day"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["", "10", "0/min", "-1/min", "10/week", "ten/min", "10/min/2"] {
            assert_eq!(text.parse::<Rate>(), Err(BadRate), "{text}");
        }
    }

    #[test]
    fn a_rate_allows_its_count_at_once_and_then_evenly() {
        let quota = "20/h".parse::<Rate>().unwrap().quota();
        assert_eq!(quota.burst_size().get(), 20);
        assert_eq!(quota.replenish_interval(), Duration::from_secs(180));
    }
}
