//! qBittorrent's WebUI API, 4.5 to 5.2 (contracts/qbittorrent.md).
//!
//! Differences between versions are in `capabilities`; logins in `session`; everything else speaks to those two.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::Mutex;
use types::integrations::TestOutcome;

use crate::error::{ClientError, Result};
use crate::http::Answer;
use crate::torrent_client::{AddTorrent, Added, ClientFile, TorrentClient, TorrentStatus, TrackerReport};

mod add;
mod capabilities;
mod check;
mod hashes;
mod maindata;
mod session;
mod wire;

use hashes::{client_key, client_keys};
#[doc(hidden)]
pub use maindata::{Maindata, MaindataAnswer};
use session::Session;
#[doc(hidden)]
pub use wire::{File as WireFile, Tracker as WireTracker};

const SERVICE: &str = "qBittorrent";
/// After its start and after a login qBittorrent says 0 until it has measured its disk, so a 0 is asked about again.
const FREE_SPACE_LOOKS: u32 = 10;
const FREE_SPACE_PAUSE: Duration = Duration::from_millis(300);

/// How to reach one qBittorrent.
#[derive(Debug, Clone)]
pub struct QbittorrentConfig {
    pub url: String,
    /// Empty for an API key, or where qBittorrent asks this address for no login.
    pub username: String,
    /// Password, or an API key (`qbt_…`, from 5.2).
    pub secret: SecretString,
    /// How long an added torrent may take to show up in the list.
    pub confirm_within: Duration,
}

impl QbittorrentConfig {
    /// With the usual patience.
    pub fn new(url: &str, username: &str, secret: SecretString) -> Self {
        Self {
            url: url.into(),
            username: username.into(),
            secret,
            confirm_within: Duration::from_secs(10),
        }
    }
}

/// Makes a client; nothing is sent yet. One object per qBittorrent: it remembers the login, the last `sync/maindata`, and
/// that credentials were refused, which it does not try again. Make a new one when the settings change.
pub fn connect(config: &QbittorrentConfig) -> Result<Qbittorrent> {
    let session = Session::new(config)?;
    Ok(Qbittorrent {
        session,
        maindata: Mutex::default(),
        confirm_within: config.confirm_within,
    })
}

/// A connection to one qBittorrent.
pub struct Qbittorrent {
    session: Session,
    /// Locked over the whole call: two callers at once would force each other into full updates.
    maindata: Mutex<Maindata>,
    confirm_within: Duration,
}

impl Qbittorrent {
    /// Fetches what changed and returns what is read from the merged whole.
    async fn sync<T>(&self, read: impl FnOnce(&Maindata) -> Result<T> + Send) -> Result<T> {
        let mut maindata = self.maindata.lock().await;
        let rid = maindata.rid().to_string();
        let answer = self.session.get("sync/maindata", &[("rid", &rid)]).await?;
        maindata.merge(require_success(&answer)?.json()?);
        let read = read(&maindata);
        if read.is_err() {
            *maindata = Maindata::default();
        }
        read
    }

    async fn list_by_key(&self, keys: &[String]) -> Result<Vec<TorrentStatus>> {
        let answer = self
            .session
            .get("torrents/info", &[("hashes", &keys.join("|"))])
            .await?;
        let torrents: Vec<wire::Torrent> = require_success(&answer)?.json()?;
        Ok(torrents.into_iter().map(TorrentStatus::from).collect())
    }

    /// The client's own key. qBittorrent answers 200 for unknown hashes too, so a change is preceded by this.
    async fn require_key(&self, hash: &str) -> Result<String> {
        let found = self.find(&[hash.to_owned()]).await?;
        found
            .into_iter()
            .next()
            .map(|torrent| torrent.hash)
            .ok_or_else(|| unknown_torrent(hash))
    }

    async fn change(&self, method: &str, hash: &str) -> Result<()> {
        let key = self.require_key(hash).await?;
        let answer = self.session.post(method, &[("hashes", &key)]).await?;
        require_success(&answer).map(|_| ())
    }

    async fn details(&self, method: &str, hash: &str) -> Result<Answer> {
        let key = self.require_key(hash).await?;
        let answer = self.session.get(method, &[("hash", &key)]).await?;
        if answer.status == 404 {
            Err(unknown_torrent(hash))
        } else {
            require_success(&answer).cloned()
        }
    }
}

#[async_trait]
impl TorrentClient for Qbittorrent {
    async fn test(&self) -> Result<TestOutcome> {
        check::check_connection(self).await
    }

    async fn poll(&self) -> Result<Vec<TorrentStatus>> {
        self.sync(Maindata::torrents).await
    }

    async fn find(&self, hashes: &[String]) -> Result<Vec<TorrentStatus>> {
        let keys = client_keys(hashes);
        if keys.is_empty() {
            // An empty filter would mean every torrent.
            return Ok(Vec::new());
        }
        let found = self.list_by_key(&keys).await?;
        let is_found = |hash: &String| found.iter().any(|torrent| torrent.has_hash(&hash.to_ascii_lowercase()));
        if hashes.iter().all(is_found) {
            return Ok(found);
        }
        // The filter knows a hybrid torrent by its v2 hash only; the full list also has its v1 hash.
        let mut all = self.poll().await?;
        all.retain(|torrent| hashes.iter().any(|hash| torrent.has_hash(&hash.to_ascii_lowercase())));
        Ok(all)
    }

    async fn add(&self, hashes: &[String], torrent: &AddTorrent) -> Result<Added> {
        add::add_torrent(self, hashes, torrent).await
    }

    async fn files(&self, hash: &str) -> Result<Vec<ClientFile>> {
        let files: Vec<wire::File> = self.details("torrents/files", hash).await?.json()?;
        Ok(files.into_iter().map(ClientFile::from).collect())
    }

    async fn trackers(&self, hash: &str) -> Result<Vec<TrackerReport>> {
        let trackers: Vec<wire::Tracker> = self.details("torrents/trackers", hash).await?.json()?;
        Ok(trackers.into_iter().filter_map(wire::Tracker::into_report).collect())
    }

    async fn reannounce(&self, hash: &str) -> Result<()> {
        self.change("torrents/reannounce", hash).await
    }

    async fn recheck(&self, hash: &str) -> Result<()> {
        self.change("torrents/recheck", hash).await
    }

    async fn start(&self, hash: &str) -> Result<()> {
        let method = self.session.capabilities().await?.start_method();
        self.change(method, hash).await
    }

    async fn stop(&self, hash: &str) -> Result<()> {
        let method = self.session.capabilities().await?.stop_method();
        self.change(method, hash).await
    }

    async fn remove(&self, hash: &str, with_files: bool) -> Result<()> {
        let Some(torrent) = self.find(&[hash.to_owned()]).await?.into_iter().next() else {
            return Ok(());
        };
        let with_files = if with_files { "true" } else { "false" };
        let params = [("hashes", torrent.hash.as_str()), ("deleteFiles", with_files)];
        let answer = self.session.post("torrents/delete", &params).await?;
        require_success(&answer)?;
        if self.find(&[torrent.hash]).await?.is_empty() {
            return Ok(());
        }
        Err(answer.unexpected("it agreed to remove the torrent but still lists it"))
    }

    async fn default_save_path(&self) -> Result<String> {
        let answer = self.session.get("app/defaultSavePath", &[]).await?;
        read_line(&answer)
    }

    async fn free_bytes(&self) -> Result<Option<i64>> {
        for _ in 1..FREE_SPACE_LOOKS {
            let free = self.sync(|maindata| Ok(maindata.free_bytes())).await?;
            if free != Some(0) {
                return Ok(free);
            }
            tokio::time::sleep(FREE_SPACE_PAUSE).await;
        }
        self.sync(|maindata| Ok(maindata.free_bytes())).await
    }
}

/// Passes a 2xx on; anything else becomes an error. Status 401 and 403 never get here.
fn require_success(answer: &Answer) -> Result<&Answer> {
    match answer.status {
        200..300 => Ok(answer),
        502..=504 => Err(ClientError::Unreachable {
            service: SERVICE.into(),
            address: "its address".into(),
            detail: format!("the proxy in front of it answers {}", answer.status),
        }),
        300..400 => {
            let target = answer
                .header("location")
                .and_then(|text| reqwest::Url::parse(text).ok());
            let target = target
                .map(|url| crate::http::shown_address(&url))
                .unwrap_or_else(|| "elsewhere".into());
            Err(answer.unexpected(&format!(
                "it redirects to {target}; enter the address that it redirects to"
            )))
        }
        404 => {
            Err(answer.unexpected("it does not know the call; the address may lack a sub-path or be another service's"))
        }
        _ if answer.is_html() => Err(answer.unexpected("a web page instead of an answer")),
        _ => Err(answer.unexpected(&format!("{:?}", answer.excerpt()))),
    }
}

/// The one line of a plain-text answer.
fn read_line(answer: &Answer) -> Result<String> {
    let answer = require_success(answer)?;
    if answer.is_html() {
        return Err(
            answer.unexpected("a web page instead of text; the address may be another service's or a login page")
        );
    }
    Ok(answer.text().trim().to_owned())
}

fn unknown_torrent(hash: &str) -> ClientError {
    let shown = client_key(hash).unwrap_or_else(|| "a malformed hash".into());
    ClientError::NotFound {
        service: SERVICE.into(),
        what: format!("the torrent {shown}"),
    }
}
