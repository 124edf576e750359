//! Settings of the process, read once: from the environment, files that `<NAME>_FILE` names, and a TOML file.

mod edge;
mod file;
mod keys;
mod metrics;
mod production;
mod proxies;
mod rates;
mod reference;
pub mod settings;
mod signing;
mod site;
mod source;
mod traces;

pub use edge::EdgeConfig;
pub use keys::{begin_key_change, check_secrets, end_key_change, has_keys, load_keys};
pub use metrics::MetricsConfig;
pub use proxies::TrustedProxies;
pub use rates::{Rate, RateClass, Rates};
pub use reference::render_reference;
pub use signing::rotate_signing_key;
pub use site::leptos_options;
pub use traces::TracesConfig;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use types::BasePath;

use self::file::SettingsFile;
use self::source::{DEFAULT_FILE, Source};

/// What MyAnonamouse asks for.
const LEAST_MAM_SPACING_MS: u64 = 3000;

/// The settings of one process. Its `Debug` shows no secret.
#[derive(Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// Where its addresses begin.
    pub base_path: BasePath,
    pub data_dir: PathBuf,
    pub database_url: Option<SecretString>,
    pub postgres_bin: Option<PathBuf>,
    pub database_connections: usize,
    /// A start waits so long for a database that can't be reached.
    pub database_wait: Duration,
    pub encryption_key: Option<SecretString>,
    pub old_encryption_key: Option<SecretString>,
    pub signing_key: Option<SecretString>,
    pub old_signing_keys: Option<SecretString>,
    pub backup_dir: PathBuf,
    pub backup_key: Option<SecretString>,
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
    pub metrics: MetricsConfig,
    /// Where traces go; absent: nowhere.
    pub traces: Option<TracesConfig>,
    pub log_filter: String,
    pub has_json_logs: bool,
    pub log_file: Option<PathBuf>,
}

impl Config {
    /// Reads the process's environment and the settings file.
    pub fn from_env() -> Result<Self> {
        let (source, home) = read_environment()?;
        Self::from_source(&source, home, nix_is_root())
    }

    /// Reads the settings out of `variables` and the file that they name.
    #[cfg(test)]
    pub fn read(
        variables: std::collections::BTreeMap<String, String>,
        home: Option<String>,
        is_root: bool,
    ) -> Result<Self> {
        Self::from_source(&Source::read(variables, None)?, home, is_root)
    }

    fn from_source(source: &Source, home: Option<String>, is_root: bool) -> Result<Self> {
        source.check_numbers()?;
        let is_production = is_production(source)?;
        let data_dir = match source.text("MAMCRAWLER_DATA_DIR")? {
            Some(path) => PathBuf::from(path),
            None if is_root => PathBuf::from("/var/lib/mamcrawler"),
            None => {
                PathBuf::from(home.context("HOME is not set; set MAMCRAWLER_DATA_DIR")?).join(".local/share/mamcrawler")
            }
        };
        Ok(Self {
            listen: source.parsed("MAMCRAWLER_LISTEN")?,
            base_path: source.parsed("MAMCRAWLER_BASE_PATH")?,
            data_dir: std::path::absolute(&data_dir)?,
            database_url: source.secret("DATABASE_URL")?,
            postgres_bin: source.text("MAMCRAWLER_POSTGRES_BIN")?.map(PathBuf::from),
            database_connections: source.parsed("MAMCRAWLER_DATABASE_CONNECTIONS")?,
            database_wait: Duration::from_secs(source.parsed("MAMCRAWLER_DATABASE_WAIT_SECONDS")?),
            encryption_key: source.secret("MAMCRAWLER_ENCRYPTION_KEY")?,
            old_encryption_key: source.secret("MAMCRAWLER_ENCRYPTION_KEY_OLD")?,
            signing_key: source.secret("MAMCRAWLER_SIGNING_KEY")?,
            old_signing_keys: source.secret("MAMCRAWLER_SIGNING_KEYS_OLD")?,
            backup_dir: match source.text("MAMCRAWLER_BACKUP_DIR")? {
                Some(path) => std::path::absolute(path)?,
                None => std::path::absolute(data_dir.join("backups"))?,
            },
            backup_key: source.secret("MAMCRAWLER_BACKUP_KEY")?,
            is_production,
            max_api_key_days: source.parsed("MAMCRAWLER_API_KEY_MAX_DAYS")?,
            has_secure_cookies: source.parsed("MAMCRAWLER_SECURE_COOKIES")?,
            provision: source.text("MAMCRAWLER_PROVISION")?.map(PathBuf::from),
            ffmpeg: source.parsed("MAMCRAWLER_FFMPEG")?,
            ffprobe: source.parsed("MAMCRAWLER_FFPROBE")?,
            site_root: source.text("MAMCRAWLER_SITE_ROOT")?.map(PathBuf::from),
            mam_spacing_ms: read_mam_spacing(source, is_production)?,
            mam_daily_budget: source.parsed("MAMCRAWLER_MAM_DAILY_BUDGET")?,
            poll_active_ms: source.parsed("MAMCRAWLER_POLL_ACTIVE_MS")?,
            worker_slots: source.parsed("MAMCRAWLER_WORKER_SLOTS")?,
            job_lease_seconds: source.parsed("MAMCRAWLER_JOB_LEASE_SECONDS")?,
            edge: EdgeConfig::read(source)?,
            metrics: MetricsConfig::read(source)?,
            traces: TracesConfig::read(source)?,
            log_filter: read_log_filter(source)?,
            has_json_logs: match source.parsed::<String>("MAMCRAWLER_LOG_FORMAT")?.as_str() {
                "json" => true,
                "pretty" => false,
                other => bail!("MAMCRAWLER_LOG_FORMAT is \"{other}\"; it can be pretty or json"),
            },
            log_file: source.text("MAMCRAWLER_LOG_FILE")?.map(PathBuf::from),
        })
    }
}

fn nix_is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// The site asks for so much; only stand-ins are asked more often.
fn read_mam_spacing(source: &Source, is_production: bool) -> Result<u64> {
    let spacing = source.parsed("MAMCRAWLER_MAM_SPACING_MS")?;
    ensure!(
        spacing >= LEAST_MAM_SPACING_MS || !is_production,
        "MAMCRAWLER_MAM_SPACING_MS is {spacing}; in production the least is {LEAST_MAM_SPACING_MS}"
    );
    Ok(spacing)
}

fn read_log_filter(source: &Source) -> Result<String> {
    let filter: String = source.parsed("MAMCRAWLER_LOG")?;
    EnvFilter::try_new(&filter).context("MAMCRAWLER_LOG is not a valid log filter")?;
    Ok(filter)
}

/// In production, a settings file must not show secrets to everybody.
fn is_production(source: &Source) -> Result<bool> {
    match source.parsed::<String>("MAMCRAWLER_ENVIRONMENT")?.as_str() {
        "production" => {
            source.file().map_or(Ok(()), SettingsFile::refuse_open_secrets)?;
            Ok(true)
        }
        "development" => Ok(false),
        other => bail!("MAMCRAWLER_ENVIRONMENT is \"{other}\"; it can be production or development"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn read_environment() -> Result<(Source, Option<String>)> {
    let source = Source::read(std::env::vars().collect(), Some(Path::new(DEFAULT_FILE)))?;
    Ok((source, std::env::var("HOME").ok()))
}

/// Every setting with its value and where that came from, a line each; an error is why the start would fail.
pub fn describe_environment() -> Result<String> {
    let (source, home) = read_environment()?;
    let config = Config::from_source(&source, home, nix_is_root())?;
    reference::describe_settings(&source, &config)
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
    fn a_bad_value_names_its_setting() {
        let error = read(&[("MAMCRAWLER_LISTEN", "everywhere")]).err().unwrap();
        assert!(error.to_string().contains("MAMCRAWLER_LISTEN is \"everywhere\""));
    }

    #[test]
    fn a_base_path_that_is_none_stops_the_start_with_what_it_would_look_like() {
        let read_base = |text| read(&[("MAMCRAWLER_BASE_PATH", text)]);
        assert!(read_base("").unwrap().base_path.is_root());
        assert_eq!(read_base("/mamcrawler").unwrap().base_path.as_str(), "/mamcrawler");
        for wrong in ["mamcrawler", "/mamcrawler/", "https://home.example/mamcrawler"] {
            let error = format!("{:#}", read_base(wrong).err().unwrap());
            assert!(
                error.contains(&format!("MAMCRAWLER_BASE_PATH is \"{wrong}\"")),
                "{error}"
            );
            assert!(error.contains("such as /mamcrawler"), "{error}");
        }
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
    fn production_refuses_a_settings_file_that_shows_secrets_to_everybody() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "environment = \"production\"\nsigning_key = \"planted\"\n").unwrap();
        let pairs = [("MAMCRAWLER_CONFIG", file.path().to_str().unwrap())];
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o640);
        std::fs::set_permissions(file.path(), closed).unwrap();
        assert!(read(&pairs).unwrap().is_production);
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(file.path(), open).unwrap();
        let error = read(&pairs).err().unwrap().to_string();
        assert!(error.contains("chmod o="), "{error}");
    }
}
