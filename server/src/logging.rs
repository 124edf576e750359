//! Logs go to standard error, and to a file on request: readable by default, JSON on request.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::MakeWriterExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::Config;
use crate::log_file::{LogFile, LogLimits};
use crate::traces::TraceLayer;

/// Installs the process's log output; `file` is written as well. `traces` see what they need, whatever is logged.
pub fn start_logging(config: &Config, file: Option<&Path>, traces: Option<TraceLayer>) -> Result<()> {
    let dispatch = match file {
        None => {
            let shape = Shape::of(config, std::io::stderr().is_terminal())?;
            build_dispatch(shape, std::io::stderr, traces)
        }
        Some(path) => {
            let log = Arc::new(LogFile::open(path, LogLimits::default())?);
            // Both get the same line, and colours are nothing for a file.
            build_dispatch(Shape::of(config, false)?, std::io::stderr.and(log), traces)
        }
    };
    dispatch.try_init().context("logging was started already")
}

/// How lines look, and which there are.
struct Shape {
    filter: EnvFilter,
    is_json: bool,
    is_coloured: bool,
}

impl Shape {
    fn of(config: &Config, is_coloured: bool) -> Result<Self> {
        let filter = EnvFilter::try_new(&config.log_filter).expect("the filter was read with the settings");
        Ok(Self {
            filter,
            is_json: config.has_json_logs,
            is_coloured,
        })
    }
}

fn build_dispatch(
    shape: Shape,
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
    traces: Option<TraceLayer>,
) -> Dispatch {
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(shape.is_coloured)
        .with_writer(writer);
    let registry = tracing_subscriber::registry().with(traces);
    match shape.is_json {
        true => Dispatch::new(registry.with(lines.json().with_filter(shape.filter))),
        false => Dispatch::new(registry.with(lines.with_filter(shape.filter))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};
    use std::sync::Mutex;
    use std::time::Duration;

    use clients::audiobookshelf::AudiobookshelfConfig;
    use clients::indexer::{Found, FoundRelease};
    use clients::myanonamouse::MyanonamouseConfig;
    use clients::qbittorrent::QbittorrentConfig;
    use clients::torrent_client::AddTorrent;
    use secrecy::SecretString;
    use serde_json::Value;
    use tracing::dispatcher::with_default;

    use super::*;
    use crate::config::settings::{Kind, settings};

    const PLANTED: &str = "planted-and-long-enough";

    #[derive(Default)]
    struct Memory(Mutex<Vec<u8>>);

    impl Write for &Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged while `act` runs.
    fn capture(is_json: bool, act: impl FnOnce()) -> String {
        let memory = Arc::new(Memory::default());
        let shape = Shape {
            filter: EnvFilter::new("debug"),
            is_json,
            is_coloured: false,
        };
        with_default(&build_dispatch(shape, memory.clone(), None), act);
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_line_carries_the_ids_of_what_it_belongs_to() {
        let act = || {
            let request = tracing::error_span!("request", id = "request-1", path = "/wants");
            let _request = request.enter();
            let run = tracing::error_span!("run", id = "run-1", kind = "clean_up");
            let _run = run.enter();
            tracing::info!(rows = 3, "removed {} rows", 3);
        };
        let line: Value = serde_json::from_str(&capture(true, act)).unwrap();
        assert_eq!(
            line["fields"],
            serde_json::json!({ "message": "removed 3 rows", "rows": 3 })
        );
        assert_eq!(
            (&line["level"], &line["spans"][0]["name"]),
            (&"INFO".into(), &"request".into())
        );
        assert_eq!(line["spans"][0]["id"], "request-1");
        assert_eq!(
            (&line["span"]["name"], &line["span"]["id"]),
            (&"run".into(), &"run-1".into())
        );
        assert!(line["timestamp"].is_string() && line["target"].is_string());
        let text = capture(false, act);
        assert!(text.contains("request-1") && text.contains("run-1"), "{text}");
    }

    #[test]
    fn the_search_of_the_runbook_finds_warnings_and_errors_in_either_format_and_nothing_else() {
        let runbook = include_str!("../../docs/RUNBOOK.md");
        let (_, after) = runbook.split_once("journalctl -u mamcrawler --since").unwrap();
        let (_, search) = after.split_once("| grep -wE '").unwrap();
        let (pattern, _) = search.split_once('\'').unwrap();
        let act = || {
            tracing::info!("all is well");
            tracing::warn!("the disk fills up");
            tracing::error!("the disk is full");
        };
        for is_json in [false, true] {
            let mut grep = Command::new("grep")
                .args(["-wE", pattern])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let log = capture(is_json, act);
            grep.stdin.take().unwrap().write_all(log.as_bytes()).unwrap();
            let found = String::from_utf8(grep.wait_with_output().unwrap().stdout).unwrap();
            let lines: Vec<_> = found.lines().collect();
            assert_eq!(lines.len(), 2, "{log}");
            assert!(lines[0].contains("fills up") && lines[1].contains("is full"), "{found}");
        }
    }

    fn config_of_secrets() -> Config {
        let secrets = settings().filter(|setting| setting.kind == Kind::Secret);
        let variables = secrets.map(|setting| (setting.name.to_owned(), PLANTED.to_owned()));
        let config = Config::read(variables.collect(), Some("/home/anna".into()), false).unwrap();
        let given = [&config.database_url, &config.backup_key, &config.metrics.token];
        assert!(given.iter().all(|secret| secret.is_some()), "they are read");
        config
    }

    fn log_everything() {
        let secret = || SecretString::from(PLANTED);
        let release = FoundRelease {
            external_id: "1".into(),
            facts: types::search::ReleaseFacts::default(),
            download_ref: secret(),
            info_hash: None,
        };
        let found = Found {
            releases: vec![release],
            warnings: Vec::new(),
        };
        let (url, username) = (String::from("http://abs"), String::from("anna"));
        let shelf = AudiobookshelfConfig {
            url: url.clone(),
            secret: secret(),
        };
        let tracker = MyanonamouseConfig {
            url: url.clone(),
            secret: secret(),
        };
        let client = QbittorrentConfig {
            url,
            username,
            secret: secret(),
            confirm_within: Duration::from_secs(1),
        };
        let torrent = AddTorrent {
            torrent: PLANTED.into(),
            category: String::new(),
            tags: Vec::new(),
            save_path: String::new(),
        };
        tracing::info!(?shelf, ?tracker, ?client, ?torrent, ?found, "clients");
        tracing::info!("{:?}", config_of_secrets());
        tracing::info!("{:?}", secret());
    }

    #[test]
    fn no_secret_is_logged_by_way_of_debug() {
        // As text, and as bytes are shown.
        let spellings = [PLANTED.to_owned(), format!("{:?}", PLANTED.as_bytes())];
        for is_json in [true, false] {
            let log = capture(is_json, log_everything);
            assert!(
                log.contains("REDACTED") && log.contains("anna"),
                "they were logged: {log}"
            );
            for spelling in &spellings {
                assert!(!log.contains(spelling), "a secret is in the log: {log}");
            }
        }
    }
}
