//! Refusals at the doors are in the audit log, and every refused request is in the process's.

use reqwest::Client;
use serde_json::{Value, json};

use crate::stage::{PASSWORD, bare_server, set_up};
use crate::support::Server;

/// A server with its admin.
struct Watched {
    server: Server,
    http: Client,
    admin: String,
    _database: testing::TestDatabase,
}

impl Watched {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let (mut server, _database) = bare_server().await;
        for (name, value) in settings {
            server.set(name, value);
        }
        server.start().await;
        let http = testing::sandbox::http_client().unwrap();
        let tokens = set_up(&server, &http).await;
        let admin = tokens["access_token"].as_str().unwrap().to_owned();
        Self {
            server,
            http,
            admin,
            _database,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url)
    }

    /// The access token of a new viewer "vera".
    async fn add_viewer(&self) -> String {
        let vera = json!({ "username": "vera", "password": PASSWORD, "role": "viewer" });
        let created = self.http.post(self.url("/api/v1/users")).bearer_auth(&self.admin);
        assert!(created.json(&vera).send().await.unwrap().status().is_success());
        let vera = json!({ "username": "vera", "password": PASSWORD });
        let signed_in = self.http.post(self.url("/api/v1/auth/login")).json(&vera);
        let signed_in: Value = signed_in.send().await.unwrap().json().await.unwrap();
        signed_in["access_token"].as_str().unwrap().to_owned()
    }

    /// Lines about refused requests, newest first.
    async fn refusals(&self) -> Vec<Value> {
        let log = self.http.get(self.url("/api/v1/audit?action=request_refused"));
        let log = log.bearer_auth(&self.admin).send().await.unwrap();
        let mut log: Value = log.json().await.unwrap();
        serde_json::from_value(log["items"].take()).unwrap()
    }
}

fn fact<'a>(line: &'a Value, name: &str) -> &'a Value {
    let mut facts = line["facts"].as_array().unwrap().iter();
    facts
        .find(|fact| fact["name"] == name)
        .map_or(&Value::Null, |fact| &fact["value"])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_small_role_was_refused_is_in_the_audit_log() {
    let watched = Watched::start(&[]).await;
    let vera = watched.add_viewer().await;
    let users = watched.url("/api/v1/users");
    let refused = watched.http.get(&users).bearer_auth(&vera).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    // Nobody is not refused by name.
    assert_eq!(watched.http.get(&users).send().await.unwrap().status(), 401);
    let lines = watched.refusals().await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(
        (&lines[0]["actor"], &lines[0]["subject"], &lines[0]["address"]),
        (&json!("vera"), &json!("GET /api/v1/users"), &json!("127.0.0.1"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_server_function_is_named_also_when_a_plain_form_called_it() {
    let watched = Watched::start(&[]).await;
    let vera = watched.add_viewer().await;
    let form = [("username", "eve"), ("password", PASSWORD), ("role", "admin")];
    for (accept, shown_at) in [("application/json", "/sfn/create_user"), ("text/html", "/")] {
        let call = watched.http.post(watched.url("/sfn/create_user")).bearer_auth(&vera);
        let call = call
            .header("accept", accept)
            .header("referer", watched.url("/"))
            .form(&form);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.url().path(), shown_at, "{accept}");
    }
    let lines = watched.refusals().await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        assert_eq!(
            (&line["actor"], &line["subject"], fact(&line, "code")),
            (&json!("vera"), &json!("POST /sfn/create_user"), &json!("forbidden"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_from_another_site_is_in_the_audit_log() {
    let watched = Watched::start(&[]).await;
    let call = watched.http.post(watched.url("/sfn/logout"));
    let call = call
        .header("cookie", format!("mamcrawler_access={}", watched.admin))
        .header("sec-fetch-site", "cross-site");
    assert_eq!(call.send().await.unwrap().status(), 403);
    let lines = watched.refusals().await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(
        (&lines[0]["subject"], &lines[0]["address"], fact(&lines[0], "reason")),
        (&json!("POST /sfn/logout"), &json!("127.0.0.1"), &json!("another_site"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_one_address_leaves_a_few_lines_in_the_audit_log() {
    let settings = [
        ("MAMCRAWLER_RATE_ADDRESS", "300/h"),
        ("MAMCRAWLER_RATE_HEALTH", "100000/min"),
        ("MAMCRAWLER_TRUSTED_PROXIES", "127.0.0.0/8"),
    ];
    let watched = Watched::start(&settings).await;
    let mut refused = 0;
    for _ in 0..340 {
        let call = watched.http.get(watched.url("/health/live"));
        let answer = call.header("x-forwarded-for", "192.0.2.9").send().await.unwrap();
        refused += usize::from(answer.status() == 429);
    }
    assert!(refused >= 30, "{refused}");
    let lines = watched.refusals().await;
    // Ten within a minute, of which one may end meanwhile.
    assert!((10..=20).contains(&lines.len()), "{}", lines.len());
    assert_eq!(
        (&lines[0]["subject"], &lines[0]["address"], fact(&lines[0], "reason")),
        (&json!("GET /health/live"), &json!("192.0.2.9"), &json!("address"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refused_request_is_in_the_servers_log_and_a_flood_is_not() {
    let watched = Watched::start(&[("MAMCRAWLER_LOG_FORMAT", "json"), ("MAMCRAWLER_RATE_SEARCH", "1/h")]).await;
    let vera = watched.add_viewer().await;
    let call = |method: &str, path: &str| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        watched
            .http
            .request(method, watched.url(path))
            .header("accept", "application/json")
    };
    let nothing = "/api/v1/books/018f2f5e-7c1a-7e55-b6a4-0c5a4c9d2f11";
    let calls = [
        (call("GET", "/api/v1/books"), "401 unauthorized", false),
        (
            call("GET", "/api/v1/books").bearer_auth("a.b.c"),
            "401 unauthorized",
            false,
        ),
        (call("GET", "/api/v1/users").bearer_auth(&vera), "403 forbidden", true),
        (call("GET", nothing).bearer_auth(&vera), "404 not_found", true),
        (call("DELETE", "/api/v1/books").bearer_auth(&vera), "405", true),
        (
            call("GET", "/api/v1/books?limit=many").bearer_auth(&vera),
            "422 validation_error",
            true,
        ),
    ];
    for (number, (call, expected, is_known)) in calls.into_iter().enumerate() {
        let id = format!("refused-{number}");
        let status = call.header("x-request-id", &id).send().await.unwrap().status();
        assert!(expected.starts_with(status.as_str()), "{expected}: {status}");
        let line = find_refusal(&watched.server, &id).expect(expected);
        let fields = &line["fields"];
        let seen = format!("{} {}", fields["status"], fields["code"].as_str().unwrap_or_default());
        assert_eq!(seen.trim(), expected);
        assert_eq!(fields["client.address"], "127.0.0.1", "{line}");
        assert_eq!(fields["user.id"].is_string(), is_known, "{line}");
    }
    let search = async |id: &str| {
        let call = call("POST", "/api/v1/searches")
            .bearer_auth(&watched.admin)
            .header("x-request-id", id);
        let status = call
            .json(&json!({ "title": "Dune" }))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16();
        (status, find_refusal(&watched.server, id).is_some())
    };
    assert_eq!(search("first").await, (201, false));
    assert_eq!(search("flood").await, (429, false));
}

/// The line of the server's log about the refusal of this request.
fn find_refusal(server: &Server, request_id: &str) -> Option<Value> {
    let log = server.log();
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["fields"]["message"] == "refused a request" && line["span"]["id"] == request_id)
}
