use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{any, header_exists, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::http::fake_network::FakeNetwork;
use crate::http::{HttpOptions, Reach};

const PUBLIC: &str = "93.184.216.34";

/// Links of a service at `http://prowlarr.lan:<port>`, where the network is `network`.
fn links(network: &Arc<FakeNetwork>, port: u16) -> TorrentLinks {
    let options = HttpOptions {
        timeout: Duration::from_millis(500),
        max_body_bytes: 1000,
        ..HttpOptions::default()
    };
    let client = |reach| HttpClient::with_network("Prowlarr", options, reach, network.clone()).unwrap();
    TorrentLinks {
        own: client(Reach::Admin),
        public: client(Reach::Public),
        base: Url::parse(&format!("http://prowlarr.lan:{port}/")).unwrap(),
        extra_hosts: vec!["Files.lan".into()],
        key: Some((
            HeaderName::from_static("x-api-key"),
            HeaderValue::from_static("hunter2"),
        )),
    }
}

async fn start(at: &str, answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path(at)).respond_with(answer).mount(&server).await;
    server
}

fn torrent() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_bytes("d4:infodee")
}

fn refusal(result: Result<Vec<u8>>) -> String {
    match result {
        Err(error @ ClientError::Forbidden { .. }) => error.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_connected_to_as_it_was_judged() {
    let server = start("/t", torrent()).await;
    let network = FakeNetwork::new(&[("tracker.example", &[&[PUBLIC], &["127.0.0.1"]])]);
    let link = format!("http://tracker.example:{}/t", server.address().port());
    let links = links(&network, 1);
    assert_eq!(links.fetch(&link).await.unwrap(), b"d4:infodee");
    assert_eq!(network.dialled(), [PUBLIC]);
}

#[tokio::test]
async fn a_name_that_points_elsewhere_the_next_time_is_refused_then() {
    // One answer a connection, so that the next request needs a lookup of its own.
    let server = start("/t", torrent().insert_header("connection", "close")).await;
    let network = FakeNetwork::new(&[("tracker.example", &[&[PUBLIC], &["169.254.169.254"]])]);
    let link = format!("http://tracker.example:{}/t", server.address().port());
    let links = links(&network, 1);
    links.fetch(&link).await.unwrap();
    let sentence = refusal(links.fetch(&link).await);
    assert!(sentence.contains("metadata service"), "{sentence}");
    assert_eq!(network.dialled(), [PUBLIC]);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_a_mixed_answer_only_the_public_address_is_connected_to() {
    let server = start("/t", torrent()).await;
    let network = FakeNetwork::new(&[("mixed.example", &[&["10.0.0.1", PUBLIC, "::1", "169.254.169.254"]])]);
    let link = format!("http://mixed.example:{}/t", server.address().port());
    links(&network, 1).fetch(&link).await.unwrap();
    assert_eq!(network.dialled(), [PUBLIC]);
}

#[tokio::test]
async fn links_into_the_own_network_are_refused_before_anything_is_connected() {
    let network = FakeNetwork::new(&[
        ("inside.example", &[&["192.168.1.5"]]),
        ("self.example", &[&["127.0.0.1", "::1"]]),
        ("mapped.example", &[&["::ffff:10.0.0.1"]]),
        ("metadata.google.internal", &[&["169.254.169.254"]]),
        ("localhost", &[&["127.0.0.1"]]),
        // Two spellings of an own host that the admin did not name with this port or at all.
        ("prowlarr.lan", &[&["192.168.1.5"]]),
    ]);
    for link in [
        "http://inside.example:8080/t",
        "http://self.example:8080/t",
        "http://mapped.example:8080/t",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://localhost:8080/t",
        "http://prowlarr.lan:8081/t",
        "https://prowlarr.lan:8080/t",
        "http://127.0.0.1:8080/t",
        "http://2130706433:8080/t",
        "http://0x7f.1:8080/t",
        "http://[::ffff:127.0.0.1]:8080/t",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/",
        "http://tracker.example:6379@127.0.0.1/t",
    ] {
        refusal(links(&network, 8080).fetch(link).await);
    }
    assert!(network.dialled().is_empty(), "{:?}", network.dialled());
}

#[tokio::test]
async fn each_redirect_is_judged_like_a_link() {
    let network = FakeNetwork::new(&[
        ("prowlarr.lan", &[&["192.168.1.5"]]),
        ("inside.example", &[&["192.168.1.6"]]),
    ]);
    for target in [
        "http://inside.example:8080/t",
        "http://127.0.0.1:5432/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://[::1]:80/",
        "http://[::ffff:169.254.169.254]/",
        "//169.254.169.254/latest",
        "http://100.100.100.200/",
        "http://0.0.0.0:8080/",
        "http://tracker.example:22/",
    ] {
        let redirect = ResponseTemplate::new(302).insert_header("location", target);
        let server = start("/dl", redirect).await;
        let port = server.address().port();
        refusal(
            links(&network, port)
                .fetch(&format!("http://prowlarr.lan:{port}/dl"))
                .await,
        );
    }
    assert!(network.dialled().iter().all(|address| address == "192.168.1.5"));
}

#[tokio::test]
async fn a_redirect_to_something_else_than_the_web_is_an_answer_that_cannot_be_used() {
    let network = FakeNetwork::new(&[("prowlarr.lan", &[&["192.168.1.5"]])]);
    for target in [
        "file:///etc/passwd",
        "ftp://tracker.example/t",
        "gopher://127.0.0.1/",
        "http://",
    ] {
        let redirect = ResponseTemplate::new(302).insert_header("location", target);
        let server = start("/dl", redirect).await;
        let port = server.address().port();
        let error = links(&network, port)
            .fetch(&format!("http://prowlarr.lan:{port}/dl"))
            .await;
        assert!(
            matches!(error, Err(ClientError::UnexpectedAnswer { .. })),
            "{target}: {error:?}"
        );
    }
}

#[tokio::test]
async fn the_services_own_private_address_and_named_hosts_pass_and_only_the_service_gets_the_key() {
    let files = start("/t", torrent()).await;
    let target = format!("http://files.lan:{}/t", files.address().port());
    let server = MockServer::start().await;
    Mock::given(path("/dl"))
        .and(header_exists("x-api-key"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", target))
        .mount(&server)
        .await;
    let network = FakeNetwork::new(&[("prowlarr.lan", &[&["192.168.1.5"]]), ("files.lan", &[&["10.0.0.9"]])]);
    let port = server.address().port();
    let fetched = links(&network, port)
        .fetch(&format!("http://prowlarr.lan:{port}/dl"))
        .await;
    assert_eq!(fetched.unwrap(), b"d4:infodee");
    assert_eq!(network.dialled(), ["192.168.1.5", "10.0.0.9"]);
    assert!(
        !files.received_requests().await.unwrap()[0]
            .headers
            .contains_key("x-api-key")
    );
}

#[tokio::test]
async fn a_stranger_that_never_stops_sending_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nd").await.unwrap();
        while stream.write_all(&[b'x'; 64]).await.is_ok() {}
    });
    let network = FakeNetwork::new(&[("tracker.example", &[&[PUBLIC]])]);
    let error = links(&network, 1)
        .fetch(&format!("http://tracker.example:{port}/t"))
        .await;
    assert!(matches!(error, Err(ClientError::TooLarge { .. })), "{error:?}");
}

#[tokio::test]
async fn a_stranger_that_sends_byte_by_byte_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nd").await.unwrap();
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while stream.write_all(b"x").await.is_ok() {
            tick.tick().await;
        }
    });
    let network = FakeNetwork::new(&[("tracker.example", &[&[PUBLIC]])]);
    let error = links(&network, 1)
        .fetch(&format!("http://tracker.example:{port}/t"))
        .await;
    assert!(matches!(error, Err(ClientError::TimedOut { .. })), "{error:?}");
}

#[tokio::test]
async fn a_small_body_that_unpacks_to_a_huge_one_is_refused() {
    // 100 kB of zeros, compressed.
    let bomb = hex::decode(include_str!("fixtures/zeros.gz.hex").trim()).unwrap();
    assert!(bomb.len() < 1000);
    let answer = ResponseTemplate::new(200)
        .insert_header("content-encoding", "gzip")
        .set_body_bytes(bomb);
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let network = FakeNetwork::new(&[("tracker.example", &[&[PUBLIC]])]);
    let link = format!("http://tracker.example:{}/t", server.address().port());
    let error = links(&network, 1).fetch(&link).await;
    assert!(matches!(error, Err(ClientError::TooLarge { .. })), "{error:?}");
}
