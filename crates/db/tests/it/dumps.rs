//! Dumps of real databases, compared with what was.

use db::dumps::{
    DumpError, Running, Snapshot, create_scratch, drop_scratch, drop_scratches, find_pg_dump, find_pg_restore,
    is_empty, read_contents,
};
use testing::TestDatabase;
use tokio::io::AsyncWriteExt;

async fn read_dump(mut dump: Running) -> Result<Vec<u8>, DumpError> {
    let (mut all, mut piece) = (Vec::new(), vec![0; 4096]);
    loop {
        match dump.read(&mut piece).await? {
            0 => break,
            read => all.extend_from_slice(&piece[..read]),
        }
    }
    dump.finish().await.map(|()| all)
}

#[tokio::test]
async fn a_dump_holds_the_moment_of_its_snapshot_and_comes_back_whole() {
    let database = TestDatabase::new().await;
    database
        .run_sql("CREATE TABLE kept AS SELECT n, 'row ' || n AS text FROM generate_series(1, 1000) AS n")
        .await;
    let snapshot = Snapshot::take(database.url()).await.unwrap();
    database
        .run_sql("DELETE FROM kept WHERE n > 1; UPDATE kept SET text = 'other'")
        .await;
    let pg_dump = find_pg_dump(None, snapshot.contents.server_major).unwrap();
    let dump = read_dump(snapshot.start_dump(&pg_dump).unwrap()).await.unwrap();
    let then = snapshot.contents.clone();
    assert_eq!(
        then.tables.iter().find(|table| table.name == "kept").unwrap().rows,
        1000
    );
    assert_eq!(then.schema.as_deref().map(str::len), Some("20261122000014".len()));

    let scratch = create_scratch(database.url(), "1").await.unwrap();
    assert!(is_empty(&scratch).await.unwrap());
    let pg_restore = find_pg_restore(None, pg_dump.major, then.server_major).unwrap();
    let mut restore = Running::start_restore(&pg_restore, &scratch).unwrap();
    restore.input().write_all(&dump).await.unwrap();
    restore.finish().await.unwrap();
    assert_eq!(read_contents(&scratch).await.unwrap(), then);
    assert!(!is_empty(&scratch).await.unwrap());
    let now = read_contents(database.url()).await.unwrap();
    assert_ne!(now, then);
    drop_scratch(database.url(), "1").await.unwrap();
    assert!(read_contents(&scratch).await.is_err(), "it is gone");
}

#[tokio::test]
async fn a_cut_off_dump_restores_nothing() {
    let database = TestDatabase::new().await;
    let snapshot = Snapshot::take(database.url()).await.unwrap();
    let pg_dump = find_pg_dump(None, snapshot.contents.server_major).unwrap();
    let dump = read_dump(snapshot.start_dump(&pg_dump).unwrap()).await.unwrap();
    let scratch = create_scratch(database.url(), "2").await.unwrap();
    let pg_restore = find_pg_restore(None, pg_dump.major, snapshot.contents.server_major).unwrap();
    let mut restore = Running::start_restore(&pg_restore, &scratch).unwrap();
    restore.input().write_all(&dump[..dump.len() / 2]).await.unwrap();
    let error = restore.finish().await.unwrap_err().to_string();
    assert!(error.starts_with("pg_restore failed: pg_restore: error:"), "{error}");
    assert!(is_empty(&scratch).await.unwrap());
    assert_eq!(drop_scratches(database.url()).await.unwrap(), 1);
    assert_eq!(drop_scratches(database.url()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_program_that_fails_after_half_is_an_error_with_what_it_said() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pg_dump");
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && { echo 'pg_dump (PostgreSQL) 99.1'; exit; }\n\
        echo half; echo 'pg_dump: error: the disk is on fire' >&2; exit 1\n";
    testing::scripts::install_script(&path, script);
    let pg_dump = find_pg_dump(Some(folder.path()), 15).unwrap();
    assert_eq!(pg_dump.major, 99);
    let snapshot = Snapshot::take(database.url()).await.unwrap();
    let error = read_dump(snapshot.start_dump(&pg_dump).unwrap())
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(error, "pg_dump failed: pg_dump: error: the disk is on fire");
}

#[tokio::test]
async fn who_may_not_make_databases_is_told_so() {
    let database = TestDatabase::new().await;
    database.run_sql("CREATE ROLE plain LOGIN NOSUPERUSER NOCREATEDB").await;
    let url = database.url().replacen("//postgres@", "//plain@", 1);
    assert_ne!(url, database.url());
    let error = create_scratch(&url, "3").await.unwrap_err().to_string();
    assert!(error.contains("ALTER ROLE plain CREATEDB"), "{error}");
}
