//! Every write is done, by either door, and its line stands in the audit log with the sign-in that it was done by.

use std::collections::BTreeSet;

use reqwest::header::{ACCEPT, CONTENT_TYPE, REFERER};
use serde_json::{Value, json};

use crate::api::{Api, answer};
use crate::audited::{AUDITED, NOT_AUDITED};
use crate::doors::INTEGRATION;
use crate::seed::{Seeded, seed};
use crate::stage::{PASSWORD, wait_until};

const OTHER_PASSWORD: &str = "another long password";

/// What can't be done with rows alone; their lines are looked for where it is.
const ELSEWHERE: [(&str, &str, &str); 2] = [
    (
        "POST /v1/downloads",
        "grab_candidate",
        "crates/services/tests/it/acquisition.rs",
    ),
    (
        "POST /v1/downloads/{id}/confirm-split",
        "confirm_split",
        "crates/services/tests/it/packs.rs",
    ),
];
/// By the API it is walked; there is only one.
const ONCE: &str = "complete_setup";
/// Their page shows what the service says as the form's error, whether or not they did what they should.
const TELLS_BY_ERROR: [&str; 2] = ["check_sign_on", "check_integration"];

/// The admin "anna", who does everything.
struct Walk {
    api: Api,
    /// Her newest line that was looked at.
    last: i64,
    walked: BTreeSet<String>,
}

impl Walk {
    async fn start() -> Self {
        let api = Api::start().await;
        seed(&api.database).await;
        Self {
            api,
            last: 0,
            walked: BTreeSet::new(),
        }
    }

    /// Her lines since the last look.
    async fn look(&mut self) -> Vec<Value> {
        let mut log = self.api.ask("get", "/audit?actor=anna&limit=100", None).await.body;
        let lines = log["items"].as_array_mut().unwrap();
        lines.retain(|line| line["id"].as_i64().unwrap() > self.last);
        if let Some(newest) = lines.first() {
            self.last = newest["id"].as_i64().unwrap();
        }
        std::mem::take(lines)
    }

    /// Asserts that the write left the lines that the table promises, each with a sign-in.
    async fn check(&mut self, write: &str) {
        let lines = self.look().await;
        let left: BTreeSet<&str> = lines.iter().map(|line| line["action"].as_str().unwrap()).collect();
        let of_write = |call: &str, function: &str| call == write || function == write;
        if NOT_AUDITED.iter().any(|(call, function, _)| of_write(call, function)) {
            assert!(left.is_empty(), "{write} is said to leave no line: {left:?}");
        } else {
            let rows = AUDITED.iter().filter(|(call, function, _)| of_write(call, function));
            let promised: BTreeSet<&str> = rows.map(|(_, _, actions)| actions[0]).collect();
            assert!(!promised.is_empty(), "{write} is in no table");
            assert!(promised.is_subset(&left), "{write} left {left:?}, not {promised:?}");
        }
        for line in &lines {
            assert_eq!(line["credential"]["kind"], "session", "{write}: {line}");
        }
        self.walked.insert(write.to_owned());
    }

    /// Does a call of the API; `id` stands for whatever its path names.
    async fn call(&mut self, call: &str, id: &str, body: Option<Value>) -> Value {
        self.look().await;
        let (method, path) = call.split_once(" /v1").unwrap();
        let parts: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { id } else { part })
            .collect();
        let done = self.api.ask(&method.to_lowercase(), &parts.join("/"), body).await;
        assert!(done.status < 300, "{call}: {} {}", done.status, done.body);
        self.check(call).await;
        done.body
    }

    /// Calls a server function as a page's script does.
    async fn post(&mut self, function: &str, form: &str) {
        self.look().await;
        let url = &self.api.server.url;
        let call = self
            .api
            .http
            .post(format!("{url}/sfn/{function}"))
            .bearer_auth(&self.api.token)
            .header(ACCEPT, "application/json")
            .header(REFERER, format!("{url}/library"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.replace(' ', "+"));
        let done = call.send().await.unwrap();
        let (status, text) = (done.status().as_u16(), done.text().await.unwrap());
        let is_done = status < 300 || TELLS_BY_ERROR.contains(&function);
        assert!(is_done, "{function}: {status} {text}");
        self.check(function).await;
    }

    /// The id of her newest thing below this list.
    async fn newest(&self, list: &str) -> String {
        let listed = self.api.ask("get", list, None).await.body;
        let items = listed["items"].as_array().unwrap();
        let ids = items.iter().map(|item| item["id"].as_str().unwrap());
        ids.max().unwrap().to_owned()
    }

    /// The id of a sign-in of hers that is not this one.
    async fn other_session(&self) -> String {
        self.api.sign_in("anna").await;
        let sessions = self.api.ask("get", "/sessions", None).await.body;
        let mut all = sessions["items"].as_array().unwrap().iter();
        let other = all.find(|session| session["is_current"] == false).unwrap();
        other["id"].as_str().unwrap().to_owned()
    }

    /// Waits until no job is at work on a want.
    async fn settle(&self) {
        wait_until(async || {
            let runs = self.api.ask("get", "/runs?kind=search_want&limit=200", None).await.body;
            let is_over = |run: &Value| run["status"] != "queued" && run["status"] != "running";
            match runs["items"].as_array().unwrap().iter().all(is_over) {
                true => Ok(()),
                false => Err(runs.to_string()),
            }
        })
        .await;
    }

    async fn set_download(&self, number: u32, state: &str) {
        let id = Seeded::Download.id(number);
        self.settle().await;
        let reason = if state == "hold" { "'indexer_down'" } else { "NULL" };
        let sql = format!("UPDATE downloads SET state = '{state}', hold_reason = {reason} WHERE id = '{id}'");
        self.api.database.run_sql(&sql).await;
    }

    /// A failure that no run settles meanwhile: it is newer than any, and no further ahead than clocks may differ.
    async fn add_failure(&self) {
        let sql = format!(
            "INSERT INTO failures (id, kind, code, sentence, first_at, last_at)
             VALUES ('{}', 'clean_up', 'added', 'It failed.', now(), now() + INTERVAL '4 minutes')",
            Seeded::Failure.id(9)
        );
        self.api.database.run_sql(&sql).await;
    }

    /// A run that nobody starts today.
    async fn queue_run(&self) {
        let id = Seeded::Run.id(9);
        let sql = format!(
            "DELETE FROM runs WHERE id = '{id}'; INSERT INTO runs (id, kind, status, started_by, run_at, queued_at)
             VALUES ('{id}', 'clean_up', 'queued', 'anna', now() + INTERVAL '1 day', now())"
        );
        for statement in sql.split(';') {
            self.api.database.run_sql(statement).await;
        }
    }
}

/// The settings as their page's form has them.
fn settings_form(settings: &Value) -> String {
    let told = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    };
    let fields = settings.as_object().unwrap().iter();
    let fields = fields.map(|(name, value)| format!("input[{name}]={}", told(value)));
    fields.collect::<Vec<_>>().join("&")
}

fn id_form(id: &str, rest: &str) -> String {
    format!("id={id}{rest}")
}

#[tokio::test]
async fn every_write_leaves_its_line_with_the_sign_in_that_did_it() {
    let mut walk = Walk::start().await;
    walk.check("POST /v1/setup").await;
    walk_integrations(&mut walk).await;
    walk_wants_and_downloads(&mut walk).await;
    walk_jobs_and_settings(&mut walk).await;
    walk_sign_on(&mut walk).await;
    walk_people(&mut walk).await;
    walk_keys(&mut walk).await;
    walk_sign_ins(&mut walk).await;
    let audited = AUDITED.iter().map(|(call, function, _)| (*call, *function));
    let not_audited = NOT_AUDITED.iter().map(|(call, function, _)| (*call, *function));
    let elsewhere = ELSEWHERE.iter().flat_map(|(call, function, _)| [*call, *function]);
    let mut walked: BTreeSet<&str> = walk.walked.iter().map(String::as_str).collect();
    walked.extend(elsewhere.chain([ONCE]));
    let listed = audited
        .chain(not_audited)
        .flat_map(|(call, function)| [call, function])
        .filter(|name| !name.is_empty());
    let listed: BTreeSet<&str> = listed.collect();
    assert_eq!(walked, listed, "(walked, listed): do each write here");
}

async fn walk_integrations(walk: &mut Walk) {
    let torznab = |name: &str| {
        Some(
            json!({ "kind": "torznab", "name": name, "url": "http://127.0.0.1:9", "secret": "a key", "is_enabled": true }),
        )
    };
    let made = walk.call("POST /v1/integrations", "", torznab("first")).await;
    let first = made["id"].as_str().unwrap().to_owned();
    walk.call("PUT /v1/integrations/{id}", &first, torznab("renamed")).await;
    let off = Some(json!({ "is_enabled": false }));
    walk.call("PATCH /v1/integrations/{id}", &first, off).await;
    walk.call("POST /v1/integrations/{id}/check", &first, None).await;
    walk.call("POST /v1/integrations/test", "", torznab("draft")).await;
    walk.call("DELETE /v1/integrations/{id}", &first, None).await;
    let form = format!("{INTEGRATION}&input[secret]=a key");
    walk.post("test_integration", &form).await;
    walk.post("save_integration", &format!("{form}&input[is_enabled]=true"))
        .await;
    let saved = walk.newest("/integrations").await;
    walk.post("check_integration", &id_form(&saved, "")).await;
    // An indexer makes searches possible.
    walk.call("POST /v1/searches", "", Some(json!({ "title": "Dune" })))
        .await;
    walk.post("start_search", "form[title]=Dune").await;
    walk.post("set_integration_enabled", &id_form(&saved, "&is_enabled=false"))
        .await;
    walk.post("delete_integration", &id_form(&saved, "")).await;
}

async fn walk_wants_and_downloads(walk: &mut Walk) {
    let made = walk.call("POST /v1/wants", "", Some(json!({ "title": "Emma" }))).await;
    let want = made["id"].as_str().unwrap().to_owned();
    walk.settle().await;
    walk.call("POST /v1/wants/{id}/cancel", &want, None).await;
    walk.post("create_want", "form[title]=Persuasion").await;
    let want = walk.newest("/wants?status=open").await;
    walk.settle().await;
    walk.post("cancel_want", &id_form(&want, "")).await;

    let (first, second, third) = (Seeded::Download.id(1), Seeded::Download.id(2), Seeded::Download.id(3));
    walk.call("POST /v1/downloads/{id}/choose-another", &first, None).await;
    walk.post("choose_another", &id_form(&first, "")).await;
    walk.call("POST /v1/downloads/{id}/retry", &second, None).await;
    walk.set_download(2, "failed").await;
    walk.post("retry_download", &id_form(&second, "")).await;
    walk.set_download(3, "hold").await;
    walk.call("POST /v1/downloads/{id}/cancel", &third, None).await;
    walk.set_download(3, "hold").await;
    walk.post("cancel_download", &id_form(&third, "")).await;
    walk.call("POST /v1/wants/{id}/search", &Seeded::Want.id(3), None).await;
    walk.post("search_now", &id_form(&Seeded::Want.id(1), "")).await;
}

async fn walk_jobs_and_settings(walk: &mut Walk) {
    // Before the job that they are about succeeds.
    let failure = |number| Seeded::Failure.id(number);
    walk.call("POST /v1/failures/{id}/dismiss", &failure(1), None).await;
    walk.post("dismiss_failure", &id_form(&failure(2), "")).await;
    walk.call("POST /v1/failures/{id}/retry", &failure(3), None).await;
    walk.add_failure().await;
    walk.post("retry_failure", &id_form(&failure(9), "")).await;
    walk.post("set_job_schedule", "kind=clean_up&schedule=every 2 hours")
        .await;
    walk.call("POST /v1/jobs/{kind}/runs", "clean_up", None).await;
    walk.post("run_now", "kind=clean_up").await;
    let off = Some(json!({ "is_enabled": false }));
    walk.call("PATCH /v1/jobs/{kind}", "clean_up", off).await;
    walk.post("set_job_enabled", "kind=clean_up&is_enabled=true").await;
    let run = Seeded::Run.id(9);
    walk.queue_run().await;
    walk.call("POST /v1/runs/{id}/cancel", &run, None).await;
    walk.queue_run().await;
    walk.post("cancel_run", &id_form(&run, "")).await;

    let mut settings = walk.api.ask("get", "/settings", None).await.body;
    settings["min_seeders"] = 3.into();
    let templates = json!({ "series_template": settings["series_template"], "standalone_template": settings["standalone_template"] });
    let form = settings_form(&settings);
    walk.call("PUT /v1/settings", "", Some(settings)).await;
    walk.call("POST /v1/settings/naming-preview", "", Some(templates)).await;
    walk.post("save_settings", &form).await;
    walk.post("set_theme", "theme=dark").await;
}

async fn walk_sign_on(walk: &mut Walk) {
    let config = walk.api.ask("get", "/auth/oidc", None).await.body;
    let mut form = json!({ "settings": config["settings"], "client_secret": "", "has_no_secret": true });
    form["settings"]["issuer"] = "http://127.0.0.1:1".into();
    form["settings"]["client_id"] = "mamcrawler".into();
    form["settings"]["public_url"] = "http://127.0.0.1:2".into();
    form["settings"]["display_name"] = "Home".into();
    walk.call("PUT /v1/auth/oidc", "", Some(form.clone())).await;
    walk.call("POST /v1/auth/oidc/test", "", Some(form)).await;
    let fields = "input[issuer]=http://127.0.0.1:1&input[client_id]=mamcrawler&input[display_name]=Home\
        &input[public_url]=http://127.0.0.1:2&input[groups_claim]=groups&input[has_no_secret]=true";
    walk.post("save_sign_on", fields).await;
    walk.post("test_sign_on", fields).await;
    walk.post("check_sign_on", "").await;
    walk.call(
        "DELETE /v1/auth/identities/{identity_id}",
        &Seeded::Identity.id(1),
        None,
    )
    .await;
    walk.post("disconnect_identity", &id_form(&Seeded::Identity.id(2), ""))
        .await;
}

async fn walk_people(walk: &mut Walk) {
    let form = Some(json!({ "username": "berta", "password": PASSWORD, "role": "user" }));
    let made = walk.call("POST /v1/users", "", form).await;
    let berta = made["id"].as_str().unwrap().to_owned();
    let change = json!({ "username": "berta2", "role": "manager", "is_active": false });
    walk.call("PATCH /v1/users/{id}", &berta, Some(change)).await;
    let email = Some(json!({ "email": "berta@example.com" }));
    walk.call("PUT /v1/users/{id}/email", &berta, email).await;
    let password = Some(json!({ "new_password": OTHER_PASSWORD }));
    walk.call("POST /v1/users/{id}/password", &berta, password).await;
    walk.call("DELETE /v1/users/{id}", &berta, None).await;
    let eve = "username=eve&password=long enough too&role=user";
    walk.post("create_user", eve).await;
    let eve = walk.newest("/users").await;
    for (function, rest) in [
        ("rename_user", "&username=eva"),
        ("set_user_role", "&role=manager"),
        ("set_user_active", "&is_active=false"),
        ("set_user_email", "&email=eve@example.com"),
        ("reset_user_password", "&new_password=another long password"),
        ("delete_user", ""),
    ] {
        walk.post(function, &id_form(&eve, rest)).await;
    }
}

async fn walk_keys(walk: &mut Walk) {
    let form = Some(json!({ "name": "script", "scope": "read" }));
    let made = walk.call("POST /v1/keys", "", form).await;
    let key = made["key"]["id"].as_str().unwrap().to_owned();
    walk.call("POST /v1/keys/{id}/rotate", &key, Some(json!({ "grace_hours": 1 })))
        .await;
    walk.call("DELETE /v1/keys/{id}", &key, None).await;
    walk.post("create_key", "name=door&scope=read&expires_in_days=1").await;
    let key = walk.newest("/keys").await;
    walk.post("rotate_key", &id_form(&key, "&grace_hours=1")).await;
    walk.post("revoke_key", &id_form(&key, "")).await;
}

async fn walk_sign_ins(walk: &mut Walk) {
    let other = walk.other_session().await;
    walk.call("DELETE /v1/sessions/{id}", &other, None).await;
    let other = walk.other_session().await;
    walk.post("end_session", &id_form(&other, "")).await;
    walk.other_session().await;
    walk.call("DELETE /v1/sessions", "", None).await;
    walk.other_session().await;
    walk.post("end_other_sessions", "").await;

    let passwords = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    walk.call("POST /v1/auth/password", "", Some(passwords)).await;
    let back = format!("current_password={OTHER_PASSWORD}&new_password={PASSWORD}");
    walk.post("change_password", &back).await;

    let form = json!({ "username": "anna", "password": PASSWORD });
    let tokens = walk.call("POST /v1/auth/login", "", Some(form)).await;
    let token = json!({ "refresh_token": tokens["refresh_token"] });
    walk.call("POST /v1/auth/refresh", "", Some(token)).await;
    walk.post("login", &format!("username=anna&password={PASSWORD}")).await;

    for write in ["POST /v1/auth/logout", "logout"] {
        walk.look().await;
        let token = walk.api.sign_in("anna").await;
        let url = match write.strip_prefix("POST ") {
            Some(path) => format!("{}/api{path}", walk.api.server.url),
            None => format!("{}/sfn/{write}", walk.api.server.url),
        };
        let out = walk.api.http.post(url).bearer_auth(&token);
        let out = answer(out.header(CONTENT_TYPE, "application/x-www-form-urlencoded")).await;
        assert!(out.status < 300, "{write}: {} {}", out.status, out.body);
        walk.check(write).await;
    }
}
