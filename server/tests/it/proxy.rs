//! Stands between the server and qBittorrent, and stops the hand-over of a torrent where a test wants it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::Notify;

const LARGEST: usize = 16 * 1024 * 1024;

/// What happens to the next `torrents/add`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddRule {
    Pass,
    /// It never reaches qBittorrent, and there is no answer.
    Hold,
    /// qBittorrent gets it, but its answer is held back.
    HoldAnswer,
}

struct Inner {
    upstream: String,
    http: reqwest::Client,
    rule: Mutex<AddRule>,
    is_held: Notify,
    added: AtomicUsize,
}

/// A proxy on the loopback; ends with the test's runtime.
pub struct Proxy {
    pub url: String,
    inner: Arc<Inner>,
}

impl Proxy {
    pub async fn start(upstream: &str) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            upstream: upstream.to_owned(),
            http: testing::sandbox::http_client().unwrap(),
            rule: Mutex::new(AddRule::Pass),
            is_held: Notify::new(),
            added: AtomicUsize::new(0),
        });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner }
    }

    /// For every `torrents/add` from now on.
    pub fn set_rule(&self, rule: AddRule) {
        *self.inner.rule.lock().unwrap() = rule;
    }

    /// Waits until a hand-over stands still.
    pub async fn wait_until_held(&self) {
        self.inner.is_held.notified().await;
    }

    /// How many torrents qBittorrent was given.
    pub fn added(&self) -> usize {
        self.inner.added.load(Ordering::SeqCst)
    }
}

async fn forward(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let is_add = request.uri().path().ends_with("/torrents/add");
    let rule = if is_add {
        *inner.rule.lock().unwrap()
    } else {
        AddRule::Pass
    };
    if rule == AddRule::Hold {
        return hold(&inner).await;
    }
    let answer = send_on(&inner, request).await;
    inner.added.fetch_add(usize::from(is_add), Ordering::SeqCst);
    if rule == AddRule::HoldAnswer {
        return hold(&inner).await;
    }
    answer.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
}

async fn hold(inner: &Inner) -> Response {
    inner.is_held.notify_one();
    std::future::pending().await
}

async fn send_on(inner: &Inner, request: Request) -> Result<Response, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers;
    // qBittorrent checks that it is meant.
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    let body = to_bytes(body, LARGEST).await.unwrap_or_default();
    let answer = inner
        .http
        .request(parts.method, format!("{}{path}", inner.upstream))
        .headers(headers)
        .body(body);
    let answer = answer.send().await?;
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    // The body comes whole and unpacked.
    for name in [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONTENT_ENCODING,
        header::CONNECTION,
    ] {
        headers.remove(name);
    }
    let mut response = Response::new(Body::from(answer.bytes().await?));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok(response)
}
