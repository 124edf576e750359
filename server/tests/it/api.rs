//! A server for tests of the JSON API: nothing connected, an admin signed in, no rate in the way.

use serde_json::{Value, json};
use services::{Actor, Services};
use testing::TestDatabase;
use types::people::{NewUserForm, Role};

use crate::stage::{PASSWORD, bare_server, services_beside, set_up};
use crate::support::Server;

/// Fields are dropped in this order: who uses a thing goes before it.
pub struct Api {
    pub server: Server,
    pub services: Services,
    pub http: reqwest::Client,
    /// Of the admin "anna".
    pub token: String,
    pub database: TestDatabase,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Api {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// `prepare` changes the server's settings before its start.
    pub async fn start_with(prepare: impl FnOnce(&mut Server)) -> Self {
        let (mut server, database) = bare_server().await;
        prepare(&mut server);
        for class in [
            "PUBLIC",
            "AUTHENTICATED",
            "ADMIN",
            "DOWNLOAD",
            "SEARCH",
            "METADATA",
            "HEALTH",
            "UPLOAD",
            "PAGE",
        ] {
            server.set(&format!("MAMCRAWLER_RATE_{class}"), "100000/min");
        }
        server.set("MAMCRAWLER_RATE_ADDRESS", "1000000/min");
        server.start().await;
        let http = testing::sandbox::http_client().unwrap();
        let tokens = set_up(&server, &http).await;
        Self {
            services: services_beside(&server, &database),
            token: tokens["access_token"].as_str().unwrap().to_owned(),
            server,
            http,
            database,
        }
    }

    /// The document as the server gives it.
    pub async fn document(&self) -> Value {
        let call = self.http.get(format!("{}/api/openapi.json", self.server.url));
        call.send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// A call below `/api/v1`, by nobody.
    pub fn call(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        self.http.request(method, format!("{}/api/v1{path}", self.server.url))
    }

    /// A call by the admin.
    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let call = self.call(method, path).bearer_auth(&self.token);
        answer(match body {
            Some(body) => call.json(&body),
            None => call,
        })
        .await
    }

    /// Somebody of this role, by the name of the role; can sign in.
    pub async fn add_person(&self, role: Role) {
        let admin = services::auth::authenticate(&self.services, &self.token).await.unwrap();
        self.add(&admin, role).await;
    }

    async fn add(&self, admin: &Actor, role: Role) {
        let form = NewUserForm {
            username: role.to_string(),
            password: PASSWORD.into(),
            role,
        };
        services::users::create_user(&self.services, admin, form).await.unwrap();
    }

    /// A new access token.
    pub async fn sign_in(&self, username: &str) -> String {
        let form = json!({ "username": username, "password": PASSWORD });
        let answer = answer(self.call("post", "/auth/login").json(&form)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["access_token"].as_str().unwrap().to_owned()
    }
}

/// Sends it. A stream is left where it begins.
pub async fn answer(call: reqwest::RequestBuilder) -> Answer {
    let response = call.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let kind = headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let body = match kind.starts_with("application/json") {
        true => response.json().await.unwrap(),
        false => Value::Null,
    };
    Answer { status, headers, body }
}
