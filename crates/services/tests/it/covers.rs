//! Covers and where they are kept.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::time::Duration;

use services::library::{Cover, fetch_cover};
use types::people::Role;
use types::{BookId, ErrorCode};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::shelf::{Book, connect_audiobookshelf, shelve};
use crate::support::TestApp;

async fn serve_cover(server: &MockServer, width: &str, content_type: &str, bytes: &[u8], times: u64) {
    let answer = ResponseTemplate::new(200)
        .set_body_raw(bytes, content_type)
        .set_delay(Duration::from_millis(100));
    Mock::given(method("GET"))
        .and(path("/api/items/li_1/cover"))
        .and(query_param("width", width))
        .respond_with(answer)
        .expect(times)
        .mount(server)
        .await;
}

fn kept_files(app: &TestApp, id: BookId) -> Vec<String> {
    let folder = app.data_dir().join("covers").join(id.to_string());
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn cover(content_type: &str, bytes: &[u8], version: i64) -> Option<Cover> {
    Some(Cover {
        content_type: content_type.into(),
        bytes: bytes.into(),
        version,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_at_once_fetch_a_cover_once() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let server = MockServer::start().await;
    serve_cover(&server, "240", "image/webp; charset=binary", b"picture", 1).await;
    let abs = connect_audiobookshelf(&app, &admin, &server.uri()).await;
    let id = shelve(&app, abs, &Book::default()).await;
    let viewer = app.person(&admin, "viewer", Role::Viewer).await;
    let asked = (0..8).map(|nth| fetch_cover(&app.services, &viewer, id, 121 + nth));
    for answer in futures::future::join_all(asked).await {
        assert_eq!(answer.unwrap(), cover("image/webp", b"picture", 1));
    }
    assert_eq!(kept_files(&app, id), ["240-1.webp"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_cover_takes_the_place_of_the_kept_one_of_its_width() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let server = MockServer::start().await;
    serve_cover(&server, "800", "image/jpeg", b"large", 1).await;
    serve_cover(&server, "120", "image/png", b"small", 2).await;
    let abs = connect_audiobookshelf(&app, &admin, &server.uri()).await;
    let id = shelve(&app, abs, &Book::default()).await;
    for width in [5000, 1] {
        fetch_cover(&app.services, &admin, id, width).await.unwrap();
    }
    assert_eq!(kept_files(&app, id), ["120-1.png", "800-1.jpg"]);
    let changed = Book {
        version: 2,
        ..Book::default()
    };
    shelve(&app, abs, &changed).await;
    let fresh = fetch_cover(&app.services, &admin, id, 100).await.unwrap();
    assert_eq!(fresh, cover("image/png", b"small", 2));
    assert_eq!(kept_files(&app, id), ["120-2.png", "800-1.jpg"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_is_down_gives_what_was_kept_or_an_error() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let server = MockServer::start().await;
    serve_cover(&server, "400", "image/webp", b"kept", 1).await;
    let abs = connect_audiobookshelf(&app, &admin, &server.uri()).await;
    let id = shelve(&app, abs, &Book::default()).await;
    fetch_cover(&app.services, &admin, id, 400).await.unwrap();
    app.run_sql("UPDATE integrations SET url = 'http://127.0.0.1:1', revision = revision + 1")
        .await;
    let changed = Book {
        version: 2,
        ..Book::default()
    };
    shelve(&app, abs, &changed).await;
    let kept = fetch_cover(&app.services, &admin, id, 400).await.unwrap();
    assert_eq!(kept, cover("image/webp", b"kept", 1));
    let error = fetch_cover(&app.services, &admin, id, 800).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ExternalApiError);
    services::integrations::set_integration_enabled(&app.services, &admin, abs, false)
        .await
        .unwrap();
    let error = fetch_cover(&app.services, &admin, id, 800).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::ServiceUnavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_without_a_cover_has_none() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let server = MockServer::start().await;
    let abs = connect_audiobookshelf(&app, &admin, &server.uri()).await;
    let bare = Book {
        has_cover: false,
        ..Book::default()
    };
    let id = shelve(&app, abs, &bare).await;
    assert_eq!(fetch_cover(&app.services, &admin, id, 240).await.unwrap(), None);
    assert!(server.received_requests().await.unwrap().is_empty());
    // Audiobookshelf lost it since the last sync.
    shelve(&app, abs, &Book::default()).await;
    assert_eq!(fetch_cover(&app.services, &admin, id, 240).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plain_picture_is_refused_and_not_kept() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for content_type in ["image/svg+xml", "text/html", "image/x-unheard-of"] {
        let server = MockServer::start().await;
        serve_cover(&server, "240", content_type, b"<script>", 1).await;
        let mut abs = crate::support::form(
            types::integrations::IntegrationKind::Audiobookshelf,
            &server.uri(),
            "key",
        );
        abs.name = content_type.into();
        let abs = services::integrations::save_integration(&app.services, &admin, abs)
            .await
            .unwrap();
        let id = shelve(&app, abs, &Book::default()).await;
        let error = fetch_cover(&app.services, &admin, id, 240).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::ExternalApiError, "{content_type}: {error}");
        assert!(kept_files(&app, id).is_empty(), "{content_type}");
        services::integrations::delete_integration(&app.services, &admin, abs)
            .await
            .unwrap();
    }
}
