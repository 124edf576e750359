//! Everything that a test of the whole needs: a sandbox, a database, a server connected to both, and a signed-in admin.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header;
use serde_json::{Value, json};
use services::{Actor, Clock, Keys, Origin, ServiceConfig, Services, SystemClock, SystemRandom};
use testing::{Sandbox, TestDatabase};
use types::downloads::{DownloadDetail, DownloadScope, DownloadState, EventCode};
use types::jobs::{JobKind, RunStatus};
use types::library::{BookDetail, BookFilter, BookQuery};
use types::people::{CurrentUser, NewUserForm, Role};
use types::search::{SearchForm, SearchResult, SearchStatus};
use types::{DownloadId, PageRequest, RunId};

use crate::proxy::Proxy;
use crate::support::Server;

pub const ENCRYPTION: [u8; 32] = [7; 32];
pub const SIGNING: [u8; 32] = [9; 32];
pub const PASSWORD: &str = "a long enough password";
const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(100);

/// Fields are dropped in this order: who uses a thing goes before it.
pub struct Stage {
    pub server: Server,
    /// The use cases in this process, over the server's database and keys. The server's worker does the work.
    pub services: Services,
    pub admin: Actor,
    pub http: reqwest::Client,
    /// The server reaches qBittorrent through it.
    pub proxy: Proxy,
    pub sandbox: Sandbox,
    _database: TestDatabase,
}

/// A server on a database of its own, with nobody in it and nothing connected.
pub async fn bare_server() -> (Server, TestDatabase) {
    let database = TestDatabase::new().await;
    let (encryption, signing) = (STANDARD.encode(ENCRYPTION), STANDARD.encode(SIGNING));
    let server = Server::new(&[
        ("DATABASE_URL", database.url()),
        ("MAMCRAWLER_ENCRYPTION_KEY", &encryption),
        ("MAMCRAWLER_SIGNING_KEY", &signing),
        ("MAMCRAWLER_MAM_SPACING_MS", "50"),
        ("MAMCRAWLER_POLL_ACTIVE_MS", "300"),
        ("MAMCRAWLER_JOB_LEASE_SECONDS", "3"),
        ("MAMCRAWLER_DATABASE_CONNECTIONS", "8"),
    ]);
    (server, database)
}

/// The use cases over the database of [`bare_server`].
pub fn services_beside(server: &Server, database: &TestDatabase) -> Services {
    services_at(server, database, Arc::new(SystemClock))
}

/// The same by another clock: what they sign is as old as that says.
pub fn services_at(server: &Server, database: &TestDatabase, clock: Arc<dyn Clock>) -> Services {
    let config = ServiceConfig {
        mam_spacing_ms: 50,
        poll_active_ms: 300,
        ..ServiceConfig::new(server.data_dir())
    };
    let keys = Keys::new(ENCRYPTION, SIGNING);
    let pool = database.pool().clone();
    Services::new(pool, database.url(), config, &keys, clock, Arc::new(SystemRandom))
}

/// A browser without scripts: keeps cookies, and shows each redirect instead of following it.
pub fn new_browser() -> reqwest::Client {
    reqwest::Client::builder()
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

/// Makes the admin "anna"; the answer of the API.
pub async fn set_up(server: &Server, http: &reqwest::Client) -> Value {
    let form = json!({ "token": server.setup_token(), "username": "anna", "password": PASSWORD });
    let answer = http
        .post(format!("{}/api/v1/setup", server.url))
        .json(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

impl Stage {
    /// All of it, with the library read.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// `prepare` changes the server's settings before its first start.
    pub async fn start_with(prepare: impl FnOnce(&mut Server)) -> Self {
        let (sandbox, (mut server, database)) = tokio::join!(Sandbox::start(), bare_server());
        let sandbox = sandbox.unwrap();
        let proxy = Proxy::start(&sandbox.facts.qbittorrent.url).await;
        let provision = std::fs::read_to_string(&sandbox.facts.provision).unwrap();
        let path = server.scratch().join("provision.toml");
        std::fs::write(&path, provision.replace(&sandbox.facts.qbittorrent.url, &proxy.url)).unwrap();
        server.set("MAMCRAWLER_PROVISION", path.to_str().unwrap());
        prepare(&mut server);
        server.start().await;
        let http = testing::sandbox::http_client().unwrap();
        let tokens = set_up(&server, &http).await;
        let services = services_beside(&server, &database);
        let admin = services::auth::authenticate(&services, tokens["access_token"].as_str().unwrap())
            .await
            .unwrap();
        let stage = Self {
            server,
            services,
            admin,
            http,
            proxy,
            sandbox,
            _database: database,
        };
        stage.run_job(JobKind::SyncLibraryFull).await;
        stage
    }

    /// Another person, signed in.
    pub async fn add_person(&self, username: &str, role: Role) -> Actor {
        let new = NewUserForm {
            username: username.into(),
            password: PASSWORD.into(),
            role,
        };
        let id = services::users::create_user(&self.services, &self.admin, new)
            .await
            .unwrap();
        Actor::User(
            CurrentUser {
                id,
                username: username.into(),
                role,
            },
            Origin::default(),
        )
    }

    /// Runs a job on the server and waits for its good end.
    pub async fn run_job(&self, kind: JobKind) {
        let run = services::runs::run_now(&self.services, &self.admin, kind)
            .await
            .unwrap();
        self.wait_for_run(run).await;
    }

    async fn wait_for_run(&self, run: RunId) {
        wait_until(async || {
            let summary = services::runs::get_run(&self.services, &self.admin, run)
                .await
                .unwrap()
                .summary;
            match summary.status {
                RunStatus::Queued | RunStatus::Running => Err(format!("{summary:?}")),
                RunStatus::Succeeded | RunStatus::NothingToDo => Ok(()),
                other => panic!("{other}: {}", summary.sentence),
            }
        })
        .await;
    }

    /// Wants a work for the admin.
    pub async fn want(&self, title: &str, author: &str) -> DownloadId {
        let form = form(title, author);
        services::wants::create_want(&self.services, &self.admin, form, types::wants::WantReason::Request)
            .await
            .unwrap();
        self.only_download().await
    }

    /// Searches all indexers in this process.
    pub async fn search(&self, form: SearchForm) -> SearchResult {
        let id = services::searches::start_search(&self.services, &self.admin, form)
            .await
            .unwrap();
        wait_until(async || {
            let result = services::searches::get_search(&self.services, &self.admin, id)
                .await
                .unwrap();
            if result.status == SearchStatus::Running {
                Err(result.sentence)
            } else {
                Ok(result)
            }
        })
        .await
    }

    /// The one download that there ever was.
    pub async fn only_download(&self) -> DownloadId {
        let page = PageRequest::default();
        let downloads = services::downloads::list_downloads(&self.services, &self.admin, DownloadScope::All, page)
            .await
            .unwrap();
        let [download] = downloads.items.as_slice() else {
            panic!("not one download: {:#?}", downloads.items)
        };
        download.id
    }

    /// The download as people see it.
    pub async fn download(&self, id: DownloadId) -> DownloadDetail {
        services::downloads::get_download(&self.services, &self.admin, id)
            .await
            .unwrap()
    }

    /// Waits until something has happened to the download this often.
    pub async fn wait_for_event(&self, id: DownloadId, code: EventCode, times: usize) {
        wait_until(async || {
            let events = self.download(id).await.events;
            let seen = events.iter().filter(|event| event.code == code).count();
            if seen >= times {
                Ok(())
            } else {
                Err(format!("{code} {seen} times: {events:#?}"))
            }
        })
        .await;
    }

    /// Waits until the download is in this state; fails at once when it gets stuck in a state where nothing follows.
    pub async fn wait_for_state(&self, id: DownloadId, state: DownloadState) -> DownloadDetail {
        wait_until(async || {
            let detail = self.download(id).await;
            let now = detail.summary.state;
            if now == state {
                return Ok(detail);
            }
            let is_stuck = now.is_terminal() || now.is_waiting() || now == DownloadState::Imported;
            assert!(
                !is_stuck,
                "{now} instead of {state}: {}\n{:#?}",
                detail.summary.sentence, detail.events
            );
            Err(format!("{now}: {}\n{:#?}", detail.summary.sentence, detail.events))
        })
        .await
    }

    /// Calls qBittorrent as its owner would, past the proxy.
    pub async fn qbittorrent(&self, method: &str, form: &[(&str, &str)]) -> String {
        let facts = &self.sandbox.facts.qbittorrent;
        let login = [
            ("username", facts.username.as_str()),
            ("password", facts.password.as_str()),
        ];
        let answer = self
            .http
            .post(format!("{}/api/v2/auth/login", facts.url))
            .form(&login)
            .send()
            .await
            .unwrap();
        let cookie = answer.headers()[header::SET_COOKIE]
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let call = self
            .http
            .post(format!("{}/api/v2/{method}", facts.url))
            .header(header::COOKIE, cookie)
            .form(form);
        call.send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// Every torrent of the user's client.
    pub async fn torrents(&self) -> Vec<Value> {
        serde_json::from_str(&self.qbittorrent("torrents/info", &[]).await).unwrap()
    }

    /// Books of our library whose text has these words.
    pub async fn books(&self, words: &str) -> Vec<BookDetail> {
        let filter = BookFilter {
            text: Some(words.to_owned()),
            ..BookFilter::default()
        };
        let query = BookQuery {
            filter,
            ..BookQuery::default()
        };
        let mut books = Vec::new();
        for book in services::library::list_books(&self.services, &self.admin, query)
            .await
            .unwrap()
            .items
        {
            books.push(
                services::library::get_book(&self.services, &self.admin, book.id)
                    .await
                    .unwrap(),
            );
        }
        books
    }
}

/// What somebody types to look for a work.
pub fn form(title: &str, author: &str) -> SearchForm {
    SearchForm {
        title: title.into(),
        author: author.into(),
        ..SearchForm::default()
    }
}

/// Asks again and again until the answer is there; fails with what it still was.
pub async fn wait_until<T>(mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let started = Instant::now();
    loop {
        match look().await {
            Ok(value) => return value,
            Err(seen) => assert!(started.elapsed() < PATIENCE, "still, after {PATIENCE:?}: {seen}"),
        }
        tokio::time::sleep(POLL).await;
    }
}
