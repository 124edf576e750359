//! `mamcrawler rotate-key` as people run it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use testing::TestDatabase;

use crate::support::Server;

fn run(command: &[&str], database: &TestDatabase, data_dir: &Path) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_mamcrawler"));
    program.args(command).env_clear();
    for name in ["PATH", "HOME", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
        program.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    program
        .env("DATABASE_URL", database.url())
        .env("MAMCRAWLER_DATA_DIR", data_dir);
    program.output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|text| String::from_utf8_lossy(text))
        .concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_changed_while_nothing_runs_and_the_old_one_is_refused_then() {
    let database = TestDatabase::new().await;
    let mut server = Server::new(&[("DATABASE_URL", database.url())]);
    server.start().await;
    let key = server.data_dir().join("keys/encryption");
    let first = std::fs::read(&key).unwrap();
    let refused = run(&["rotate-key"], &database, &server.data_dir());
    assert!(
        !refused.status.success() && said(&refused).contains("Stop every"),
        "{}",
        said(&refused)
    );
    assert_eq!(std::fs::read(&key).unwrap(), first, "nothing was begun");

    server.terminate(Duration::from_secs(30)).await;
    let changed = run(&["rotate-key"], &database, &server.data_dir());
    assert!(changed.status.success(), "{}", said(&changed));
    assert!(
        said(&changed).contains("1 values were sealed anew"),
        "{}",
        said(&changed)
    );
    let second = std::fs::read(&key).unwrap();
    assert_ne!(first, second);
    assert!(!server.data_dir().join("keys/encryption.old").exists());
    server.start().await;
    server.terminate(Duration::from_secs(30)).await;

    std::fs::write(&key, &first).unwrap();
    let wrong = run(&["migrate"], &database, &server.data_dir());
    assert!(
        !wrong.status.success() && said(&wrong).contains("does not fit this database"),
        "{}",
        said(&wrong)
    );
    let wrong = run(&["rotate-key"], &database, &server.data_dir());
    assert!(
        !wrong.status.success() && said(&wrong).contains("does not fit this database"),
        "{}",
        said(&wrong)
    );
    assert_eq!(std::fs::read(&key).unwrap(), first);
    let given_up = run(&["rotate-key", "--forget-unreadable"], &database, &server.data_dir());
    assert!(given_up.status.success(), "{}", said(&given_up));
    server.start().await;
}
