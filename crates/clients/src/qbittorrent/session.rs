//! Logins: cookie (4.5 to 5.2), API key (5.2), or none where qBittorrent bypasses authentication.
//!
//! Five wrong passwords ban our address for an hour, so a refusal is remembered and the same one never sent again.

use std::time::Duration;

use reqwest::multipart::Form;
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::capabilities::Capabilities;
use super::{QbittorrentConfig, SERVICE, read_line, require_success};
use crate::error::{ClientError, Result};
use crate::http::{Answer, HttpClient, HttpOptions, base_url};

mod cookies;

use cookies::Cookies;

const OPTIONS: HttpOptions = HttpOptions {
    timeout: Duration::from_secs(30),
    connect_timeout: Duration::from_secs(10),
    // The server closes idle connections after about 7 s.
    pool_idle_timeout: Duration::from_secs(4),
    // The full list of some thousand torrents.
    max_body_bytes: 64 * 1024 * 1024,
};

enum Credential {
    ApiKey(SecretString),
    Password {
        username: String,
        password: SecretString,
    },
    /// Authentication is bypassed for our address.
    None,
}

/// An authenticated way to call the API.
pub(super) struct Session {
    http: HttpClient,
    base: Url,
    credential: Credential,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` until the first login, and after the cookie was refused.
    login: Option<Login>,
    logins: u64,
    refused: Option<ClientError>,
    capabilities: Option<Capabilities>,
}

/// What proves who we are; `number` tells a stale one from one that another task has just renewed.
#[derive(Clone, Default)]
struct Login {
    cookies: Cookies,
    number: u64,
}

impl Session {
    pub fn new(config: &QbittorrentConfig) -> Result<Self> {
        let secret = config.secret.expose_secret().trim();
        let credential = match (config.username.trim(), secret) {
            ("", "") => Credential::None,
            (username, secret) if username.is_empty() || secret.starts_with("qbt_") => {
                Credential::ApiKey(secret.to_owned().into())
            }
            (username, _) => Credential::Password {
                username: username.into(),
                password: config.secret.clone(),
            },
        };
        let http = HttpClient::new(SERVICE, OPTIONS)?;
        let base = crate::http::join_url(&base_url(SERVICE, &config.url)?, "api/v2");
        Ok(Self {
            http,
            base,
            credential,
            state: Mutex::default(),
        })
    }

    pub async fn get(&self, method: &str, params: &[(&str, &str)]) -> Result<Answer> {
        self.call(|| self.http.get(&self.base, method).query(params)).await
    }

    pub async fn post(&self, method: &str, params: &[(&str, &str)]) -> Result<Answer> {
        self.call(|| self.http.post(&self.base, method).form(params)).await
    }

    /// `form` is made anew when the call is repeated after a login.
    pub async fn post_multipart(&self, method: &str, form: impl Fn() -> Form + Send + Sync) -> Result<Answer> {
        self.call(|| self.http.post(&self.base, method).multipart(form())).await
    }

    /// Read once per login: an upgrade ends the session.
    pub async fn capabilities(&self) -> Result<Capabilities> {
        if let Some(known) = self.state.lock().await.capabilities {
            return Ok(known);
        }
        let answer = self.get("app/webapiVersion", &[]).await?;
        let text = read_line(&answer)?;
        let version = text
            .parse()
            .map_err(|_| answer.unexpected("its API version can't be read"))?;
        let capabilities = Capabilities::of(version);
        self.state.lock().await.capabilities = Some(capabilities);
        Ok(capabilities)
    }

    /// Any answer but 401 and 403. After a 403 the login is renewed once and the call repeated once.
    async fn call(&self, build: impl Fn() -> RequestBuilder + Send + Sync) -> Result<Answer> {
        let login = self.log_in(None).await?;
        let answer = self.send_as(&login, build()).await?;
        if answer.status != 403 {
            return Ok(answer);
        }
        if !matches!(self.credential, Credential::Password { .. }) {
            return Err(self.refuse().await);
        }
        let login = self.log_in(Some(login.number)).await?;
        let answer = self.send_as(&login, build()).await?;
        if answer.status == 403 {
            Err(forbidden(
                "it accepts the login but not the call that follows; a proxy may drop its cookie.",
            ))
        } else {
            Ok(answer)
        }
    }

    /// The current login, or a new one if there is none or it is the `stale` one. One at a time.
    async fn log_in(&self, stale: Option<u64>) -> Result<Login> {
        let mut state = self.state.lock().await;
        if let Some(refused) = &state.refused {
            return Err(refused.clone());
        }
        if let Some(login) = state.login.as_ref().filter(|login| Some(login.number) != stale) {
            return Ok(login.clone());
        }
        state.login = None;
        state.capabilities = None;
        let cookies = match &self.credential {
            Credential::Password { username, password } => self.send_login(username, password).await,
            Credential::ApiKey(_) | Credential::None => Ok(Cookies::default()),
        };
        if let Err(refused @ ClientError::CredentialsRefused { .. }) = &cookies {
            state.refused = Some(refused.clone());
        }
        state.logins += 1;
        let login = Login {
            cookies: cookies?,
            number: state.logins,
        };
        state.login = Some(login.clone());
        Ok(login)
    }

    async fn send_login(&self, username: &str, password: &SecretString) -> Result<Cookies> {
        let form = [("username", username), ("password", password.expose_secret())];
        let answer = self
            .http
            .send(self.http.post(&self.base, "auth/login").form(&form))
            .await?;
        if is_banned(&answer) {
            return Err(banned());
        }
        match (answer.status, answer.text().trim()) {
            (401, _) => Err(self.explain_unauthorized().await?),
            (403, _) => Err(forbidden(
                "it forbids logging in from here; look at its WebUI settings.",
            )),
            (200, "Fails.") => Err(self.refusal()),
            (200, "Ok." | "") | (204, _) => Cookies::default().updated_by(&answer, &self.base),
            _ => Err(require_success(&answer).err().unwrap_or_else(|| {
                answer
                    .unexpected("it does not answer a login as qBittorrent does; the address may be another service's")
            })),
        }
    }

    /// From 5.2 a wrong password gives 401, as a failed host check always did; the latter gives 401 on every call.
    async fn explain_unauthorized(&self) -> Result<ClientError> {
        let probe = self.http.send(self.http.get(&self.base, "app/version")).await?;
        Ok(if probe.status == 401 {
            host_refused()
        } else {
            self.refusal()
        })
    }

    async fn send_as(&self, login: &Login, request: RequestBuilder) -> Result<Answer> {
        let request = match &self.credential {
            Credential::ApiKey(key) => request.bearer_auth(key.expose_secret()),
            Credential::Password { .. } | Credential::None => login.cookies.put_on(request),
        };
        let answer = self.http.send(request).await?;
        if is_banned(&answer) {
            return Err(banned());
        }
        if answer.status == 401 {
            return Err(host_refused());
        }
        if answer.headers.contains_key("set-cookie") && answer.is_success() {
            self.keep_cookies(login, &answer).await?;
        }
        Ok(answer)
    }

    /// With bypassed authentication any answer may start a session; without its cookie each call would start another.
    async fn keep_cookies(&self, used: &Login, answer: &Answer) -> Result<()> {
        let mut state = self.state.lock().await;
        if let Some(login) = state.login.as_mut().filter(|login| login.number == used.number) {
            login.cookies = login.cookies.updated_by(answer, &self.base)?;
        }
        Ok(())
    }

    async fn refuse(&self) -> ClientError {
        let refusal = self.refusal();
        self.state.lock().await.refused = Some(refusal.clone());
        refusal
    }

    fn refusal(&self) -> ClientError {
        let (credential, advice) = match self.credential {
            Credential::ApiKey(_) => (
                "API key",
                "API keys need qBittorrent 5.2 or newer. Make a new one in its WebUI settings and enter it under \
                 Integrations, or enter a user name and password.",
            ),
            Credential::Password { .. } => (
                "user name or password",
                "Enter them again under Integrations; it is not tried again before, as repeated failures get \
                 this address banned.",
            ),
            Credential::None => (
                "call without a login",
                "Enter a user name and password, or an API key, under Integrations.",
            ),
        };
        ClientError::CredentialsRefused {
            service: SERVICE.into(),
            credential: credential.into(),
            advice: advice.into(),
        }
    }
}

fn is_banned(answer: &Answer) -> bool {
    answer.status == 403 && answer.text().contains("banned")
}

fn banned() -> ClientError {
    let advice = "Wait for the ban to end (an hour by default) or restart qBittorrent, then test the connection with the \
                  right password.";
    ClientError::Banned {
        service: SERVICE.into(),
        advice: advice.into(),
    }
}

fn host_refused() -> ClientError {
    forbidden(
        "it answers 401 to every call, which is its host or origin check and not the password. Map the same port number \
         inside and outside of its container, or add the host name under its WebUI \"Server domains\", or use its reverse \
         proxy's address.",
    )
}

fn forbidden(advice: &str) -> ClientError {
    ClientError::Forbidden {
        service: SERVICE.into(),
        advice: advice.into(),
    }
}
