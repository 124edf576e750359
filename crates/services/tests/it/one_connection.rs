//! Every use case makes do with one connection. One that waits for a second while it holds the first stands still, with
//! everybody else, as soon as many ask at once.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::time::Duration;

use futures::TryStreamExt;
use services::grab::{GrabOptions, grab_candidate};
use services::{
    Actor, Origin, Services, account, api_keys, audit, auth, dashboard, downloads, failures, health, identities,
    integrations, library, oidc, runs, searches, sessions, settings, setup, standing, users, wants,
};
use types::access::{NewApiKeyForm, Scope};
use types::audit::{AuditFilter, AuditFormat};
use types::downloads::DownloadScope;
use types::integrations::IntegrationKind;
use types::jobs::JobKind;
use types::people::{ChangePasswordForm, LoginForm, NewUserForm, ResetPasswordForm, Role};
use types::settings::Settings;
use types::wants::WantReason;
use types::{BookId, CandidateId, DownloadId, ErrorCode, FailureId, IntegrationId, PageRequest, WantId};
use uuid::Uuid;

use crate::shelf::{Book, connect_audiobookshelf, shelve};
use crate::support::{PASSWORD, TestApp, form};
use crate::yard::book;

const NOWHERE: &str = "http://127.0.0.1:1";
/// A pool waits for ten seconds.
const PATIENCE: Duration = Duration::from_secs(9);

/// The use cases over a pool of one, and things to ask about.
struct Narrow {
    app: TestApp,
    services: Services,
    admin: Actor,
    tracker: IntegrationId,
    book: BookId,
    want: WantId,
    download: DownloadId,
}

impl Narrow {
    async fn start() -> Self {
        let app = TestApp::new().await;
        let admin = app.admin().await;
        let tracker = form(IntegrationKind::Myanonamouse, NOWHERE, "mam_id");
        let tracker = integrations::save_integration(&app.services, &admin, tracker)
            .await
            .unwrap();
        let shelf = connect_audiobookshelf(&app, &admin, NOWHERE).await;
        let shelved = shelve(&app, shelf, &Book::default()).await;
        let want = wants::create_want(&app.services, &admin, book("It", "Stephen King"), WantReason::Request);
        let want = want.await.unwrap();
        let all = downloads::list_downloads(&app.services, &admin, DownloadScope::All, PageRequest::default());
        let download = all.await.unwrap().items[0].id;
        runs::ensure_job_definitions(&app.services).await.unwrap();
        let pool = db::connect(app.database.url(), 1).unwrap();
        Self {
            services: app.services_over(pool),
            app,
            admin,
            tracker,
            book: shelved,
            want,
            download,
        }
    }

    /// Adds what a job could not do with the download.
    async fn add_failure(&self) -> FailureId {
        let id = Uuid::from_u128(8);
        let sql = format!(
            "INSERT INTO failures (id, kind, item, code, sentence, first_at, last_at)
             VALUES ('{id}', 'search_want', '{}', 'failed', 'It failed.', now(), now())",
            self.download
        );
        self.app.run_sql(&sql).await;
        FailureId(id)
    }

    /// Adds a release that was refused, of a search that is done.
    async fn add_rejected(&self) -> CandidateId {
        let id = Uuid::from_u128(7);
        for sql in [
            format!(
                "INSERT INTO searches (id, form, status, started_at) VALUES ('{id}', '{{\"title\": \"Dune\"}}', 'done', now())"
            ),
            format!(
                "INSERT INTO releases (id, integration_id, external_id, title, facts, download_ref, first_seen_at, last_seen_at)
                 VALUES ('{id}', '{}', '1', 'Dune', '{{}}', '', now(), now())",
                self.tracker
            ),
            format!(
                "INSERT INTO candidates (id, search_id, release_id, rank, decision, verdict) VALUES ('{id}', '{id}', '{id}', 1,
                 'rejected', '{{\"decision\": \"rejected\", \"band\": \"different\", \"summary\": \"\", \"findings\": [],
                 \"ranking\": []}}')"
            ),
        ] {
            self.app.run_sql(&sql).await;
        }
        id.into()
    }
}

/// What it gives, unless it waited for a connection.
async fn check<T>(name: &str, asked: impl Future<Output = services::Result<T>>) -> Option<T> {
    let answered = tokio::time::timeout(PATIENCE, asked).await;
    let Ok(answered) = answered else {
        panic!("{name} waits for a second connection");
    };
    match answered {
        Ok(value) => Some(value),
        // A service that is not there is none of this test's matters.
        Err(error) => {
            assert_ne!(error.code, ErrorCode::DatabaseError, "{name}: {error}");
            None
        }
    }
}

/// The same, where an answer is expected.
async fn get<T>(name: &str, asked: impl Future<Output = services::Result<T>>) -> T {
    check(name, asked).await.unwrap_or_else(|| panic!("{name} was refused"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_library_and_of_the_work_reads_over_one_connection() {
    let narrow = Narrow::start().await;
    let (services, admin) = (&narrow.services, &narrow.admin);
    let page = PageRequest::default;
    get("dashboard", dashboard::get_dashboard(services, admin)).await;
    get("accounts", account::list_accounts(services, admin)).await;
    get("snapshots", account::list_snapshots(services, admin, page())).await;
    get("books", library::list_books(services, admin, Default::default())).await;
    get("book", library::get_book(services, admin, narrow.book)).await;
    check("cover", library::fetch_cover(services, admin, narrow.book, 300)).await;
    get("facets", library::get_facets(services, admin, Default::default())).await;
    get("counts", library::get_counts(services, admin)).await;
    let authors = get("authors", library::list_authors(services, admin, Default::default())).await;
    let author = authors.items[0].id;
    get("author", library::get_author(services, admin, author.into())).await;
    get("series", library::list_series(services, admin, Default::default())).await;
    get("wants", wants::list_wants(services, admin, None, page())).await;
    get("want", wants::get_want(services, admin, narrow.want)).await;
    let all = DownloadScope::All;
    get("downloads", downloads::list_downloads(services, admin, all, page())).await;
    get("download", downloads::get_download(services, admin, narrow.download)).await;
    get("imports", downloads::list_imports(services, admin, narrow.download)).await;
    get("jobs", runs::list_jobs(services, admin)).await;
    get("job", runs::get_job(services, admin, JobKind::CleanUp)).await;
    get("health", health::get_health(services, admin)).await;
    get("readings", health::take_readings(services)).await;
    let listed = get("runs", runs::list_runs(services, admin, None, page())).await;
    get("run", runs::get_run(services, admin, listed.items[0].id)).await;
    get("problems", failures::list_failures(services, admin, None, page())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_people_and_settings_reads_over_one_connection() {
    let narrow = Narrow::start().await;
    let (services, admin) = (&narrow.services, &narrow.admin);
    let page = PageRequest::default;
    let own = admin.user_id().unwrap();
    get("users", users::list_users(services, admin)).await;
    get("page of users", users::page_users(services, admin, page())).await;
    get("user", users::get_edited_user(services, admin, own)).await;
    get("sessions", sessions::list_sessions(services, admin, None, page())).await;
    get("keys", api_keys::list_keys(services, admin, None, page())).await;
    get("identities", identities::list_identities(services, admin, None)).await;
    get(
        "edited identities",
        identities::get_edited_identities(services, admin, None),
    )
    .await;
    get("integrations", integrations::list_integrations(services, admin)).await;
    get(
        "integration",
        integrations::get_integration(services, admin, narrow.tracker),
    )
    .await;
    get("settings", settings::get_edited_settings(services, admin)).await;
    let (series, standalone) = (
        Settings::default().series_template,
        Settings::default().standalone_template,
    );
    get("naming", settings::preview_naming(services, admin, series, standalone)).await;
    get("single sign-on", oidc::get_edited_config(services, admin)).await;
    get("provider", oidc::get_public_provider(services)).await;
    get("set-up", setup::is_setup_needed(services)).await;
    get("standing", standing::has_standing(services, admin, services.now())).await;
    let filter = AuditFilter::default;
    get("audit log", audit::list_entries(services, admin, filter(), page())).await;
    let export = get(
        "export",
        audit::export_entries(services, admin, filter(), AuditFormat::Csv),
    );
    let text: Vec<String> = export.await.try_collect().await.unwrap();
    assert!(text.len() > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_with_wants_and_downloads_takes_one_connection() {
    let narrow = Narrow::start().await;
    let (services, admin, id) = (&narrow.services, &narrow.admin, narrow.download);
    let candidate = narrow.add_rejected().await;
    let refused = check(
        "grab",
        grab_candidate(services, admin, candidate, GrabOptions::default()),
    );
    assert_eq!(refused.await, None, "it was rejected");
    let client = form(IntegrationKind::Qbittorrent, NOWHERE, "secret");
    let client = get("save", integrations::save_integration(services, admin, client)).await;
    let in_client = format!(
        "UPDATE downloads SET state = 'downloading', hold_reason = NULL, client_id = '{client}', info_hash = '{}'",
        "a".repeat(40)
    );
    narrow.app.run_sql(&in_client).await;
    get("cancel", downloads::cancel_download(services, admin, id)).await;
    let search = get("choose another", downloads::choose_another(services, admin, id)).await;
    get("search", searches::get_search(services, admin, search)).await;
    get("retry", downloads::retry_download(services, admin, id)).await;
    let problem = narrow.add_failure().await;
    check("retry problem", failures::retry_failure(services, admin, problem)).await;
    get("dismiss", failures::dismiss_failure(services, admin, problem)).await;
    check("split", downloads::confirm_split(services, admin, id)).await;
    get("cancel want", wants::cancel_want(services, admin, narrow.want)).await;
    let wanted = book("Emma", "Jane Austen");
    let want = get(
        "want",
        wants::create_want(services, admin, wanted.clone(), WantReason::Request),
    );
    check("search want", wants::search_now(services, admin, want.await)).await;
    get("start search", searches::start_search(services, admin, wanted)).await;
    get("run", runs::run_now(services, admin, JobKind::CleanUp)).await;
    let change = runs::JobChange {
        schedule: Some("0 3 * * *".into()),
        is_enabled: Some(true),
    };
    get("schedule", runs::change_job(services, admin, JobKind::CleanUp, change)).await;
    get("check", integrations::check_integration(services, admin, client)).await;
    get("delete", integrations::delete_integration(services, admin, client)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_in_the_background_takes_one_connection() {
    let narrow = Narrow::start().await;
    let (services, admin) = (&narrow.services, &narrow.admin);
    let id = get(
        "start search",
        searches::start_search(services, admin, book("Emma", "Jane Austen")),
    )
    .await;
    let ended = async {
        loop {
            let search = searches::get_search(services, admin, id).await?;
            if search.finished_at.is_some() {
                return Ok(search);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let search = get("search", ended).await;
    assert_eq!(search.indexers.len(), 1, "{}", search.sentence);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_what_admins_do_with_people_takes_one_connection() {
    let narrow = Narrow::start().await;
    let (services, admin) = (&narrow.services, &narrow.admin);
    let login = |password: &str| {
        let (username, password) = ("admin".into(), password.into());
        auth::login(services, LoginForm { username, password }, Origin::default())
    };
    let tokens = get("login", login(PASSWORD)).await.tokens;
    check("wrong password", login("wrong")).await;
    let next = get(
        "refresh",
        auth::refresh(services, &tokens.refresh_token, Origin::default()),
    );
    let next = next.await.tokens;
    check("forged", auth::refresh(services, "forged", Origin::default())).await;
    let actor = get("token", auth::authenticate(services, &next.access_token)).await;
    let key = NewApiKeyForm {
        name: "script".into(),
        scope: Scope::Read,
        expires_in_days: Some(1),
        requests_per_minute: None,
    };
    let key = get("create key", api_keys::create_key(services, admin, key)).await;
    get("key", auth::identify(services, &key.secret, &Origin::default())).await;
    check("unknown key", auth::identify(services, "unknown", &Origin::default())).await;
    get("revoke key", api_keys::revoke_key(services, admin, key.key.id)).await;
    let new = NewUserForm {
        username: "berta".into(),
        password: PASSWORD.into(),
        role: Role::Admin,
    };
    let berta = get("create user", users::create_user(services, admin, new)).await;
    get("role", users::set_role(services, admin, berta, Role::User)).await;
    let reset = ResetPasswordForm {
        new_password: "another password".into(),
    };
    get("reset", users::reset_password(services, admin, berta, reset)).await;
    get("delete user", users::delete_user(services, admin, berta)).await;
    let change = ChangePasswordForm {
        current_password: PASSWORD.into(),
        new_password: "another password".into(),
    };
    get("password", auth::change_password(services, &actor, change)).await;
    get("others", sessions::end_other_sessions(services, &actor)).await;
    get("logout", auth::logout(services, &actor)).await;
}
