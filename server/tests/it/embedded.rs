//! Without a DATABASE_URL the server brings its own PostgreSQL.

use std::path::Path;
use std::time::Duration;

use diesel::dsl::sql;
use diesel::sql_types::Bool;
use diesel_async::{AsyncConnection, RunQueryDsl};

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

    // A page that is open makes the server listen for changes.
    let tokens: serde_json::Value = signed_in.json().await.unwrap();
    let open = http
        .get(format!("{}/events", server.url))
        .bearer_auth(tokens["access_token"].as_str().unwrap());
    let open = open.send().await.unwrap().error_for_status().unwrap();
    wait_for_listener(&cluster).await;
    let (status, _) = server.terminate(Duration::from_secs(30)).await;
    drop(open);
    assert!(status.success(), "{status}: {}", server.log());
    assert!(!server.log().contains("lost the change notices"), "{}", server.log());
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

/// Waits until the server hears of changes.
async fn wait_for_listener(cluster: &Path) {
    let url = db::embedded::find_running(cluster, "mamcrawler").expect("it runs");
    let mut conn = db::Connection::establish(&url).await.unwrap();
    wait_until(async || {
        let ear = "EXISTS (SELECT FROM pg_stat_activity WHERE query = 'LISTEN mamcrawler_events')";
        let listens = diesel::select(sql::<Bool>(ear)).get_result::<bool>(&mut conn).await;
        match listens.unwrap() {
            true => Ok(()),
            false => Err("nobody listens".to_owned()),
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
