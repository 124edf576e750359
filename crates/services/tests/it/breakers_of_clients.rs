//! What becomes of downloads and accounts while a torrent client or an indexer is left alone.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::TimeDelta;
use clients::ClientError;
use serde_json::json;
use services::{Actor, connect, downloads, wants};
use types::DownloadId;
use types::downloads::{DownloadDetail, EventCode};
use types::integrations::IntegrationKind;
use types::jobs::{JobKind, RunStatus};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::due_jobs::{add_download, connect as add_integration, run_job};
use crate::support::TestApp;

const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

/// An installation with a download half-way, in a qBittorrent that answers what a test wants.
struct Wharf {
    app: TestApp,
    admin: Actor,
    server: MockServer,
}

impl Wharf {
    async fn open() -> Self {
        let app = TestApp::new().await;
        let admin = app.admin().await;
        let server = MockServer::start().await;
        let client = add_integration(&app, &admin, IntegrationKind::Qbittorrent, &server.uri()).await;
        let set = format!("client_id = '{client}', info_hash = '{HASH}', progress = 0.5, completed_bytes = 5");
        add_download(&app, 1, "downloading", &set).await;
        app.run_sql("DELETE FROM runs").await;
        Self { app, admin, server }
    }

    /// As through a proxy.
    async fn go_down(&self) {
        self.server.reset().await;
        let error = ResponseTemplate::new(502);
        Mock::given(any()).respond_with(error).mount(&self.server).await;
    }

    async fn come_back(&self) {
        self.server.reset().await;
        let torrent = json!([{ "hash": HASH, "name": "Dune", "state": "downloading", "progress": 0.5 }]);
        for (method, answer) in [
            ("auth/login", text("Ok.")),
            ("app/webapiVersion", text("2.11.2")),
            ("torrents/info", ResponseTemplate::new(200).set_body_json(torrent)),
            ("torrents/stop", text("")),
        ] {
            let asked = path(format!("/api/v2/{method}"));
            Mock::given(asked).respond_with(answer).mount(&self.server).await;
        }
    }

    /// Looks at the client as the job does, until it is left alone.
    async fn fail_until_it_rests(&self) {
        for look in 0.. {
            assert!(look < 10, "it never rests");
            let connected = connect::connect_torrent_clients(&self.app.services).await.unwrap();
            match connected[0].client.as_ref().unwrap().poll().await {
                Err(ClientError::Resting { .. }) => return,
                Err(_) => {}
                Ok(_) => panic!("it answers"),
            }
        }
    }

    async fn cancel(&self) -> DownloadDetail {
        let id: DownloadId = self.app.query_text("SELECT id FROM downloads").await.parse().unwrap();
        downloads::cancel_download(&self.app.services, &self.admin, id)
            .await
            .unwrap();
        downloads::get_download(&self.app.services, &self.admin, id)
            .await
            .unwrap()
    }

    /// How often the client was told to stop our torrent.
    async fn count_stops(&self) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        let is_stop = |request: &&wiremock::Request| {
            request.url.path().ends_with("/torrents/stop") && String::from_utf8_lossy(&request.body).contains(HASH)
        };
        requests.iter().filter(is_stop).count()
    }
}

fn text(words: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(words, "text/plain")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_torrent_is_stopped_although_its_client_is_left_alone() {
    let wharf = Wharf::open().await;
    wharf.go_down().await;
    wharf.fail_until_it_rests().await;
    wharf.come_back().await;
    let cancelled = wharf.cancel().await;
    assert_eq!(wharf.count_stops().await, 1, "{}", cancelled.summary.sentence);
    assert_eq!(
        cancelled.events.last().map(|event| event.code),
        Some(EventCode::Cancelled)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_torrent_of_a_cancelled_want_is_stopped() {
    let wharf = Wharf::open().await;
    wharf.come_back().await;
    let want = wharf.app.query_text("SELECT want_id FROM downloads").await;
    wants::cancel_want(&wharf.app.services, &wharf.admin, want.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(wharf.count_stops().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_torrent_that_could_not_be_stopped_says_so_and_what_to_do() {
    let wharf = Wharf::open().await;
    wharf.go_down().await;
    wharf.fail_until_it_rests().await;
    let cancelled = wharf.cancel().await;
    let last = cancelled.events.last().unwrap();
    assert_eq!(last.code, EventCode::NotStopped);
    for words in [
        "could not be stopped and may go on loading",
        "qBittorrent can't be reached",
        "Stop it in the torrent client yourself.",
    ] {
        assert!(last.sentence.contains(words), "{}", last.sentence);
        assert!(
            cancelled.summary.sentence.contains(words),
            "{}",
            cancelled.summary.sentence
        );
    }
    assert!(
        cancelled.summary.sentence.starts_with("admin cancelled it."),
        "{}",
        cancelled.summary.sentence
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_reads_the_same_at_every_look_at_a_client_that_is_away() {
    let wharf = Wharf::open().await;
    wharf.go_down().await;
    let mut seen = Vec::new();
    for _ in 0..8 {
        let run = run_job(&wharf.app, &wharf.admin, JobKind::PollClients).await;
        assert_eq!(run.summary.status, RunStatus::Failed, "{}", run.summary.sentence);
        let sql = "SELECT sentence || ' ' || updated_at FROM downloads";
        seen.push(wharf.app.query_text(sql).await);
        wharf.app.clock.advance(TimeDelta::seconds(1));
    }
    assert!(seen[0].contains("as soon as the client answers"), "{seen:?}");
    let arrived = wharf.server.received_requests().await.unwrap().len();
    assert_eq!(arrived, 5, "it is left alone from the sixth look on");
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_nobody_asked_for_was_not_checked() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let server = MockServer::start().await;
    let error = ResponseTemplate::new(500);
    Mock::given(any()).respond_with(error).mount(&server).await;
    add_integration(&app, &admin, IntegrationKind::Myanonamouse, &server.uri()).await;
    app.run_sql("DELETE FROM runs").await;
    let asked = async || server.received_requests().await.unwrap().len();
    let stored = async || {
        app.query_text("SELECT concat_ws(' ', health, health_sentence, checked_at) FROM integrations")
            .await
    };
    // Long enough for its spacing, not for a rest.
    for _ in 0..5 {
        run_job(&app, &admin, JobKind::SnapshotAccount).await;
        app.clock.advance(TimeDelta::seconds(10));
    }
    app.wait_for_text("SELECT count(*) FROM breaker_rests", "1").await;
    let (requests, found) = (asked().await, stored().await);
    let run = run_job(&app, &admin, JobKind::SnapshotAccount).await;
    assert_eq!(run.summary.status, RunStatus::Failed, "{}", run.summary.sentence);
    assert_eq!(asked().await, requests, "it is left alone");
    assert_eq!(stored().await, found);
}
