//! `backup` and `restore`: neither migrates first, so that an update can be preceded by the one and undone by the other.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use services::Services;
use services::backups::{make_backup, restore_backup};

use crate::commands::{build_services, ensure_database_is_there, find_database, wait_for_stop};
use crate::config::{self, Config};
use crate::database_wait::{Patience, hold_key_when_reached};

/// Makes a backup of the database as it is. A `serve` may go on meanwhile.
pub async fn back_up(config: Config, to: Option<PathBuf>) -> Result<()> {
    ensure_database_is_there(&config)?;
    let to = to.map(std::path::absolute).transpose()?;
    on_database(&config, async |services| {
        let started = Instant::now();
        let made = make_backup(services, to.as_deref()).await?;
        let encrypted = if made.is_encrypted {
            "encrypted"
        } else {
            "not encrypted"
        };
        tracing::info!(
            "backed up {} tables with {} rows in {:.1} s into {} ({} bytes, {encrypted})",
            made.manifest.tables.len(),
            made.manifest.rows(),
            started.elapsed().as_secs_f64(),
            made.path.display(),
            made.size_bytes
        );
        for name in &made.removed {
            tracing::info!("removed {name}, which is no longer needed");
        }
        Ok(())
    })
    .await
}

/// Brings a backup back into an empty database, and says whether the encryption key opens the secrets in it.
pub async fn restore(config: Config, file: PathBuf) -> Result<()> {
    on_database(&config, async |services| {
        let started = Instant::now();
        let restored = restore_backup(services, &file).await?;
        tracing::info!(
            "restored {} tables with {} rows in {:.1} s from the backup of {}, all as they were; {} migrations were applied \
             after",
            restored.manifest.tables.len(),
            restored.manifest.rows(),
            started.elapsed().as_secs_f64(),
            restored.header.made_at.format("%Y-%m-%d %H:%M:%S UTC"),
            restored.migrated
        );
        match restored.secrets {
            Ok(()) => tracing::info!("the encryption key opens the secrets in it"),
            Err(error) => tracing::warn!("the data is there, but: {error}"),
        }
        Ok(())
    })
    .await
}

/// Works on the database as it is, and leaves an embedded one running if it ran before.
async fn on_database(config: &Config, work: impl AsyncFnOnce(&Services) -> Result<()>) -> Result<()> {
    config::check_secrets(config)?;
    std::fs::create_dir_all(&config.data_dir).with_context(|| format!("making {}", config.data_dir.display()))?;
    let (url, postgres) = find_database(config).await?;
    // Whatever happens from here on, the database that somebody else may use is released, not stopped.
    let ended = tokio::select! {
        ended = hold_key_and_work(config, &url, work) => ended,
        () = wait_for_stop() => stopped(),
    };
    if let Some(postgres) = postgres {
        postgres.release().await;
    }
    ended
}

async fn hold_key_and_work(config: &Config, url: &str, work: impl AsyncFnOnce(&Services) -> Result<()>) -> Result<()> {
    // Half-way through a change of the key, a backup would hold secrets of two keys.
    let _hold = hold_key_when_reached(url, Patience::of(config.database_wait))
        .await?
        .context("`mamcrawler rotate-key` is at work on this database. Start again when it has ended")?;
    work(&build_services(config, url, "backup command")?).await
}

fn stopped() -> Result<()> {
    bail!("stopped before the end")
}
