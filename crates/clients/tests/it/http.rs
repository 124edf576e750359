//! The limits that every client has by its connections.

use std::time::Duration;

use clients::ClientError;
use clients::http::{HttpClient, HttpOptions, base_url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn start(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

fn client() -> HttpClient {
    let options = HttpOptions {
        timeout: Duration::from_millis(500),
        max_body_bytes: 100,
        ..HttpOptions::default()
    };
    HttpClient::new("Service", options).expect("connections can be set up")
}

async fn get(uri: &str) -> clients::error::Result<clients::http::Answer> {
    let client = client();
    let request = client
        .get(&base_url("Service", uri).expect("a valid address"), "api")
        .query(&[("apikey", "hunter2")]);
    client.send(request).await
}

#[tokio::test]
async fn requests_say_honestly_who_they_are_from() {
    let server = start(ResponseTemplate::new(200)).await;
    get(&format!("{}/sub", server.uri())).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let agent = requests[0].headers["user-agent"].to_str().unwrap();
    assert!(agent.starts_with("mamcrawler/"), "{agent}");
    assert_eq!(requests[0].url.path(), "/sub/api");
    assert!(!requests[0].headers.contains_key("referer") && !requests[0].headers.contains_key("origin"));
}

#[tokio::test]
async fn redirects_are_shown_and_not_followed() {
    let server = start(ResponseTemplate::new(302).insert_header("location", "/elsewhere")).await;
    let answer = get(&server.uri()).await.unwrap();
    assert_eq!((answer.status, answer.header("location")), (302, Some("/elsewhere")));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn bodies_beyond_the_cap_are_refused() {
    let whole = start(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 100])).await;
    assert_eq!(get(&whole.uri()).await.unwrap().body.len(), 100);
    let larger = start(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 101])).await;
    let error = get(&larger.uri()).await.unwrap_err();
    assert_eq!(
        error,
        ClientError::TooLarge {
            service: "Service".into(),
            limit_bytes: 100
        }
    );
}

#[tokio::test]
async fn a_body_of_undeclared_length_is_cut_off_at_the_cap() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        while stream.write_all(&[b'x'; 64]).await.is_ok() {}
    });
    let error = get(&format!("http://{address}")).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_slow_answer_times_out() {
    let server = start(ResponseTemplate::new(200).set_delay(Duration::from_secs(60))).await;
    assert!(matches!(get(&server.uri()).await, Err(ClientError::TimedOut { .. })));
}

#[tokio::test]
async fn errors_name_the_cause_and_the_host_but_no_parameter() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = get(&format!("http://{free}")).await.unwrap_err();
    let sentence = format!("{error} {error:?}");
    assert!(
        sentence.contains("refused") && sentence.contains(&free.to_string()),
        "{sentence}"
    );
    assert!(!sentence.contains("hunter2"), "{sentence}");
}

#[tokio::test]
async fn a_key_that_no_header_can_carry_is_an_error_and_is_not_repeated() {
    let client = client();
    let request = client
        .get(&base_url("Service", "127.0.0.1:9").unwrap(), "api")
        .bearer_auth("hunter2\n");
    let error = client.send(request).await.unwrap_err();
    assert!(
        !error.is_retryable() && !format!("{error:?}").contains("hunter2"),
        "{error:?}"
    );
}
