//! The use cases and their jobs over a sandbox of their own: real torrents, real files, faults on demand.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use serde_json::{Value, json};
use services::jobs::JobHandler;
use services::{
    Actor, Clock, Keys, Origin, ServiceConfig, Services, SystemClock, SystemRandom, auth, downloads, integrations,
    provision, runs, searches, setup, users, wants,
};
use testing::TestDatabase;
use testing::sandbox::{FaultSpan, Sandbox, http_client};
use types::downloads::{DownloadDetail, DownloadScope, DownloadState, EventCode, HoldReason};
use types::events::LiveEvent;
use types::integrations::{Integration, IntegrationForm, IntegrationKind};
use types::jobs::{JobKind, RunDetail, RunStatus};
use types::people::{LoginForm, NewUserForm, Role, SetupForm};
use types::search::{Candidate, IndexerOutcome, SearchForm, SearchResult, SearchStatus};
use types::settings::Settings;
use types::wants::WantReason;
use types::{DownloadId, PageRequest, SearchId, WantId};

use crate::support::PASSWORD;

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// For what has to happen; a slow machine runs several yards at once.
const PATIENCE: Duration = Duration::from_secs(90);

/// The machine's clock, moved on by what a test skips.
#[derive(Default)]
struct SkippingClock {
    skipped_ms: AtomicI64,
}

impl Clock for SkippingClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::milliseconds(self.skipped_ms.load(Ordering::Relaxed))
    }
}

pub struct Yard {
    pub services: Services,
    pub admin: Actor,
    pub sandbox: Sandbox,
    clock: Arc<SkippingClock>,
    worker: jobs::Worker,
    database: TestDatabase,
    _data: tempfile::TempDir,
}

impl Yard {
    /// Connected to everything but `without`; the library and the account are read.
    pub async fn start(without: &[IntegrationKind]) -> Self {
        Self::over(Sandbox::start().await.unwrap(), without).await
    }

    /// A new installation over a sandbox.
    pub async fn over(sandbox: Sandbox, without: &[IntegrationKind]) -> Self {
        let database = TestDatabase::new().await;
        let data = tempfile::tempdir().unwrap();
        let clock = Arc::new(SkippingClock::default());
        let services = new_services(&database, data.path(), Arc::clone(&clock));
        let admin = set_up(&services).await;
        let text = std::fs::read_to_string(&sandbox.facts.provision).unwrap();
        provision::apply_provision(&services, &text).await.unwrap();
        for integration in integrations::list_integrations(&services, &admin).await.unwrap() {
            if without.contains(&integration.kind) {
                integrations::set_integration_enabled(&services, &admin, integration.id, false)
                    .await
                    .unwrap();
            }
        }
        runs::ensure_job_definitions(&services).await.unwrap();
        // Started by hand where a test wants them: they would use up faults that are meant for something else.
        for kind in [
            JobKind::CheckIntegrations,
            JobKind::SnapshotAccount,
            JobKind::SyncLibraryIncremental,
            JobKind::SyncLibraryFull,
        ] {
            runs::set_job_enabled(&services, &admin, kind, false).await.unwrap();
        }
        let handler = Arc::new(JobHandler {
            services: services.clone(),
        });
        let worker = runs::start_worker(&services, handler, |options| jobs::Options {
            concurrency: 4,
            poll_every: Duration::from_millis(100),
            // A test that skips hours must not make the running jobs look dead.
            lease: Duration::from_secs(7 * 24 * 3600),
            ..options
        });
        let yard = Self {
            services,
            admin,
            sandbox,
            clock,
            worker,
            database,
            _data: data,
        };
        yard.wait_until_idle().await;
        yard
    }

    /// Ends the jobs; the sandbox ends with the value.
    pub async fn close(self) {
        self.worker.stop().await;
    }

    /// Lets time pass without waiting for it.
    pub fn skip(&self, by: TimeDelta) {
        self.clock
            .skipped_ms
            .fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }

    pub async fn fault(&self, service: &str, fault: &str) {
        self.sandbox.fault(service, fault, FaultSpan::On).await.unwrap();
    }

    pub async fn fault_once(&self, service: &str, fault: &str) {
        self.sandbox.fault(service, fault, FaultSpan::Times(1)).await.unwrap();
    }

    pub async fn lift(&self, service: &str, fault: &str) {
        self.sandbox.fault(service, fault, FaultSpan::Off).await.unwrap();
    }

    /// What the account call answers from now on.
    pub async fn set_account(&self, fields: Value) {
        self.control("account", &fields).await;
    }

    pub async fn control(&self, door: &str, body: &Value) {
        let url = format!("{}/control/{door}", self.sandbox.facts.control.url);
        let answer = http_client().unwrap().post(url).json(body).send().await.unwrap();
        assert!(
            answer.status().is_success(),
            "control/{door}: {}",
            answer.text().await.unwrap()
        );
    }

    /// Waits until a subscription hears: events from before that are lost.
    pub async fn hear(&self, events: &mut (impl futures::Stream<Item = LiveEvent> + Unpin)) {
        let mut conn = self.services.connection().await.unwrap();
        let began = Instant::now();
        loop {
            services::events::publish(&mut conn, &LiveEvent::Account).await.unwrap();
            if tokio::time::timeout(LOOK_EVERY, events.next()).await.is_ok() {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "no event is heard");
        }
    }

    /// How often a service was asked at an endpoint, such as "mam POST /tor/js/loadSearchJSONbasic.php".
    pub async fn count_requests(&self, counter: &str) -> u64 {
        self.sandbox.state().await.unwrap()["journal"]["counters"][counter]
            .as_u64()
            .unwrap_or(0)
    }

    pub async fn integration(&self, kind: IntegrationKind) -> Integration {
        let all = integrations::list_integrations(&self.services, &self.admin)
            .await
            .unwrap();
        all.into_iter().find(|integration| integration.kind == kind).unwrap()
    }

    /// What an admin who presses "Test" or "Save" sends; an empty secret keeps the stored one.
    pub async fn form_of(&self, kind: IntegrationKind, secret: &str) -> IntegrationForm {
        let stored = self.integration(kind).await;
        IntegrationForm {
            id: Some(stored.id),
            kind,
            name: stored.name,
            url: stored.url,
            is_enabled: true,
            priority: stored.priority,
            secret: secret.into(),
            options: stored.options,
        }
    }

    pub async fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = services::settings::get_settings(&self.services, &self.admin)
            .await
            .unwrap();
        change(&mut settings);
        services::settings::save_settings(&self.services, &self.admin, settings)
            .await
            .unwrap();
    }

    pub async fn person(&self, username: &str, role: Role) -> Actor {
        let form = NewUserForm {
            username: username.into(),
            password: PASSWORD.into(),
            role,
        };
        users::create_user(&self.services, &self.admin, form).await.unwrap();
        let form = LoginForm {
            username: username.into(),
            password: PASSWORD.into(),
        };
        let signed_in = auth::login(&self.services, form, Origin::default()).await.unwrap();
        auth::authenticate(&self.services, &signed_in.tokens.access_token)
            .await
            .unwrap()
    }

    pub async fn want(&self, title: &str, author: &str) -> WantId {
        wants::create_want(&self.services, &self.admin, book(title, author), WantReason::Request)
            .await
            .unwrap()
    }

    /// A search by hand, to its end.
    pub async fn search(&self, form: SearchForm) -> SearchResult {
        let id = searches::start_search(&self.services, &self.admin, form).await.unwrap();
        self.wait_for_search(id).await
    }

    pub async fn wait_for_search(&self, id: SearchId) -> SearchResult {
        let began = Instant::now();
        loop {
            let result = searches::get_search(&self.services, &self.admin, id).await.unwrap();
            if result.status != SearchStatus::Running {
                return result;
            }
            assert!(began.elapsed() < PATIENCE, "the search does not end: {result:#?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The want's downloads, first one first.
    pub async fn downloads_of(&self, want: WantId) -> Vec<DownloadDetail> {
        let page = PageRequest {
            limit: Some(100),
            cursor: None,
        };
        let list = downloads::list_downloads(&self.services, &self.admin, DownloadScope::All, page)
            .await
            .unwrap();
        let mut ids: Vec<DownloadId> = list
            .items
            .iter()
            .filter(|download| download.want_id == want)
            .map(|download| download.id)
            .collect();
        ids.sort();
        let mut details = Vec::new();
        for id in ids {
            details.push(self.download(id).await);
        }
        details
    }

    pub async fn download(&self, id: DownloadId) -> DownloadDetail {
        downloads::get_download(&self.services, &self.admin, id).await.unwrap()
    }

    /// The want's newest download once it fits.
    pub async fn wait_for(&self, want: WantId, fits: impl Fn(&DownloadDetail) -> bool) -> DownloadDetail {
        let began = Instant::now();
        loop {
            let all = self.downloads_of(want).await;
            if let Some(newest) = all.last().filter(|newest| fits(newest)) {
                return newest.clone();
            }
            assert!(began.elapsed() < PATIENCE, "it does not get there:\n{}", tell(&all));
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub async fn wait_for_state(&self, want: WantId, state: DownloadState) -> DownloadDetail {
        self.wait_for(want, |download| download.summary.state == state).await
    }

    /// Runs a job to its end, or until it waits for another try.
    pub async fn run(&self, kind: JobKind) -> RunDetail {
        let id = runs::run_now(&self.services, &self.admin, kind).await.unwrap();
        let began = Instant::now();
        let before = runs::get_run(&self.services, &self.admin, id)
            .await
            .unwrap()
            .summary
            .attempt;
        loop {
            let run = runs::get_run(&self.services, &self.admin, id).await.unwrap();
            let has_failed_once = run.summary.status == RunStatus::Queued && run.summary.attempt > before;
            if !is_live(run.summary.status) || has_failed_once {
                return run;
            }
            assert!(began.elapsed() < PATIENCE, "the job {kind} does not end: {run:#?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// One number from the database.
    pub async fn query_number(&self, sql: &str) -> i64 {
        use diesel_async::RunQueryDsl;
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            number: i64,
        }
        let mut conn = self.database.connection().await;
        let row: Row = diesel::sql_query(format!("SELECT ({sql})::bigint AS number"))
            .get_result(&mut conn)
            .await
            .unwrap();
        row.number
    }

    /// Changes the database behind the product's back.
    pub async fn run_sql(&self, sql: &str) {
        use diesel_async::SimpleAsyncConnection;
        self.database.connection().await.batch_execute(sql).await.unwrap();
    }

    /// Runs a job until the database has `number`.
    pub async fn wait_until(&self, sql: &str, number: i64, job: JobKind) {
        let began = Instant::now();
        while self.query_number(sql).await != number {
            assert!(began.elapsed() < PATIENCE, "{sql} does not become {number}");
            self.run(job).await;
        }
    }

    /// No run waits or runs: what "Save" queued is done.
    async fn wait_until_idle(&self) {
        let began = Instant::now();
        loop {
            let page = PageRequest {
                limit: Some(100),
                cursor: None,
            };
            let list = runs::list_runs(&self.services, &self.admin, None, page).await.unwrap();
            if !list.items.is_empty() && !list.items.iter().any(|run| is_live(run.status)) {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "the first jobs do not end: {:#?}",
                list.items
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn is_live(status: RunStatus) -> bool {
    matches!(status, RunStatus::Queued | RunStatus::Running | RunStatus::Lost)
}

fn new_services(database: &TestDatabase, data: &std::path::Path, clock: Arc<SkippingClock>) -> Services {
    let config = ServiceConfig {
        mam_spacing_ms: 20,
        mam_daily_budget: 5_000,
        poll_active_ms: 200,
        ..ServiceConfig::new(data)
    };
    let keys = Keys::new([1; 32], [2; 32]);
    Services::new(
        database.pool().clone(),
        database.url(),
        config,
        &keys,
        clock,
        Arc::new(SystemRandom),
    )
}

async fn set_up(services: &Services) -> Actor {
    let token = setup::ensure_setup_token(services).await.unwrap().unwrap();
    let form = SetupForm {
        token,
        username: "admin".into(),
        password: PASSWORD.into(),
    };
    let signed_in = setup::complete_setup(services, form, Origin::default()).await.unwrap();
    auth::authenticate(services, &signed_in.tokens.access_token)
        .await
        .unwrap()
}

pub fn book(title: &str, author: &str) -> SearchForm {
    SearchForm {
        title: title.into(),
        author: author.into(),
        ..SearchForm::default()
    }
}

/// Where it stands has a name, and its sentence holds all of `words`, the last of which tells what comes next.
#[track_caller]
pub fn assert_stands(
    download: &DownloadDetail,
    state: DownloadState,
    hold: Option<HoldReason>,
    code: EventCode,
    words: &[&str],
) {
    let summary = &download.summary;
    println!("{}: {}", name_of(download), summary.sentence);
    let last = download.events.last().map(|event| event.code);
    let is_named = (summary.state, summary.hold_reason, last) == (state, hold, Some(code));
    assert!(
        is_named,
        "not {state} {hold:?} {code}:\n{}",
        tell(std::slice::from_ref(download))
    );
    for word in words {
        assert!(
            summary.sentence.contains(word),
            "\"{}\" does not say \"{word}\"",
            summary.sentence
        );
    }
    assert!(!words.is_empty(), "a sentence tells what to do");
}

fn name_of(download: &DownloadDetail) -> String {
    let (summary, last) = (&download.summary, download.events.last());
    let hold = summary
        .hold_reason
        .map(|reason| format!("/{reason}"))
        .unwrap_or_default();
    let code = last.map(|event| event.code.to_string()).unwrap_or_default();
    format!("\"{}\" {}{hold} [{code}]", summary.title, summary.state)
}

/// Downloads with their histories, for a failed test.
pub fn tell(all: &[DownloadDetail]) -> String {
    let mut text = String::new();
    for download in all {
        let title = download.summary.release_title.clone().unwrap_or_default();
        text += &format!(
            "{} release \"{title}\": {}\n",
            name_of(download),
            download.summary.sentence
        );
        for event in &download.events {
            text += &format!(
                "    {} → {} {}: {}\n",
                event.from_state.map_or("", DownloadState::as_str),
                event.to_state,
                event.code,
                event.sentence
            );
        }
    }
    text
}

/// An indexer's part in a search.
#[track_caller]
pub fn outcome_of<'a>(search: &'a SearchResult, name: &str) -> &'a IndexerOutcome {
    search
        .indexers
        .iter()
        .find(|outcome| outcome.name.starts_with(name))
        .unwrap()
}

/// A candidate by a part of its indexer's name and of its title.
#[track_caller]
pub fn candidate_of<'a>(search: &'a SearchResult, indexer: &str, title: &str) -> &'a Candidate {
    let fits = |candidate: &&Candidate| {
        candidate.release.indexer.starts_with(indexer) && candidate.release.facts.title.contains(title)
    };
    search
        .candidates
        .iter()
        .find(fits)
        .unwrap_or_else(|| panic!("no \"{title}\" of {indexer}: {:#?}", search.candidates))
}

/// `{"unsat":{"count":149,"limit":150}}`, as the site writes it.
pub fn unsatisfied(count: u32, limit: u32) -> Value {
    json!({ "unsat": { "name": "Unsatisfied", "count": count, "red": false, "size": 123, "limit": limit } })
}
