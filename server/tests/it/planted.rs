//! Secrets stay where they belong: planted ones are looked for in the database, the log and every HTTP answer.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use services::integrations::save_integration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use types::integrations::{IntegrationForm, IntegrationKind, IntegrationOptions};
use types::jobs::{JobKind, RunStatus};

use crate::stage::{ENCRYPTION, PASSWORD, SIGNING, bare_server, services_beside, set_up, wait_until};

const PROWLARR_KEY: &str = "planted/prowlarr+key=1";
const QBITTORRENT_PASSWORD: &str = "planted&qbittorrent password";
const MAM_ID: &str = "plantedMamId%2Bvalue";
const RENEWED_MAM_ID: &str = "plantedRenewedMamId";
const ABS_TOKEN: &str = "planted.abs.token";
const FEED_KEY: &str = "planted-feed-key";
const PASSKEY: &str = "plantedpasskeyofthetracker";
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

    let wrong = serde_json::json!({ "username": "anna", "password": WRONG_PASSWORD });
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
        .json(&serde_json::json!({ "title": "Dune", "author": "Frank Herbert" }));
    keep("a new search".into(), search).await;
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
        "/integrations",
        "/settings",
        "/users",
        "/account",
    ];
    addresses.extend(pages.map(str::to_owned));
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
    let secrets = secrets();
    for (place, text) in answers.iter().chain(&database.dump().await) {
        assert_clean(place, text, &secrets);
    }
    let log = server.log();
    assert!(log.contains("DEBUG"), "the log has its details");
    assert_clean("the log", &log, &secrets);
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
