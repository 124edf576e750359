//! Every page × every role and kind of credential. The pages are those of the app's routes: a new one without a row fails.

use std::collections::BTreeSet;

use reqwest::{Client, Response};
use types::people::Role;

use crate::api::Api;
use crate::callers::Callers;
use crate::seed::{Seeded, seed};

/// (route, least role, where the route has a parameter: whose id).
pub const PAGES: &[(&str, Option<Role>, Option<Seeded>)] = &[
    ("/setup", None, None),
    ("/login", None, None),
    ("/", Some(Role::Viewer), None),
    ("/library", Some(Role::Viewer), None),
    ("/books/:id", Some(Role::Viewer), Some(Seeded::Book)),
    ("/search", Some(Role::Viewer), None),
    ("/search/:id", Some(Role::Viewer), Some(Seeded::Search)),
    ("/downloads", Some(Role::Viewer), None),
    ("/downloads/:id", Some(Role::Viewer), Some(Seeded::Download)),
    ("/wants", Some(Role::Viewer), None),
    ("/jobs", Some(Role::Manager), None),
    ("/problems", Some(Role::Manager), None),
    ("/backups", Some(Role::Admin), None),
    ("/runs/:id", Some(Role::Manager), Some(Seeded::Run)),
    ("/integrations", Some(Role::Manager), None),
    ("/integrations/:id", Some(Role::Manager), Some(Seeded::Integration)),
    ("/settings", Some(Role::Manager), None),
    ("/settings/sign-on", Some(Role::Admin), None),
    ("/users", Some(Role::Admin), None),
    ("/users/:id", Some(Role::Admin), Some(Seeded::User)),
    ("/audit", Some(Role::Admin), None),
    ("/account", Some(Role::Viewer), None),
];

async fn open(browser: &Client, address: &str, credential: Option<&str>) -> Response {
    let mut call = browser.get(address).header("accept", "text/html");
    if let Some(credential) = credential {
        call = call.bearer_auth(credential);
    }
    call.send().await.unwrap()
}

/// Strangers are led to the sign-in page and see nothing else.
fn check_led_away(answer: &Response, about: &str) {
    assert!(answer.status().is_redirection(), "{about}: {}", answer.status());
    let target = answer.headers()["location"].to_str().unwrap();
    assert!(target.starts_with("/login"), "{about}: {target}");
}

#[test]
fn every_page_has_a_row() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../app/src/document.rs");
    let document = std::fs::read_to_string(document).unwrap();
    let routes = document.split("<Route path=path!(\"").skip(1);
    let there: BTreeSet<&str> = routes.map(|route| route.split('"').next().unwrap()).collect();
    let listed: BTreeSet<&str> = PAGES.iter().map(|(route, ..)| *route).collect();
    assert!(there.len() > 15, "{there:?}");
    assert_eq!(there, listed);
}

#[tokio::test]
async fn every_page_lets_in_who_may_and_nobody_else() {
    let api = Api::start().await;
    seed(&api.database).await;
    let callers = Callers::gather(&api).await;
    let browser = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    for (route, needed, whose) in PAGES {
        let id = whose.map(|whose| whose.id(1)).unwrap_or_default();
        let address = format!("{}{}", api.server.url, route.replace(":id", &id));
        let Some(needed) = needed else {
            let status = open(&browser, &address, None).await.status();
            assert!(status.is_success() || status.is_redirection(), "{route}: {status}");
            continue;
        };
        check_led_away(&open(&browser, &address, None).await, route);
        for (who, credential) in &callers.dead {
            check_led_away(
                &open(&browser, &address, Some(credential)).await,
                &format!("{route} as {who}"),
            );
        }
        for (role, token) in &callers.tokens {
            let answer = open(&browser, &address, Some(token)).await;
            let expected = if role.includes(*needed) { 200 } else { 403 };
            let status = answer.status();
            assert_eq!(status, expected, "{route} as {role}: {}", answer.text().await.unwrap());
        }
    }
}
