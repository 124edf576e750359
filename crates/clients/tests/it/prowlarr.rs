//! The Prowlarr client against a stand-in.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use clients::ClientError;
use clients::indexer::{Indexer, IndexerQuery};
use clients::prowlarr::{ProwlarrConfig, connect};
use serde_json::{Value, json};
use types::integrations::Health;
use wiremock::matchers::{header, header_exists, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const SEARCH: &str = "/api/v1/search";
const INDEXERS: &str = "/api/v1/indexer";
const FAILURES: &str = "/api/v1/indexerstatus";

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn indexers() -> Value {
    json!([
        {"id": 3, "name": "MyAnonamouse", "implementation": "MyAnonamouse", "enable": true, "protocol": "torrent",
         "fields": [{"name": "mamId", "value": "********"}]},
        {"id": 5, "name": "Books", "implementation": "Cardigann", "enable": true, "protocol": "torrent"},
        {"id": 6, "name": "Usenet", "implementation": "Newznab", "enable": true, "protocol": "usenet"},
        {"id": 7, "name": "Off", "implementation": "Cardigann", "enable": false, "protocol": "torrent"},
    ])
}

fn hit() -> Value {
    serde_json::from_str(include_str!("../../src/prowlarr/fixtures/hit.json")).unwrap()
}

async fn mount(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(path(at))
        .and(header("x-api-key", "s3cret"))
        .respond_with(answer)
        .mount(server)
        .await;
}

async fn start(hits: Value, failures: Value) -> MockServer {
    let server = MockServer::start().await;
    mount(&server, INDEXERS, ok(indexers())).await;
    mount(&server, SEARCH, ok(hits)).await;
    let failures = ok(failures).insert_header("date", "Thu, 01 Jan 2026 12:00:00 GMT");
    mount(&server, FAILURES, failures).await;
    server
}

fn config(server: &MockServer) -> ProwlarrConfig {
    ProwlarrConfig {
        url: server.uri(),
        secret: "s3cret".into(),
        categories: vec![3030, 3000],
        indexer_ids: vec![],
        skip_myanonamouse: false,
        extra_hosts: vec![],
    }
}

fn client(server: &MockServer) -> impl Indexer + use<> {
    connect(config(server)).unwrap()
}

fn dune() -> IndexerQuery {
    IndexerQuery {
        text: "Dune".into(),
        languages: vec![],
    }
}

async fn searched_query(server: &MockServer) -> Vec<(String, String)> {
    let requests = server.received_requests().await.unwrap();
    let search = requests.iter().find(|request| request.url.path() == SEARCH).unwrap();
    search.url.query_pairs().into_owned().collect()
}

fn values(query: &[(String, String)], name: &str) -> Vec<String> {
    query
        .iter()
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.clone())
        .collect()
}

#[tokio::test]
async fn a_search_repeats_categories_and_indexers() {
    let server = start(json!([hit()]), json!([])).await;
    let found = client(&server).search(&dune()).await.unwrap();
    assert_eq!(
        (found.releases.len(), found.releases[0].facts.title.as_str()),
        (1, "Dune")
    );
    let query = searched_query(&server).await;
    assert_eq!(values(&query, "categories"), ["3030", "3000"]);
    assert_eq!(values(&query, "indexerIds"), ["3", "5"]);
    assert_eq!(
        (values(&query, "type"), values(&query, "apikey").len()),
        (vec!["search".to_owned()], 0)
    );
}

#[tokio::test]
async fn myanonamouse_is_left_out_when_it_is_connected_itself() {
    let server = start(json!([]), json!([])).await;
    let config = ProwlarrConfig {
        skip_myanonamouse: true,
        ..config(&server)
    };
    connect(config).unwrap().search(&dune()).await.unwrap();
    assert_eq!(values(&searched_query(&server).await, "indexerIds"), ["5"]);
}

#[tokio::test]
async fn chosen_indexers_are_asked_and_no_others() {
    let server = start(json!([]), json!([])).await;
    let config = ProwlarrConfig {
        indexer_ids: vec![3],
        skip_myanonamouse: true,
        ..config(&server)
    };
    connect(config).unwrap().search(&dune()).await.unwrap();
    assert_eq!(values(&searched_query(&server).await, "indexerIds"), ["3"]);
}

#[tokio::test]
async fn an_empty_answer_is_checked_against_the_indexers_status() {
    let failures = json!([{"indexerId": 5, "disabledTill": "2026-01-01T14:20:00Z"}, {"indexerId": 3, "disabledTill": "2026-01-01T11:00:00Z"}]);
    let server = start(json!([]), failures).await;
    let found = client(&server).search(&dune()).await.unwrap();
    assert_eq!(
        found.warnings,
        ["Prowlarr's indexer Books is switched off until 2026-01-01 14:20 UTC."]
    );
}

#[tokio::test]
async fn a_partial_answer_names_the_indexers_that_were_silent() {
    let failures = json!([{"indexerId": 5, "disabledTill": "2026-01-01T14:20:00Z"}]);
    let server = start(json!([hit()]), failures).await;
    let found = client(&server).search(&dune()).await.unwrap();
    assert_eq!((found.releases.len(), found.warnings.len()), (1, 1));
}

#[tokio::test]
async fn an_unreadable_status_after_an_empty_answer_is_said() {
    let server = MockServer::start().await;
    mount(&server, INDEXERS, ok(indexers())).await;
    mount(&server, SEARCH, ok(json!([]))).await;
    let found = client(&server).search(&dune()).await.unwrap();
    assert!(found.warnings[0].contains("not known"), "{:?}", found.warnings);
}

#[tokio::test]
async fn hits_that_cannot_be_read_are_left_out() {
    let server = start(json!([{"title": "no guid"}, hit(), 7]), json!([])).await;
    assert_eq!(client(&server).search(&dune()).await.unwrap().releases.len(), 1);
}

#[tokio::test]
async fn prowlarrs_own_words_are_passed_on_without_addresses() {
    for (status, body, words) in [
        (
            400,
            json!({"message": "Search failed at https://t.example/?passkey=hidden"}),
            "Search failed at t.example",
        ),
        (
            400,
            json!([{"propertyName": "query", "errorMessage": "must not be empty"}]),
            "must not be empty",
        ),
    ] {
        let server = MockServer::start().await;
        mount(&server, INDEXERS, ok(indexers())).await;
        mount(&server, SEARCH, ResponseTemplate::new(status).set_body_json(body)).await;
        let error = client(&server).search(&dune()).await.unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains("hidden"), "{error}");
    }
}

#[tokio::test]
async fn the_test_tells_prowlarr_from_others_and_reports_its_health() {
    let server = start(json!([]), json!([])).await;
    mount(
        &server,
        "/api/v1/system/status",
        ok(json!({"appName": "Prowlarr", "version": "2.3.5"})),
    )
    .await;
    mount(
        &server,
        "/api/v1/health",
        ok(json!([{"type": "warning", "message": "Indexers unavailable"}, {"type": "ok"}])),
    )
    .await;
    let outcome = client(&server).test().await.unwrap();
    assert_eq!(
        (outcome.health, outcome.version.as_deref()),
        (Health::Warning, Some("2.3.5"))
    );
    assert!(
        outcome
            .facts
            .contains(&"Prowlarr says: Indexers unavailable".to_owned()),
        "{outcome:?}"
    );
    assert!(
        outcome.facts.contains(&"Searches MyAnonamouse, Books".to_owned()),
        "{outcome:?}"
    );
    let other = MockServer::start().await;
    mount(&other, "/api/v1/system/status", ok(json!({"appName": "Sonarr"}))).await;
    assert!(client(&other).test().await.unwrap_err().to_string().contains("Sonarr"));
}

#[tokio::test]
async fn refusals_of_the_test_say_what_to_do() {
    for (answer, words) in [
        (ResponseTemplate::new(401), "Settings → General"),
        (ResponseTemplate::new(404), "URL base"),
        (
            ResponseTemplate::new(200).set_body_raw("<html>Login</html>", "text/html"),
            "web page",
        ),
    ] {
        let server = MockServer::start().await;
        mount(&server, "/api/v1/system/status", answer).await;
        let error = client(&server).test().await.unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_grab_sends_the_key_to_prowlarr_and_not_to_the_trackers() {
    let tracker = MockServer::start().await;
    Mock::given(header_exists("x-api-key"))
        .respond_with(ResponseTemplate::new(400))
        .expect(0)
        .mount(&tracker)
        .await;
    Mock::given(path("/t"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes("de"))
        .expect(1)
        .mount(&tracker)
        .await;
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(301).insert_header("location", format!("{}/t", tracker.uri()));
    Mock::given(path("/3/download"))
        .and(query_param("link", "abc"))
        .and(header("x-api-key", "s3cret"))
        .respond_with(redirect)
        .mount(&server)
        .await;
    let link = format!("{}/3/download?apikey=s3cret&link=abc", server.uri());
    let allowing = ProwlarrConfig {
        extra_hosts: vec!["127.0.0.1".into()],
        ..config(&server)
    };
    assert_eq!(
        connect(allowing)
            .unwrap()
            .fetch_torrent(&link.clone().into())
            .await
            .unwrap(),
        b"de"
    );
    assert!(matches!(
        client(&server).fetch_torrent(&link.into()).await,
        Err(ClientError::Forbidden { .. })
    ));
}

#[tokio::test]
async fn a_grab_limit_is_a_pause_and_a_gone_release_is_gone() {
    let server = MockServer::start().await;
    mount(
        &server,
        "/1/download",
        ResponseTemplate::new(429).insert_header("retry-after", "3600"),
    )
    .await;
    mount(&server, "/2/download", ResponseTemplate::new(410)).await;
    mount(
        &server,
        "/3/download",
        ResponseTemplate::new(301).insert_header("location", "magnet:?xt=urn:btih:00"),
    )
    .await;
    let fetch = async |id: u32| {
        client(&server)
            .fetch_torrent(&format!("{}/{id}/download", server.uri()).into())
            .await
    };
    assert!(matches!(
        fetch(1).await,
        Err(ClientError::RateLimited {
            retry_after: Some(_),
            ..
        })
    ));
    assert!(matches!(fetch(2).await, Err(ClientError::NotFound { .. })));
    assert!(fetch(3).await.unwrap_err().to_string().contains("magnet"));
}

#[tokio::test]
async fn without_an_indexer_nothing_is_searched_and_that_is_said() {
    let server = MockServer::start().await;
    mount(&server, INDEXERS, ok(json!([]))).await;
    let found = client(&server).search(&dune()).await.unwrap();
    assert!(found.warnings[0].contains("no torrent indexer"), "{:?}", found.warnings);
}
