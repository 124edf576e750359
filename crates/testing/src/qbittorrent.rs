//! A real qbittorrent-nox on loopback, with a profile of its own, ended when dropped.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::ports::pick_ports;

const USERNAME: &str = "tester";
const PASSWORD: &str = "correct horse";
/// PBKDF2-HMAC-SHA512 of `PASSWORD`: salt and hash as qBittorrent stores them.
const PASSWORD_HASH: &str =
    "bWFtY3Jhd2xlci10ZXN0cw==:TmolGkdzYlx1Zr4jAQlM6c/r93RiV7xJmpJsiWvCan+l6+odL21kTwXx1ldk2b8NqYefQfA5hWYwfZN33alwSg==";
/// What versions from 5.2 on take instead of name and password; older ones ignore it.
pub const API_KEY: &str = "qbt_mamcrawlerTestsOnly000000000";
const START_TRIES: u32 = 3;
const READY_TRIES: u32 = 300;
const READY_PAUSE: Duration = Duration::from_millis(100);

/// A running qBittorrent.
pub struct Qbittorrent {
    /// Address of its WebUI.
    pub url: String,
    pub username: String,
    pub password: String,
    /// Where it saves by default; exists, and is empty at the start.
    pub save_path: PathBuf,
    /// For peers.
    pub port: u16,
    tracker_port: u16,
    child: Child,
    // Must be the last field: removed after the process has ended.
    profile: TempDir,
}

impl Qbittorrent {
    /// Starts one and waits until its WebUI listens. Needs `qbittorrent-nox` on the PATH.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(false).await
    }

    /// Also runs qBittorrent's own BitTorrent tracker, so that another one finds this one's files.
    pub async fn start_with_tracker() -> anyhow::Result<Self> {
        Self::start_with(true).await
    }

    /// What a torrent announces to when this one runs the tracker.
    pub fn announce_url(&self) -> String {
        format!("http://127.0.0.1:{}/announce", self.tracker_port)
    }

    /// Holds its configuration and logs.
    pub fn profile(&self) -> &Path {
        self.profile.path()
    }

    async fn start_with(has_tracker: bool) -> anyhow::Result<Self> {
        let mut tries = 0;
        loop {
            tries += 1;
            // A port that was free may be taken by another program before qBittorrent listens on it.
            match Self::try_start(has_tracker).await {
                Err(_) if tries < START_TRIES => {}
                result => return result,
            }
        }
    }

    async fn try_start(has_tracker: bool) -> anyhow::Result<Self> {
        let profile = tempfile::Builder::new().prefix("mamcrawler-qbittorrent-").tempdir()?;
        let save_path = profile.path().join("downloads");
        std::fs::create_dir(&save_path)?;
        let [web_port, port, tracker_port] = pick_ports()?;
        let config = profile.path().join("qBittorrent/config");
        std::fs::create_dir_all(&config)?;
        let settings = format_settings(
            &save_path.display().to_string(),
            [web_port, port, tracker_port],
            has_tracker,
        );
        std::fs::write(config.join("qBittorrent.conf"), settings)?;
        let child = Command::new("qbittorrent-nox")
            .arg(format!("--profile={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting qbittorrent-nox; install it with `apt-get install qbittorrent-nox`")?;
        let url = format!("http://127.0.0.1:{web_port}");
        let (username, password) = (USERNAME.into(), PASSWORD.into());
        let mut started = Self {
            url,
            username,
            password,
            save_path,
            port,
            tracker_port,
            child,
            profile,
        };
        started.wait_until_ready(web_port).await?;
        Ok(started)
    }

    async fn wait_until_ready(&mut self, web_port: u16) -> anyhow::Result<()> {
        for _ in 0..READY_TRIES {
            if let Some(status) = self.child.try_wait()? {
                bail!("qbittorrent-nox ended at its start with {status}");
            }
            if TcpStream::connect(("127.0.0.1", web_port)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
        bail!("qbittorrent-nox did not listen on port {web_port} in time")
    }
}

impl Drop for Qbittorrent {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn format_settings(save_path: &str, [web_port, port, tracker_port]: [u16; 3], has_tracker: bool) -> String {
    format!(
        r#"[LegalNotice]
Accepted=true
[Application]
FileLogger\Enabled=true
[BitTorrent]
Session\Port={port}
Session\InterfaceAddress=127.0.0.1
Session\Interface=lo
Session\InterfaceName=lo
Session\DefaultSavePath={save_path}
Session\DHTEnabled=false
Session\PeXEnabled=false
Session\LSDEnabled=false
Session\QueueingSystemEnabled=false
Session\MultiConnectionsPerIp=true
Session\SSRFMitigation=false
TrackerEnabled={has_tracker}
[Network]
PortForwardingEnabled=false
[WebUI]
APIKey={API_KEY}
[Preferences]
Advanced\trackerPort={tracker_port}
Connection\ResolvePeerCountries=false
WebUI\Enabled=true
WebUI\Address=127.0.0.1
WebUI\Port={web_port}
WebUI\UseUPnP=false
WebUI\LocalHostAuth=true
WebUI\Username={USERNAME}
WebUI\Password_PBKDF2="@ByteArray({PASSWORD_HASH})"
WebUI\MaxAuthenticationFailCount=1000
"#
    )
}
