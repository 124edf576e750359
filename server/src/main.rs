//! The mamcrawler server: `serve` answers people and works, `worker` only works, `migrate` only migrates.

mod commands;
mod config;
mod logging;
mod web;

use clap::{Parser, Subcommand};

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
    let arguments = Arguments::parse();
    let config = config::Config::from_env()?;
    logging::start_logging(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command.unwrap_or(Command::Serve) {
            Command::Serve => commands::serve(config).await,
            Command::Worker => commands::work(config).await,
            Command::Migrate => commands::migrate(config).await,
            Command::RotateSigningKey => commands::rotate_signing_key(&config),
            Command::RotateKey { forget_unreadable } => commands::rotate_key(config, forget_unreadable).await,
        }
    })
}
