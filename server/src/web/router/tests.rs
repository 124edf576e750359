//! What fails or hangs, in a route or in a layer, is answered all the same.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use serde_json::Value;
use testing::TestDatabase;
use tower::ServiceExt;

use super::*;
use crate::web::test_state::TestState;

const TIMEOUT: Duration = Duration::from_millis(200);

fn start(database: &TestDatabase) -> Router {
    let state = TestState::over(database, |edge| edge.request_timeout = TIMEOUT);
    let routes = Router::new()
        .route("/api/v1/well", get(async || "well"))
        .route("/api/v1/panics", get(panic_at_once))
        .route("/panics", get(panic_at_once))
        .route("/api/v1/hangs", get(std::future::pending::<()>))
        .route("/hangs", get(std::future::pending::<()>))
        .route("/api/v1/streams", get(stream_slowly));
    layer_routes(routes, state.app)
}

async fn panic_at_once() {
    panic!("this test's own panic");
}

/// Begins at once and goes on for longer than an answer may take to begin.
async fn stream_slowly() -> Body {
    let parts = futures::stream::iter(["one", "two", "three"]);
    Body::from_stream(futures::StreamExt::then(parts, async |part| {
        tokio::time::sleep(TIMEOUT * 2 / 3).await;
        Ok::<_, std::convert::Infallible>(part)
    }))
}

async fn ask(router: &Router, path: &str, header: (&str, &str)) -> Response<Body> {
    let request = Request::get(path)
        .header("host", "shelf.example")
        .header("x-request-id", "asked-for-4711")
        .header(header.0, header.1)
        .body(Body::empty())
        .unwrap();
    router.clone().oneshot(request).await.unwrap()
}

async fn read_text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

async fn check_envelope(response: Response<Body>, status: StatusCode, code: &str) {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["x-request-id"], "asked-for-4711");
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = serde_json::from_str(&read_text(response).await).unwrap();
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["status_code"], status.as_u16(), "{body}");
    assert_eq!(body["request_id"], "asked-for-4711", "{body}");
    let message = body["message"].as_str().unwrap();
    assert!(message.len() > 20 && !message.contains("test's own"), "{message}");
}

const BY_NOBODY: (&str, &str) = ("accept", "*/*");
const BY_A_BROWSER: (&str, &str) = ("accept", "text/html");

#[tokio::test]
async fn a_handler_that_panics_or_hangs_is_answered_in_the_one_shape() {
    let database = TestDatabase::new().await;
    let router = start(&database);
    let panicked = ask(&router, "/api/v1/panics", BY_NOBODY).await;
    check_envelope(panicked, StatusCode::INTERNAL_SERVER_ERROR, "internal_error").await;
    let hung = ask(&router, "/api/v1/hangs", BY_NOBODY).await;
    check_envelope(hung, StatusCode::GATEWAY_TIMEOUT, "service_unavailable").await;
    let well = ask(&router, "/api/v1/well", BY_NOBODY).await;
    assert_eq!(well.status(), StatusCode::OK, "others are served");
}

#[tokio::test]
async fn a_person_gets_a_page_about_what_panics_or_hangs() {
    let database = TestDatabase::new().await;
    let router = start(&database);
    for (path, status) in [("/panics", 500), ("/hangs", 504)] {
        let response = ask(&router, path, BY_A_BROWSER).await;
        assert_eq!(response.status().as_u16(), status);
        let page = read_text(response).await;
        assert!(page.contains("<code>asked-for-4711</code>"), "{page}");
        assert!(page.contains(&format!("Status {status}.")), "{page}");
    }
}

#[tokio::test]
async fn what_hangs_before_the_route_is_given_up_too() {
    let database = TestDatabase::new().await;
    let router = start(&database);
    let _lock = database.lock_table("api_keys").await;
    let key = format!("mamc_{}_{}", "0".repeat(32), "A".repeat(43));
    let started = Instant::now();
    let refused = ask(&router, "/api/v1/well", ("x-api-key", &key)).await;
    assert!(started.elapsed() >= TIMEOUT, "it waited for the table");
    check_envelope(refused, StatusCode::GATEWAY_TIMEOUT, "service_unavailable").await;
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_cut() {
    let database = TestDatabase::new().await;
    let router = start(&database);
    let response = ask(&router, "/api/v1/streams", BY_NOBODY).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(read_text(response).await, "onetwothree");
}
