//! Single sign-on over HTTP: the settings by the API, the way through the provider as a browser goes it.

use reqwest::{Response, header};
use serde_json::{Value, json};
use testing::OidcProvider;

use crate::stage::{bare_server, new_browser, set_up};
use crate::support::Server;

fn target(answer: &Response) -> String {
    answer.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

fn cookies(answer: &Response) -> Vec<String> {
    let lines = answer.headers().get_all(header::SET_COOKIE).iter();
    lines.map(|line| line.to_str().unwrap().to_owned()).collect()
}

/// A server whose admin has connected the provider, and the admin's token.
async fn connect(server: &mut Server, provider: &OidcProvider) -> String {
    server.start().await;
    let http = testing::sandbox::http_client().unwrap();
    let token = set_up(server, &http).await["access_token"].as_str().unwrap().to_owned();
    let form = json!({
        "settings": {
            "is_enabled": true, "issuer": provider.facts.issuer, "client_id": provider.facts.client_id,
            "scopes": ["profile", "email", "groups"], "display_name": "The house", "public_url": server.origin(),
            "groups_claim": "groups", "group_roles": [{ "group": "librarians", "role": "manager" }],
            "default_role": null, "links_by_verified_email": false, "creates_users": true
        },
        "client_secret": provider.facts.client_secret,
    });
    let address = format!("{}/api/v1/auth/oidc", server.url);
    let tested: Value = http
        .post(format!("{address}/test"))
        .bearer_auth(&token)
        .json(&form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(tested["health"], "ok", "{tested}");
    let saved: Value = http
        .put(&address)
        .bearer_auth(&token)
        .json(&form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        saved["redirect_uri"],
        format!("{}/auth/oidc/callback", server.url),
        "{saved}"
    );
    let shown = http
        .get(&address)
        .bearer_auth(&token)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(!shown.contains(&provider.facts.client_secret), "{shown}");
    token
}

#[tokio::test]
async fn a_browser_signs_in_through_the_provider_and_is_sent_on() {
    check_way_through("", "/").await;
}

#[tokio::test]
async fn below_a_path_the_way_through_the_provider_stays_there() {
    check_way_through("/apps/books", "/apps/books").await;
}

async fn check_way_through(base: &str, cookie_path: &str) {
    let (mut server, _database) = bare_server().await;
    server.put_below(base);
    let provider = OidcProvider::start().await.unwrap();
    connect(&mut server, &provider).await;
    let browser = new_browser();
    let get = |url: String| browser.get(url).header(header::ACCEPT, "text/html").send();

    let offered: Value = get(format!("{}/api/v1/auth/oidc/provider", server.url))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        offered,
        json!({ "display_name": "The house", "start_path": format!("{base}/auth/oidc/start") })
    );
    let started = get(format!("{}/auth/oidc/start?return_to=%2Fbooks%3Fpage%3D2", server.url))
        .await
        .unwrap();
    assert_eq!(started.status(), 303);
    assert!(
        cookies(&started)[0].contains(&format!("; Path={cookie_path}; Max-Age=600; HttpOnly; SameSite=Lax")),
        "{:?}",
        cookies(&started)
    );
    let agreed = get(target(&started)).await.unwrap();
    let back = target(&agreed);
    assert!(
        back.starts_with(&format!("{}/auth/oidc/callback?code=", server.url)),
        "{back}"
    );

    // Somebody else's browser can't end it.
    let stranger = new_browser()
        .get(&back)
        .header(header::ACCEPT, "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(stranger.status(), 401);
    assert!(cookies(&stranger).is_empty());
    assert!(stranger.text().await.unwrap().contains("started in another browser"));

    let finished = get(back.clone()).await.unwrap();
    assert_eq!(
        (finished.status().as_u16(), target(&finished).as_str()),
        (303, format!("{base}/books?page=2").as_str())
    );
    let set = cookies(&finished);
    assert!(
        set.iter().any(|cookie| cookie.starts_with("mamcrawler_access=")),
        "{set:?}"
    );
    assert!(
        set.iter()
            .any(|cookie| cookie.starts_with("mamcrawler_oidc_") && cookie.contains("Max-Age=0")),
        "{set:?}"
    );
    let me: Value = get(format!("{}/api/v1/auth/me", server.url))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    // The admin is called anna, too, and is somebody else.
    assert_eq!(
        (&me["username"], &me["role"]),
        (&json!("anna-2"), &json!("manager")),
        "{me}"
    );
    assert_eq!(get(back).await.unwrap().status(), 401, "a state counts once");
}

#[tokio::test]
async fn a_refusal_is_a_page_with_a_sentence_and_an_open_redirect_is_none() {
    let (mut server, _database) = bare_server().await;
    let provider = OidcProvider::start().await.unwrap();
    connect(&mut server, &provider).await;
    let browser = new_browser();
    let get = |url: String| browser.get(url).header(header::ACCEPT, "text/html").send();
    let start = format!("{}/auth/oidc/start?return_to=https%3A%2F%2Fevil.example", server.url);
    let agreed = get(target(&get(start.clone()).await.unwrap())).await.unwrap();
    assert_eq!(target(&get(target(&agreed)).await.unwrap()), "/");

    provider.fault("access_denied", true).await.unwrap();
    let denied = get(target(&get(start).await.unwrap())).await.unwrap();
    let refused = get(target(&denied)).await.unwrap();
    assert_eq!(refused.status(), 401);
    assert!(
        refused.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let page = refused.text().await.unwrap();
    assert!(page.contains("did not let you in"), "{page}");
    assert!(
        !page.contains("own words"),
        "the provider's description is not shown: {page}"
    );
}

#[tokio::test]
async fn somebody_signed_in_connects_their_account_by_a_form_of_ours() {
    let (mut server, _database) = bare_server().await;
    let provider = OidcProvider::start().await.unwrap();
    let token = connect(&mut server, &provider).await;
    let browser = new_browser();
    let link = |site: &str| {
        browser
            .post(format!("{}/auth/oidc/link", server.url))
            .bearer_auth(&token)
            .header("sec-fetch-site", site.to_owned())
            .form(&[("return_to", "/account")])
            .send()
    };
    assert_eq!(link("cross-site").await.unwrap().status(), 403);
    let page = link("same-origin").await.unwrap();
    assert_eq!(page.status(), 200);
    let text = page.text().await.unwrap();
    let address = text.split("<a href=\"").nth(1).unwrap().split('"').next().unwrap();
    let agreed = browser.get(address.replace("&amp;", "&")).send().await.unwrap();
    let finished = browser.get(target(&agreed)).bearer_auth(&token).send().await.unwrap();
    assert_eq!(
        (finished.status().as_u16(), target(&finished).as_str()),
        (303, "/account")
    );
    let known: Value = browser
        .get(format!("{}/api/v1/auth/identities", server.url))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(known["identities"][0]["subject"], "anna", "{known}");
}

#[tokio::test]
async fn an_account_is_not_connected_for_a_browser_that_signed_out_meanwhile() {
    let (mut server, _database) = bare_server().await;
    let provider = OidcProvider::start().await.unwrap();
    let token = connect(&mut server, &provider).await;
    let browser = new_browser();
    let page = browser
        .post(format!("{}/auth/oidc/link", server.url))
        .bearer_auth(&token)
        .header("sec-fetch-site", "same-origin")
        .form(&[("return_to", "/account")])
        .send()
        .await
        .unwrap();
    let text = page.text().await.unwrap();
    let address = text.split("<a href=\"").nth(1).unwrap().split('"').next().unwrap();
    let agreed = browser.get(address.replace("&amp;", "&")).send().await.unwrap();
    let left = browser
        .post(format!("{}/api/v1/auth/logout", server.url))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(left.status(), 204);
    let back = browser.get(target(&agreed)).bearer_auth(&token);
    let refused = back.header(header::ACCEPT, "text/html").send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let page = refused.text().await.unwrap();
    assert!(page.contains("under Account"), "{page}");
}
