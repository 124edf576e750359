//! What jobs could not do, as people see it and act on it.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use chrono::TimeDelta;
use services::Actor;
use services::failures::{Retried, dismiss_failure, list_failures, retry_failure};
use types::integrations::IntegrationKind;
use types::jobs::{FailedItemKind, Failure, JobKind, RunStatus};
use types::people::Role;
use types::{DownloadId, ErrorCode, FailureId, PageRequest};

use crate::due_jobs::{add_download, connect, run_job};
use crate::support::TestApp;

async fn see(app: &TestApp, admin: &Actor) -> Vec<Failure> {
    let page = list_failures(&app.services, admin, None, PageRequest::default()).await;
    page.unwrap().items
}

/// A download that failed for the last time, and what is listed of it.
async fn abandon(app: &TestApp, admin: &Actor) -> Failure {
    add_download(app, 1, "failed", "attempts = 3, next_at = created_at").await;
    run_job(app, admin, JobKind::RetryDue).await;
    assert_eq!(app.query_text("SELECT state FROM downloads").await, "abandoned");
    see(app, admin).await.pop().expect("the end is counted")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_is_given_up_is_a_problem_until_a_person_retries_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let failure = abandon(&app, &admin).await;
    let item = failure.item.clone().unwrap();
    assert_eq!((item.kind, item.name.as_str()), (FailedItemKind::Download, "Dune"));
    assert_eq!(
        (failure.kind, failure.count, failure.code.as_str()),
        (JobKind::RetryDue, 1, "abandoned")
    );
    let dashboard = services::dashboard::get_dashboard(&app.services, &admin).await.unwrap();
    assert_eq!(dashboard.failures, Some(1));
    let manager = app.person(&admin, "carla", Role::Manager).await;
    let retried = retry_failure(&app.services, &manager, failure.id).await.unwrap();
    assert_eq!(retried, Retried::Download(DownloadId(item.id)));
    assert_eq!(app.query_text("SELECT state FROM downloads").await, "searching");
    assert_eq!(see(&app, &admin).await, []);
    assert!(app.audited().await.contains("retry_download"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_with_something_that_is_gone_can_only_be_dismissed() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let failure = abandon(&app, &admin).await;
    app.run_sql("DELETE FROM downloads").await;
    let shown = see(&app, &admin).await.pop().unwrap();
    assert_eq!(shown.item.unwrap().kind, FailedItemKind::Gone);
    let refused = retry_failure(&app.services, &admin, failure.id).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict);
    assert!(refused.message.contains("Dismiss it"), "{}", refused.message);
    dismiss_failure(&app.services, &admin, failure.id).await.unwrap();
    assert_eq!(see(&app, &admin).await, []);
    assert!(app.audited().await.contains("dismiss_failure"));
    let again = dismiss_failure(&app.services, &admin, failure.id).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integration_that_fails_is_a_problem_until_it_answers() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let server = wiremock::MockServer::start().await;
    let id = connect(&app, &admin, IntegrationKind::Torznab, &server.uri()).await;
    run_job(&app, &admin, JobKind::CheckIntegrations).await;
    app.clock.advance(TimeDelta::minutes(20));
    run_job(&app, &admin, JobKind::CheckIntegrations).await;
    let failure = see(&app, &admin).await.pop().unwrap();
    let item = failure.item.clone().unwrap();
    assert_eq!((item.kind, item.id), (FailedItemKind::Integration, id.0));
    assert_eq!((failure.count, failure.code.as_str()), (2, "integration_failing"));
    assert!(
        failure.last_run.is_some() && failure.last_at > failure.first_at,
        "{failure:?}"
    );
    let manager = app.person(&admin, "carla", Role::Manager).await;
    let refused = retry_failure(&app.services, &manager, failure.id).await.unwrap_err();
    assert_eq!(
        refused.code,
        ErrorCode::Forbidden,
        "a job is started by admins, here as there"
    );
    let Retried::Run(run) = retry_failure(&app.services, &admin, failure.id).await.unwrap() else {
        panic!("a check is a run of its own")
    };
    let run = services::runs::get_run(&app.services, &admin, run).await.unwrap();
    assert_eq!(
        (run.summary.kind, run.summary.status),
        (JobKind::CheckIntegrations, RunStatus::Queued)
    );
    assert_eq!(see(&app, &admin).await.len(), 1, "it is one until it works");
    let caps = r#"<caps><searching><search available="yes" supportedParams="q"/></searching></caps>"#;
    let feed = "<rss><channel></channel></rss>";
    for (function, xml) in [("caps", caps), ("search", feed)] {
        let answer = wiremock::ResponseTemplate::new(200).set_body_raw(xml, "application/xml");
        let asked = wiremock::matchers::query_param("t", function);
        wiremock::Mock::given(asked).respond_with(answer).mount(&server).await;
    }
    app.clock.advance(TimeDelta::minutes(20));
    run_job(&app, &admin, JobKind::CheckIntegrations).await;
    assert_eq!(app.query_text("SELECT health FROM integrations").await, "ok");
    assert_eq!(see(&app, &admin).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_problems_are_forgotten_and_only_managers_see_any() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let failure = abandon(&app, &admin).await;
    let user = app.person(&admin, "berta", Role::User).await;
    let (services, page) = (&app.services, PageRequest::default);
    assert!(list_failures(services, &user, None, page()).await.is_err());
    assert!(retry_failure(services, &user, failure.id).await.is_err());
    assert!(dismiss_failure(services, &user, failure.id).await.is_err());
    let dashboard = services::dashboard::get_dashboard(services, &user).await.unwrap();
    assert_eq!(dashboard.failures, None);
    let manager = app.person(&admin, "carla", Role::Manager).await;
    assert_eq!(see(&app, &manager).await.len(), 1);
    let nowhere = retry_failure(services, &manager, FailureId(uuid_of(9)))
        .await
        .unwrap_err();
    assert_eq!(nowhere.code, ErrorCode::NotFound);
    let foreign = PageRequest {
        cursor: Some("zz".into()),
        limit: None,
    };
    let refused = list_failures(services, &manager, None, foreign).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::ValidationError);
    app.clock.advance(TimeDelta::days(31));
    run_job(&app, &admin, JobKind::CleanUp).await;
    assert_eq!(app.query_text("SELECT count(*) FROM failures").await, "0");
}

fn uuid_of(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}
