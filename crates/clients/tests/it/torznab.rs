//! The Torznab client against a stand-in feed, well behaved and not.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::time::Duration;

use clients::ClientError;
use clients::indexer::{Indexer, IndexerQuery};
use clients::torznab::{TorznabConfig, connect};
use types::integrations::Health;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const CAPS: &str = r#"<caps><server title="Feed"/><limits default="100" max="2"/><searching>
    <search available="yes" supportedParams="q"/><book-search available="yes" supportedParams="q,author,title"/></searching>
    <categories><category id="3000" name="Audio"><subcat id="3030" name="Audio/Audiobook"/></category></categories></caps>"#;

fn xml(body: impl Into<Vec<u8>>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body, "application/rss+xml")
}

fn feed(ids: &[u32]) -> ResponseTemplate {
    let item = |id: &u32| {
        format!("<item><title>Book {id}</title><guid>g{id}</guid><link>http://feed.example/dl/{id}</link></item>")
    };
    xml(format!(
        "<rss><channel>{}</channel></rss>",
        ids.iter().map(item).collect::<String>()
    ))
}

fn error(code: u32, words: &str) -> ResponseTemplate {
    xml(format!(
        "<?xml version=\"1.0\"?><error code=\"{code}\" description=\"{words}\"/>"
    ))
}

fn client_at(url: &str, allows_others: bool) -> impl Indexer + use<> {
    connect(TorznabConfig {
        name: "Feed".into(),
        url: url.into(),
        secret: "s3cret".into(),
        categories: vec![],
        spacing: Duration::ZERO,
        extra_hosts: if allows_others {
            vec!["127.0.0.1".into()]
        } else {
            vec![]
        },
    })
    .unwrap()
}

fn client(server: &MockServer) -> impl Indexer + use<> {
    client_at(&format!("{}/api", server.uri()), false)
}

async fn start(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(query_param("t", "caps"))
        .respond_with(xml(CAPS))
        .mount(&server)
        .await;
    Mock::given(query_param("t", "search"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

fn dune() -> IndexerQuery {
    IndexerQuery {
        text: "Dune Herbert".into(),
        languages: vec![],
    }
}

#[tokio::test]
async fn a_search_asks_with_key_words_and_category() {
    let server = MockServer::start().await;
    Mock::given(query_param("t", "caps"))
        .respond_with(xml(CAPS))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/api"))
        .and(query_param("t", "search"))
        .and(query_param("q", "Dune Herbert"))
        .and(query_param("cat", "3030"))
        .and(query_param("apikey", "s3cret"))
        .respond_with(feed(&[1]))
        .expect(2)
        .mount(&server)
        .await;
    let client = client(&server);
    for _ in 0..2 {
        assert_eq!(client.search(&dune()).await.unwrap().releases.len(), 1);
    }
}

#[tokio::test]
async fn a_feed_that_ignores_the_offset_ends_after_its_first_page() {
    let server = start(feed(&[1, 2])).await;
    let found = client(&server).search(&dune()).await.unwrap();
    assert_eq!(found.releases.len(), 2);
    assert_eq!(
        server.received_requests().await.unwrap().len(),
        3,
        "caps, first page, the same page again"
    );
}

#[tokio::test]
async fn pages_are_read_until_one_is_short() {
    let server = MockServer::start().await;
    Mock::given(query_param("t", "caps"))
        .respond_with(xml(CAPS))
        .mount(&server)
        .await;
    Mock::given(query_param("offset", "0"))
        .respond_with(feed(&[1, 2]))
        .mount(&server)
        .await;
    Mock::given(query_param("offset", "2"))
        .respond_with(feed(&[3]))
        .mount(&server)
        .await;
    assert_eq!(client(&server).search(&dune()).await.unwrap().releases.len(), 3);
}

#[tokio::test]
async fn a_failing_later_page_keeps_the_first_and_says_so() {
    let server = MockServer::start().await;
    Mock::given(query_param("t", "caps"))
        .respond_with(xml(CAPS))
        .mount(&server)
        .await;
    Mock::given(query_param("offset", "0"))
        .respond_with(feed(&[1, 2]))
        .mount(&server)
        .await;
    Mock::given(query_param("offset", "2"))
        .respond_with(error(500, "Request limit reached"))
        .mount(&server)
        .await;
    let found = client(&server).search(&dune()).await.unwrap();
    assert_eq!((found.releases.len(), found.warnings.len()), (2, 1));
}

#[tokio::test]
async fn errors_with_status_200_are_errors() {
    for (code, is_expected) in [
        (
            100,
            (|error| matches!(error, ClientError::CredentialsRefused { .. })) as fn(&ClientError) -> bool,
        ),
        (201, |error| matches!(error, ClientError::UnexpectedAnswer { .. })),
        (300, |error| matches!(error, ClientError::NotFound { .. })),
        (500, |error| matches!(error, ClientError::RateLimited { .. })),
        (910, |error| matches!(error, ClientError::Forbidden { .. })),
    ] {
        let server = start(error(code, "for https://x.example/?apikey=s3cret")).await;
        let error = client(&server).search(&dune()).await.unwrap_err();
        assert!(is_expected(&error), "{code}: {error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn statuses_say_what_to_do() {
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "90");
    let server = start(limited).await;
    let error = client(&server).search(&dune()).await.unwrap_err();
    let expected = ClientError::RateLimited {
        service: "Feed".into(),
        retry_after: Some(Duration::from_secs(90)),
    };
    assert_eq!(error, expected);
    for (status, words) in [
        (401, "API key"),
        (410, "switched off"),
        (404, "no feed"),
        (302, "final address"),
        (500, "HTTP 500"),
    ] {
        let server = start(ResponseTemplate::new(status)).await;
        let error = client(&server).search(&dune()).await.unwrap_err().to_string();
        assert!(error.contains(words), "{status}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn hostile_and_broken_documents_are_refused() {
    let attack = r#"<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><item><title>&x;</title></item></channel></rss>"#;
    for (body, words) in [
        (attack.to_owned(), "document type"),
        ("<a>".repeat(100), "nested deeper"),
        ("<rss><channel>".to_owned(), "cut off"),
        ("<html><body>Login</body></html>".to_owned(), "web page"),
        ("<caps/>".to_owned(), "instead of a feed"),
    ] {
        let server = start(xml(body)).await;
        let error = client(&server).search(&dune()).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let server = start(xml(vec![b' '; 10 * 1024 * 1024 + 1])).await;
    assert!(matches!(
        client(&server).search(&dune()).await,
        Err(ClientError::TooLarge { .. })
    ));
}

#[tokio::test]
async fn a_feed_with_the_book_search_only_is_asked_so() {
    let server = MockServer::start().await;
    let caps = "<caps><searching><search available=\"no\"/><book-search available=\"yes\" supportedParams=\"q\"/></searching></caps>";
    Mock::given(query_param("t", "caps"))
        .respond_with(xml(caps))
        .mount(&server)
        .await;
    Mock::given(query_param("t", "book"))
        .and(query_param("q", "Dune Herbert"))
        .respond_with(feed(&[1]))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(client(&server).search(&dune()).await.unwrap().releases.len(), 1);
}

#[tokio::test]
async fn capabilities_are_read_again_after_the_feed_rejects_a_question() {
    let server = MockServer::start().await;
    Mock::given(query_param("t", "caps"))
        .respond_with(xml(CAPS))
        .expect(2)
        .mount(&server)
        .await;
    Mock::given(query_param("t", "search"))
        .respond_with(error(202, "No such function"))
        .mount(&server)
        .await;
    let client = client(&server);
    for _ in 0..2 {
        client.search(&dune()).await.unwrap_err();
    }
}

#[tokio::test]
async fn the_test_proves_the_key_and_finds_a_longer_address() {
    let server = start(feed(&[])).await;
    let outcome = client(&server).test().await.unwrap();
    assert_eq!(
        (outcome.health, outcome.sentence.as_str()),
        (Health::Ok, "Feed answers and takes searches.")
    );
    let refusing = start(error(100, "Invalid API Key")).await;
    assert!(matches!(
        client(&refusing).test().await,
        Err(ClientError::CredentialsRefused { .. })
    ));
    let longer = MockServer::start().await;
    Mock::given(path("/feed/api"))
        .and(query_param("t", "caps"))
        .respond_with(xml(CAPS))
        .mount(&longer)
        .await;
    let outcome = client_at(&format!("{}/feed", longer.uri()), false)
        .test()
        .await
        .unwrap();
    assert_eq!(outcome.health, Health::Failing);
    assert!(outcome.sentence.contains("/feed/api"), "{}", outcome.sentence);
}

async fn fetch(server: &MockServer, at: &str, allows_others: bool) -> clients::error::Result<Vec<u8>> {
    let client = client_at(&format!("{}/api", server.uri()), allows_others);
    client.fetch_torrent(&format!("{}{at}", server.uri()).into()).await
}

#[tokio::test]
async fn a_torrent_is_fetched_and_checked() {
    let server = MockServer::start().await;
    for (at, answer) in [
        ("/good", ResponseTemplate::new(200).set_body_bytes("d4:infodee")),
        (
            "/page",
            ResponseTemplate::new(200).set_body_raw("<html></html>", "text/html"),
        ),
        ("/text", ResponseTemplate::new(200).set_body_bytes("nope")),
        ("/gone", ResponseTemplate::new(410)),
        (
            "/huge",
            ResponseTemplate::new(200).set_body_bytes(vec![b'd'; 10 * 1024 * 1024 + 1]),
        ),
    ] {
        Mock::given(method("GET"))
            .and(path(at))
            .respond_with(answer)
            .mount(&server)
            .await;
    }
    assert_eq!(fetch(&server, "/good", false).await.unwrap(), b"d4:infodee");
    assert!(matches!(
        fetch(&server, "/page", false).await,
        Err(ClientError::UnexpectedAnswer { .. })
    ));
    assert!(matches!(
        fetch(&server, "/text", false).await,
        Err(ClientError::UnexpectedAnswer { .. })
    ));
    assert!(matches!(
        fetch(&server, "/gone", false).await,
        Err(ClientError::NotFound { .. })
    ));
    assert!(matches!(
        fetch(&server, "/huge", false).await,
        Err(ClientError::TooLarge { .. })
    ));
}

#[tokio::test]
async fn magnets_are_explained_and_not_followed() {
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(301).insert_header("location", "magnet:?xt=urn:btih:0123");
    Mock::given(path("/dl")).respond_with(redirect).mount(&server).await;
    let error = fetch(&server, "/dl", true).await.unwrap_err().to_string();
    assert!(error.contains("magnet links are not supported yet"), "{error}");
    assert!(
        client(&server)
            .fetch_torrent(&"magnet:?xt=urn:btih:0123".into())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn links_and_redirects_to_this_machine_need_a_named_host() {
    let tracker = MockServer::start().await;
    Mock::given(path("/t/1"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes("de"))
        .mount(&tracker)
        .await;
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(302).insert_header("location", format!("{}/t/1", tracker.uri()));
    Mock::given(path("/dl")).respond_with(redirect).mount(&server).await;
    let refused = fetch(&server, "/dl", false).await.unwrap_err();
    assert!(matches!(refused, ClientError::Forbidden { .. }), "{refused}");
    assert!(tracker.received_requests().await.unwrap().is_empty());
    assert_eq!(fetch(&server, "/dl", true).await.unwrap(), b"de");
    let direct = client(&server)
        .fetch_torrent(&format!("{}/t/1", tracker.uri()).into())
        .await;
    assert!(matches!(direct, Err(ClientError::Forbidden { .. })));
}

#[tokio::test]
async fn redirects_without_end_are_refused() {
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(302).insert_header("location", "/dl");
    Mock::given(path("/dl"))
        .respond_with(redirect)
        .expect(4)
        .mount(&server)
        .await;
    let error = fetch(&server, "/dl", false).await.unwrap_err().to_string();
    assert!(error.contains("more than 3 times"), "{error}");
}
