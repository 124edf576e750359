//! API keys and tokens at the door; guessing there; a change of the signing key; what production refuses.

use std::process::{Command, Output};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use testing::TestDatabase;

use crate::stage::{PASSWORD, bare_server, set_up};
use crate::support::Server;

fn run(command: &str, settings: &[(&str, &str)]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_mamcrawler"));
    program.arg(command).env_clear();
    for name in ["PATH", "HOME", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
        program.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    program.envs(settings.iter().copied()).output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|text| String::from_utf8_lossy(text))
        .concat()
}

struct Door {
    server: Server,
    http: reqwest::Client,
}

impl Door {
    async fn get(&self, path: &str, header: (&str, &str)) -> (StatusCode, Value) {
        let request = self
            .http
            .get(format!("{}{path}", self.server.url))
            .header(header.0, header.1);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    async fn post(&self, path: &str, header: (&str, &str), body: Value) -> reqwest::Response {
        let request = self
            .http
            .post(format!("{}{path}", self.server.url))
            .header(header.0, header.1);
        request.json(&body).send().await.unwrap()
    }
}

#[tokio::test]
async fn a_key_opens_by_two_headers_and_one_that_does_not_hold_is_refused_even_where_nobody_needs_one() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_RATE_PUBLIC", "1000/min");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let tokens = set_up(&server, &http).await;
    let door = Door { server, http };
    let bearer = |token: &str| format!("Bearer {token}");
    let session = bearer(tokens["access_token"].as_str().unwrap());
    let form = json!({ "name": "script", "scope": "read" });
    let made = door.post("/api/v1/keys", ("authorization", &session), form).await;
    assert_eq!(made.status(), 201);
    let made: Value = made.json().await.unwrap();
    let secret = made["secret"].as_str().unwrap().to_owned();

    for header in [("authorization", bearer(&secret)), ("x-api-key", secret.clone())] {
        let (status, me) = door.get("/api/v1/auth/me", (header.0, &header.1)).await;
        assert_eq!(
            (status, &me["username"], &me["role"]),
            (StatusCode::OK, &json!("anna"), &json!("viewer"))
        );
    }
    let wide = door.get("/api/v1/users", ("x-api-key", &secret)).await;
    assert_eq!((wide.0, &wide.1["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")));

    let revoked = door.http.delete(format!(
        "{}/api/v1/keys/{}",
        door.server.url,
        made["key"]["id"].as_str().unwrap()
    ));
    assert_eq!(
        revoked.header("authorization", &session).send().await.unwrap().status(),
        204
    );
    let holds_not = bearer(&secret);
    for path in ["/api/v1/setup", "/api/v1/health", "/api/v1/auth/me"] {
        let is_way_in = path == "/api/v1/setup";
        let (status, body) = door.get(path, ("authorization", &holds_not)).await;
        let expected = if is_way_in {
            StatusCode::OK
        } else {
            StatusCode::UNAUTHORIZED
        };
        assert_eq!(status, expected, "{path}: {body}");
        if !is_way_in {
            assert!(body["message"].as_str().unwrap().contains("revoked"), "{body}");
        }
    }
    let login = json!({ "username": "anna", "password": PASSWORD });
    let answer = door
        .post("/api/v1/auth/login", ("authorization", &holds_not), login)
        .await;
    assert_eq!(
        answer.status(),
        200,
        "who comes for a new credential may still send the old one"
    );
    let of_proxy = door.get("/api/v1/health", ("authorization", "Basic YW5uYTp4")).await;
    assert_eq!(of_proxy.0, StatusCode::OK);
    let page = door
        .http
        .get(format!("{}/login", door.server.url))
        .header("authorization", &holds_not);
    assert_eq!(page.send().await.unwrap().status(), 200, "a page does not look at it");
}

#[tokio::test]
async fn a_header_of_a_proxy_in_front_neither_counts_as_a_guess_on_a_page_nor_closes_it() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_RATE_PUBLIC", "1000/min");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    set_up(&server, &http).await;
    let door = Door { server, http };
    let foreign = ("authorization", "Bearer of-the-proxy");
    for _ in 0..40 {
        assert_eq!(door.get("/login", foreign).await.0, StatusCode::OK);
    }
    // None of them was a guess: the API still looks at what it is shown, until there were too many.
    for _ in 0..30 {
        let (status, _) = door.get("/api/v1/auth/me", foreign).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let unknown_key = ("x-api-key", "mamc_1_2");
    let (status, _) = door.get("/api/v1/auth/me", unknown_key).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(door.get("/login", unknown_key).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_cookie_is_never_read_as_an_api_key() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_RATE_PUBLIC", "1000/min");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let tokens = set_up(&server, &http).await;
    let door = Door { server, http };
    let session = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let form = json!({ "name": "script", "scope": "read" });
    let made = door.post("/api/v1/keys", ("authorization", &session), form).await;
    let made: Value = made.json().await.unwrap();
    let key = made["secret"].as_str().unwrap();
    let cookie = |value: &str| format!("mamcrawler_access={value}");
    let me = "/api/v1/auth/me";
    assert_eq!(door.get(me, ("cookie", &cookie(key))).await.0, StatusCode::UNAUTHORIZED);
    for _ in 0..40 {
        let (status, _) = door.get(me, ("cookie", &cookie("without-a-dot"))).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    // None of them was a guess at a key.
    let (status, _) = door.get(me, ("x-api-key", "mamc_1_2")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let access = cookie(tokens["access_token"].as_str().unwrap());
    assert_eq!(door.get(me, ("cookie", &access)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_sixth_wrong_password_waits_and_says_how_long() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_RATE_PUBLIC", "1000/min");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    set_up(&server, &http).await;
    let door = Door { server, http };
    let wrong = json!({ "username": "anna", "password": "not the password" });
    let none = ("accept", "application/json");
    for _ in 0..5 {
        assert_eq!(door.post("/api/v1/auth/login", none, wrong.clone()).await.status(), 401);
    }
    let right = json!({ "username": "anna", "password": PASSWORD });
    let refused = door.post("/api/v1/auth/login", none, right).await;
    assert_eq!(refused.status(), 429);
    let header: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let body: Value = refused.json().await.unwrap();
    assert_eq!(
        (&body["code"], body["retry_after"].as_u64()),
        (&json!("rate_limit_exceeded"), Some(header))
    );
    assert!((800..=900).contains(&header), "{header} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_signing_key_signs_nobody_out() {
    let database = TestDatabase::new().await;
    let mut server = Server::new(&[("DATABASE_URL", database.url())]);
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let tokens = set_up(&server, &http).await;
    server.terminate(Duration::from_secs(30)).await;
    let data_dir = server.data_dir();
    let file = data_dir.join("keys/signing");
    let before = std::fs::read_to_string(&file).unwrap();
    let rotated = run(
        "rotate-signing-key",
        &[("MAMCRAWLER_DATA_DIR", data_dir.to_str().unwrap())],
    );
    assert!(rotated.status.success(), "{}", said(&rotated));
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.lines().count() == 2 && after.ends_with(&format!("{}\n", before.trim())));
    assert!(
        !said(&rotated).contains(before.trim()),
        "the command does not show keys"
    );
    server.start().await;
    let door = Door { server, http };
    let access = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    assert_eq!(
        door.get("/api/v1/auth/me", ("authorization", &access)).await.0,
        StatusCode::OK
    );
    let form = json!({ "refresh_token": tokens["refresh_token"] });
    let refreshed = door
        .post("/api/v1/auth/refresh", ("accept", "application/json"), form)
        .await;
    assert_eq!(refreshed.status(), 200);
}

#[test]
fn production_does_not_start_without_its_secrets_and_names_each() {
    let data = tempfile::tempdir().unwrap();
    let settings = [
        ("MAMCRAWLER_ENVIRONMENT", "production"),
        ("MAMCRAWLER_DATA_DIR", data.path().to_str().unwrap()),
        (
            "DATABASE_URL",
            concat!("postgres://mamcrawler:", "postgres@127.0.0.1:1/mamcrawler"),
        ),
        ("MAMCRAWLER_SIGNING_KEY", "c2hvcnQ="),
    ];
    let refused = run("serve", &settings);
    let text = said(&refused);
    assert!(!refused.status.success());
    for part in [
        "MAMCRAWLER_ENCRYPTION_KEY is missing",
        "MAMCRAWLER_SIGNING_KEY must be 32 bytes",
        "DATABASE_URL has a default password",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert!(!text.contains("c2hvcnQ="), "{text}");
}
