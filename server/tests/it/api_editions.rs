//! `If-Match`, on every operation of the document that takes it.

use serde_json::{Value, json};
use services::Actor;
use types::jobs::JobKind;
use types::oidc::{OidcForm, OidcSettings};
use types::people::UserChange;
use types::settings::Settings;

use crate::api::{Answer, Api, answer};
use crate::api_document::operations;
use crate::stage::PASSWORD;

/// One operation, on things of its own.
struct Case<'a> {
    api: &'a Api,
    admin: &'a Actor,
    route: (&'a str, &'a str),
    /// Names what it makes.
    name: String,
    /// Id of the integration or user that was made for it.
    id: String,
}

impl Case<'_> {
    fn address(&self) -> String {
        let path = self.route.1.trim_start_matches("/api/v1");
        path.replace("{id}", &self.id).replace("{kind}", "clean_up")
    }

    async fn read(&self) -> Answer {
        let path = match self.route.1 {
            "/api/v1/users/{id}/email" => format!("/auth/identities?user_id={}", self.id),
            _ => self.address(),
        };
        self.api.ask("get", &path, None).await
    }

    async fn edit(&self, tag: &str) -> Answer {
        let call = self.api.call(self.route.0, &self.address());
        let call = call.bearer_auth(&self.api.token).header("if-match", tag);
        answer(match self.body() {
            Value::Null => call,
            body => call.json(&body),
        })
        .await
    }

    fn body(&self) -> Value {
        let name = format!("{}.new", self.name);
        match self.route {
            ("delete", _) => Value::Null,
            ("put", "/api/v1/integrations/{id}") => integration(&name),
            ("patch", "/api/v1/integrations/{id}" | "/api/v1/jobs/{kind}") => json!({ "is_enabled": true }),
            ("patch", "/api/v1/users/{id}") => json!({ "username": name }),
            ("put", "/api/v1/users/{id}/email") => json!({ "email": format!("{name}@example.com") }),
            ("put", "/api/v1/settings") => json!(Settings {
                min_seeders: 9,
                ..Settings::default()
            }),
            ("put", "/api/v1/auth/oidc") => json!(sign_on("ours")),
            other => panic!("say here what {other:?} edits"),
        }
    }

    /// Makes what is edited.
    async fn begin(&mut self) {
        let (path, form) = match self.route.1 {
            "/api/v1/integrations/{id}" => ("/integrations", integration(&self.name)),
            "/api/v1/users/{id}" | "/api/v1/users/{id}/email" => {
                let form = json!({ "username": self.name, "password": PASSWORD, "role": "user" });
                ("/users", form)
            }
            _ => return,
        };
        let made = self.api.ask("post", path, Some(form)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        self.id = made.body["id"].as_str().unwrap().to_owned();
    }

    /// What somebody else edits meanwhile, in another process.
    async fn edit_elsewhere(&self) {
        let (services, admin) = (&self.api.services, self.admin);
        let id = || self.id.parse::<uuid::Uuid>().unwrap();
        match self.route.1 {
            "/api/v1/integrations/{id}" => {
                services::integrations::set_integration_enabled(services, admin, types::IntegrationId(id()), false)
                    .await
                    .unwrap();
            }
            "/api/v1/users/{id}" | "/api/v1/users/{id}/email" => {
                let change = UserChange {
                    username: Some(format!("{}.other", self.name)),
                    ..UserChange::default()
                };
                services::users::change_user(services, admin, types::UserId(id()), change)
                    .await
                    .unwrap();
            }
            "/api/v1/jobs/{kind}" => services::runs::set_job_enabled(services, admin, JobKind::CleanUp, false)
                .await
                .unwrap(),
            "/api/v1/settings" => {
                let settings = Settings {
                    min_seeders: 7,
                    ..Settings::default()
                };
                services::settings::save_settings(services, admin, settings)
                    .await
                    .unwrap();
            }
            "/api/v1/auth/oidc" => {
                services::oidc::save_config(services, admin, sign_on("theirs"))
                    .await
                    .unwrap();
            }
            other => panic!("say here what somebody else edits of {other}"),
        }
    }

    /// What is found out without anybody's edit. Whether the answer to a read shows it.
    async fn find_out(&self) -> bool {
        match self.route.1 {
            "/api/v1/integrations/{id}" => {
                let path = format!("/integrations/{}/check", self.id);
                assert_eq!(self.api.ask("post", &path, None).await.body["health"], "failing");
                true
            }
            "/api/v1/users/{id}" => {
                self.api.sign_in(&format!("{}.other", self.name)).await;
                true
            }
            _ => false,
        }
    }
}

fn integration(name: &str) -> Value {
    // Nothing listens there.
    json!({ "kind": "torznab", "name": name, "url": "http://127.0.0.1:9", "secret": "a key", "is_enabled": true })
}

fn sign_on(display_name: &str) -> OidcForm {
    OidcForm {
        settings: OidcSettings {
            display_name: display_name.into(),
            ..OidcSettings::default()
        },
        client_secret: String::new(),
        has_no_secret: false,
    }
}

fn tag(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.headers["etag"].to_str().unwrap().to_owned()
}

/// The part of the tag that changes by edits only.
fn edition(answer: &Answer) -> String {
    tag(answer).split_once('.').unwrap().0.to_owned()
}

#[tokio::test]
async fn every_edit_is_refused_for_what_changed_and_done_for_what_only_a_check_found_out() {
    let api = Api::start().await;
    let admin = services::auth::authenticate(&api.services, &api.token).await.unwrap();
    let document = api.document().await;
    let takes = operations(&document).into_iter().filter(|(_, _, operation)| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        parameters
            .clone()
            .any(|parameter| parameter["$ref"] == "#/components/parameters/IfMatch")
    });
    let mut count = 0;
    for (number, (method, path, _)) in takes.enumerate() {
        let mut case = Case {
            api: &api,
            admin: &admin,
            route: (method, path),
            name: format!("case{number}"),
            id: String::new(),
        };
        case.begin().await;
        check_case(&case).await;
        count = number + 1;
    }
    assert!(count >= 9, "{count} operations take If-Match");
}

async fn check_case(case: &Case<'_>) {
    let route = case.route;
    let stale = tag(&case.read().await);
    case.edit_elsewhere().await;
    let theirs = edition(&case.read().await);
    for wrong in [stale.as_str(), "\"0\"", ""] {
        let refused = case.edit(wrong).await;
        let expected = (412, &json!("conflict"));
        assert_eq!(
            (refused.status, &refused.body["code"]),
            expected,
            "{route:?} {wrong}: {}",
            refused.body
        );
    }
    let read = case.read().await;
    assert_eq!(edition(&read), theirs, "{route:?} changed what it refused to change");

    if case.find_out().await {
        assert_ne!(tag(&case.read().await), tag(&read), "{route:?}: reads notice it");
    }
    let done = case.edit(&format!("{stale}, {}", tag(&read))).await;
    assert!(
        matches!(done.status, 200 | 204),
        "{route:?}: {} {}",
        done.status,
        done.body
    );
    let after = case.read().await;
    match route.0 {
        "delete" => assert_eq!(after.status, 404, "{route:?}"),
        _ => assert_ne!(edition(&after), theirs, "{route:?} changed nothing"),
    }
}

#[tokio::test]
async fn of_two_edits_of_one_version_at_once_one_is_done() {
    let api = Api::start().await;
    let seen = tag(&api.ask("get", "/settings", None).await);
    let edit = async |min_seeders: u32| {
        let settings = Settings {
            min_seeders,
            ..Settings::default()
        };
        let call = api.call("put", "/settings").bearer_auth(&api.token);
        answer(call.header("if-match", &seen).json(&settings)).await.status
    };
    let mut outcomes = [0; 4];
    (outcomes[0], outcomes[1], outcomes[2], outcomes[3]) = tokio::join!(edit(11), edit(12), edit(13), edit(14));
    outcomes.sort_unstable();
    assert_eq!(outcomes, [200, 412, 412, 412]);
}
