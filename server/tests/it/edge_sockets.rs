//! Hostile connections: slow, huge, ambiguous, many.

use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::{StreamExt, stream};

use crate::edge_raw::{PATIENCE, RawConnection, send_once, status_of};
use crate::stage::{bare_server, set_up};

const SMUGGLED: &str = "GET /api/v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn slow_clients_are_dropped_while_others_are_served() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_READ_TIMEOUT_SECONDS", "2");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let head = b"GET /api/v1/setup HTTP/1.1\r\nHost: a\r\nX-Slow: ";
    let drip = async {
        let mut connection = RawConnection::open(&server).await;
        connection.send(head).await;
        connection.drip_until_dropped().await
    };
    let silent_body = async {
        let request = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{";
        let answer = send_once(&server, request).await;
        assert_eq!(status_of(&answer), 408, "{answer}");
    };
    let nothing_at_all = async {
        let answer = RawConnection::open(&server).await.read_to_end().await;
        assert_eq!(answer, "");
    };
    let served = async {
        for _ in 0..10 {
            let answer = http.get(format!("{}/health/ready", server.url)).send().await.unwrap();
            assert_eq!(answer.status(), 200);
        }
    };
    let drips = join_all((0..50).map(|_| async { RawConnection::open(&server).await.send(head).await }));
    let (took, (), (), (), _) = tokio::join!(drip, silent_body, nothing_at_all, served, drips);
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test]
async fn what_is_too_large_is_refused_unread() {
    let (mut server, _database) = bare_server().await;
    server.start().await;
    let start = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let announced = send_once(&server, &format!("{start}Content-Length: 104857600\r\n\r\n{{")).await;
    assert_eq!(status_of(&announced), 413, "{announced}");
    assert!(announced.contains("\"request_id\""), "{announced}");

    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut connection = RawConnection::open(&server).await;
    connection
        .send(format!("{start}Transfer-Encoding: chunked\r\n\r\n").as_bytes())
        .await;
    let mut sent = 0;
    while sent < 1600 && connection.send(chunk.as_bytes()).await {
        sent += 1;
    }
    assert!(sent < 1600, "100 MB were taken");

    let headers = (0..10_000)
        .map(|number| format!("X-{number}: a\r\n"))
        .collect::<String>();
    let many = send_once(&server, &format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await;
    assert_eq!(status_of(&many), 431, "{many}");
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "a".repeat(200_000));
    assert!(matches!(status_of(&send_once(&server, &long).await), 400 | 431));
    let path = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(200_000));
    assert!(matches!(status_of(&send_once(&server, &path).await), 400 | 414 | 431));
}

#[tokio::test]
async fn a_request_of_two_lengths_is_refused_and_nothing_behind_it_is_read() {
    let (mut server, _database) = bare_server().await;
    server.start().await;
    let start = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    // Of a length beside chunks, hyper ignores the length and ends the connection; the empty body is then no JSON.
    let ambiguous = [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}{}",
        "Content-Length: +4\r\n\r\n{}{}",
        "Content-Length: 4, 5\r\n\r\n{}{}",
        "Transfer-Encoding: identity, chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Host: b\r\nContent-Length: 2\r\n\r\n{}",
    ];
    for rest in ambiguous {
        let answer = send_once(&server, &format!("{start}{rest}{SMUGGLED}")).await;
        assert_eq!(status_of(&answer), 400, "{rest:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{rest:?}: {answer}");
    }
    let no_host = send_once(&server, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status_of(&no_host), 400);
}

#[tokio::test]
async fn a_thousand_idle_event_streams_leave_the_server_at_ease() {
    raise_file_limit();
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_EVENT_STREAMS", "1000");
    server.set("MAMCRAWLER_CONNECTIONS_PER_ADDRESS", "2000");
    server.set("MAMCRAWLER_RATE_PAGE", "100000/min");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let tokens = set_up(&server, &http).await;
    let token = tokens["access_token"].as_str().unwrap();
    let request = format!("GET /events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    let open = async || {
        let mut connection = RawConnection::open(&server).await;
        connection.send(request.as_bytes()).await;
        let status = status_of(&connection.read_until("\r\n\r\n").await);
        (connection, status)
    };
    let streams: Vec<_> = stream::iter(0..1000)
        .map(|_| open())
        .buffer_unordered(16)
        .collect()
        .await;
    assert!(streams.iter().all(|(_, status)| *status == 200));
    let started = Instant::now();
    for _ in 0..20 {
        let answer = http
            .get(format!("{}/api/v1/auth/me", server.url))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(open().await.1, 429, "one more than a person may have");
    drop(streams);
    let again = async {
        while open().await.1 != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again)
        .await
        .expect("closed streams give their places back");
}

/// A thousand sockets are more than the system gives at first.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}
