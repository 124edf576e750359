//! `cargo run -p db --example print_schema_page -- <url> > docs/SCHEMA.md`, on a migrated database.

use std::fs;
use std::path::Path;

use anyhow::Context;
use diesel_async::AsyncConnection;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args()
        .nth(1)
        .context("give the URL of a database as the only argument")?;
    db::migrate(&url).await?;
    let mut conn = db::Connection::establish(&url).await?;
    print!(
        "{}",
        db::schema_page::print_schema_page(&mut conn, &read_migrations()?).await?
    );
    Ok(())
}

fn read_migrations() -> anyhow::Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut folders: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    folders.sort_by_key(fs::DirEntry::file_name);
    let texts = folders
        .iter()
        .map(|folder| fs::read_to_string(folder.path().join("up.sql")));
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
}
