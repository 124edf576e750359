use std::net::SocketAddr;

use axum::Router;
use axum::body::to_bytes;
use axum::http::StatusCode;
use serde_json::{Value, json};
use testing::TestDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

use super::*;
use crate::web::test_state::{TestState, bearer_of};
use crate::web::{ConnectionLimits, build_router, serve_connections};

/// Nobody's wait ends while a test runs.
const ENDLESS: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(50);
/// Far more than anything here takes.
const WITHIN: Duration = Duration::from_secs(30);

/// A server with one place.
fn start(database: &TestDatabase, wait: Duration) -> (TestState, Router) {
    let state = TestState::over(database, |edge| {
        edge.requests_at_once = 1;
        edge.request_wait = wait;
    });
    let router = build_router(state.app.clone());
    (state, router)
}

fn waiting(state: &TestState) -> usize {
    state.app.edge.places.line().waiting
}

async fn wait_until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(WITHIN, waiting).await.expect("it becomes so");
}

async fn ask(router: Router, path: &str, accept: &str) -> Response {
    let request = Request::get(path)
        .header("host", "shelf.example")
        .header("accept", accept)
        .body(Body::empty())
        .unwrap();
    let asked = tokio::time::timeout(WITHIN, router.oneshot(request));
    asked.await.expect("an answer in time").unwrap()
}

/// Asks for what nobody may see who is not signed in, so that an answer of the handlers is 401.
async fn ask_api(router: Router) -> Response {
    ask(router, "/api/v1/books", "application/json").await
}

async fn read_text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_place_waits_and_is_then_refused_while_health_is_told() {
    let database = TestDatabase::new().await;
    let (state, router) = start(&database, SHORT);
    let taken = state.app.edge.places.take(None).await.unwrap();
    let began = Instant::now();
    let refused = ask_api(router.clone()).await;
    assert!(began.elapsed() >= SHORT);
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=RETRY_SPREAD_SECONDS).contains(&seconds));
    let id = refused.headers()["x-request-id"].to_str().unwrap().to_owned();
    let mut body: Value = serde_json::from_str(&read_text(refused).await).unwrap();
    assert!(body.as_object_mut().unwrap().remove("timestamp").is_some());
    let message = format!("The server has more to do than it can answer in time. Try again in {seconds} s.");
    let expected = json!({
        "code": "service_unavailable", "message": message, "status_code": 503, "context": {},
        "retry_after": seconds, "request_id": id,
    });
    assert_eq!(body, expected);

    let page = ask(router.clone(), "/library", "text/html").await;
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.headers().contains_key("retry-after"));
    let page = read_text(page).await;
    assert!(
        page.contains("<h1>Not right now</h1>") && page.contains("Try again in"),
        "{page}"
    );

    for path in ["/health/live", "/health/ready"] {
        assert_eq!(
            ask(router.clone(), path, "*/*").await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    drop(taken);
    assert_eq!(ask_api(router).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_served_once_a_place_is_free() {
    let database = TestDatabase::new().await;
    let (state, router) = start(&database, ENDLESS);
    let taken = state.app.edge.places.take(None).await.unwrap();
    let asked: Vec<JoinHandle<Response>> = (0..3).map(|_| tokio::spawn(ask_api(router.clone()))).collect();
    wait_until(|| waiting(&state) == 3).await;
    drop(taken);
    for answer in asked {
        assert_eq!(answer.await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(waiting(&state), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_end_of_the_line_nobody_waits() {
    let database = TestDatabase::new().await;
    let (state, router) = start(&database, ENDLESS);
    let _taken = state.app.edge.places.take(None).await.unwrap();
    let mut asked = JoinSet::new();
    for _ in 0..WAITING_PER_PLACE {
        asked.spawn(ask_api(router.clone()));
    }
    wait_until(|| waiting(&state) == WAITING_PER_PLACE).await;
    let refused = ask_api(router.clone()).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.extensions().get::<TurnedAway>().is_some());
    asked.shutdown().await;
    assert_eq!(waiting(&state), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_event_stream_holds_no_place() {
    let database = TestDatabase::new().await;
    let (state, router) = start(&database, SHORT);
    let admin = state.set_up_admin().await;
    let request = Request::get("/events")
        .header("host", "shelf.example")
        .header("authorization", format!("Bearer {}", bearer_of(&admin)))
        .body(Body::empty())
        .unwrap();
    let stream = router.clone().oneshot(request).await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    assert_eq!(ask_api(router).await.status(), StatusCode::UNAUTHORIZED);
    drop(stream);
}

/// The server over real connections, until the test ends.
async fn listen(state: &TestState, router: Router) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let edge = &state.app.edge.config;
    let limits = ConnectionLimits {
        connections: edge.connections,
        connections_per_address: edge.connections_per_address,
        trusted_proxies: edge.trusted_proxies.clone(),
        read_timeout: edge.read_timeout,
        write_timeout: edge.write_timeout,
        drain: Duration::ZERO,
    };
    tokio::spawn(serve_connections(listener, router, limits, std::future::pending()));
    address
}

async fn connect_and_send(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = [0; 16];
    let read = tokio::time::timeout(WITHIN, stream.read_exact(&mut head));
    read.await.expect("an answer in time").unwrap();
    String::from_utf8_lossy(&head).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_leaves_the_line() {
    let database = TestDatabase::new().await;
    let (state, router) = start(&database, ENDLESS);
    let address = listen(&state, router).await;
    let taken = state.app.edge.places.take(None).await.unwrap();
    let request = "GET /api/v1/books HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut staying = connect_and_send(address, request).await;
    let leaving = connect_and_send(address, request).await;
    wait_until(|| waiting(&state) == 2).await;
    drop(leaving);
    wait_until(|| waiting(&state) == 1).await;
    drop(taken);
    assert_eq!(read_head(&mut staying).await, "HTTP/1.1 401 Una");
    assert_eq!(waiting(&state), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_slowly_holds_no_place() {
    let database = TestDatabase::new().await;
    let (state, router) = start(&database, SHORT);
    let address = listen(&state, router.clone()).await;
    // Who is asked to go on is being read.
    let login =
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n";
    let mut slow = connect_and_send(address, &format!("{login}Content-Length: 2\r\n\r\n")).await;
    assert_eq!(read_head(&mut slow).await, "HTTP/1.1 100 Con");
    assert_eq!(ask_api(router).await.status(), StatusCode::UNAUTHORIZED);
    slow.write_all(b"{}").await.unwrap();
    let mut rest = [0; 32];
    let read = tokio::time::timeout(WITHIN, slow.read_exact(&mut rest));
    read.await.expect("an answer in time").unwrap();
    let rest = String::from_utf8_lossy(&rest).into_owned();
    assert!(rest.contains("HTTP/1.1 422"), "{rest}");
}

#[test]
fn a_burst_may_wait_and_a_line_that_stands_may_not() {
    let (wait, began) = (Duration::from_secs(2), Instant::now());
    let mut line = Line::new(3, wait);
    assert_eq!(line.join(None, began), Some(wait));
    assert_eq!(line.join(None, began + wait / 2), Some(wait));
    line.leave(None);
    assert_eq!(line.join(None, began + wait), Some(wait / STANDING_SHARE));
    line.leave(None);
    line.leave(None);
    // It was empty, so it is a burst again.
    for _ in 0..3 {
        assert_eq!(line.join(None, began + wait), Some(wait));
    }
    assert_eq!(line.join(None, began + wait), None);
}

#[test]
fn no_address_has_more_than_half_of_the_line() {
    let (wait, now) = (Duration::from_secs(2), Instant::now());
    let [greedy, modest] =
        ["192.0.2.1", "192.0.2.2"].map(|text| Some(network_around(text.parse().unwrap(), HOUSEHOLD)));
    let mut line = Line::new(4, wait);
    assert_eq!(
        [greedy; 3].map(|client| line.join(client, now)),
        [Some(wait), Some(wait), None]
    );
    assert_eq!(
        [modest; 3].map(|client| line.join(client, now)),
        [Some(wait), Some(wait), None]
    );
    line.leave(greedy);
    assert_eq!(line.join(greedy, now), Some(wait));
    for client in [greedy, greedy, modest, modest] {
        line.leave(client);
    }
    assert!(line.clients.is_empty() && line.since.is_none());
}

#[test]
fn a_flood_is_told_in_few_lines_and_comes_back_spread() {
    let began = Instant::now();
    let mut refused = Refused::default();
    let mut note = |after: Duration| {
        let Noted { retry_after, to_tell } = refused.note(began + after);
        (retry_after, to_tell)
    };
    assert_eq!(note(Duration::ZERO), (2, Some(1)));
    let waits: Vec<u64> = (0..5)
        .map(|_| note(Duration::from_secs(1)))
        .map(|(wait, to_tell)| {
            assert_eq!(to_tell, None);
            wait
        })
        .collect();
    assert_eq!(waits, [3, 4, 5, 1, 2]);
    assert_eq!(note(TELL_EVERY), (3, Some(6)));
    assert_eq!(note(TELL_EVERY * 2), (4, Some(1)));
}
