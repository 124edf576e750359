//! Runs the embedded PostgreSQL in a directory and prints its URL until ^C:
//! `cargo run -p db --example embedded_postgres -- <data directory>`.

use anyhow::Context;
use db::embedded::{EmbeddedOptions, EmbeddedPostgres};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let data_dir = std::env::args()
        .nth(1)
        .context("give a data directory as the only argument")?
        .into();
    let postgres = EmbeddedPostgres::start(EmbeddedOptions {
        data_dir,
        bin_dir: None,
        dies_with_parent: true,
    })
    .await?;
    postgres.ensure_database("mamcrawler").await?;
    println!("{}", postgres.url("mamcrawler"));
    tokio::signal::ctrl_c().await?;
    postgres.stop().await;
    Ok(())
}
