//! Settings of what monitoring may read, and where.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use secrecy::{ExposeSecret, SecretString};

use super::source::Source;

/// A shorter one could be guessed.
const MIN_TOKEN_CHARACTERS: usize = 16;

/// Who may read `/metrics`; by default nobody, and then nothing is counted.
#[derive(Debug)]
pub struct MetricsConfig {
    /// An address of its own for `/metrics`.
    pub listen: Option<SocketAddr>,
    /// Opens `/metrics` at the server's own address, and is asked for at both.
    pub token: Option<SecretString>,
}

impl MetricsConfig {
    pub(super) fn read(source: &Source) -> Result<Self> {
        let listen = source.text("MAMCRAWLER_METRICS_LISTEN")?;
        let listen = listen.map(|text| {
            text.parse()
                .with_context(|| format!("MAMCRAWLER_METRICS_LISTEN is \"{text}\", which is not a valid value"))
        });
        let token = source.secret("MAMCRAWLER_METRICS_TOKEN")?;
        if let Some(token) = &token {
            ensure!(
                token.expose_secret().chars().count() >= MIN_TOKEN_CHARACTERS,
                "MAMCRAWLER_METRICS_TOKEN has fewer than {MIN_TOKEN_CHARACTERS} characters. Make one with \
                 `openssl rand -base64 24`"
            );
        }
        Ok(Self {
            listen: listen.transpose()?,
            token,
        })
    }

    /// Whether anybody can read them.
    pub fn is_on(&self) -> bool {
        self.listen.is_some() || self.token.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<MetricsConfig> {
        MetricsConfig::read(&Source::of(&[(name, value)]))
    }

    #[test]
    fn metrics_are_off_until_somebody_may_read_them() {
        assert!(!read("MAMCRAWLER_METRICS_LISTEN", "").unwrap().is_on());
        assert!(read("MAMCRAWLER_METRICS_LISTEN", "127.0.0.1:9464").unwrap().is_on());
        assert!(read("MAMCRAWLER_METRICS_TOKEN", &"0".repeat(16)).unwrap().is_on());
    }

    #[test]
    fn a_short_token_and_no_address_are_refused_by_name() {
        let refused = |name, value| format!("{:#}", read(name, value).err().unwrap());
        assert!(refused("MAMCRAWLER_METRICS_TOKEN", "short").contains("MAMCRAWLER_METRICS_TOKEN"));
        assert!(refused("MAMCRAWLER_METRICS_LISTEN", "9464").contains("MAMCRAWLER_METRICS_LISTEN is \"9464\""));
    }
}
