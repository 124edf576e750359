//! When jobs start, as an admin says.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::TimeDelta;
use services::runs::{JobChange, change_job, ensure_job_definitions, get_job};
use services::seen::{Expected, Seen};
use services::settings::{get_settings, save_settings};
use types::ErrorCode;
use types::jobs::{JobKind, JobSummary};
use types::people::Role;
use types::settings::Settings;

use crate::support::TestApp;

const NIGHTLY: JobKind = JobKind::SyncLibraryFull;

fn schedule(text: &str) -> JobChange {
    JobChange {
        schedule: Some(text.into()),
        ..JobChange::default()
    }
}

async fn see(app: &TestApp, admin: &services::Actor) -> JobSummary {
    get_job(&app.services, admin, NIGHTLY).await.unwrap().value
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_gives_a_job_another_schedule_and_the_programs_back() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    ensure_job_definitions(&app.services).await.unwrap();
    change_job(&app.services, &admin, NIGHTLY, schedule(" 30  4 * * FRI "))
        .await
        .unwrap();
    let job = see(&app, &admin).await;
    assert_eq!(job.schedule, "at 04:30, on Friday (UTC)");
    assert_eq!((job.schedule_text.as_str(), job.is_custom), ("30 4 * * FRI", true));
    assert_eq!(job.default_schedule, "0 2 * * *");
    assert!(job.next_local.unwrap().starts_with("Fri "), "{:?}", job.next_at);
    // A restart is an upgrade as far as schedules go.
    ensure_job_definitions(&app.services).await.unwrap();
    assert!(see(&app, &admin).await.is_custom);
    assert!(app.audited().await.contains("set_job_schedule"));
    for reset in ["default", ""] {
        change_job(&app.services, &admin, NIGHTLY, schedule("every 2 days"))
            .await
            .unwrap();
        change_job(&app.services, &admin, NIGHTLY, schedule(reset))
            .await
            .unwrap();
        let job = see(&app, &admin).await;
        assert_eq!((job.schedule.as_str(), job.is_custom), ("daily at 02:00 (UTC)", false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_makes_no_sense_changes_nothing_and_says_why() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    ensure_job_definitions(&app.services).await.unwrap();
    let before = see(&app, &admin).await;
    for (text, said) in [
        ("0 0 30 2 *", "never comes"),
        ("* * * * * *", "every minute"),
        ("every 10 seconds", "every minute"),
        ("whenever", "five fields"),
    ] {
        let refused = change_job(&app.services, &admin, NIGHTLY, schedule(text))
            .await
            .unwrap_err();
        assert_eq!(refused.code, ErrorCode::ValidationError, "{text}");
        assert!(
            refused.context["schedule"].contains(said),
            "{text}: {}",
            refused.message
        );
    }
    let nothing = change_job(&app.services, &admin, NIGHTLY, JobChange::default())
        .await
        .unwrap_err();
    assert_eq!(nothing.code, ErrorCode::ValidationError);
    assert_eq!(see(&app, &admin).await, before);
    let manager = app.person(&admin, "berta", Role::Manager).await;
    let refused = change_job(&app.services, &manager, NIGHTLY, schedule("every day"))
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_schedule_that_was_changed_meanwhile_is_refused() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    ensure_job_definitions(&app.services).await.unwrap();
    let seen = get_job(&app.services, &admin, NIGHTLY).await.unwrap().edition;
    change_job(&app.services, &admin, NIGHTLY, schedule("every day"))
        .await
        .unwrap();
    let late = Seen {
        it: NIGHTLY,
        expected: Expected::OneOf(vec![seen.as_str().into()]),
    };
    let refused = change_job(&app.services, &admin, late, schedule("every 2 days"))
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict);
    assert_eq!(see(&app, &admin).await.schedule_text, "every day");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_zone_moves_the_jobs_that_go_by_the_clock() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    ensure_job_definitions(&app.services).await.unwrap();
    let utc = see(&app, &admin).await.next_at.unwrap();
    let zone = |name: &str| Settings {
        time_zone: name.into(),
        ..Settings::default()
    };
    save_settings(&app.services, &admin, zone(" asia/kolkata "))
        .await
        .unwrap();
    assert_eq!(
        get_settings(&app.services, &admin).await.unwrap().time_zone,
        "Asia/Kolkata"
    );
    let job = see(&app, &admin).await;
    assert_eq!(job.schedule, "daily at 02:00 (Asia/Kolkata)");
    let moved = (utc - job.next_at.unwrap())
        .num_minutes()
        .rem_euclid(TimeDelta::days(1).num_minutes());
    assert_eq!(moved, 330, "Kolkata's clocks are five and a half hours ahead");
    let refused = save_settings(&app.services, &admin, zone("Mars/Olympus"))
        .await
        .unwrap_err();
    assert!(
        refused.context["time_zone"].contains("Europe/Berlin"),
        "{}",
        refused.message
    );
    // The next start of the program takes the zone from the settings.
    app.run_sql("UPDATE job_definitions SET time_zone = 'UTC'").await;
    ensure_job_definitions(&app.services).await.unwrap();
    assert_eq!(see(&app, &admin).await.schedule, "daily at 02:00 (Asia/Kolkata)");
}
