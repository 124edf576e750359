//! A small stateful qBittorrent that can be any version and can misbehave.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use clients::qbittorrent::{Qbittorrent, QbittorrentConfig, connect};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub const PASSWORD: &str = "right";
pub const API_KEY: &str = "qbt_0123456789012345678901234567";
const PREFIX: &str = "/qbt/api/v2/";

/// How a version behaves where versions differ.
#[derive(Clone, Copy)]
pub struct Flavour {
    pub api_version: &'static str,
    pub cookie_name: &'static str,
    pub has_stop: bool,
    pub has_new_login: bool,
}

pub const V4_5: Flavour = Flavour {
    api_version: "2.8.19",
    cookie_name: "SID",
    has_stop: false,
    has_new_login: false,
};
pub const V4_6_RENAMED_COOKIE: Flavour = Flavour {
    api_version: "2.9.3",
    cookie_name: "MY_SID",
    has_stop: false,
    has_new_login: false,
};
pub const V5_0: Flavour = Flavour {
    api_version: "2.11.2",
    cookie_name: "SID",
    has_stop: true,
    has_new_login: false,
};
pub const V5_1: Flavour = Flavour {
    api_version: "2.11.4",
    cookie_name: "SID",
    has_stop: true,
    has_new_login: false,
};
pub const V5_2: Flavour = Flavour {
    api_version: "2.15.1",
    cookie_name: "QBT_SID_8080",
    has_stop: true,
    has_new_login: true,
};
pub const EVERY_FLAVOUR: [Flavour; 5] = [V4_5, V4_6_RENAMED_COOKIE, V5_0, V5_1, V5_2];

/// What it does beyond its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Normal,
    Banning,
    /// The host check fails: 401 for everything.
    WrongHost,
    /// Logins work, but no cookie is ever accepted.
    ForgetsSessions,
    /// Authentication is bypassed; the session cookie comes with the first other answer.
    Bypassing,
}

/// What an accepted `torrents/add` answers and whether the torrent then shows up.
#[derive(Clone, Copy)]
pub struct AddScript {
    pub status: u16,
    pub body: &'static str,
    pub is_listed_after: bool,
}

pub struct State {
    pub flavour: Flavour,
    pub mood: Mood,
    pub add: AddScript,
    pub logins: u32,
    /// The cookie that is valid now.
    pub session: Option<String>,
    /// Calls that were let in: method and raw body.
    pub calls: Vec<(String, String)>,
    pub sessions_started: u32,
    pub torrents: BTreeMap<String, Value>,
}

#[derive(Clone)]
pub struct Fake {
    state: Arc<Mutex<State>>,
}

/// A running fake; the server ends when it is dropped.
pub struct Running {
    pub fake: Fake,
    server: MockServer,
}

pub async fn start(flavour: Flavour, mood: Mood) -> Running {
    let add = AddScript {
        status: 200,
        body: "Ok.",
        is_listed_after: true,
    };
    let (calls, torrents) = (Vec::new(), BTreeMap::new());
    let state = State {
        flavour,
        mood,
        add,
        logins: 0,
        session: None,
        calls,
        sessions_started: 0,
        torrents,
    };
    let fake = Fake {
        state: Arc::new(Mutex::new(state)),
    };
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(fake.clone()).mount(&server).await;
    Running { fake, server }
}

impl Running {
    pub fn connect(&self, username: &str, secret: &str) -> Qbittorrent {
        let mut config = QbittorrentConfig::new(
            &format!("{}/qbt/", self.server.uri()),
            username,
            secret.to_owned().into(),
        );
        config.confirm_within = Duration::from_millis(300);
        connect(&config).expect("a valid address")
    }

    /// The same server without the prefix under which it answers.
    pub fn address_of_nothing(&self) -> String {
        self.server.uri()
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.fake.state.lock().expect("no test panics while it holds the state")
    }

    /// Names of the calls that were let in.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.iter().map(|(method, _)| method.clone()).collect()
    }

    pub fn body_of(&self, method: &str) -> String {
        let state = self.state();
        state
            .calls
            .iter()
            .find(|(called, _)| called == method)
            .map(|(_, body)| body.clone())
            .unwrap_or_default()
    }
}

impl Respond for Fake {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state.lock().expect("no test panics while it holds the state");
        let Some(method) = request.url.path().strip_prefix(PREFIX).map(str::to_owned) else {
            return text(404, "");
        };
        let has_origin = request.headers.contains_key("origin") || request.headers.contains_key("referer");
        if has_origin || state.mood == Mood::WrongHost {
            return text(401, "Unauthorized");
        }
        if state.mood == Mood::Banning {
            return text(
                403,
                "Your IP address has been banned after too many failed authentication attempts.",
            );
        }
        if method == "auth/login" {
            return state.log_in(&String::from_utf8_lossy(&request.body));
        }
        if !state.is_known(request) {
            return text(403, "Forbidden");
        }
        state
            .calls
            .push((method.clone(), String::from_utf8_lossy(&request.body).into_owned()));
        let answer = state.answer(&method, request);
        if state.mood == Mood::Bypassing && request.headers.get("cookie").is_none() {
            state.sessions_started += 1;
            return answer.append_header("set-cookie", "SID=started; HttpOnly; path=/");
        }
        answer
    }
}

impl State {
    fn log_in(&mut self, form: &str) -> ResponseTemplate {
        self.logins += 1;
        let is_new = self.flavour.has_new_login;
        if self.mood == Mood::Bypassing {
            return if is_new { text(204, "") } else { text(200, "Ok.") };
        }
        if form != format!("username=tester&password={PASSWORD}") {
            return if is_new { text(401, "") } else { text(200, "Fails.") };
        }
        let cookie = format!("{}=session{}", self.flavour.cookie_name, self.logins);
        self.session = Some(cookie.clone());
        let answer = if is_new { text(204, "") } else { text(200, "Ok.") };
        answer.append_header(
            "set-cookie",
            format!("{cookie}; HttpOnly; SameSite=Strict; path=/").as_str(),
        )
    }

    fn is_known(&self, request: &Request) -> bool {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(bearer) = header("authorization") {
            return self.flavour.has_new_login && bearer == format!("Bearer {API_KEY}");
        }
        match self.mood {
            Mood::Bypassing => true,
            Mood::ForgetsSessions => false,
            _ => self.session.is_some() && header("cookie") == self.session.as_deref(),
        }
    }

    fn answer(&mut self, method: &str, request: &Request) -> ResponseTemplate {
        let has_stop = self.flavour.has_stop;
        match method {
            "app/version" => text(200, "v5.0.0"),
            "app/webapiVersion" => text(200, self.flavour.api_version),
            "app/defaultSavePath" => text(200, "/data/ab"),
            "app/preferences" => json_body(&json!({"max_ratio_enabled": true, "max_ratio_act": 3})),
            "transfer/info" => json_body(&json!({"connection_status": "connected"})),
            "sync/maindata" => json_body(&json!({"rid": 1, "full_update": true, "torrents": self.torrents,
                "server_state": {"free_space_on_disk": 2_147_483_648_i64}})),
            "torrents/info" => self.list(request),
            "torrents/add" => self.add(),
            "torrents/stop" | "torrents/start" if has_stop => text(200, ""),
            "torrents/pause" | "torrents/resume" if !has_stop => text(200, ""),
            _ => text(404, "Endpoint does not exist"),
        }
    }

    fn list(&self, request: &Request) -> ResponseTemplate {
        let filter = request
            .url
            .query_pairs()
            .find(|(name, _)| name == "hashes")
            .map(|(_, value)| value.into_owned());
        let wanted: Vec<&str> = filter.iter().flat_map(|filter| filter.split('|')).collect();
        let rows = self.torrents.iter().filter(|(hash, _)| wanted.contains(&hash.as_str()));
        let rows: Vec<Value> = rows
            .map(|(hash, row)| {
                let mut row = row.clone();
                row["hash"] = hash.as_str().into();
                row
            })
            .collect();
        json_body(&json!(rows))
    }

    fn add(&mut self) -> ResponseTemplate {
        if self.add.is_listed_after {
            self.torrents
                .insert(super::versions::hash(), json!({"name": "Dune", "state": "downloading"}));
        }
        text(self.add.status, self.add.body)
    }
}

fn text(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_string(body)
}

fn json_body(value: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(value)
}
