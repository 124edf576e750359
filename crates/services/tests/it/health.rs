//! How all of it stands, for those who look after it.

use services::health::{get_health, take_readings};
use services::integrations;
use types::health::HealthReport;
use types::integrations::{Health, IntegrationKind};
use types::people::Role;

use crate::support::{TestApp, form};

const NOWHERE: &str = "http://127.0.0.1:1";

fn check_of<'a>(report: &'a HealthReport, name: &str) -> &'a types::health::HealthCheck {
    let mut checks = report.checks.iter();
    let found = checks.find(|check| check.name == name);
    found.unwrap_or_else(|| panic!("no check {name}: {:#?}", report.checks))
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_a_stop_until_they_change() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let new = form(IntegrationKind::Torznab, NOWHERE, "key");
    let id = integrations::save_integration(&app.services, &admin, new)
        .await
        .unwrap();
    let stopped = async || {
        let readings = take_readings(&app.services).await.unwrap();
        readings.integrations[0].stopped.clone()
    };
    assert_eq!(stopped().await, None);

    let mut conn = app.database.connection().await;
    let now = app.services.now();
    db::integrations::record_refusal(&mut conn, id, 1, "It refused the key.", now)
        .await
        .unwrap();
    assert_eq!(stopped().await.as_deref(), Some("It refused the key."));
    let report = get_health(&app.services, &admin).await.unwrap();
    let name = format!("integration {}", report.integrations[0].name);
    let check = check_of(&report, &name);
    assert_eq!(check.health, Health::Failing);
    assert!(check.sentence.contains("It refused the key."), "{}", check.sentence);
    assert_eq!(report.health, Health::Failing);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_for_managers() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let user = app.person(&admin, "user", Role::User).await;
    assert!(get_health(&app.services, &user).await.is_err());
    let manager = app.person(&admin, "manager", Role::Manager).await;
    let report = get_health(&app.services, &manager).await.unwrap();
    assert_eq!(check_of(&report, "library").health, Health::Unknown);
    assert_eq!(check_of(&report, "backup").health, Health::Warning);
}

#[tokio::test(flavor = "multi_thread")]
async fn room_is_measured_where_the_services_say_that_files_are() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut new = form(IntegrationKind::Qbittorrent, NOWHERE, "password");
    new.options.save_path = "/nowhere/to/be/seen".into();
    integrations::save_integration(&app.services, &admin, new)
        .await
        .unwrap();
    let disks = take_readings(&app.services).await.unwrap().disks;
    let by_place = |place: &str| disks.iter().find(|disk| disk.place == place).unwrap();
    let data = by_place("data");
    assert!(
        data.free_bytes.unwrap() > 0 && data.size_bytes > data.free_bytes,
        "{data:?}"
    );
    let downloads = by_place("downloads");
    assert_eq!(
        (downloads.path.as_str(), downloads.free_bytes),
        ("/nowhere/to/be/seen", None)
    );
    let report = get_health(&app.services, &admin).await.unwrap();
    assert!(check_of(&report, "disk downloads").sentence.contains("can't be seen"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_file_is_gone_or_broken_is_none() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let look = async || {
        let report = get_health(&app.services, &admin).await.unwrap();
        let last = take_readings(&app.services).await.unwrap().last_backup;
        let check = check_of(&report, "backup").clone();
        (check.health, last.is_some(), check.sentence)
    };
    let report = get_health(&app.services, &admin).await.unwrap();
    assert_eq!(check_of(&report, "program pg_dump").health, Health::Ok, "{report:#?}");
    // Not there before the first backup, but its room is.
    assert_ne!(check_of(&report, "disk backups").health, Health::Unknown, "{report:#?}");

    let made = services::backups::make_backup(&app.services, None).await.unwrap();
    let (health, is_known, sentence) = look().await;
    assert_eq!((health, is_known), (Health::Ok, true), "{sentence}");

    app.run_sql("UPDATE backups SET fault = 'is damaged'").await;
    let (health, is_known, sentence) = look().await;
    assert_eq!((health, is_known), (Health::Failing, false), "{sentence}");

    app.run_sql("UPDATE backups SET fault = NULL").await;
    std::fs::remove_file(made.path).unwrap();
    let (health, is_known, sentence) = look().await;
    assert_eq!((health, is_known), (Health::Failing, false), "{sentence}");
    assert!(sentence.contains("No sound backup is in "), "{sentence}");
}
