//! A running sandbox: real qBittorrents, a real swarm and stand-ins for the other services, ended when dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

/// With the audio in the cache it takes seconds; the first start on a machine makes it.
const READY_WITHIN: Duration = Duration::from_secs(300);
const START_TRIES: u32 = 3;
const STOP_WITHIN: Duration = Duration::from_secs(25);
const POLL: Duration = Duration::from_millis(50);
/// Books that the stand-in of Audiobookshelf owns.
const ITEMS: usize = 40;

/// Addresses and credentials, as `sandbox serve --print` writes them.
#[derive(Debug, Clone, Deserialize)]
pub struct SandboxFacts {
    pub dir: PathBuf,
    /// For `MAMCRAWLER_PROVISION`.
    pub provision: PathBuf,
    pub library_path: PathBuf,
    pub downloads_path: PathBuf,
    pub seeds_path: PathBuf,
    pub control: Address,
    pub myanonamouse: Address,
    pub prowlarr: WithKey,
    pub torznab: WithKey,
    pub audiobookshelf: AudiobookshelfFacts,
    pub qbittorrent: QbittorrentFacts,
}

/// A service that needs nothing but its address, or whose secret the provisioning file holds.
#[derive(Debug, Clone, Deserialize)]
pub struct Address {
    pub url: String,
}

/// A service with an API key.
#[derive(Debug, Clone, Deserialize)]
pub struct WithKey {
    pub url: String,
    pub api_key: String,
}

/// The stand-in of Audiobookshelf.
#[derive(Debug, Clone, Deserialize)]
pub struct AudiobookshelfFacts {
    pub url: String,
    pub api_key: String,
    pub library_id: String,
}

/// The user's own torrent client, a real one.
#[derive(Debug, Clone, Deserialize)]
pub struct QbittorrentFacts {
    pub url: String,
    pub username: String,
    pub password: String,
}

/// How long a fault lasts.
#[derive(Debug, Clone, Copy)]
pub enum FaultSpan {
    On,
    Off,
    Times(u32),
}

/// One sandbox of its own.
pub struct Sandbox {
    pub facts: SandboxFacts,
    http: reqwest::Client,
    process: SandboxProcess,
    // Must be the last field: removed after the process has ended.
    _dir: TempDir,
}

impl Sandbox {
    /// Starts one and waits until everything in it is ready.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with_items(ITEMS).await
    }

    /// The same with another number of books that are owned already.
    pub async fn start_with_items(items: usize) -> anyhow::Result<Self> {
        let mut tries = 0;
        loop {
            tries += 1;
            // A port that was free may be taken by another program before the sandbox listens on it.
            match Self::try_start(items).await {
                Err(_) if tries < START_TRIES => {}
                result => return result,
            }
        }
    }

    async fn try_start(items: usize) -> anyhow::Result<Self> {
        let program = find_program()?;
        let dir = tempfile::Builder::new().prefix("mamcrawler-sandbox-").tempdir()?;
        let (state, log) = (dir.path().join("state"), dir.path().join("sandbox.log"));
        let print = dir.path().join("facts.json");
        let cache = std::env::temp_dir().join("mamcrawler-sandbox-audio");
        let output = File::create(&log)?;
        // The kernel ends it when this process dies, however that dies.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "TERM"])
            .arg(program)
            .args(["serve", "--items", &items.to_string()]);
        command
            .arg("--dir")
            .arg(state)
            .arg("--cache")
            .arg(cache)
            .arg("--print")
            .arg(&print);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let process = SandboxProcess::spawn(command)?;
        let facts = wait_for_facts(&process, &print, &log).await?;
        Ok(Self {
            facts,
            http: http_client()?,
            process,
            _dir: dir,
        })
    }

    /// Switches a fault of `GET /control/faults`.
    pub async fn fault(&self, service: &str, fault: &str, span: FaultSpan) -> anyhow::Result<()> {
        let mut order = json!({ "service": service, "fault": fault });
        match span {
            FaultSpan::On => order["on"] = true.into(),
            FaultSpan::Off => order["on"] = false.into(),
            FaultSpan::Times(times) => order["times"] = times.into(),
        }
        self.post("faults", &order).await
    }

    /// Switches every fault off.
    pub async fn clear_faults(&self) -> anyhow::Result<()> {
        let faults = self.get("faults").await?;
        for name in faults["active"]
            .as_object()
            .into_iter()
            .flat_map(|active| active.keys())
        {
            let (service, fault) = name.split_once('/').context("a fault is service/fault")?;
            self.fault(service, fault, FaultSpan::Off).await?;
        }
        Ok(())
    }

    /// Requests and their counters, swarms, snatches, what was scanned.
    pub async fn state(&self) -> anyhow::Result<Value> {
        self.get("state").await
    }

    /// Every release with its hash and payload path.
    pub async fn catalogue(&self) -> anyhow::Result<Value> {
        self.get("catalogue").await
    }

    /// One release of the catalogue, by its key.
    pub async fn release(&self, key: &str) -> anyhow::Result<Value> {
        let catalogue = self.catalogue().await?;
        let found = catalogue
            .as_array()
            .into_iter()
            .flatten()
            .find(|release| release["key"] == key);
        found
            .cloned()
            .with_context(|| format!("the sandbox has no release \"{key}\""))
    }

    /// The process.
    pub fn process_id(&self) -> u32 {
        self.process.pid
    }

    async fn get(&self, door: &str) -> anyhow::Result<Value> {
        let url = format!("{}/control/{door}", self.facts.control.url);
        Ok(self.http.get(url).send().await?.error_for_status()?.json().await?)
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

/// A client for the loopback, for tests.
#[expect(
    clippy::disallowed_methods,
    reason = "tests talk to the outside programs themselves, not through the product"
)]
pub fn http_client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()?)
}

/// The process and the thread that waits for it: the kernel ties a child to the *thread* that made it.
pub(crate) struct SandboxProcess {
    pid: u32,
    waiting: Option<JoinHandle<()>>,
}

impl SandboxProcess {
    pub(crate) fn spawn(mut command: Command) -> anyhow::Result<Self> {
        let (started, starting) = mpsc::channel();
        let waiting = thread::spawn(move || match command.spawn() {
            Ok(mut child) => {
                // The receiver waits for exactly this.
                let _ = started.send(Ok(child.id()));
                let _ = child.wait();
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        });
        let pid = starting
            .recv()?
            .context("starting the sandbox by setpriv (util-linux)")?;
        Ok(Self {
            pid,
            waiting: Some(waiting),
        })
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.waiting.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for SandboxProcess {
    fn drop(&mut self) {
        let Some(waiting) = self.waiting.take() else { return };
        let started = Instant::now();
        let pid = Pid::from_raw(i32::try_from(self.pid).unwrap_or(0));
        let mut asked = None;
        while !waiting.is_finished() && pid.as_raw() > 0 {
            let signal = if started.elapsed() < STOP_WITHIN {
                Signal::SIGTERM
            } else {
                Signal::SIGKILL
            };
            if asked.replace(signal) != Some(signal)
                && let Err(error) = kill(pid, signal)
            {
                eprintln!("the sandbox could not be ended: {error}");
            }
            thread::sleep(POLL);
        }
    }
}

/// Cargo puts the test binary in `<target>/<profile>/deps` and programs in `<target>/<profile>`.
pub(crate) fn find_program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own
        .parent()
        .and_then(Path::parent)
        .context("the test binary lies in a target folder")?;
    let program = folder.join("sandbox");
    ensure!(
        program.is_file(),
        "{} is missing; build it with `cargo build -p sandbox`",
        program.display()
    );
    Ok(program)
}

async fn wait_for_facts(process: &SandboxProcess, print: &Path, log: &Path) -> anyhow::Result<SandboxFacts> {
    let started = Instant::now();
    while started.elapsed() < READY_WITHIN {
        if let Ok(text) = std::fs::read_to_string(print) {
            return serde_json::from_str(&text).context("reading what the sandbox printed");
        }
        if process.has_ended() {
            bail!("the sandbox ended at its start: {}", std::fs::read_to_string(log)?);
        }
        tokio::time::sleep(POLL).await;
    }
    bail!(
        "the sandbox was not ready within 300 s: {}",
        std::fs::read_to_string(log)?
    )
}
