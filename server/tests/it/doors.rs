//! The pages' own doors: every server function, covers and the event stream × every role and kind of credential.

use std::collections::BTreeSet;

// Its server functions register themselves where it is linked.
use app as _;
use leptos::server_fn::axum::server_fn_paths;
use reqwest::{Client, Response};
use types::people::Role;

use crate::api::Api;
use crate::callers::{Callers, forget_guesses};
use crate::seed::{Seeded, seed};

const ID: &str = "id=018f2f5e-7c1a-7e55-b6a4-0c5a4c9d2f11";
const SETTINGS: &str = "input[series_template]={title}&input[standalone_template]={title}&input[import_policy]=any\
    &input[min_bitrate_kbps]=1&input[max_size_gib]=1&input[min_seeders]=1&input[unsatisfied_reserve]=1\
    &input[floor_buffer]=1&input[min_free_gib]=1&input[max_automatic_grabs]=1&input[stall_minutes]=10\
    &input[audit_retention_days]=400&input[time_zone]=UTC";
pub const INTEGRATION: &str = "input[kind]=torznab&input[name]=Feed&input[url]=http://127.0.0.1:1";

/// (function, least role, a form that can be read). A new function without a row fails.
pub fn rows() -> Vec<(&'static str, Option<Role>, String)> {
    let id = |rest: &str| format!("{ID}{rest}");
    let (viewer, user, manager, admin) = (
        Some(Role::Viewer),
        Some(Role::User),
        Some(Role::Manager),
        Some(Role::Admin),
    );
    vec![
        (
            "complete_setup",
            None,
            "token=t&username=eve&password=long enough too".into(),
        ),
        ("login", None, "username=eve&password=long enough too".into()),
        ("set_theme", None, "theme=dark".into()),
        (
            "change_password",
            viewer,
            "current_password=wrong&new_password=long enough too".into(),
        ),
        ("create_key", viewer, "name=door&scope=read&expires_in_days=1".into()),
        ("disconnect_identity", viewer, id("")),
        ("end_other_sessions", viewer, String::new()),
        ("end_session", viewer, id("")),
        ("logout", viewer, String::new()),
        ("revoke_key", viewer, id("")),
        ("rotate_key", viewer, id("&grace_hours=1")),
        ("cancel_want", user, id("")),
        ("create_want", user, "form[title]=Dune".into()),
        ("start_search", user, "form[title]=Dune".into()),
        ("cancel_download", manager, id("")),
        ("choose_another", manager, id("")),
        ("confirm_split", manager, id("")),
        ("dismiss_failure", manager, id("")),
        ("grab_candidate", manager, id("")),
        ("retry_download", manager, id("")),
        ("retry_failure", manager, id("")),
        ("search_now", manager, id("")),
        ("cancel_run", admin, id("")),
        ("check_integration", admin, id("")),
        ("check_sign_on", admin, String::new()),
        (
            "create_user",
            admin,
            "username=eve&password=long enough too&role=admin".into(),
        ),
        ("delete_integration", admin, id("")),
        ("delete_user", admin, id("")),
        ("rename_user", admin, id("&username=eve")),
        ("reset_user_password", admin, id("&new_password=long enough too")),
        ("run_now", admin, "kind=clean_up".into()),
        ("save_integration", admin, INTEGRATION.into()),
        ("save_settings", admin, SETTINGS.into()),
        ("save_sign_on", admin, "input[issuer]=http://127.0.0.1:1".into()),
        ("set_integration_enabled", admin, id("&is_enabled=false")),
        ("set_job_enabled", admin, "kind=clean_up&is_enabled=true".into()),
        ("set_job_schedule", admin, "kind=clean_up&schedule=every 2 hours".into()),
        ("set_user_active", admin, id("&is_active=false")),
        ("set_user_email", admin, id("&email=eve@example.com")),
        ("set_user_role", admin, id("&role=admin")),
        ("test_integration", admin, INTEGRATION.into()),
        ("test_sign_on", admin, "input[issuer]=http://127.0.0.1:1".into()),
    ]
}

/// How a page calls its server functions: by a script, or as a plain form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Script,
    Form,
}

struct Door {
    api: Api,
    /// Shows each redirect instead of following it.
    browser: Client,
}

impl Door {
    async fn open() -> Self {
        let browser = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            api: Api::start().await,
            browser,
        }
    }

    async fn send(&self, (function, form): (&str, &str), way: Way, credential: Option<&str>) -> Response {
        let url = &self.api.server.url;
        let accept = match way {
            Way::Script => "application/json",
            Way::Form => "text/html",
        };
        let mut call = self
            .browser
            .post(format!("{url}/sfn/{function}"))
            .header("accept", accept)
            .header("referer", format!("{url}/library"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.replace(' ', "+"));
        if let Some(credential) = credential {
            call = call.bearer_auth(credential);
        }
        call.send().await.unwrap()
    }

    /// Asserts that it was refused with this status; a plain form is led back to its page, which says so.
    async fn check_refused(&self, call: (&str, &str), (who, credential): (&str, Option<&str>), status: u16) {
        let about = format!("{} as {who}", call.0);
        let answer = self.send(call, Way::Script, credential).await;
        assert_eq!(answer.status(), status, "{about}: {}", answer.text().await.unwrap());
        let answer = self.send(call, Way::Form, credential).await;
        assert!(answer.status().is_redirection(), "{about}: {}", answer.status());
        let target = answer.headers()["location"].to_str().unwrap();
        let is_told =
            target.starts_with("/library?") || target.starts_with(&format!("{}/library?", self.api.server.url));
        assert!(is_told && target.contains("__err="), "{about}: {target}");
    }

    async fn check_let(&self, call: (&str, &str), (who, credential): (&str, &str)) {
        let answer = self.send(call, Way::Script, Some(credential)).await;
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        // A service outside may still not answer.
        assert!(
            ![401, 403, 500].contains(&status),
            "{} as {who}: {status} {text}",
            call.0
        );
    }
}

#[test]
fn every_server_function_is_walked() {
    let registered: BTreeSet<String> = server_fn_paths()
        .map(|(path, _)| path.trim_start_matches("/sfn/").to_owned())
        .collect();
    let listed: BTreeSet<String> = rows().into_iter().map(|(name, ..)| name.to_owned()).collect();
    assert_eq!(registered, listed);
}

#[tokio::test]
async fn every_server_function_lets_in_who_may_and_nobody_else() {
    let door = Door::open().await;
    let mut callers = Callers::gather(&door.api).await;
    for (function, needed, form) in rows() {
        let call = (function, form.as_str());
        let Some(needed) = needed else {
            let answer = door.send(call, Way::Script, None).await;
            assert!(answer.status().as_u16() < 500, "{function}: {}", answer.status());
            continue;
        };
        door.check_refused(call, ("nobody", None), 401).await;
        for (who, credential) in &callers.dead {
            door.check_refused(call, (who, Some(credential)), 401).await;
        }
        for actual in Role::ALL {
            let who = (actual.as_str(), callers.tokens[actual].as_str());
            match actual.includes(needed) {
                true => door.check_let(call, who).await,
                false => door.check_refused(call, (who.0, Some(who.1)), 403).await,
            }
            if function == "logout" {
                callers.sign_in_again(&door.api, *actual).await;
            }
        }
        forget_guesses(&door.api).await;
    }
}

#[tokio::test]
async fn other_peoples_things_are_out_of_reach_of_server_functions() {
    let door = Door::open().await;
    seed(&door.api.database).await;
    let callers = Callers::gather(&door.api).await;
    let sessions = door.api.ask("get", "/sessions", None).await.body;
    let keys = door.api.ask("get", "/keys", None).await.body;
    let first = |list: &serde_json::Value| format!("id={}", list["items"][0]["id"].as_str().unwrap());
    let (session, key) = (first(&sessions), first(&keys));
    for (function, form, status) in [
        ("end_session", session, 404),
        ("revoke_key", key.clone(), 404),
        ("rotate_key", format!("{key}&grace_hours=1"), 404),
        ("disconnect_identity", format!("id={}", Seeded::Identity.id(1)), 404),
        ("cancel_want", format!("id={}", Seeded::Want.id(1)), 403),
    ] {
        let who = ("user", Some(callers.tokens[&Role::User].as_str()));
        door.check_refused((function, &form), who, status).await;
    }
}

#[tokio::test]
async fn covers_and_the_event_stream_are_for_who_is_signed_in() {
    let door = Door::open().await;
    seed(&door.api.database).await;
    let callers = Callers::gather(&door.api).await;
    // The seeded book has no cover.
    for (path, let_in) in [
        (format!("/covers/{}", Seeded::Book.id(1)), 404),
        ("/events".into(), 200),
    ] {
        let look = async |credential: Option<&str>| {
            let mut call = door.browser.get(format!("{}{path}", door.api.server.url));
            if let Some(credential) = credential {
                call = call.bearer_auth(credential);
            }
            call.send().await.unwrap().status().as_u16()
        };
        assert_eq!(look(None).await, 401, "{path}");
        for (who, credential) in &callers.dead {
            assert_eq!(look(Some(credential)).await, 401, "{path} as {who}");
        }
        for (role, token) in &callers.tokens {
            assert_eq!(look(Some(token)).await, let_in, "{path} as {role}");
        }
        for (scope, key) in &callers.keys {
            assert_eq!(look(Some(key)).await, let_in, "{path} by a key of scope {scope}");
        }
    }
}
