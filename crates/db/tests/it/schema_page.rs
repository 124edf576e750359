//! `docs/SCHEMA.md`.

use std::fs;
use std::path::Path;

use testing::TestDatabase;

#[tokio::test]
async fn the_schema_page_equals_what_the_migrations_give() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<_> = fs::read_dir(root.join("migrations"))
        .unwrap()
        .map(|folder| folder.unwrap().path())
        .collect();
    folders.sort();
    let migrations: Vec<_> = folders
        .iter()
        .map(|folder| fs::read_to_string(folder.join("up.sql")).unwrap())
        .collect();
    let database = TestDatabase::new().await;
    let printed = db::schema_page::print_schema_page(&mut *database.connection().await, &migrations.join("\n"))
        .await
        .unwrap();
    let page = root.join("docs/SCHEMA.md");
    if fs::read_to_string(&page).unwrap_or_default() != printed {
        fs::write(root.join("docs/SCHEMA.md.new"), printed).unwrap();
        panic!("docs/SCHEMA.md is not what the migrations give; read docs/SCHEMA.md.new, and move it there");
    }
}

#[tokio::test]
async fn every_table_stands_once_in_the_schema_page() {
    let database = TestDatabase::new().await;
    let misplaced = db::schema_page::find_misplaced_tables(&mut *database.connection().await)
        .await
        .unwrap();
    assert!(
        misplaced.is_empty(),
        "place them in crates/db/src/schema_page/areas.rs: {misplaced:?}"
    );
}
