//! What a version of the WebUI API can do. Chosen by `app/webapiVersion`, never by the application's version text.

use std::fmt;
use std::str::FromStr;

/// `app/webapiVersion`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WebApiVersion(u32, u32, u32);

impl FromStr for WebApiVersion {
    type Err = std::num::ParseIntError;

    /// "2.8.19"; missing parts are 0.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.trim().split('.').map(str::parse::<u32>);
        let mut next = || parts.next().unwrap_or(Ok(0));
        Ok(Self(next()?, next()?, next()?))
    }
}

impl fmt::Display for WebApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The differences that we meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub version: WebApiVersion,
    /// 5.0 renamed pause and resume; the old names give 404 there.
    has_stop_and_start: bool,
}

impl Capabilities {
    pub fn of(version: WebApiVersion) -> Self {
        Self {
            version,
            has_stop_and_start: version >= WebApiVersion(2, 11, 0),
        }
    }

    /// 4.5 is the oldest that the contract was written for.
    pub fn is_supported(&self) -> bool {
        self.version >= WebApiVersion(2, 8, 18)
    }

    /// 5.3 was not out when the contract was written.
    pub fn is_known(&self) -> bool {
        self.version < WebApiVersion(2, 16, 0)
    }

    pub fn start_method(&self) -> &'static str {
        if self.has_stop_and_start {
            "torrents/start"
        } else {
            "torrents/resume"
        }
    }

    pub fn stop_method(&self) -> &'static str {
        if self.has_stop_and_start {
            "torrents/stop"
        } else {
            "torrents/pause"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_gets_its_own_method_names() {
        for (text, stop, is_supported, is_known) in [
            ("2.8.17", "torrents/pause", false, true),
            ("2.8.18", "torrents/pause", true, true),
            ("2.9.3", "torrents/pause", true, true),
            ("2.11.2", "torrents/stop", true, true),
            ("2.15.1", "torrents/stop", true, true),
            ("2.16", "torrents/stop", true, false),
        ] {
            let capabilities = Capabilities::of(text.parse().unwrap());
            assert_eq!(capabilities.stop_method(), stop, "{text}");
            assert_eq!(
                (capabilities.is_supported(), capabilities.is_known()),
                (is_supported, is_known),
                "{text}"
            );
        }
        assert!("<html>".parse::<WebApiVersion>().is_err());
    }
}
