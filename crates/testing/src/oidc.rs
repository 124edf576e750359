//! The sandbox's single sign-on provider without the rest of it: up in well under a second.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sandbox::{Address, SandboxProcess, find_program, http_client};

const READY_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Address and credentials, as `sandbox serve-oidc --print` writes them.
#[derive(Debug, Clone, Deserialize)]
pub struct OidcFacts {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    pub control: Address,
}

/// One provider of its own.
pub struct OidcProvider {
    pub facts: OidcFacts,
    http: reqwest::Client,
    // Ended when dropped.
    _process: SandboxProcess,
    // Must be the last field: removed after the process has ended.
    _dir: TempDir,
}

impl OidcProvider {
    /// Starts one and waits until it listens.
    pub async fn start() -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("mamcrawler-oidc-").tempdir()?;
        let print = dir.path().join("facts.json");
        // The kernel ends it when this process dies, however that dies.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(find_program()?);
        command.args(["serve-oidc", "--print"]).arg(&print);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = SandboxProcess::spawn(command)?;
        let started = Instant::now();
        let text = loop {
            if let Ok(text) = std::fs::read_to_string(&print) {
                break text;
            }
            if process.has_ended() || started.elapsed() > READY_WITHIN {
                bail!("the sandbox's sign-in provider did not start");
            }
            tokio::time::sleep(POLL).await;
        };
        Ok(Self {
            facts: serde_json::from_str(&text).context("reading what the provider printed")?,
            http: http_client()?,
            _process: process,
            _dir: dir,
        })
    }

    /// Switches a fault of the service "oidc".
    pub async fn fault(&self, fault: &str, is_on: bool) -> anyhow::Result<()> {
        self.post("faults", &json!({ "service": "oidc", "fault": fault, "on": is_on }))
            .await
    }

    /// Chooses who is signed in at the provider; `claims` are what is told about them from now on.
    pub async fn sign_in(&self, subject: &str, claims: Option<Value>) -> anyhow::Result<()> {
        let mut order = json!({ "user": subject });
        if let Some(claims) = claims {
            order["claims"] = claims;
        }
        self.post("oidc", &order).await
    }

    /// Signs with a new key of another kind from now on.
    pub async fn rotate_keys(&self) -> anyhow::Result<()> {
        self.post("oidc", &json!({ "rotate_keys": true })).await
    }

    /// How often an endpoint was asked: "jwks", "token".
    pub async fn requests(&self, endpoint: &str) -> anyhow::Result<u64> {
        let url = format!("{}/control/oidc", self.facts.control.url);
        let state: Value = self.http.get(url).send().await?.error_for_status()?.json().await?;
        Ok(state["counters"][endpoint].as_u64().unwrap_or_default())
    }

    async fn post(&self, door: &str, body: &Value) -> anyhow::Result<()> {
        let url = format!("{}/control/{door}", self.facts.control.url);
        let response = self.http.post(url).json(body).send().await?;
        let status = response.status();
        ensure!(
            status.is_success(),
            "control/{door} answered {status}: {}",
            response.text().await?
        );
        Ok(())
    }
}
