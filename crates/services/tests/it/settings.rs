//! Settings, jobs and live events.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use futures::StreamExt;
use services::{events, integrations, runs, settings};
use types::ErrorCode;
use types::events::LiveEvent;
use types::integrations::{IntegrationForm, IntegrationKind};
use types::jobs::{JobKind, RunStatus};
use types::people::Role;
use types::settings::Settings;

use crate::support::{TestApp, form};

#[tokio::test(flavor = "multi_thread")]
async fn saved_settings_are_in_force_and_wrong_ones_are_named() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    assert_eq!(
        settings::get_settings(&app.services, &admin).await.unwrap(),
        Settings::default()
    );
    let wanted = Settings {
        min_seeders: 3,
        languages: vec![" German ".into(), String::new()],
        ..Settings::default()
    };
    settings::save_settings(&app.services, &admin, wanted).await.unwrap();
    let stored = settings::get_settings(&app.restarted(), &admin).await.unwrap();
    assert_eq!((stored.min_seeders, stored.languages), (3, vec!["German".to_owned()]));
    let wrong = Settings {
        series_template: "{nonsense}".into(),
        library_path: "relative".into(),
        floor_buffer: f64::NAN,
        languages: Vec::new(),
        ..Settings::default()
    };
    let error = settings::save_settings(&app.services, &admin, wrong).await.unwrap_err();
    assert_eq!(
        error.context.keys().collect::<Vec<_>>(),
        ["floor_buffer", "languages", "library_path", "series_template"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_version_stored_stays_when_an_older_one_saves() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    settings::save_settings(&app.services, &admin, Settings::default())
        .await
        .unwrap();
    let new = form(IntegrationKind::Prowlarr, "http://127.0.0.1:1", "key");
    let id = integrations::save_integration(&app.services, &admin, new.clone())
        .await
        .unwrap();
    let mut conn = app.database.connection().await;
    conn.batch_execute(
        r#"UPDATE settings SET value = value || '{"newer": 7}' WHERE name = 'settings';
           UPDATE integrations SET options = options || '{"newer": 7}'"#,
    )
    .await
    .unwrap();
    let wanted = Settings {
        min_seeders: 3,
        ..Settings::default()
    };
    settings::save_settings(&app.services, &admin, wanted).await.unwrap();
    let edited = IntegrationForm { id: Some(id), ..new };
    integrations::save_integration(&app.services, &admin, edited)
        .await
        .unwrap();
    let stored = "SELECT value->>'newer' || (value->>'min_seeders') || (SELECT options->>'newer' FROM integrations)
        FROM settings WHERE name = 'settings'";
    assert_eq!(app.query_text(stored).await, "737");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_naming_preview_shows_folders_or_what_is_wrong() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let preview = settings::preview_naming(
        &app.services,
        &admin,
        "{author}/{series}/{sequence} - {title}".into(),
        "{".into(),
    );
    let preview = preview.await.unwrap();
    assert_eq!(preview[0].result.as_deref(), Ok("Frank Herbert/Dune/2 - Dune Messiah"));
    assert!(preview[1].result.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_started_by_hand_once_and_cancelled() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    runs::ensure_job_definitions(&app.services).await.unwrap();
    let id = runs::run_now(&app.services, &admin, JobKind::CleanUp).await.unwrap();
    assert_eq!(
        runs::run_now(&app.services, &admin, JobKind::CleanUp).await.unwrap(),
        id
    );
    let refused = runs::run_now(&app.services, &admin, JobKind::ImportDownload)
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict);
    runs::cancel_run(&app.services, &admin, id).await.unwrap();
    let run = runs::get_run(&app.services, &admin, id).await.unwrap();
    assert_eq!(
        (run.summary.status, run.summary.sentence.as_str()),
        (RunStatus::Cancelled, "Cancelled by admin.")
    );
    assert_eq!(
        runs::cancel_run(&app.services, &admin, id).await.unwrap_err().code,
        ErrorCode::Conflict
    );
    let user = app.person(&admin, "berta", Role::User).await;
    assert!(runs::run_now(&app.services, &user, JobKind::CleanUp).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_with_their_schedule_and_can_be_switched_off() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    runs::ensure_job_definitions(&app.services).await.unwrap();
    runs::set_job_enabled(&app.services, &admin, JobKind::SearchWanted, false)
        .await
        .unwrap();
    let jobs = runs::list_jobs(&app.services, &admin).await.unwrap();
    let wanted = jobs.iter().find(|job| job.kind == JobKind::SearchWanted).unwrap();
    assert_eq!(
        (wanted.is_enabled, wanted.schedule.as_str(), wanted.next_at),
        (false, "every 6 hours", None)
    );
    let full = jobs.iter().find(|job| job.kind == JobKind::SyncLibraryFull).unwrap();
    assert_eq!(full.schedule, "daily at 02:00 (UTC)");
    assert!(full.next_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_another_process_reaches_every_page() {
    let app = TestApp::new().await;
    let before = events::position(&app.services);
    let mut pages = [(); 2].map(|()| events::subscribe(&app.services, Some(&before)).map(|change| change.event));
    // Until the listener is connected, events are lost.
    for page in &mut pages {
        hear(page, LiveEvent::Missed).await;
    }
    let mut conn = app.database.connection().await;
    events::publish(&mut conn, &LiveEvent::Wants).await.unwrap();
    for page in &mut pages {
        hear(page, LiveEvent::Wants).await;
    }
}

async fn hear(page: &mut (impl futures::Stream<Item = LiveEvent> + Unpin), expected: LiveEvent) {
    let heard = tokio::time::timeout(Duration::from_secs(20), page.next()).await;
    assert_eq!(heard.expect("an event is heard"), Some(expected));
}

struct Echo;

#[async_trait::async_trait]
impl jobs::Handler for Echo {
    async fn run(&self, ctx: jobs::RunContext) -> Result<jobs::Outcome, jobs::JobError> {
        Ok(jobs::Outcome::Done(format!("{} by {}", ctx.kind(), ctx.started_by())))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_started_worker_does_what_was_queued() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut events = events::subscribe(&app.services, None).map(|change| change.event);
    let worker = runs::start_worker(&app.services, std::sync::Arc::new(Echo), |options| options);
    let id = runs::run_now(&app.services, &admin, JobKind::CleanUp).await.unwrap();
    let run = loop {
        let run = runs::get_run(&app.services, &admin, id).await.unwrap();
        if run.summary.finished_at.is_some() {
            break run;
        }
        let _ = tokio::time::timeout(Duration::from_millis(100), events.next()).await;
    };
    worker.stop().await;
    assert_eq!(run.summary.sentence, "clean_up by admin");
}
