//! The server stops when it is told to.

use std::time::Duration;

use futures::StreamExt;

use crate::stage::{bare_server, set_up};

#[tokio::test]
async fn an_open_event_stream_does_not_hold_up_a_stop() {
    let (mut server, _database) = bare_server().await;
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let tokens = set_up(&server, &http).await;
    let call = http
        .get(format!("{}/events", server.url))
        .bearer_auth(tokens["access_token"].as_str().unwrap());
    let mut events = call.send().await.unwrap().error_for_status().unwrap().bytes_stream();
    let reading = tokio::spawn(async move { while events.next().await.is_some_and(|part| part.is_ok()) {} });
    let (status, took) = server.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status}: {}", server.log());
    // Requests that are under way are given 8 s, which the stream would use up.
    assert!(took < Duration::from_secs(7), "{took:?}");
    reading.await.unwrap();
}
