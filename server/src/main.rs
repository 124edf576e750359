//! The mamcrawler server: `serve` answers people and works, `worker` only works, `migrate` only migrates.

mod backup_commands;
mod commands;
mod config;
mod database_wait;
mod doctor;
mod healthcheck;
mod key_hold;
mod log_file;
mod logging;
mod memory;
mod metrics;
mod traces;
mod web;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use services::{Random, SystemRandom};
use tokio::runtime::Runtime;
use traces::Traces;

/// What is awaited has ended before; a thread that is left hangs, as on a file system that does not answer.
const THREADS_LIMIT: Duration = Duration::from_secs(5);

#[derive(Parser)]
#[command(
    name = "mamcrawler",
    version,
    about = "Keeps an audiobook library complete, correct and well behaved"
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the web app and the API, and run jobs (the default).
    Serve,
    /// Run jobs only, beside a `serve` on the same database.
    Worker,
    /// Bring the database up to date and exit.
    Migrate,
    /// Back the database up into the backup folder, where older backups are removed as they get too many.
    Backup {
        /// Another folder, where nothing is removed.
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// Bring a backup back into an empty database.
    Restore {
        /// The backup.
        file: PathBuf,
    },
    /// Say what works and what does not, with what to do; fails when something is failing. Changes nothing.
    Doctor,
    /// Ask this installation's server whether it is ready; fails when it is not.
    Healthcheck {
        /// Ask its `worker` instead, which answers at MAMCRAWLER_METRICS_LISTEN only.
        #[arg(long)]
        worker: bool,
    },
    /// Print each setting that counts with where it came from, secrets masked; fails when a start would.
    Config {
        /// Print the page that describes every setting instead.
        #[arg(long)]
        reference: bool,
    },
    /// Make a new signing key. Who is signed in stays so; it counts once every `serve` and `worker` was restarted.
    RotateSigningKey,
    /// Change the encryption key and seal all stored secrets anew. Stop every `serve` and `worker` first.
    RotateKey {
        /// Keep the key, and give up what it does not open: for when the key before is lost.
        #[arg(long)]
        forget_unreadable: bool,
    },
}

fn main() -> anyhow::Result<()> {
    memory::return_large_memory();
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    if let Command::Config { reference } = command {
        return print_config(reference);
    }
    let config = config::Config::from_env()?;
    // What runs beside a server leaves the file to it, and is short enough to need no traces.
    let (log_file, traces) = match command {
        Command::Serve | Command::Worker => (config.log_file.clone(), prepare_traces(&config)?),
        _ => (None, None),
    };
    let trace_layer = traces.as_ref().map(Traces::layer);
    logging::start_logging(&config, log_file.as_deref(), trace_layer)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let work = async {
        match command {
            Command::Serve => commands::serve(config, traces).await,
            Command::Worker => commands::work(config, traces).await,
            Command::Migrate => commands::migrate(config).await,
            Command::Backup { to } => backup_commands::back_up(config, to).await,
            Command::Restore { file } => backup_commands::restore(config, file).await,
            Command::Doctor => doctor::examine(config).await,
            Command::Healthcheck { worker: false } => healthcheck::check_health(&config).await,
            Command::Healthcheck { worker: true } => healthcheck::check_worker(&config.metrics).await,
            Command::Config { reference } => print_config(reference),
            Command::RotateSigningKey => commands::rotate_signing_key(&config),
            Command::RotateKey { forget_unreadable } => commands::rotate_key(config, forget_unreadable).await,
        }
    };
    run_to_end(runtime, work, THREADS_LIMIT)
}

/// Traces, where a collector is named. Each process is an instance of its own.
fn prepare_traces(config: &config::Config) -> anyhow::Result<Option<Traces>> {
    let mut instance = [0; 16];
    SystemRandom.fill(&mut instance);
    let instance = uuid::Builder::from_random_bytes(instance).into_uuid().to_string();
    let traces = config.traces.as_ref();
    traces.map(|traces| Traces::prepare(traces, &instance)).transpose()
}

/// Runs it, and does not wait longer for threads that it left.
fn run_to_end<T>(runtime: Runtime, work: impl Future<Output = T>, limit: Duration) -> T {
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(limit);
    ended
}

fn print_config(reference: bool) -> anyhow::Result<()> {
    if reference {
        print!("{}", config::render_reference());
    } else {
        print!("{}", config::describe_environment()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_hangs_does_not_hold_the_end() {
        let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        let (ended, released) = std::sync::mpsc::channel::<()>();
        let (end, at_end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let work = async {
                let (begun, began) = tokio::sync::oneshot::channel();
                tokio::task::spawn_blocking(move || {
                    let _ = begun.send(());
                    let _ = released.recv();
                });
                began.await.unwrap();
                7
            };
            end.send(run_to_end(runtime, work, Duration::from_millis(50)))
        });
        assert_eq!(at_end.recv_timeout(Duration::from_secs(20)), Ok(7));
        drop(ended);
    }
}
