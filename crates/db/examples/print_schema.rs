//! `cargo run -p db --example print_schema -- <url> > crates/db/src/schema.rs`, on a migrated database.

use anyhow::Context;
use diesel_async::AsyncConnection;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args()
        .nth(1)
        .context("give the URL of a database as the only argument")?;
    db::migrate(&url).await?;
    let mut conn = db::Connection::establish(&url).await?;
    print!("{}", db::schema_dump::print_schema(&mut conn).await?);
    Ok(())
}
