//! The pages about jobs without a script: what failed, what is done about it, and when a job starts.

use reqwest::Response;

use crate::api::Api;
use crate::seed::{Seeded, seed};

/// A browser without JavaScript, signed in as the admin.
struct Browser {
    api: Api,
    http: reqwest::Client,
}

impl Browser {
    async fn open() -> Self {
        let api = Api::start().await;
        seed(&api.database).await;
        // Shows each redirect instead of following it.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { api, http }
    }

    async fn read(&self, path: &str) -> String {
        let call = self.http.get(format!("{}{path}", self.api.server.url));
        // As when one of our own pages leads there.
        let call = call.header("sec-fetch-site", "same-origin");
        let answer = call.bearer_auth(&self.api.token).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    async fn post(&self, function: &str, form: &[(&str, &str)], from: &str) -> String {
        let url = &self.api.server.url;
        let answer: Response = self
            .http
            .post(format!("{url}/sfn/{function}"))
            .header("accept", "text/html")
            .header("referer", format!("{url}{from}"))
            .form(form)
            .bearer_auth(&self.api.token)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_redirection(), "{function}: {}", answer.status());
        let target = answer.headers()["location"].to_str().unwrap();
        target.trim_start_matches(url.as_str()).to_owned()
    }
}

fn count(page: &str, words: &str) -> usize {
    page.matches(words).count()
}

#[tokio::test]
async fn problems_are_shown_counted_dismissed_and_retried() {
    let browser = Browser::open().await;
    browser
        .api
        .database
        .run_sql("UPDATE failures SET count = 1200 WHERE code = 'seeded 3'")
        .await;
    let page = browser.read("/problems").await;
    assert_eq!(count(&page, ">Dismiss<"), 3, "{page}");
    assert!(page.contains("1,200 times") && page.contains("once"), "{page}");
    assert!(browser.read("/").await.contains("Jobs could not do 3 things."));
    assert_eq!(
        count(&browser.read("/problems?kind=poll_clients").await, ">Dismiss<"),
        0
    );

    let (first, second) = (Seeded::Failure.id(1), Seeded::Failure.id(2));
    let back = browser.post("dismiss_failure", &[("id", &first)], "/problems").await;
    assert!(back.starts_with("/problems"), "{back}");
    assert_eq!(count(&browser.read("/problems").await, ">Dismiss<"), 2);
    let again = "UPDATE failures SET count = count + 3, dismissed_at = NULL WHERE last_dismissed_at IS NOT NULL";
    browser.api.database.run_sql(again).await;
    assert_eq!(
        count(&browser.read("/problems").await, ">Dismiss<"),
        2,
        "not within an hour"
    );
    let later = "UPDATE failures SET last_dismissed_at = last_dismissed_at - INTERVAL '1 hour'";
    browser.api.database.run_sql(later).await;
    let page = browser.read("/problems").await;
    assert_eq!(count(&page, "again 3 times since it was dismissed"), 1, "{page}");
    let run = browser.post("retry_failure", &[("id", &second)], "/problems").await;
    assert!(run.starts_with("/runs/"), "{run}");
    assert!(browser.read(&run).await.contains("Remove old records"));
}

#[tokio::test]
async fn a_job_is_given_another_schedule_by_a_plain_form() {
    let browser = Browser::open().await;
    let from = "/jobs?kind=clean_up";
    let page = browser.read(from).await;
    assert!(
        page.contains("daily at 01:00 (UTC)") && !page.contains("Reset to"),
        "{page}"
    );
    assert_eq!(count(&page, ">Change<"), 0, "it can be changed right here: {page}");
    assert!(count(&browser.read("/jobs").await, ">Change<") > 1);

    let wrong = [("kind", "clean_up"), ("schedule", "0 0 30 2 *")];
    let back = browser.post("set_job_schedule", &wrong, from).await;
    let page = browser.read(&back).await;
    assert!(page.contains("That day never comes."), "{back}: {page}");
    assert!(page.contains("daily at 01:00 (UTC)"), "nothing changed: {page}");

    let right = [("kind", "clean_up"), ("schedule", "30 4 * * 5")];
    assert_eq!(browser.post("set_job_schedule", &right, from).await, from);
    let page = browser.read(from).await;
    assert!(
        page.contains("at 04:30, on Friday (UTC)") && page.contains("Reset to"),
        "{page}"
    );
    browser.post("set_job_schedule", &[("kind", "clean_up")], from).await;
    assert!(browser.read(from).await.contains("daily at 01:00 (UTC)"));
}
