//! How long and how many: what a client can hold by staying.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use types::events::LiveEvent;

use crate::edge_raw::{PATIENCE, RawConnection, status_of};
use crate::stage::{bare_server, set_up};
use crate::support::Server;

const GREEDY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const MODEST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// So much of an answer fits into a client that does not read on.
const SMALL_BUFFER: u32 = 64 * 1024;
/// Long enough for a slow machine to let the client that reads take its turn.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that stays open after its answer, if it gets one.
async fn connect_and_ask(server: &Server, from: Ipv4Addr) -> Option<RawConnection> {
    let mut connection = RawConnection::open_from(server, from, None).await;
    connection.send(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = connection.read_answer().await?;
    assert_eq!(status_of(&answer), 200, "{answer}");
    Some(connection)
}

#[tokio::test]
async fn an_address_that_holds_its_share_of_connections_leaves_room_for_others() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_CONNECTIONS_PER_ADDRESS", "4");
    server.start().await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(connect_and_ask(&server, GREEDY).await.expect("below the most"));
    }
    assert!(
        connect_and_ask(&server, GREEDY).await.is_none(),
        "one more than an address may have"
    );
    assert!(connect_and_ask(&server, MODEST).await.is_some());
    assert!(
        server.log().contains("127.0.0.2/32 has 4 connections open"),
        "{}",
        server.log()
    );
    held.pop();
    let again = async { while connect_and_ask(&server, GREEDY).await.is_none() {} };
    tokio::time::timeout(PATIENCE, again)
        .await
        .expect("a closed connection gives its place back");

    server.kill9();
    server.set("MAMCRAWLER_TRUSTED_PROXIES", "127.0.0.2");
    server.start().await;
    let mut held = Vec::new();
    for _ in 0..12 {
        held.push(connect_and_ask(&server, GREEDY).await.expect("a trusted proxy"));
    }
}

#[tokio::test]
async fn only_a_client_that_takes_nothing_of_its_answer_is_dropped() {
    let (mut server, database) = bare_server().await;
    server.set("MAMCRAWLER_WRITE_TIMEOUT_SECONDS", &WRITE_TIMEOUT.as_secs().to_string());
    server.set("MAMCRAWLER_RATE_PAGE", "1000/min");
    server.start().await;
    let tokens = set_up(&server, &testing::sandbox::http_client().unwrap()).await;
    let token = tokens["access_token"].as_str().unwrap();
    let mut idle = RawConnection::open(&server).await;
    let request = format!("GET /events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    idle.send(request.as_bytes()).await;
    assert_eq!(status_of(&idle.read_until("\r\n\r\n").await), 200);

    // Together more than all buffers between us take.
    let document = "GET /api/openapi.json HTTP/1.1\r\nHost: a\r\n";
    let requests = format!(
        "{}{document}Connection: close\r\n\r\n",
        format!("{document}\r\n").repeat(15)
    );
    let open = || RawConnection::open_from(&server, Ipv4Addr::LOCALHOST, Some(SMALL_BUFFER));
    let (mut stuck, mut slow) = tokio::join!(open(), open());
    let started = Instant::now();
    stuck.send(requests.as_bytes()).await;
    slow.send(requests.as_bytes()).await;
    let staying = async {
        stuck.drip_until_dropped().await;
        started.elapsed()
    };
    let (stuck_for, received) = tokio::join!(staying, slow.read_slowly(WRITE_TIMEOUT * 3));
    assert!(stuck_for >= WRITE_TIMEOUT, "{stuck_for:?}");
    assert_eq!(
        received.matches("HTTP/1.1 200 OK").count(),
        16,
        "all that was asked for"
    );
    assert!(started.elapsed() >= WRITE_TIMEOUT * 2, "{:?}", started.elapsed());

    let mut conn = database.connection().await;
    db::events::notify(&mut conn, &LiveEvent::Wants).await.unwrap();
    // The silent stream lives. What else it was sent, to keep it open or of other topics, comes before.
    idle.read_until("wants").await;
}
