//! Two real qBittorrents: one seeds the catalogue, the other is the user's own download client.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::catalogue::{Catalogue, Listed};
use crate::state::{Ports, Secrets};

/// A qBittorrent that we started. It ends when the thread that started it ends, so with the sandbox.
pub struct Qbittorrent {
    child: Child,
    pub web_port: u16,
}

/// The user's client, which can be switched off and on.
pub struct UserClient {
    pub running: Option<Qbittorrent>,
    pub settings: ClientSettings,
}

/// What a qBittorrent is started with.
#[derive(Clone)]
pub struct ClientSettings {
    pub profile: PathBuf,
    pub save_path: PathBuf,
    pub web_port: u16,
    pub peer_port: u16,
    /// User name and password line; `None` lets the loopback in without a password.
    pub login: Option<(String, String)>,
}

impl ClientSettings {
    pub fn of_user(dir: &Path, ports: &Ports, secrets: &Secrets) -> Self {
        Self {
            profile: dir.join("client"),
            save_path: dir.join("downloads"),
            web_port: ports.client_web,
            peer_port: ports.client_peers,
            login: Some((secrets.client_username.clone(), secrets.client_password_line.clone())),
        }
    }

    pub fn of_seeder(dir: &Path, ports: &Ports) -> Self {
        Self {
            profile: dir.join("seeder"),
            save_path: dir.join("seeds"),
            web_port: ports.seeder_web,
            peer_port: ports.seeder_peers,
            login: None,
        }
    }
}

/// How qBittorrent stores a WebUI password.
pub fn password_line(password: &str) -> String {
    let salt: [u8; 16] = rand::random();
    let mut hash = [0; 64];
    pbkdf2::pbkdf2_hmac::<sha2::Sha512>(password.as_bytes(), &salt, 100_000, &mut hash);
    format!("@ByteArray({}:{})", STANDARD.encode(salt), STANDARD.encode(hash))
}

/// Starts a qBittorrent and waits until its WebUI answers.
pub async fn start_qbittorrent(settings: &ClientSettings) -> Result<Qbittorrent> {
    end_leftover(&settings.profile).await?;
    write_config(settings)?;
    let log = File::create(settings.profile.join("output.log"))?;
    // The shell ignores SIGXFSZ for the sake of the fault "disk_full": a write over the limit is then an error.
    let script = "trap '' XFSZ; exec setpriv --pdeathsig TERM qbittorrent-nox --profile=\"$0\"";
    let child = Command::new("sh")
        .args(["-c", script])
        .arg(&settings.profile)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("starting qbittorrent-nox")?;
    fs::write(settings.profile.join("pid"), child.id().unwrap_or_default().to_string())?;
    let mut client = Qbittorrent {
        child,
        web_port: settings.web_port,
    };
    client.wait_until_up(&settings.profile).await?;
    Ok(client)
}

/// A killed sandbox's client may still be shutting down: it holds the profile's lock and the ports.
async fn end_leftover(profile: &Path) -> Result<()> {
    let Ok(pid) = fs::read_to_string(profile.join("pid")) else {
        return Ok(());
    };
    let is_ours = || {
        let line = fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(profile.to_string_lossy().as_ref())
    };
    for attempt in 0..100 {
        if !is_ours() {
            return Ok(());
        }
        if attempt % 50 == 0 {
            let _ = Command::new("kill").args(["-TERM", pid.trim()]).status().await?;
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!(
        "the qbittorrent-nox of an earlier run (pid {}) does not end; end it and try again",
        pid.trim()
    )
}

fn write_config(settings: &ClientSettings) -> Result<()> {
    let folder = settings.profile.join("qBittorrent/config");
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(&settings.save_path)?;
    let login = match &settings.login {
        Some((name, line)) => {
            format!("WebUI\\LocalHostAuth=true\nWebUI\\Username={name}\nWebUI\\Password_PBKDF2=\"{line}\"\n")
        }
        None => "WebUI\\LocalHostAuth=false\n".to_owned(),
    };
    let text = format!(
        "[LegalNotice]\nAccepted=true\n\n[BitTorrent]\nSession\\Port={peers}\nSession\\InterfaceAddress=127.0.0.1\n\
         Session\\Interface=lo\nSession\\InterfaceName=lo\nSession\\DefaultSavePath={save}\nSession\\DHTEnabled=false\n\
         Session\\PeXEnabled=false\nSession\\LSDEnabled=false\nSession\\QueueingSystemEnabled=false\n\
         Session\\MultiConnectionsPerIp=true\nSession\\SSRFMitigation=false\n\n[Network]\nPortForwardingEnabled=false\n\n\
         [Preferences]\nConnection\\ResolvePeerCountries=false\nWebUI\\Enabled=true\nWebUI\\Address=127.0.0.1\n\
         WebUI\\Port={web}\nWebUI\\UseUPnP=false\n{login}",
        peers = settings.peer_port,
        save = settings.save_path.display(),
        web = settings.web_port,
    );
    Ok(fs::write(folder.join("qBittorrent.conf"), text)?)
}

impl Qbittorrent {
    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/api/v2/{path}", self.web_port)
    }

    async fn wait_until_up(&mut self, profile: &Path) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(profile.join("output.log")).unwrap_or_default();
                bail!("qbittorrent-nox ended at once ({status}): {}", log.trim());
            }
            if reqwest::get(self.url("app/version")).await.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(100)).await;
        }
        bail!(
            "qbittorrent-nox did not open its WebUI on 127.0.0.1:{} within 20 s",
            self.web_port
        )
    }

    /// The process, for faults that work on it.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Asks it to save its state and end; kills it after 10 s.
    pub async fn stop(mut self) {
        if let Some(pid) = self.pid() {
            let _ = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
        }
        if tokio::time::timeout(Duration::from_secs(10), self.child.wait())
            .await
            .is_err()
        {
            let _ = self.child.kill().await;
        }
    }

    /// Torrents as the WebUI lists them. Only for the seeder, which asks no password.
    async fn list_torrents(&self) -> Result<Vec<Value>> {
        Ok(serde_json::from_str(
            &reqwest::get(self.url("torrents/info"))
                .await?
                .error_for_status()?
                .text()
                .await?,
        )?)
    }

    /// Makes it seed exactly the catalogue and waits until it does.
    pub async fn seed_catalogue(&self, catalogue: &Catalogue, seeds: &Path, announce: &str) -> Result<usize> {
        let rows: Vec<_> = catalogue.rows.iter().filter(|row| !row.release.is_unseeded).collect();
        let present = self.list_torrents().await?;
        // Releases that were made anew have new hashes; what they were before has no files any more.
        let stale = present
            .iter()
            .filter(|torrent| !rows.iter().any(|row| is_torrent_of(torrent, row)));
        let stale: Vec<&str> = stale.filter_map(|torrent| torrent["hash"].as_str()).collect();
        if !stale.is_empty() {
            let form = [("hashes", stale.join("|")), ("deleteFiles", "false".to_owned())];
            reqwest::Client::new()
                .post(self.url("torrents/delete"))
                .form(&form)
                .send()
                .await?
                .error_for_status()?;
        }
        for row in rows
            .iter()
            .filter(|row| !present.iter().any(|torrent| is_torrent_of(torrent, row)))
        {
            self.add_torrent(row, seeds, announce)
                .await
                .with_context(|| format!("handing {} to the seeder", row.release.key))?;
        }
        let started = Instant::now();
        loop {
            let torrents = self.list_torrents().await?;
            let is_seeded = |row: &&&Listed| {
                torrents
                    .iter()
                    .any(|torrent| is_torrent_of(torrent, row) && is_seeding(torrent))
            };
            let missing: Vec<_> = rows
                .iter()
                .filter(|row| !is_seeded(row))
                .map(|row| row.release.key)
                .collect();
            if missing.is_empty() {
                return Ok(rows.len());
            }
            if started.elapsed() > Duration::from_secs(60) {
                bail!(
                    "after 60 s the seeder does not seed {}; see its log in {}",
                    missing.join(", "),
                    seeds.with_file_name("seeder").display()
                );
            }
            sleep(Duration::from_millis(150)).await;
        }
    }

    async fn add_torrent(&self, row: &Listed, seeds: &Path, announce: &str) -> Result<()> {
        let torrent = reqwest::multipart::Part::bytes(row.torrent.to_file(announce)).file_name("seed.torrent");
        let form = reqwest::multipart::Form::new()
            .text("savepath", seeds.join(row.release.key).to_string_lossy().into_owned())
            .text("autoTMM", "false")
            // The torrent was made from these very files; checking them one by one would take most of a minute.
            .text("skip_checking", "true")
            .part("torrents", torrent);
        reqwest::Client::new()
            .post(self.url("torrents/add"))
            .multipart(form)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }
}

/// A hybrid's `hash` is its v2 hash cut short, so the v1 hash counts.
fn is_torrent_of(torrent: &Value, row: &Listed) -> bool {
    let hash = row.torrent.info_hash.as_str();
    torrent["hash"] == hash || torrent["infohash_v1"] == hash
}

fn is_seeding(torrent: &Value) -> bool {
    matches!(
        torrent["state"].as_str(),
        Some("uploading" | "stalledUP" | "queuedUP" | "forcedUP")
    )
}

impl UserClient {
    pub async fn switch(&mut self, is_on: bool) -> Result<()> {
        if is_on && self.running.is_none() {
            self.running = Some(start_qbittorrent(&self.settings).await?);
        } else if let Some(running) = self.running.take_if(|_| !is_on) {
            running.stop().await;
        }
        Ok(())
    }

    /// Lets no file grow over 64 KiB, which a program sees as a disk that takes no more.
    pub async fn limit_disk(&self, is_limited: bool) -> Result<()> {
        let pid = self
            .running
            .as_ref()
            .and_then(Qbittorrent::pid)
            .context("the user's client is not running")?;
        let limit = if is_limited {
            "--fsize=65536:unlimited"
        } else {
            "--fsize=unlimited:unlimited"
        };
        let status = Command::new("prlimit")
            .args(["--pid", &pid.to_string(), limit])
            .status()
            .await?;
        if !status.success() {
            bail!("prlimit could not change the limit of pid {pid}");
        }
        Ok(())
    }
}
