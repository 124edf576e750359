//! The Audiobookshelf client against a stand-in, with the traps that the real one sets.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use clients::ClientError;
use clients::audiobookshelf::{AudiobookshelfConfig, connect};
use clients::library::{ItemPatch, ItemSeries, Library};
use serde_json::{Value, json};
use types::integrations::Health;
use wiremock::matchers::{body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const ITEM: &str = "/abs/api/items/7b2f0c1e-0000-4000-8000-000000000001";
const ID: &str = "7b2f0c1e-0000-4000-8000-000000000001";

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn text(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "text/plain")
}

fn item() -> Value {
    serde_json::from_str(include_str!("../../src/audiobookshelf/fixtures/item.json")).unwrap()
}

fn client(server: &MockServer) -> impl Library + use<> {
    let url = format!("{}/abs/", server.uri());
    connect(AudiobookshelfConfig {
        url,
        secret: "s3cret".into(),
    })
    .unwrap()
}

async fn mount(server: &MockServer, verb: &str, at: &str, answer: ResponseTemplate) {
    let authorised = Mock::given(method(verb))
        .and(path(at))
        .and(header("authorization", "Bearer s3cret"));
    authorised.respond_with(answer).mount(server).await;
}

async fn start_with_user(kind: &str, update: bool) -> MockServer {
    let server = MockServer::start().await;
    let status = json!({"app": "audiobookshelf", "serverVersion": "2.36.0", "isInit": true});
    Mock::given(path("/abs/status"))
        .respond_with(ok(status))
        .mount(&server)
        .await;
    let user =
        json!({"username": "home", "type": kind, "token": "legacy", "permissions": {"update": update, "upload": true}});
    mount(&server, "POST", "/abs/api/authorize", ok(json!({"user": user}))).await;
    let libraries = json!({"libraries": [
        {"id": "lib-1", "name": "Books", "mediaType": "book", "folders": [{"fullPath": "/audiobooks"}], "lastScan": 5},
        {"id": "lib-2", "name": "Casts", "mediaType": "podcast", "folders": [], "lastScan": null}]});
    mount(&server, "GET", "/abs/api/libraries", ok(libraries)).await;
    server
}

#[tokio::test]
async fn the_test_names_version_user_and_libraries() {
    let server = start_with_user("admin", true).await;
    let outcome = client(&server).test().await.unwrap();
    assert_eq!(outcome.health, Health::Ok);
    assert_eq!(outcome.sentence, "Audiobookshelf 2.36.0 answers; signed in as home.");
    assert_eq!(
        (outcome.facts, outcome.version),
        (vec!["Library Books: /audiobooks".to_owned()], Some("2.36.0".into()))
    );
    let libraries = client(&server).libraries().await.unwrap();
    assert_eq!(
        (libraries.len(), libraries[0].last_scan_ms, libraries[1].is_books),
        (2, Some(5), false)
    );
}

#[tokio::test]
async fn missing_rights_are_named() {
    let server = start_with_user("user", false).await;
    let outcome = client(&server).test().await.unwrap();
    assert_eq!(outcome.health, Health::Warning);
    assert!(
        outcome.sentence.contains("may not update") && outcome.sentence.contains("no admin"),
        "{}",
        outcome.sentence
    );
}

#[tokio::test]
async fn other_services_and_unfinished_ones_are_told_apart() {
    for (answer, words) in [
        (ok(json!({"app": "audiobookshelf", "isInit": false})), "no first user"),
        (ok(json!({"status": "ok"})), "another service"),
        (ResponseTemplate::new(404), "another service"),
        (
            ResponseTemplate::new(200).set_body_raw("<html></html>", "text/html"),
            "another service",
        ),
        (
            ResponseTemplate::new(502).set_body_raw("<html></html>", "text/html"),
            "HTTP 502",
        ),
    ] {
        let server = MockServer::start().await;
        Mock::given(path("/abs/status"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let error = client(&server).test().await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn plain_text_errors_become_sentences() {
    let server = MockServer::start().await;
    mount(&server, "GET", "/abs/api/libraries", text(401, "Unauthorized")).await;
    mount(&server, "POST", "/abs/api/libraries/lib-1/scan", text(403, "Forbidden")).await;
    mount(
        &server,
        "GET",
        "/abs/api/libraries/lib-1/items",
        text(400, "Invalid limit"),
    )
    .await;
    mount(&server, "GET", ITEM, text(404, "Not Found")).await;
    let client = client(&server);
    let refused = client.libraries().await.unwrap_err();
    assert!(matches!(refused, ClientError::CredentialsRefused { .. }) && !refused.is_retryable());
    assert!(
        client
            .start_scan("lib-1")
            .await
            .unwrap_err()
            .to_string()
            .contains("admin")
    );
    assert!(
        client
            .items("lib-1", 0, 10)
            .await
            .unwrap_err()
            .to_string()
            .contains("Invalid limit")
    );
    assert!(matches!(client.item(ID).await, Err(ClientError::NotFound { .. })));
}

#[tokio::test]
async fn items_are_paged_in_a_stable_order() {
    let server = MockServer::start().await;
    let page = json!({"results": [{"id": "a", "path": "/audiobooks/a", "updatedAt": 9, "isMissing": true}, {"no": "id"}], "total": 812});
    Mock::given(path("/abs/api/libraries/lib-1/items"))
        .and(query_param("limit", "100"))
        .and(query_param("page", "2"))
        .and(query_param("sort", "addedAt"))
        .and(query_param("desc", "0"))
        .and(query_param("minified", "1"))
        .respond_with(ok(page))
        .expect(1)
        .mount(&server)
        .await;
    let page = client(&server).items("lib-1", 2, 100).await.unwrap();
    assert_eq!(
        (
            page.total,
            page.items.len(),
            page.items[0].is_missing,
            page.items[0].updated_ms
        ),
        (812, 1, true, 9)
    );
}

#[tokio::test]
async fn the_newest_items_come_first() {
    let server = MockServer::start().await;
    Mock::given(path("/abs/api/libraries/lib-1/items"))
        .and(query_param("desc", "1"))
        .and(query_param("sort", "addedAt"))
        .respond_with(ok(json!({"results": [{"id": "a", "path": "/x"}], "total": 1})))
        .mount(&server)
        .await;
    assert_eq!(client(&server).newest_items("lib-1", 5).await.unwrap()[0].path, "/x");
}

#[tokio::test]
async fn many_ids_are_read_in_batches_of_a_hundred() {
    let server = MockServer::start().await;
    mount(
        &server,
        "POST",
        "/abs/api/items/batch/get",
        ok(json!({"libraryItems": [item()]})),
    )
    .await;
    let ids: Vec<String> = (0..205).map(|number| format!("id-{number}")).collect();
    let items = client(&server).items_by_id(&ids).await.unwrap();
    assert_eq!(items[0].narrators, ["Scott Brick"]);
    let sizes: Vec<usize> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request| {
            request.body_json::<Value>().unwrap()["libraryItemIds"]
                .as_array()
                .unwrap()
                .len()
        })
        .collect();
    assert_eq!(sizes, [100, 100, 5]);
    assert!(client(&server).items_by_id(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_running_scan_of_this_library_is_seen() {
    for (task, is_scanning) in [
        (
            json!({"action": "library-scan", "data": {"libraryId": "lib-1"}, "isFinished": false}),
            true,
        ),
        (
            json!({"action": "library-scan", "data": {"libraryId": "lib-1"}, "isFinished": true}),
            false,
        ),
        (
            json!({"action": "library-scan", "data": {"libraryId": "lib-2"}, "isFinished": false}),
            false,
        ),
        (
            json!({"action": "download-podcast", "data": {"libraryId": "lib-1"}}),
            false,
        ),
    ] {
        let server = MockServer::start().await;
        mount(&server, "GET", "/abs/api/tasks", ok(json!({"tasks": [task]}))).await;
        assert_eq!(client(&server).is_scanning("lib-1").await.unwrap(), is_scanning);
    }
}

fn patch() -> ItemPatch {
    ItemPatch {
        authors: Some(vec!["Frank Herbert".into(), "Brian Herbert".into()]),
        series: Some(vec![ItemSeries {
            name: "Dune".into(),
            sequence: Some("1".into()),
        }]),
        ..ItemPatch::default()
    }
}

#[tokio::test]
async fn an_update_sends_objects_and_reads_the_item_back() {
    let server = MockServer::start().await;
    let body = json!({"metadata": {"authors": [{"name": "Frank Herbert"}, {"name": "Brian Herbert"}],
        "series": [{"name": "Dune", "sequence": "1"}]}});
    Mock::given(method("PATCH"))
        .and(path(format!("{ITEM}/media")))
        .and(body_json(body))
        .respond_with(ok(json!({"libraryItem": {}})))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(ITEM))
        .and(query_param("expanded", "1"))
        .respond_with(ok(item()))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(
        client(&server).update(ID, &patch()).await.unwrap().title.as_deref(),
        Some("Dune")
    );
}

#[tokio::test]
async fn a_field_that_was_ignored_is_an_error_that_names_it() {
    let server = MockServer::start().await;
    let mut dirty = item();
    dirty["media"]["metadata"]["series"] = json!([{"name": "Dune", "sequence": null}]);
    dirty["media"]["metadata"]["authors"] = json!([]);
    mount(&server, "PATCH", &format!("{ITEM}/media"), ok(json!({"updated": true}))).await;
    mount(&server, "GET", ITEM, ok(dirty)).await;
    let error = client(&server).update(ID, &patch()).await.unwrap_err().to_string();
    assert!(error.contains("authors, series"), "{error}");
}

#[tokio::test]
async fn an_update_without_the_right_names_the_right() {
    let server = MockServer::start().await;
    mount(&server, "PATCH", &format!("{ITEM}/media"), text(403, "Forbidden")).await;
    let error = client(&server).update(ID, &patch()).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Forbidden { .. }) && error.to_string().contains("right to update"),
        "{error}"
    );
}

#[tokio::test]
async fn covers_are_pictures_within_the_cap_or_nothing() {
    let cover = |kind: &'static str, bytes: usize| ResponseTemplate::new(200).set_body_raw(vec![1; bytes], kind);
    let fetch = async |answer: ResponseTemplate| {
        let server = MockServer::start().await;
        Mock::given(path(format!("{ITEM}/cover")))
            .and(query_param("width", "400"))
            .respond_with(answer)
            .mount(&server)
            .await;
        client(&server).cover(ID, 400).await
    };
    let image = fetch(cover("image/webp", 10)).await.unwrap().unwrap();
    assert_eq!((image.content_type.as_str(), image.bytes.len()), ("image/webp", 10));
    assert_eq!(fetch(ResponseTemplate::new(404)).await.unwrap(), None);
    assert!(matches!(
        fetch(cover("text/html", 10)).await,
        Err(ClientError::UnexpectedAnswer { .. })
    ));
    assert!(matches!(
        fetch(cover("image/svg+xml", 10)).await,
        Err(ClientError::UnexpectedAnswer { .. })
    ));
    assert!(matches!(
        fetch(cover("image/png", 5 * 1024 * 1024 + 1)).await,
        Err(ClientError::TooLarge { .. })
    ));
}

#[tokio::test]
async fn ids_that_would_leave_their_path_are_not_sent() {
    let server = MockServer::start().await;
    for id in ["../users", "a/b", "", "a?b", "%2e%2e"] {
        assert!(
            matches!(client(&server).item(id).await, Err(ClientError::NotFound { .. })),
            "{id}"
        );
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn backups_are_listed_and_made_and_what_is_no_backup_is_left_out() {
    let server = MockServer::start().await;
    let backup = json!({"id": "2026-11-22T0330", "key": null, "filename": "2026-11-22T0330.audiobookshelf", "fileSize": "1048576",
        "createdAt": 1_795_318_200_000_i64, "datePretty": "Sun, Nov 22 2026 03:30", "serverVersion": "2.36.0"});
    let strange = json!({"id": "x", "createdAt": null});
    let list = json!({"backups": [backup, strange], "backupLocation": "/metadata/backups", "backupPathEnvSet": false});
    mount(&server, "GET", "/abs/api/backups", ok(list)).await;
    mount(&server, "POST", "/abs/api/backups", ok(json!({"backups": []}))).await;
    let backups = client(&server).backups().await.unwrap();
    assert_eq!(backups.len(), 1);
    assert_eq!(
        (backups[0].file_name.as_str(), backups[0].size_bytes, backups[0].made_ms),
        ("2026-11-22T0330.audiobookshelf", 1_048_576, 1_795_318_200_000)
    );
    client(&server).make_backup().await.unwrap();
}

#[tokio::test]
async fn backups_that_are_refused_say_what_is_missing() {
    for (answer, words) in [
        (text(403, "Forbidden"), "backups need an API key of an admin user"),
        (text(401, "Unauthorized"), "API key"),
        (text(500, "Internal Server Error"), "it could not make a backup"),
    ] {
        let server = MockServer::start().await;
        mount(&server, "POST", "/abs/api/backups", answer).await;
        let error = client(&server).make_backup().await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let server = MockServer::start().await;
    mount(&server, "GET", "/abs/api/backups", ok(json!([]))).await;
    let error = client(&server).backups().await.unwrap_err().to_string();
    assert!(error.contains("no list of backups"), "{error}");
}
