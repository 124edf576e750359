//! The server below a path of its host, as behind a proxy that has other programs there too.

use std::collections::BTreeSet;

use reqwest::{Client, Response, header};
use serde_json::json;

use crate::api::{Api, answer};
use crate::page_doors::PAGES;
use crate::seed::seed;
use crate::stage::{PASSWORD, new_browser};
use crate::support::Server;

const BASE: &str = "/apps/books";
/// Attributes whose addresses a browser or a script of ours follows.
const FOLLOWED: [&str; 5] = ["href", "src", "action", "data-test", "data-live-page"];

/// The files of the site as far as pages name them.
fn put_site_into(server: &mut Server) {
    let site = server.scratch().join("site");
    std::fs::create_dir_all(site.join("pkg")).unwrap();
    for file in ["pkg/mamcrawler.css", "pkg/mamcrawler.js", "pkg/mamcrawler.wasm"] {
        std::fs::write(site.join(file), "").unwrap();
    }
    let public = concat!(env!("CARGO_MANIFEST_DIR"), "/../public");
    for file in std::fs::read_dir(public).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), site.join(file.file_name())).unwrap();
    }
    server.set("MAMCRAWLER_SITE_ROOT", site.to_str().unwrap());
}

async fn start() -> Api {
    Api::start_with(|server| {
        server.put_below(BASE);
        put_site_into(server);
    })
    .await
}

async fn open(browser: &Client, address: &str) -> Response {
    let call = browser.get(address).header(header::ACCEPT, "text/html");
    call.send().await.unwrap()
}

fn header_of(answer: &Response, name: header::HeaderName) -> &str {
    answer.headers()[name].to_str().unwrap()
}

/// The values of an attribute, wherever it stands in the page.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let opening = format!(" {attribute}=\"");
    let parts = page.split(opening.as_str()).skip(1);
    parts.map(|rest| rest.split('"').next().unwrap()).collect()
}

/// What a page names of this server, without the parts that the browser keeps for itself.
fn addresses(page: &str) -> BTreeSet<String> {
    let attributes = FOLLOWED.iter().flat_map(|attribute| values(page, attribute));
    let sets = values(page, "srcset").into_iter().flat_map(|set| set.split(", "));
    let sources = sets.map(|source| source.split(' ').next().unwrap());
    let ours = attributes
        .chain(sources)
        .filter(|address| !address.starts_with('#') && !address.starts_with("http"));
    ours.map(|address| address.replace("&amp;", "&")).collect()
}

#[test]
fn addresses_are_found_wherever_a_page_has_them() {
    let page = "<a href=\"/a?b=1&amp;c=2\" class=\"x\"><img src=\"/b\" srcset=\"/c 1x, /d 2x\"><form action=\"/e\">\
                <a href=\"#f\"><a href=\"https://elsewhere.example/\">";
    let expected = ["/a?b=1&c=2", "/b", "/c", "/d", "/e"];
    assert_eq!(addresses(page), expected.map(str::to_owned).into());
}

#[tokio::test]
async fn every_address_in_every_page_is_below_the_path_and_there() {
    let api = start().await;
    seed(&api.database).await;
    api.database.run_sql("UPDATE books SET has_cover = true").await;
    let browser = new_browser();
    let open_as_admin = async |address: String| {
        let call = browser.get(address).header(header::ACCEPT, "text/html");
        call.bearer_auth(&api.token).send().await.unwrap()
    };
    let mut found = BTreeSet::new();
    for (route, _, whose) in PAGES {
        let id = whose.map(|whose| whose.id(1)).unwrap_or_default();
        let page = open_as_admin(format!("{}{}", api.server.url, route.replace(":id", &id))).await;
        assert!(page.status().is_success() || page.status().is_redirection(), "{route}");
        let is_page = page.status().is_success();
        let page = page.text().await.unwrap();
        assert!(
            !is_page || page.contains(&format!("({BASE:?}, \"pkg\", ")),
            "{route}: what wakes the islands"
        );
        let of_page = addresses(&page);
        for address in &of_page {
            assert!(address.starts_with(&format!("{BASE}/")), "{route}: {address}");
        }
        found.extend(of_page);
    }
    for kind in [
        "/pkg/",
        "/books/",
        "/covers/",
        "/sfn/",
        "/api/",
        "/events",
        "/library?",
        "/manifest",
    ] {
        let is_there = found
            .iter()
            .any(|address| address.starts_with(&format!("{BASE}{kind}")));
        assert!(is_there, "no page names {kind}: {found:?}");
    }
    for address in &found {
        let answer = open_as_admin(format!("{}{address}", api.server.origin())).await;
        let (status, is_function) = (
            answer.status(),
            address.contains("/sfn/") || address.ends_with("/oidc/link"),
        );
        // What takes only what forms post says so; covers are not in this library.
        let is_there = match status.as_u16() {
            200..400 => true,
            400 | 405 => is_function,
            404 | 502 | 503 => address.contains("/covers/"),
            _ => false,
        };
        assert!(is_there, "{address}: {status}");
    }
}

#[tokio::test]
async fn a_form_without_scripts_signs_in_and_out_below_the_path() {
    let api = start().await;
    let (browser, url) = (new_browser(), &api.server.url);
    let led = open(&browser, &format!("{url}/library")).await;
    assert_eq!(header_of(&led, header::LOCATION), format!("{BASE}/login"));
    let post = async |function: &str, page: &str, form: &[(&str, &str)]| {
        let call = browser.post(format!("{url}/sfn/{function}")).form(form);
        let call = call.header(header::ACCEPT, "text/html");
        let call = call.header(header::ORIGIN, api.server.origin());
        call.header(header::REFERER, format!("{url}{page}"))
            .send()
            .await
            .unwrap()
    };
    let refused = post("login", "/login", &[("username", "anna"), ("password", "not this one")]).await;
    assert_eq!(refused.status(), 302);
    let back = header_of(&refused, header::LOCATION).to_owned();
    assert!(
        back.starts_with(&format!("{url}/login?")) && back.contains("__err="),
        "{back}"
    );
    let complaint = browser.get(&back).header(header::ACCEPT, "text/html");
    let complaint = complaint
        .header(header::REFERER, format!("{url}/login"))
        .send()
        .await
        .unwrap();
    assert!(complaint.text().await.unwrap().contains("role=\"alert\""));

    let entered = post("login", "/login", &[("username", "anna"), ("password", PASSWORD)]).await;
    assert_eq!(
        (entered.status().as_u16(), header_of(&entered, header::LOCATION)),
        (302, "/apps/books/")
    );
    let cookies: Vec<_> = entered.headers().get_all(header::SET_COOKIE).iter().collect();
    assert_eq!(cookies.len(), 2);
    for cookie in cookies {
        assert!(
            cookie.to_str().unwrap().contains(&format!("; Path={BASE};")),
            "{cookie:?}"
        );
    }
    let home = open(&browser, &format!("{url}/")).await;
    assert_eq!(home.status(), 200);
    assert!(home.text().await.unwrap().contains(" aria-current=\"page\""));
    let left = post("logout", "/account", &[]).await;
    assert_eq!(header_of(&left, header::LOCATION), format!("{BASE}/login"));
    let led = open(&browser, &format!("{url}/library")).await;
    assert_eq!(header_of(&led, header::LOCATION), format!("{BASE}/login"));
}

#[tokio::test]
async fn programs_find_the_api_below_the_path() {
    let api = start().await;
    let document = api.document().await;
    assert_eq!(document["servers"][0]["url"], BASE);
    let form = json!({ "name": "reader", "scope": "read", "expires_in_days": 1 });
    let made = api.ask("post", "/keys", Some(form)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let location = made.headers["location"].to_str().unwrap();
    assert!(location.starts_with(&format!("{BASE}/api/v1/keys/")), "{location}");
    let key = api
        .http
        .get(format!("{}{location}", api.server.origin()))
        .bearer_auth(&api.token);
    assert_eq!(answer(key).await.body["name"], "reader");
    for stream in ["/events", "/api/v1/events"] {
        let call = api
            .http
            .get(format!("{}{stream}", api.server.url))
            .bearer_auth(&api.token);
        let stream = call.send().await.unwrap();
        assert_eq!(header_of(&stream, header::CONTENT_TYPE), "text/event-stream");
    }
}

#[tokio::test]
async fn at_the_root_are_monitors_and_the_way_in_and_nothing_else() {
    let api = start().await;
    let (browser, origin) = (new_browser(), api.server.origin());
    for (monitor, expected) in [("/health/live", "live"), ("/health/ready", "ready")] {
        for place in [&origin, &api.server.url] {
            let answer = open(&browser, &format!("{place}{monitor}")).await;
            assert_eq!(answer.text().await.unwrap(), expected, "{place}");
        }
    }
    for door in ["/", BASE] {
        let led = open(&browser, &format!("{origin}{door}")).await;
        assert_eq!(
            (led.status().as_u16(), header_of(&led, header::LOCATION)),
            (307, "/apps/books/"),
            "{door}"
        );
    }
    for (address, is_page) in [
        ("/login", true),
        ("/library", true),
        ("/api/v1/setup", false),
        ("/apps/books2/", true),
    ] {
        let nothing = open(&browser, &format!("{origin}{address}")).await;
        assert_eq!(nothing.status(), 404, "{address}");
        assert!(nothing.headers().contains_key("x-request-id") && nothing.headers().contains_key("x-frame-options"));
        let text = nothing.text().await.unwrap();
        assert_eq!(text.contains("<a href=\"/apps/books/\">"), is_page, "{address}: {text}");
    }
    let manifest = open(&browser, &format!("{}/manifest.webmanifest", api.server.url)).await;
    let manifest = manifest.text().await.unwrap();
    assert!(manifest.contains("\"./\"") && !manifest.contains("\"/"), "{manifest}");
}

#[tokio::test]
async fn commands_and_the_log_name_the_path() {
    let api = start().await;
    let server = &api.server;
    let checked = server.run("healthcheck");
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success(), "{said}");
    assert_eq!(said.trim(), format!("The server at {} is ready.", server.url));
    let examined = String::from_utf8(server.run("doctor").stdout).unwrap();
    assert!(
        examined.contains(&format!("It is ready at {}.", server.url)),
        "{examined}"
    );
    let log = server.log();
    assert!(log.contains(&format!("mamcrawler serves {}", server.url)), "{log}");
    assert!(log.contains("make the admin at /apps/books/setup with this"), "{log}");
}

#[tokio::test]
async fn a_path_that_is_none_stops_the_start_with_a_sentence() {
    let mut server = Server::new(&[]);
    server.set("MAMCRAWLER_BASE_PATH", "books/");
    let started = server.run("serve");
    assert!(!started.status.success());
    let said = String::from_utf8(started.stderr).unwrap();
    assert!(said.contains("MAMCRAWLER_BASE_PATH is \"books/\""), "{said}");
    assert!(
        said.contains("a base path begins with / and does not end with it"),
        "{said}"
    );
}
