//! The MyAnonamouse client against a stand-in: the rotating session, the queue, and every way the site refuses.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use clients::ClientError;
use clients::indexer::{Indexer, IndexerQuery, RequestQueue, SessionStore, Turn};
use clients::myanonamouse::{MyanonamouseConfig, connect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use types::integrations::Health;
use wiremock::matchers::{body_partial_json, header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

const SEARCH: &str = "/tor/js/loadSearchJSONbasic.php";
const ACCOUNT: &str = "/jsonLoad.php";
const DOWNLOAD: &str = "/tor/download.php";

/// Session store and queue in memory. Saving fails while `is_broken`.
#[derive(Default)]
struct Memory {
    stored: Mutex<Option<String>>,
    saves: Mutex<Vec<String>>,
    is_broken: Mutex<bool>,
    pauses: Mutex<Vec<(Option<DateTime<Utc>>, String)>>,
    in_flight: Arc<AtomicUsize>,
    overlaps: AtomicUsize,
    turns: AtomicUsize,
    has_turn: Notify,
    has_saved: Notify,
}

struct InFlight(Arc<AtomicUsize>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap()
}

#[async_trait]
impl SessionStore for Memory {
    async fn load(&self) -> anyhow::Result<Option<SecretString>> {
        Ok(self.stored.lock().unwrap().clone().map(SecretString::from))
    }

    async fn save(&self, secret: &SecretString) -> anyhow::Result<()> {
        if *self.is_broken.lock().unwrap() {
            anyhow::bail!("the database is away");
        }
        assert_eq!(
            self.in_flight.load(Ordering::SeqCst),
            1,
            "the session is stored before the turn ends"
        );
        self.saves.lock().unwrap().push(secret.expose_secret().to_owned());
        *self.stored.lock().unwrap() = Some(secret.expose_secret().to_owned());
        self.has_saved.notify_one();
        Ok(())
    }
}

#[async_trait]
impl RequestQueue for Memory {
    async fn wait_turn(&self) -> clients::error::Result<Turn> {
        if self.in_flight.fetch_add(1, Ordering::SeqCst) > 0 {
            self.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        self.turns.fetch_add(1, Ordering::SeqCst);
        self.has_turn.notify_one();
        Ok(Box::new(InFlight(self.in_flight.clone())))
    }

    async fn pause(&self, until: Option<DateTime<Utc>>, sentence: &str) -> anyhow::Result<()> {
        self.pauses.lock().unwrap().push((until, sentence.to_owned()));
        Ok(())
    }

    fn now(&self) -> DateTime<Utc> {
        now()
    }
}

struct Site {
    server: MockServer,
    memory: Arc<Memory>,
}

impl Site {
    async fn start() -> Self {
        Self {
            server: MockServer::start().await,
            memory: Arc::default(),
        }
    }

    fn client(&self) -> impl Indexer + use<> {
        let config = MyanonamouseConfig {
            url: self.server.uri(),
            secret: " \"mam_id=start%2B1\"; ".into(),
        };
        connect(config, self.memory.clone(), self.memory.clone()).unwrap()
    }

    async fn answer(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(path(at)).respond_with(answer).mount(&self.server).await;
    }

    async fn cookies(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        requests
            .iter()
            .map(|request| request.headers["cookie"].to_str().unwrap().to_owned())
            .collect()
    }

    fn pauses(&self) -> Vec<Option<DateTime<Utc>>> {
        self.memory
            .pauses
            .lock()
            .unwrap()
            .iter()
            .map(|(until, _)| *until)
            .collect()
    }
}

fn dune() -> IndexerQuery {
    IndexerQuery {
        text: "Dune".into(),
        languages: vec!["English".into()],
    }
}

fn account() -> Value {
    serde_json::from_str(include_str!("../../src/myanonamouse/fixtures/account.json")).unwrap()
}

fn row() -> Value {
    serde_json::from_str(include_str!("../../src/myanonamouse/fixtures/row.json")).unwrap()
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

#[tokio::test]
async fn a_search_sends_the_contracts_body_and_reads_the_rows() {
    let site = Site::start().await;
    Mock::given(method("POST"))
        .and(path(SEARCH))
        .and(header("cookie", "mam_id=start%2B1"))
        .and(body_partial_json(
            json!({"tor": {"text": "Dune", "main_cat": ["13"], "browse_lang": ["1"]}, "perpage": 100}),
        ))
        .respond_with(ok(
            json!({"perpage": "100", "start": 0, "total": "2", "found": 2, "data": [row(), {"broken": true}]}),
        ))
        .expect(1)
        .mount(&site.server)
        .await;
    let found = site.client().search(&dune()).await.unwrap();
    assert_eq!(found.releases.len(), 1);
    assert_eq!(found.releases[0].facts.title, "Love at Stake & More");
    assert_eq!(found.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn no_hit_is_an_empty_answer_and_another_error_is_a_failure() {
    let site = Site::start().await;
    site.answer(SEARCH, ok(json!({"error": "Nothing returned, out of 0"})))
        .await;
    assert!(site.client().search(&dune()).await.unwrap().releases.is_empty());
    let site = Site::start().await;
    site.answer(SEARCH, ok(json!({"error": "Search is down"}))).await;
    let error = site.client().search(&dune()).await.unwrap_err();
    assert!(error.to_string().contains("Search is down"), "{error}");
    assert_eq!(site.pauses(), []);
}

#[tokio::test]
async fn the_renewed_session_is_used_by_the_next_request() {
    let site = Site::start().await;
    let renewing = ok(json!({"error": "Nothing returned, out of 0"}))
        .append_header("set-cookie", "uid=7; path=/")
        .append_header(
            "set-cookie",
            "mam_id=second%2F; Max-Age=1296000; domain=.myanonamouse.net; secure",
        );
    site.answer(SEARCH, renewing).await;
    let client = site.client();
    client.search(&dune()).await.unwrap();
    client.search(&dune()).await.unwrap();
    assert_eq!(site.cookies().await, ["mam_id=start%2B1", "mam_id=second%2F"]);
    assert_eq!(site.client().search(&dune()).await.unwrap().releases.len(), 0);
    assert_eq!(
        site.cookies().await.last().unwrap(),
        "mam_id=second%2F",
        "a restart uses the stored session"
    );
}

#[tokio::test]
async fn a_session_renewed_by_an_error_is_stored_too() {
    for status in [403, 429, 500] {
        let site = Site::start().await;
        site.answer(
            SEARCH,
            ResponseTemplate::new(status).append_header("set-cookie", "mam_id=renewed; secure"),
        )
        .await;
        site.client().search(&dune()).await.unwrap_err();
        assert_eq!(*site.memory.saves.lock().unwrap(), ["renewed"], "{status}");
    }
}

#[tokio::test]
async fn a_renewed_session_that_could_not_be_stored_is_stored_before_the_next_request() {
    let site = Site::start().await;
    site.answer(
        SEARCH,
        ok(json!({"data": []})).append_header("set-cookie", "mam_id=renewed"),
    )
    .await;
    let client = site.client();
    *site.memory.is_broken.lock().unwrap() = true;
    assert!(matches!(client.search(&dune()).await, Err(ClientError::Paused { .. })));
    assert!(matches!(client.search(&dune()).await, Err(ClientError::Paused { .. })));
    assert_eq!(
        site.cookies().await.len(),
        1,
        "nothing is sent while the session can't be stored"
    );
    *site.memory.is_broken.lock().unwrap() = false;
    client.search(&dune()).await.unwrap();
    assert_eq!(site.cookies().await, ["mam_id=start%2B1", "mam_id=renewed"]);
}

#[tokio::test]
async fn a_caller_that_stops_waiting_does_not_lose_the_renewed_session() {
    let site = Site::start().await;
    let slow = ok(json!({"data": []})).append_header("set-cookie", "mam_id=renewed");
    site.answer(SEARCH, slow.set_delay(Duration::from_millis(100))).await;
    let (client, query) = (site.client(), dune());
    tokio::select! {
        _ = client.search(&query) => panic!("the answer came before we stopped waiting"),
        () = site.memory.has_turn.notified() => {}
    }
    tokio::time::timeout(Duration::from_secs(10), site.memory.has_saved.notified())
        .await
        .unwrap();
    assert_eq!(*site.memory.saves.lock().unwrap(), ["renewed"]);
}

#[tokio::test]
async fn requests_never_overlap_within_a_turn_and_each_takes_one() {
    let site = Site::start().await;
    let mut vip_only = row();
    vip_only["fl_vip"] = json!(1);
    site.answer(SEARCH, ok(json!({"data": [vip_only]}))).await;
    site.answer(ACCOUNT, ok(account())).await;
    let found = site.client().search(&dune()).await.unwrap();
    assert_eq!(
        (found.releases[0].facts.is_free, found.releases[0].facts.is_vip_free),
        (Some(true), true)
    );
    assert_eq!(
        (
            site.memory.turns.load(Ordering::SeqCst),
            site.memory.overlaps.load(Ordering::SeqCst)
        ),
        (2, 0)
    );
}

#[tokio::test]
async fn the_class_is_asked_for_only_once() {
    let site = Site::start().await;
    let mut vip_only = row();
    vip_only["fl_vip"] = json!("1");
    site.answer(SEARCH, ok(json!({"data": [vip_only]}))).await;
    let mut power_user = account();
    power_user["classname"] = json!("Power User");
    Mock::given(path(ACCOUNT))
        .respond_with(ok(power_user))
        .expect(1)
        .mount(&site.server)
        .await;
    let client = site.client();
    for _ in 0..2 {
        let found = client.search(&dune()).await.unwrap();
        assert_eq!(found.releases[0].facts.is_free, Some(false));
    }
}

#[tokio::test]
async fn refusals_stop_the_queue_until_a_person_acts() {
    let page = || ResponseTemplate::new(200).set_body_raw("<!DOCTYPE html><html>Login</html>", "text/html");
    let signed_out =
        || ResponseTemplate::new(200).set_body_raw("Error, you are not signed in <br />Other error", "text/plain");
    for refusal in [
        ResponseTemplate::new(401),
        ResponseTemplate::new(403),
        ResponseTemplate::new(406),
        page(),
        signed_out(),
        ok(json!({"error": "You are not signed in"})),
        ResponseTemplate::new(302).insert_header("location", "/login.php?returnto=x"),
    ] {
        let site = Site::start().await;
        site.answer(SEARCH, refusal.clone()).await;
        let error = site.client().search(&dune()).await.unwrap_err();
        assert!(
            matches!(error, ClientError::CredentialsRefused { .. }),
            "{error} after {refusal:?}"
        );
        assert!(!error.to_string().contains("start"), "{error}");
        assert_eq!(site.pauses(), [None]);
        assert_eq!(site.cookies().await.len(), 1);
    }
}

#[tokio::test]
async fn a_session_bound_to_another_address_says_what_to_do() {
    let site = Site::start().await;
    let refusal = json!({"Success": false, "msg": "Invalid session - IP mismatch"});
    site.answer(ACCOUNT, ResponseTemplate::new(403).set_body_json(refusal))
        .await;
    let error = site.client().account().await.unwrap_err();
    assert!(error.to_string().contains("Manage Session"), "{error}");
}

#[tokio::test]
async fn a_rate_limit_pauses_the_queue_for_as_long_as_it_asks() {
    for (answer, seconds) in [
        (ResponseTemplate::new(429).insert_header("retry-after", "120"), 120),
        (ResponseTemplate::new(429), 60),
    ] {
        let site = Site::start().await;
        site.answer(SEARCH, answer).await;
        let error = site.client().search(&dune()).await.unwrap_err();
        assert!(matches!(error, ClientError::RateLimited { .. }) && error.is_retryable());
        assert_eq!(site.pauses(), [Some(now() + TimeDelta::seconds(seconds))]);
    }
}

#[tokio::test]
async fn server_errors_and_cut_off_answers_do_not_blame_the_session() {
    for answer in [
        ResponseTemplate::new(502).set_body_raw("<html>Bad gateway</html>", "text/html"),
        ResponseTemplate::new(200).set_body_raw("{\"data\": [", "application/json"),
        ResponseTemplate::new(200),
    ] {
        let site = Site::start().await;
        site.answer(SEARCH, answer).await;
        let error = site.client().search(&dune()).await.unwrap_err();
        assert!(!matches!(error, ClientError::CredentialsRefused { .. }), "{error}");
        assert_eq!(site.pauses(), []);
    }
}

#[tokio::test]
async fn a_torrent_is_fetched_by_id_with_the_cookie_and_never_with_a_wedge() {
    let site = Site::start().await;
    Mock::given(method("GET"))
        .and(path(DOWNLOAD))
        .and(query_param("tid", "273200"))
        .and(query_param_is_missing("fl"))
        .and(header("cookie", "mam_id=start%2B1"))
        .respond_with(ResponseTemplate::new(200).set_body_raw("d4:infod6:lengthi1eee", "application/x-bittorrent"))
        .expect(1)
        .mount(&site.server)
        .await;
    let torrent = site.client().fetch_torrent(&"273200".into()).await.unwrap();
    assert_eq!(torrent, b"d4:infod6:lengthi1eee");
    assert!(site.client().fetch_torrent(&"1&fl".into()).await.is_err());
}

#[tokio::test]
async fn what_is_no_torrent_is_named_and_only_a_signed_out_page_stops_the_queue() {
    for (answer, pauses, is_expected) in [
        (
            ResponseTemplate::new(200).set_body_raw("<html>Please log in</html>", "text/html"),
            vec![None],
            (|error| matches!(error, ClientError::CredentialsRefused { .. })) as fn(&ClientError) -> bool,
        ),
        (ResponseTemplate::new(404), vec![], |error| {
            matches!(error, ClientError::NotFound { .. })
        }),
        (
            ResponseTemplate::new(200).set_body_raw("You have too many unsatisfied torrents", "text/plain"),
            vec![],
            |error| error.to_string().contains("too many unsatisfied"),
        ),
        (
            ResponseTemplate::new(200).set_body_bytes(vec![b'd'; 10 * 1024 * 1024 + 1]),
            vec![],
            |error| matches!(error, ClientError::TooLarge { .. }),
        ),
    ] {
        let site = Site::start().await;
        site.answer(DOWNLOAD, answer).await;
        let error = site.client().fetch_torrent(&"1".into()).await.unwrap_err();
        assert!(is_expected(&error), "{error}");
        assert_eq!(site.pauses(), pauses);
    }
}

#[tokio::test]
async fn the_test_describes_the_account_in_words() {
    let site = Site::start().await;
    Mock::given(path(ACCOUNT))
        .and(query_param("snatch_summary", ""))
        .respond_with(ok(account()))
        .mount(&site.server)
        .await;
    let outcome = site.client().test().await.unwrap();
    assert_eq!(outcome.health, Health::Warning);
    assert!(
        outcome.sentence.contains("mouse (VIP)") && outcome.sentence.contains("port forwarding"),
        "{outcome:?}"
    );
    assert!(
        outcome.facts.contains(&"3 of 150 unsatisfied torrents".to_owned()),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_account_without_its_figures_warns() {
    let site = Site::start().await;
    site.answer(ACCOUNT, ok(json!({"username": "mouse", "classname": "User"})))
        .await;
    let client = site.client();
    let outcome = client.test().await.unwrap();
    assert_eq!(outcome.health, Health::Warning);
    assert!(
        outcome.sentence.contains("the ratio and the unsatisfied torrents"),
        "{}",
        outcome.sentence
    );
    assert_eq!(client.account().await.unwrap().unwrap().unsatisfied_limit, None);
}

#[tokio::test]
async fn an_unusable_mam_id_is_refused_before_anything_is_sent() {
    let site = Site::start().await;
    let config = MyanonamouseConfig {
        url: site.server.uri(),
        secret: "mam_id=".into(),
    };
    let client = connect(config, site.memory.clone(), site.memory.clone()).unwrap();
    assert!(matches!(
        client.account().await,
        Err(ClientError::CredentialsRefused { .. })
    ));
    assert!(site.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_renewed_session_is_stored_even_when_the_body_breaks() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        let answer = "HTTP/1.1 200 OK\r\nset-cookie: mam_id=renewed; path=/\r\ncontent-length: 1000\r\n\r\n{\"data\":";
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let site = Site::start().await;
    let config = MyanonamouseConfig {
        url: format!("http://{address}"),
        secret: "start".into(),
    };
    let client = connect(config, site.memory.clone(), site.memory.clone()).unwrap();
    let error = client.account().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert_eq!(*site.memory.saves.lock().unwrap(), ["renewed"]);
}
