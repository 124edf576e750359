//! Settings of the process, read once from the environment. Every secret may come from a file by `<NAME>_FILE`.

mod edge;
mod keys;
mod production;
mod proxies;
mod rates;
mod signing;
mod site;

pub use edge::EdgeConfig;
pub use keys::{begin_key_change, check_secrets, end_key_change, load_keys};
pub use proxies::TrustedProxies;
pub use rates::{Rate, RateClass, Rates};
pub use signing::rotate_signing_key;
pub use site::leptos_options;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use secrecy::SecretString;

/// Name, default and meaning of every setting: the table in README.md, checked by a test.
pub const SETTINGS: &[(&str, &str, &str)] = &[
    ("MAMCRAWLER_LISTEN", "127.0.0.1:3000", "Address and port to listen on."),
    (
        "MAMCRAWLER_ENVIRONMENT",
        "development",
        "`production` refuses to start with a missing, short, predictable or readable secret.",
    ),
    (
        "MAMCRAWLER_DATA_DIR",
        "",
        "Embedded database, keys and cover cache. Default `/var/lib/mamcrawler` for root, else `~/.local/share/mamcrawler`.",
    ),
    (
        "DATABASE_URL",
        "",
        "PostgreSQL to use. Unset: an embedded one in the data directory.",
    ),
    (
        "MAMCRAWLER_POSTGRES_BIN",
        "",
        "Directory with `postgres` and `initdb` for the embedded database. Unset: the newest that is installed.",
    ),
    (
        "MAMCRAWLER_DATABASE_CONNECTIONS",
        "16",
        "Most connections to the database.",
    ),
    (
        "MAMCRAWLER_ENCRYPTION_KEY",
        "",
        "32 bytes in base64 that encrypt stored secrets. Unset: made once and kept in the data directory.",
    ),
    (
        "MAMCRAWLER_ENCRYPTION_KEY_OLD",
        "",
        "The key before, while it is changed from the environment (`mamcrawler rotate-key`).",
    ),
    (
        "MAMCRAWLER_SIGNING_KEY",
        "",
        "32 bytes in base64 that sign access tokens. Unset: made once and kept in the data directory.",
    ),
    (
        "MAMCRAWLER_SIGNING_KEYS_OLD",
        "",
        "Signing keys of before, with commas: who is signed in stays so. Needed for 31 days after a change.",
    ),
    (
        "MAMCRAWLER_API_KEY_MAX_DAYS",
        "365",
        "Days that an API key may last. 0: it need not expire.",
    ),
    (
        "MAMCRAWLER_SECURE_COOKIES",
        "false",
        "`true` when people reach the server by https.",
    ),
    (
        "MAMCRAWLER_PROVISION",
        "",
        "TOML file with integrations and settings that are added once.",
    ),
    (
        "MAMCRAWLER_FFMPEG",
        "ffmpeg",
        "Program that decodes audio files to verify them.",
    ),
    (
        "MAMCRAWLER_FFPROBE",
        "ffprobe",
        "Program that reads runtime and chapters.",
    ),
    (
        "MAMCRAWLER_SITE_ROOT",
        "",
        "Directory with the browser's files. Unset: `site-root` of Leptos.toml.",
    ),
    (
        "MAMCRAWLER_MAM_SPACING_MS",
        "3000",
        "Milliseconds between two requests to MyAnonamouse.",
    ),
    (
        "MAMCRAWLER_MAM_DAILY_BUDGET",
        "500",
        "Requests to MyAnonamouse per day.",
    ),
    (
        "MAMCRAWLER_POLL_ACTIVE_MS",
        "15000",
        "Milliseconds between two looks at the torrent clients while something is active.",
    ),
    (
        "MAMCRAWLER_WORKER_SLOTS",
        "8",
        "Jobs that this process runs at the same time.",
    ),
    (
        "MAMCRAWLER_JOB_LEASE_SECONDS",
        "60",
        "A job whose process is silent this long is run again.",
    ),
    (
        "MAMCRAWLER_TRUSTED_PROXIES",
        "",
        "Reverse proxies whose word about the client's address counts: addresses and networks, with commas. Unset: nobody's.",
    ),
    (
        "MAMCRAWLER_PROXY_HEADER",
        "X-Forwarded-For",
        "Header in which they write it; `Forwarded` is the other one that can be read.",
    ),
    (
        "MAMCRAWLER_ALLOWED_HOSTS",
        "",
        "Host names that the server answers to, with commas. Unset: any.",
    ),
    (
        "MAMCRAWLER_CORS_ORIGINS",
        "",
        "Other sites whose scripts may call the API with a token, with commas. Unset: none.",
    ),
    (
        "MAMCRAWLER_RATE_PUBLIC",
        "10/min",
        "API calls of an address that nobody is signed in from, and sign-ins.",
    ),
    (
        "MAMCRAWLER_RATE_AUTHENTICATED",
        "60/min",
        "API calls of a person or an API key.",
    ),
    ("MAMCRAWLER_RATE_ADMIN", "1000/min", "API calls of an admin."),
    (
        "MAMCRAWLER_RATE_DOWNLOAD",
        "20/h",
        "Grabs of a person, in the browser and by the API.",
    ),
    (
        "MAMCRAWLER_RATE_SEARCH",
        "20/min",
        "Searches of a person, in the browser and by the API.",
    ),
    (
        "MAMCRAWLER_RATE_METADATA",
        "30/min",
        "Metadata look-ups of a person, in the browser and by the API.",
    ),
    ("MAMCRAWLER_RATE_HEALTH", "100/min", "Health checks of an address."),
    (
        "MAMCRAWLER_RATE_UPLOAD",
        "5/min",
        "Files that a person sends, in the browser and by the API.",
    ),
    (
        "MAMCRAWLER_RATE_PAGE",
        "600/min",
        "Pages of a person and what they fetch; static files and covers don't count.",
    ),
    (
        "MAMCRAWLER_RATE_ADDRESS",
        "6000/min",
        "Everything from one address, static files and covers included.",
    ),
    (
        "MAMCRAWLER_EVENT_STREAMS",
        "20",
        "Live pages that a person may have open at once.",
    ),
    (
        "MAMCRAWLER_CONNECTIONS",
        "4096",
        "Connections at once; more wait until one ends.",
    ),
    (
        "MAMCRAWLER_CONNECTIONS_PER_ADDRESS",
        "256",
        "Connections at once from one address, trusted proxies aside; more are closed.",
    ),
    (
        "MAMCRAWLER_READ_TIMEOUT_SECONDS",
        "30",
        "A client that is silent so long in the middle of a request is dropped.",
    ),
    (
        "MAMCRAWLER_WRITE_TIMEOUT_SECONDS",
        "30",
        "A client that takes nothing of its answer for so long is dropped.",
    ),
    (
        "MAMCRAWLER_REQUEST_TIMEOUT_SECONDS",
        "120",
        "An answer that takes longer is given up.",
    ),
    (
        "MAMCRAWLER_API_DOCS",
        "true",
        "Whether people can read the API's documentation at `/api/docs`.",
    ),
    ("MAMCRAWLER_LOG", "info", "Log filter, as `tracing` writes it."),
    ("MAMCRAWLER_LOG_FORMAT", "pretty", "`pretty` or `json`."),
];

/// The settings of one process.
pub struct Config {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub database_url: Option<SecretString>,
    pub postgres_bin: Option<PathBuf>,
    pub database_connections: usize,
    pub encryption_key: Option<SecretString>,
    pub old_encryption_key: Option<SecretString>,
    pub signing_key: Option<SecretString>,
    pub old_signing_keys: Option<SecretString>,
    pub is_production: bool,
    pub max_api_key_days: u32,
    pub has_secure_cookies: bool,
    pub provision: Option<PathBuf>,
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
    pub site_root: Option<PathBuf>,
    pub mam_spacing_ms: u64,
    pub mam_daily_budget: u32,
    pub poll_active_ms: u32,
    pub worker_slots: usize,
    pub job_lease_seconds: u64,
    pub edge: EdgeConfig,
    pub log_filter: String,
    pub has_json_logs: bool,
}

impl Config {
    /// Reads the process's environment.
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub fn from_env() -> Result<Self> {
        let home = std::env::var("HOME").ok();
        let is_root = nix_is_root();
        Self::read(std::env::vars().collect(), home, is_root)
    }

    /// Reads the settings out of `variables`; an unknown `MAMCRAWLER_*` name is an error, as it is mostly a typo.
    pub fn read(variables: BTreeMap<String, String>, home: Option<String>, is_root: bool) -> Result<Self> {
        refuse_unknown(&variables)?;
        let source = Source(variables);
        let data_dir = match source.text("MAMCRAWLER_DATA_DIR")? {
            Some(path) => PathBuf::from(path),
            None if is_root => PathBuf::from("/var/lib/mamcrawler"),
            None => {
                PathBuf::from(home.context("HOME is not set; set MAMCRAWLER_DATA_DIR")?).join(".local/share/mamcrawler")
            }
        };
        Ok(Self {
            listen: source.parsed("MAMCRAWLER_LISTEN")?,
            data_dir: std::path::absolute(data_dir)?,
            database_url: source.secret("DATABASE_URL")?,
            postgres_bin: source.text("MAMCRAWLER_POSTGRES_BIN")?.map(PathBuf::from),
            database_connections: source.parsed("MAMCRAWLER_DATABASE_CONNECTIONS")?,
            encryption_key: source.secret("MAMCRAWLER_ENCRYPTION_KEY")?,
            old_encryption_key: source.secret("MAMCRAWLER_ENCRYPTION_KEY_OLD")?,
            signing_key: source.secret("MAMCRAWLER_SIGNING_KEY")?,
            old_signing_keys: source.secret("MAMCRAWLER_SIGNING_KEYS_OLD")?,
            is_production: match source.parsed::<String>("MAMCRAWLER_ENVIRONMENT")?.as_str() {
                "production" => true,
                "development" => false,
                other => bail!("MAMCRAWLER_ENVIRONMENT is \"{other}\"; it can be production or development"),
            },
            max_api_key_days: source.parsed("MAMCRAWLER_API_KEY_MAX_DAYS")?,
            has_secure_cookies: source.parsed("MAMCRAWLER_SECURE_COOKIES")?,
            provision: source.text("MAMCRAWLER_PROVISION")?.map(PathBuf::from),
            ffmpeg: source.parsed("MAMCRAWLER_FFMPEG")?,
            ffprobe: source.parsed("MAMCRAWLER_FFPROBE")?,
            site_root: source.text("MAMCRAWLER_SITE_ROOT")?.map(PathBuf::from),
            mam_spacing_ms: source.parsed("MAMCRAWLER_MAM_SPACING_MS")?,
            mam_daily_budget: source.parsed("MAMCRAWLER_MAM_DAILY_BUDGET")?,
            poll_active_ms: source.parsed("MAMCRAWLER_POLL_ACTIVE_MS")?,
            worker_slots: source.parsed("MAMCRAWLER_WORKER_SLOTS")?,
            job_lease_seconds: source.parsed("MAMCRAWLER_JOB_LEASE_SECONDS")?,
            edge: EdgeConfig::read(&source)?,
            log_filter: source.parsed("MAMCRAWLER_LOG")?,
            has_json_logs: match source.parsed::<String>("MAMCRAWLER_LOG_FORMAT")?.as_str() {
                "json" => true,
                "pretty" => false,
                other => bail!("MAMCRAWLER_LOG_FORMAT is \"{other}\"; it can be pretty or json"),
            },
        })
    }
}

fn nix_is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

fn refuse_unknown(variables: &BTreeMap<String, String>) -> Result<()> {
    for name in variables.keys().filter(|name| name.starts_with("MAMCRAWLER_")) {
        let base = name.strip_suffix("_FILE").unwrap_or(name);
        if !SETTINGS.iter().any(|(known, _, _)| known == &base || known == name) {
            bail!("{name} is not a setting of mamcrawler; see the table in README.md for what there is");
        }
    }
    Ok(())
}

struct Source(BTreeMap<String, String>);

impl Source {
    /// The value, or the content of the file that `<name>_FILE` names. Empty counts as unset.
    fn text(&self, name: &str) -> Result<Option<String>> {
        if let Some(value) = self.0.get(name).filter(|value| !value.is_empty()) {
            return Ok(Some(value.clone()));
        }
        let Some(path) = self.0.get(&format!("{name}_FILE")) else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path).with_context(|| format!("{name}_FILE names {path}"))?;
        Ok(Some(text.trim_end().to_owned()).filter(|text| !text.is_empty()))
    }

    fn secret(&self, name: &str) -> Result<Option<SecretString>> {
        Ok(self.text(name)?.map(SecretString::from))
    }

    /// What stands between commas.
    fn list(&self, name: &str) -> Result<Vec<String>> {
        let text = self.text(name)?.unwrap_or_default();
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Ok(entries.map(str::to_owned).collect())
    }

    /// The value or the default of [`SETTINGS`].
    fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let default = SETTINGS
            .iter()
            .find(|(known, _, _)| *known == name)
            .expect("every setting is in the table")
            .1;
        let text = self.text(name)?.unwrap_or_else(|| default.to_owned());
        text.parse()
            .with_context(|| format!("{name} is \"{text}\", which is not a valid value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config> {
        let variables = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Config::read(variables, Some("/home/anna".into()), false)
    }

    #[test]
    fn nothing_set_gives_the_documented_defaults() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(config.data_dir, PathBuf::from("/home/anna/.local/share/mamcrawler"));
        assert!(config.database_url.is_none());
        assert_eq!(config.mam_spacing_ms, 3000);
    }

    #[test]
    fn a_typo_stops_the_start_and_is_named() {
        let error = read(&[("MAMCRAWLER_LISTN", "0.0.0.0:80")]).err().unwrap();
        assert!(error.to_string().contains("MAMCRAWLER_LISTN"));
    }

    #[test]
    fn a_bad_value_names_its_setting() {
        let error = read(&[("MAMCRAWLER_LISTEN", "everywhere")]).err().unwrap();
        assert!(error.to_string().contains("MAMCRAWLER_LISTEN is \"everywhere\""));
    }

    #[test]
    fn a_secret_can_come_from_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "postgres://somewhere/db\n").unwrap();
        let config = read(&[("DATABASE_URL_FILE", file.path().to_str().unwrap())]).unwrap();
        let url = config.database_url.unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&url), "postgres://somewhere/db");
    }

    #[test]
    fn the_readme_lists_every_setting_with_its_default() {
        let readme = include_str!("../../../README.md");
        for (name, default, meaning) in SETTINGS {
            let shown = if default.is_empty() {
                String::new()
            } else {
                format!("`{default}`")
            };
            let row = format!("| `{name}` | {shown} | {meaning} |");
            assert!(readme.contains(&row), "README.md lacks the row: {row}");
        }
    }
}
