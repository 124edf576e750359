//! Without a DATABASE_URL the server brings its own PostgreSQL.

use std::path::Path;
use std::time::Duration;

use crate::stage::{PASSWORD, set_up, wait_until};
use crate::support::Server;

#[tokio::test]
async fn the_embedded_postgres_outlives_a_crash_and_ends_with_an_ordered_stop() {
    let mut server = Server::new(&[]);
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    set_up(&server, &http).await;
    let cluster = server.data_dir().join("postgres");
    assert_eq!(postmasters_of(&cluster).len(), 1);

    server.kill9();
    server.start().await;
    assert_eq!(postmasters_of(&cluster).len(), 1);
    let form = serde_json::json!({ "username": "anna", "password": PASSWORD });
    let signed_in = http
        .post(format!("{}/api/v1/auth/login", server.url))
        .json(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(signed_in.status(), 200, "what was written before the crash is there");

    let (status, _) = server.terminate(Duration::from_secs(30)).await;
    assert!(status.success(), "{status}: {}", server.log());
    wait_until(async || {
        let left = postmasters_of(&cluster);
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("PostgreSQL still runs: {left:?}"))
        }
    })
    .await;
}

/// Processes that were started on a cluster below the directory.
fn postmasters_of(directory: &Path) -> Vec<u32> {
    let wanted = directory.to_str().unwrap();
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    processes
        .filter(|process: &u32| {
            let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(wanted)
        })
        .collect()
}
