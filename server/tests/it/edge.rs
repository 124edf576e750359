//! What every answer has: one shape of errors, an id, headers that bind the browser.

use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::stage::{bare_server, set_up};
use crate::support::Server;

/// Checks the envelope and gives its code.
async fn read_envelope(answer: Response, status: u16) -> String {
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
    let body: Value = answer.json().await.unwrap();
    let mut fields: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    fields.retain(|field| *field != "retry_after");
    fields.sort_unstable();
    assert_eq!(
        fields,
        ["code", "context", "message", "request_id", "status_code", "timestamp"]
    );
    assert_eq!(
        (&body["status_code"], &body["request_id"]),
        (&json!(status), &json!(id))
    );
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
    assert!(body["context"].is_object(), "{body}");
    let message = body["message"].as_str().unwrap();
    assert!(
        message.len() > 20 && !message.contains("::"),
        "a sentence without internals: {message}"
    );
    body["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_refusal_of_the_api_has_the_one_shape() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_RATE_PUBLIC", "1000/min");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let call = |method: Method, path: &str| http.request(method, format!("{}{path}", server.url));
    let login = || call(Method::POST, "/api/v1/auth/login");
    let as_json = |body: &'static str| login().header(header::CONTENT_TYPE, "application/json").body(body);
    let form = json!({ "username": "anna", "password": "wrong" });
    let cases = [
        (call(Method::GET, "/api"), 404, "not_found"),
        (call(Method::GET, "/api/v1/nowhere"), 404, "not_found"),
        (call(Method::GET, "/api/v1/auth/login"), 405, "validation_error"),
        (as_json("{"), 400, "validation_error"),
        (as_json("{}"), 422, "validation_error"),
        (login().body("username=anna"), 415, "validation_error"),
        (as_json("{}").body(vec![b' '; 2_000_000]), 413, "validation_error"),
        (login().json(&form), 401, "unauthorized"),
        (call(Method::POST, "/api/v1/auth/logout"), 401, "unauthorized"),
        (
            login().json(&form).header("sec-fetch-site", "cross-site"),
            403,
            "forbidden",
        ),
        (
            login().json(&form).header("origin", "http://evil.example"),
            403,
            "forbidden",
        ),
    ];
    for (request, status, code) in cases {
        assert_eq!(
            read_envelope(request.send().await.unwrap(), status).await,
            code,
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_request_is_known_by_its_id() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_LOG", "info,mamcrawler=debug");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let ask = async |id: &str| {
        let call = http
            .get(format!("{}/api/v1/setup", server.url))
            .header("x-request-id", id);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(ask("shelf-4711_a.b").await, "shelf-4711_a.b");
    assert!(server.log().contains("shelf-4711_a.b"), "{}", server.log());
    for forged in ["two words", "a\"b", &"x".repeat(65)] {
        let given = ask(forged).await;
        assert_ne!(given, forged);
        assert_eq!(given.len(), 36, "an id of our own: {given}");
    }
}

#[tokio::test]
async fn a_person_gets_a_page_for_an_error_with_its_id() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_RATE_PAGE", "1/h");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let open = || {
        http.get(format!("{}/nowhere", server.url))
            .header(header::ACCEPT, "text/html")
    };
    let own = open().send().await.unwrap();
    assert_eq!(own.status(), StatusCode::NOT_FOUND);
    let id = own.headers()["x-request-id"].to_str().unwrap().to_owned();
    let page = own.text().await.unwrap();
    // Rendered text may be followed by a marker.
    assert!(page.contains(&format!("<code>{id}<")), "{page}");
    let plain = open().send().await.unwrap();
    assert_eq!(plain.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(plain.headers().contains_key(header::RETRY_AFTER));
    let id = plain.headers()["x-request-id"].to_str().unwrap().to_owned();
    let page = plain.text().await.unwrap();
    assert!(page.contains(&format!("<code>{id}</code>")), "{page}");
    assert!(!page.contains("<script"), "{page}");
}

#[tokio::test]
async fn a_form_or_an_address_with_nul_is_refused_before_anything_looks_for_it() {
    let (mut server, _database) = bare_server().await;
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let tokens = set_up(&server, &http).await;
    let post = |function: &str, form: &'static str| {
        http.post(format!("{}/sfn/{function}", server.url))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .bearer_auth(tokens["access_token"].as_str().unwrap())
            .body(form)
    };
    let login = |form: &'static str| post("login", form);
    for call in [
        login("username=an%00na&password=a"),
        login("username=anna&password=a%00"),
        login("username=an\0na&password=a"),
        post("complete_setup", "token=a&username=an%00na&password=a"),
        post(
            "create_user",
            "username=an%00na&password=a+long+enough+password&role=user",
        ),
        post("logout?a=%00", ""),
        http.get(format!("{}/?q=%00", server.url)),
    ] {
        let answer = call.send().await.unwrap();
        assert_eq!(read_envelope(answer, 422).await, "validation_error");
    }
    // Nor is one read on that is too large, though it does not say so before.
    let unannounced = futures::stream::iter([1024 * 1024, 1].map(|bytes| Ok::<_, std::io::Error>(vec![b'a'; bytes])));
    let too_large = login("").body(reqwest::Body::wrap_stream(unannounced));
    assert_eq!(
        read_envelope(too_large.send().await.unwrap(), 413).await,
        "validation_error"
    );
    // A person stands before the form again, with what is wrong.
    let form = login("username=an%00na&password=a")
        .header(header::ACCEPT, "text/html")
        .header(header::REFERER, format!("{}/", server.url));
    let page = form.send().await.unwrap();
    assert!(
        page.url().query().is_some_and(|query| query.contains("__err=")),
        "{}",
        page.url()
    );
    // The three characters are as good as others.
    let refused = login("username=an%2500na&password=a").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nul_in_an_address_is_refused_at_every_door_of_the_browser() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_RATE_PUBLIC", "1000/min");
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let tokens = set_up(&server, &http).await;
    let call = |method: Method, address: &str, accept: &str| {
        http.request(method, format!("{}{address}", server.url))
            .bearer_auth(tokens["access_token"].as_str().unwrap())
            .header(header::ACCEPT, accept.to_owned())
    };
    let cover = "/covers/018f2f5e-7c1a-7e55-b6a4-0c5a4c9d2f11";
    for address in [
        "/covers/%00",
        &format!("{cover}%00"),
        &format!("{cover}?v=%00"),
        &format!("{cover}?w=%00"),
        "/events?since=%00",
        "/auth/oidc/start?return_to=/%00",
        "/auth/oidc/callback?state=%00&code=a",
        "/auth/oidc/callback?state=a&code=%00",
        "/auth/oidc/callback?error=%00",
    ] {
        let told = call(Method::GET, address, "application/json").send().await.unwrap();
        assert_eq!(read_envelope(told, 422).await, "validation_error", "{address}");
        let shown = call(Method::GET, address, "text/html").send().await.unwrap();
        check_error_page(shown, 422).await;
    }
    let link = || call(Method::POST, "/auth/oidc/link", "application/json");
    let sent = link().form(&[("return_to", "/\0")]).send().await.unwrap();
    assert_eq!(read_envelope(sent, 422).await, "validation_error");
    // What no route takes is nowhere, whatever it holds.
    for address in ["/%00", "/events%00", "/auth/oidc/%00", "/pkg/%00.js"] {
        let answer = call(Method::GET, address, "text/html").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{address}");
    }
}

/// Checks that a person is told, with the id to name.
async fn check_error_page(answer: Response, status: u16) {
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let (address, given) = (answer.url().to_string(), answer.status().as_u16());
    let page = answer.text().await.unwrap();
    assert_eq!(given, status, "{address}: {page}");
    assert!(page.contains(&format!("<code>{id}</code>")), "{address}: {page}");
}

async fn open_login(server: &Server) -> (header::HeaderMap, String) {
    let http = testing::sandbox::http_client().unwrap();
    let call = http
        .get(format!("{}/login", server.url))
        .header(header::ACCEPT, "text/html");
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    (answer.headers().clone(), answer.text().await.unwrap())
}

fn text<'a>(headers: &'a header::HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .unwrap_or_else(|| panic!("no {name}"))
        .to_str()
        .unwrap()
}

#[tokio::test]
async fn a_page_runs_only_scripts_that_bear_its_nonce() {
    let (mut server, _database) = bare_server().await;
    server.set("MAMCRAWLER_SECURE_COOKIES", "true");
    server.start().await;
    set_up(&server, &testing::sandbox::http_client().unwrap()).await;
    let (headers, page) = open_login(&server).await;
    let policy = text(&headers, "content-security-policy");
    let nonce = policy
        .split("'nonce-")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
        .unwrap();
    assert!(nonce.len() >= 22, "128 bits: {nonce}");
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    let scripts: Vec<&str> = page.split("<script").skip(1).collect();
    assert!(!scripts.is_empty(), "{page}");
    for script in scripts {
        let tag = script.split('>').next().unwrap();
        assert!(
            tag.contains(&format!("nonce=\"{nonce}\"")) || tag.contains("src="),
            "<script{tag}>"
        );
    }
    for inline in [" style=\"", " onclick=", " onload=", "javascript:"] {
        assert!(!page.contains(inline), "{inline} in {page}");
    }
    let (again, _) = open_login(&server).await;
    assert_ne!(
        text(&again, "content-security-policy"),
        policy,
        "another nonce for another answer"
    );
    assert_eq!(text(&headers, "cache-control"), "no-store");
    assert_eq!(text(&headers, "x-content-type-options"), "nosniff");
    assert_eq!(text(&headers, "referrer-policy"), "same-origin");
    assert_eq!(text(&headers, "cross-origin-opener-policy"), "same-origin");
    assert_eq!(text(&headers, "cross-origin-resource-policy"), "same-origin");
    assert!(text(&headers, "permissions-policy").contains("camera=()"));
    assert!(text(&headers, "strict-transport-security").starts_with("max-age=31536000"));
}

#[tokio::test]
async fn data_is_inert_and_other_sites_get_nothing_unless_named() {
    let (mut server, _database) = bare_server().await;
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let preflight = async |server: &Server| {
        let call = http.request(Method::OPTIONS, format!("{}/api/v1/setup", server.url));
        let call = call.header("origin", "https://shelf.example");
        let answer = call
            .header("access-control-request-method", "GET")
            .send()
            .await
            .unwrap();
        answer.headers().get("access-control-allow-origin").cloned()
    };
    let answer = http.get(format!("{}/api/v1/setup", server.url)).send().await.unwrap();
    assert!(text(answer.headers(), "content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(text(answer.headers(), "cache-control"), "no-store");
    assert!(
        !answer.headers().contains_key("strict-transport-security"),
        "plain http"
    );
    assert_eq!(preflight(&server).await, None);

    server.kill9();
    server.set("MAMCRAWLER_CORS_ORIGINS", "https://shelf.example");
    server.set("MAMCRAWLER_ALLOWED_HOSTS", "127.0.0.1, books.example");
    server.start().await;
    assert_eq!(preflight(&server).await.unwrap(), "https://shelf.example");
    let call = http.get(format!("{}/api/v1/setup", server.url));
    let answer = call.header("origin", "https://shelf.example").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        text(answer.headers(), "access-control-allow-origin"),
        "https://shelf.example"
    );
    assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    let named = |host: &str| http.get(format!("{}/api/v1/setup", server.url)).header("host", host);
    assert_eq!(named("books.example").send().await.unwrap().status(), 200);
    let refused = named("evil.example").send().await.unwrap();
    assert_eq!(read_envelope(refused, 421).await, "validation_error");
}
