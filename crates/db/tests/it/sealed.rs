//! Encrypted values.

use std::collections::BTreeSet;

use db::sealed::{HASHES, SealedPlace, claim_key, hold_key};
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use testing::TestDatabase;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
}

#[tokio::test]
async fn every_column_of_bytes_is_known_as_sealed_or_as_a_hash() {
    let database = TestDatabase::new().await;
    let query = diesel::sql_query(
        "SELECT table_name::text, column_name::text FROM information_schema.columns
         WHERE table_schema = 'public' AND data_type = 'bytea'",
    );
    let found: Vec<Column> = query.load(&mut *database.connection().await).await.unwrap();
    let found: BTreeSet<_> = found
        .iter()
        .map(|column| (column.table_name.as_str(), column.column_name.as_str()))
        .collect();
    let sealed = SealedPlace::ALL.iter().filter(|place| **place != SealedPlace::Setting);
    let known: BTreeSet<_> = sealed
        .map(|place| place.column())
        .chain(HASHES.iter().copied())
        .collect();
    assert_eq!(found, known, "name new columns in crates/db/src/sealed.rs");
}

#[tokio::test]
async fn the_key_is_changed_by_one_and_only_while_nobody_uses_it() {
    let database = TestDatabase::new().await;
    let url = database.url();
    let (first, second) = (hold_key(url).await.unwrap(), hold_key(url).await.unwrap());
    assert!(first.is_some() && second.is_some());
    assert!(claim_key(url).await.unwrap().is_none());
    drop((first, second));
    // The server notices the end of a connection in its own time.
    let claim = loop {
        if let Some(claim) = claim_key(url).await.unwrap() {
            break claim;
        }
    };
    assert!(hold_key(url).await.unwrap().is_none());
    assert!(claim_key(url).await.unwrap().is_none());
    drop(claim);
}
