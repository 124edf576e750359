//! Logs go to standard error: readable by default, JSON on request.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// Installs the process's log output.
pub fn start_logging(config: &Config) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log_filter).context("MAMCRAWLER_LOG is not a valid log filter")?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if config.has_json_logs {
        builder.json().init();
    } else {
        builder.init();
    }
    Ok(())
}
