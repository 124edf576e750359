//! Secrets stay where they belong: planted ones are looked for in the database, the log and every HTTP answer.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use services::integrations::save_integration;
use services::{Actor, Services};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use types::integrations::{IntegrationForm, IntegrationKind, IntegrationOptions};
use types::jobs::{JobKind, RunStatus};

use crate::stage::{ENCRYPTION, PASSWORD, SIGNING, bare_server, services_beside, set_up, wait_until};
use crate::support::Server;

const PROWLARR_KEY: &str = "planted/prowlarr+key=1";
const QBITTORRENT_PASSWORD: &str = "planted&qbittorrent password";
const MAM_ID: &str = "plantedMamId%2Bvalue";
const RENEWED_MAM_ID: &str = "plantedRenewedMamId";
const ABS_TOKEN: &str = "planted.abs.token";
const FEED_KEY: &str = "planted-feed-key";
const PASSKEY: &str = "plantedpasskeyofthetracker";
const CLIENT_SECRET: &str = "planted client+secret/of=sign-on";
const TESTED_KEY: &str = "planted-key-that-is-only-tested";
const WRONG_PASSWORD: &str = "planted wrong password";

const FEED: &str = r#"<rss><channel><item><title>Dune by Frank Herbert [M4B]</title><guid>g1</guid><size>500000000</size>
    <link>http://127.0.0.1:9/dl/1?passkey=plantedpasskeyofthetracker</link><category>3030</category></item></channel></rss>"#;
const CAPS: &str = r#"<caps><server title="Feed"/><limits default="100" max="100"/><searching><search available="yes"/>
    </searching><categories><category id="3030" name="Audiobook"/></categories></caps>"#;

/// Any outside service: a feed that works, and otherwise refusals that repeat nothing.
async fn start_outside() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    url
}

async fn answer(mut stream: TcpStream) {
    let mut request = vec![0; 16 * 1024];
    let length = stream.read(&mut request).await.unwrap_or_default();
    let request = String::from_utf8_lossy(&request[..length]);
    let line = request.lines().next().unwrap_or_default();
    let (status, headers, body) = match line {
        line if line.contains("t=caps") => ("200 OK", String::new(), CAPS),
        line if line.contains("t=search") => ("200 OK", String::new(), FEED),
        line if line.contains("json") => ("200 OK", format!("set-cookie: mam_id={RENEWED_MAM_ID}\r\n"), "{}"),
        _ => ("401 Unauthorized", String::new(), "no"),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // A client that has gone away needs no answer.
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn forms(url: &str) -> Vec<IntegrationForm> {
    let form = |kind: IntegrationKind, secret: &str| IntegrationForm {
        id: None,
        kind,
        name: kind.label().into(),
        url: format!("{url}/{}", kind.as_str()),
        is_enabled: true,
        priority: 0,
        secret: secret.into(),
        options: IntegrationOptions {
            username: "planter".into(),
            rules_accepted: true,
            ..IntegrationOptions::default()
        },
    };
    vec![
        form(IntegrationKind::Prowlarr, PROWLARR_KEY),
        form(IntegrationKind::Qbittorrent, QBITTORRENT_PASSWORD),
        form(IntegrationKind::Myanonamouse, MAM_ID),
        form(IntegrationKind::Audiobookshelf, ABS_TOKEN),
        form(IntegrationKind::Torznab, FEED_KEY),
    ]
}

/// A secret in the spellings in which it could leak.
fn spellings(secret: &[u8]) -> Vec<String> {
    let mut all = vec![
        secret.iter().map(|byte| format!("{byte:02x}")).collect(),
        STANDARD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        let encoded: String = secret.iter().map(percent_encode).collect();
        all.extend([text.to_owned(), encoded.replace("%20", "+"), encoded]);
    }
    all
}

fn percent_encode(byte: &u8) -> String {
    match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    }
}

/// Asserts that none of the secrets is in the text; a leak is named by secret and place, not shown.
fn assert_clean(place: &str, text: &str, secrets: &BTreeMap<&str, Vec<u8>>) {
    let folded = text.to_lowercase();
    for (name, secret) in secrets {
        for spelling in spellings(secret) {
            assert!(!folded.contains(&spelling.to_lowercase()), "{name} leaks into {place}");
        }
    }
}

/// Those that the installation makes itself: (name, text).
async fn made_secrets(server: &Server, (http, tokens): (&reqwest::Client, &Value)) -> Vec<(&'static str, String)> {
    let access = tokens["access_token"].as_str().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let key = http
        .post(format!("{}/api/v1/keys", server.url))
        .bearer_auth(access)
        .json(&json!({ "name": "planted", "scope": "admin", "expires_in_days": 1 }));
    // Here alone it is told, as are the tokens by the sign-in.
    let key: Value = key.send().await.unwrap().json().await.unwrap();
    vec![
        ("the access token", access.to_owned()),
        ("the refresh token", text(&tokens["refresh_token"])),
        ("the API key", text(&key["secret"])),
        ("the setup token", server.setup_token()),
    ]
}

/// Writes whose answers show what was written, or the thing around it: (method, path, body).
async fn writes(services: &Services, admin: &Actor, outside: &str) -> Vec<(&'static str, String, Value)> {
    let integrations = services::integrations::list_integrations(services, admin)
        .await
        .unwrap();
    let feed = integrations
        .iter()
        .find(|one| one.kind == IntegrationKind::Torznab)
        .unwrap();
    let form = forms(outside).into_iter().find(|form| form.kind == feed.kind).unwrap();
    let mut form = serde_json::to_value(form).unwrap();
    let mut tested = form.clone();
    tested["secret"] = TESTED_KEY.into();
    form["id"] = json!(feed.id);
    let sign_on = json!({
        "settings": {
            "is_enabled": true, "issuer": outside, "client_id": "mamcrawler", "scopes": ["profile"],
            "display_name": "The house", "public_url": outside, "groups_claim": "", "group_roles": [],
            "default_role": null, "links_by_verified_email": false, "creates_users": false
        },
        "client_secret": CLIENT_SECRET,
    });
    let path = format!("/integrations/{}", feed.id);
    let settings = services::settings::get_settings(services, admin).await.unwrap();
    vec![
        ("put", path.clone(), form),
        ("patch", path.clone(), json!({ "is_enabled": true })),
        ("post", format!("{path}/check"), json!({})),
        ("post", "/integrations/test".into(), tested),
        ("put", "/auth/oidc".into(), sign_on.clone()),
        ("post", "/auth/oidc/test".into(), sign_on),
        ("put", "/settings".into(), serde_json::to_value(settings).unwrap()),
        ("post", "/wants".into(), json!({ "title": "Dune" })),
        (
            "post",
            "/users".into(),
            json!({ "username": "bert", "password": PASSWORD, "role": "user" }),
        ),
        (
            "post",
            "/setup".into(),
            json!({ "token": "guessed", "username": "eve", "password": PASSWORD }),
        ),
        ("post", "/auth/refresh".into(), json!({ "refresh_token": "guessed" })),
    ]
}

/// The pages and routes of single things: every one that a list shows.
async fn details(server: &Server, (http, bearer): (&reqwest::Client, &str)) -> Vec<String> {
    let lists = [
        ("integrations", Some("integrations")),
        ("runs", Some("runs")),
        ("users", Some("users")),
        ("keys", None),
        ("wants", None),
        ("downloads", Some("downloads")),
    ];
    let mut addresses = Vec::new();
    for (list, page) in lists {
        let answer = http
            .get(format!("{}/api/v1/{list}?limit=200", server.url))
            .header("authorization", bearer);
        let answer: Value = answer.send().await.unwrap().json().await.unwrap();
        let items = answer["items"].as_array().unwrap();
        assert!(!items.is_empty(), "no {list}: {answer}");
        for item in items {
            let id = item["id"].as_str().unwrap();
            addresses.push(format!("/api/v1/{list}/{id}"));
            addresses.extend(page.map(|page| format!("/{page}/{id}")));
        }
    }
    addresses
}

fn secrets() -> BTreeMap<&'static str, Vec<u8>> {
    BTreeMap::from([
        ("the admin's password", PASSWORD.into()),
        ("a wrong password", WRONG_PASSWORD.into()),
        ("Prowlarr's key", PROWLARR_KEY.into()),
        ("qBittorrent's password", QBITTORRENT_PASSWORD.into()),
        ("the entered mam_id", MAM_ID.into()),
        ("the renewed mam_id", RENEWED_MAM_ID.into()),
        ("Audiobookshelf's token", ABS_TOKEN.into()),
        ("the feed's key", FEED_KEY.into()),
        ("a key that is only tested", TESTED_KEY.into()),
        ("the client secret of sign-on", CLIENT_SECRET.into()),
        ("the passkey", PASSKEY.into()),
        ("the signing key", SIGNING.into()),
        ("the encryption key", ENCRYPTION.into()),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_are_in_no_table_no_log_and_no_answer() {
    let (mut server, database) = bare_server().await;
    server.set("MAMCRAWLER_LOG", "debug");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let tokens = set_up(&server, &http).await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let services = services_beside(&server, &database);
    let admin = services::auth::authenticate(&services, tokens["access_token"].as_str().unwrap())
        .await
        .unwrap();
    let made = made_secrets(&server, (&http, &tokens)).await;
    let outside = start_outside().await;
    for form in forms(&outside) {
        save_integration(&services, &admin, form).await.unwrap();
    }
    let mut answers = Vec::new();
    let mut keep = async |place: String, sent: reqwest::RequestBuilder| {
        let answer = sent.send().await.unwrap();
        let headers = format!("{:?}", answer.headers());
        answers.push((place.clone(), headers));
        let text = answer.text().await.unwrap();
        answers.push((place, text.clone()));
        text
    };

    let wrong = json!({ "username": "anna", "password": WRONG_PASSWORD });
    let login = http.post(format!("{}/api/v1/auth/login", server.url)).json(&wrong);
    keep("a refused sign-in".into(), login).await;
    // The server tries every service and asks every indexer.
    let run = services::runs::run_now(&services, &admin, JobKind::CheckIntegrations)
        .await
        .unwrap();
    wait_until(async || {
        let run = services::runs::get_run(&services, &admin, run).await.unwrap().summary;
        match run.status {
            RunStatus::Queued | RunStatus::Running => Err(format!("{run:?}")),
            _ => Ok(()),
        }
    })
    .await;
    let search = http
        .post(format!("{}/api/v1/searches", server.url))
        .header("authorization", &bearer)
        .json(&json!({ "title": "Dune", "author": "Frank Herbert" }));
    let search: Value = serde_json::from_str(&keep("a new search".into(), search).await).unwrap();
    wait_until(async || {
        let releases = database.dump().await;
        let found = releases.iter().find(|(place, _)| place == "table releases").unwrap();
        if found.1.contains("Dune") {
            Ok(())
        } else {
            Err("no release yet".into())
        }
    })
    .await;

    for (method, path, body) in writes(&services, &admin, &outside).await {
        let method = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let sent = http
            .request(method.clone(), format!("{}/api/v1{path}", server.url))
            .header("authorization", &bearer)
            .json(&body);
        keep(format!("the answer of {method} {path}"), sent).await;
    }

    let document = http.get(format!("{}/api/openapi.json", server.url));
    let document: Value = serde_json::from_str(&keep("the API's description".into(), document).await).unwrap();
    let routes = document["paths"].as_object().unwrap().iter();
    let listed = routes.filter(|(path, route)| {
        // Streams don't end.
        route.get("get").is_some() && !path.contains('{') && !path.contains("events")
    });
    let mut addresses: Vec<String> = listed.map(|(path, _)| path.clone()).collect();
    assert!(addresses.len() > 10, "{addresses:?}");
    let pages = [
        "/",
        "/library",
        "/search",
        "/downloads",
        "/jobs",
        "/backups",
        "/integrations",
        "/settings",
        "/settings/sign-on",
        "/wants",
        "/audit",
        "/users",
        "/account",
    ];
    addresses.extend(pages.map(str::to_owned));
    addresses.push(format!("/search/{}", search["id"].as_str().unwrap()));
    addresses.extend(details(&server, (&http, &bearer)).await);
    for address in addresses {
        let sent = http
            .get(format!("{}{address}", server.url))
            .header("authorization", &bearer)
            .timeout(Duration::from_secs(20));
        keep(format!("the answer of {address}"), sent).await;
    }

    // What lies beside the secrets is shown, so the right answers were looked at, in both doors.
    let shown = |place: &str, words: &str| answers.iter().any(|(at, text)| at == place && text.contains(words));
    assert!(shown("the answer of /api/v1/integrations", "planter"));
    assert!(shown("the answer of /integrations", "Prowlarr"));
    assert!(shown("the answer of /api/v1/audit", "(new secret)"));
    assert!(shown("the answer of /audit", "planter"));
    assert!(shown("the answer of PUT /auth/oidc", "The house"));
    assert!(shown("the answer of /settings/sign-on", "The house"));
    let mut secrets = secrets();
    secrets.extend(made.into_iter().map(|(name, text)| (name, text.into_bytes())));
    for (place, text) in answers.iter().chain(&database.dump().await) {
        assert_clean(place, text, &secrets);
    }
    let shown = String::from_utf8(server.run("config").stdout).unwrap();
    assert!(
        shown.contains("MAMCRAWLER_SIGNING_KEY = ***"),
        "the keys are among what is shown"
    );
    assert_clean("the configuration", &shown, &secrets);
    let log = server.log();
    assert!(log.contains("DEBUG"), "the log has its details");
    // That line is how an admin gets it.
    let shown_token = format!("setup token: {}", server.setup_token());
    assert_eq!(log.matches(&shown_token).count(), 1);
    assert_clean("the log", &log.replace(&shown_token, ""), &secrets);
}

#[test]
fn a_leak_in_any_spelling_is_seen() {
    let secrets = secrets();
    for (name, secret) in &secrets {
        for spelling in spellings(secret) {
            let leak = std::panic::catch_unwind(|| assert_clean("a text", &format!("x={spelling};"), &secrets));
            assert!(leak.is_err(), "{name}");
        }
    }
}
