//! The server's process, started and ended as a test says.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const READY_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// One server with its data directory; started again with the same settings after each end.
pub struct Server {
    pub url: String,
    settings: Vec<(String, String)>,
    child: Option<Child>,
    http: reqwest::Client,
    // Must be the last field: removed after the process has ended.
    dir: TempDir,
}

impl Server {
    /// Prepares a server that listens on a free port; nothing runs yet.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        // PostgreSQL, which runs as another user when we are root, must be able to enter it.
        let dir = tempfile::Builder::new().prefix("mamcrawler-server-").tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let address = free_address();
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut all = vec![
            own("MAMCRAWLER_LISTEN", &address.to_string()),
            own("MAMCRAWLER_DATA_DIR", dir.path().join("data").to_str().unwrap()),
        ];
        all.extend(settings.iter().map(|(name, value)| own(name, value)));
        let http = testing::sandbox::http_client().unwrap();
        Self {
            url: format!("http://{address}"),
            settings: all,
            child: None,
            http,
            dir,
        }
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&mut self) {
        self.launch();
        self.wait_until_ready().await;
    }

    /// Starts it and doesn't wait.
    pub fn launch(&mut self) {
        assert!(self.child.is_none(), "the server runs already");
        self.child = Some(self.spawn("serve"));
    }

    /// Starts another process of the same installation that works and doesn't listen.
    pub fn spawn_worker(&self) -> Child {
        self.spawn("worker")
    }

    /// Starts another command, with flags behind spaces, which says what it has to say in the log.
    pub fn spawn_command(&self, arguments: &str) -> Child {
        self.spawn(arguments)
    }

    /// Runs another command of the same installation, with flags behind spaces, to its end.
    pub fn run(&self, arguments: &str) -> Output {
        let ran = self.command(arguments).stdin(Stdio::null()).output();
        ran.expect("setpriv (util-linux) starts it")
    }

    fn spawn(&self, argument: &str) -> Child {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = self.command(argument);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command.spawn().expect("setpriv (util-linux) starts it")
    }

    fn command(&self, arguments: &str) -> Command {
        // The kernel ends it when this test's thread does, so that a failed test leaves nothing behind.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "TERM", env!("CARGO_BIN_EXE_mamcrawler")])
            .args(arguments.split(' '))
            .env_clear();
        for name in ["PATH", "HOME", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Waits until it is ready.
    pub async fn wait_until_ready(&mut self) {
        let started = Instant::now();
        while started.elapsed() < READY_WITHIN {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("the server ended at its start with {status}:\n{}", self.log());
            }
            let answer = self.http.get(format!("{}/health/ready", self.url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("the server was not ready within 60 s:\n{}", self.log());
    }

    /// Ends it as a power cut would.
    pub fn kill9(&mut self) {
        let mut child = self.child.take().expect("a server runs");
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGKILL as i32));
    }

    /// Asks it to stop; how it ended and how long that took.
    pub async fn terminate(&mut self, within: Duration) -> (ExitStatus, Duration) {
        let mut child = self.child.take().expect("a server runs");
        let started = Instant::now();
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
        while started.elapsed() < within {
            if let Some(status) = child.try_wait().unwrap() {
                return (status, started.elapsed());
            }
            tokio::time::sleep(POLL).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("the server did not stop within {within:?}:\n{}", self.log());
    }

    /// Everything that its processes wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The token that the newest start printed.
    pub fn setup_token(&self) -> String {
        let log = self.log();
        let line = log
            .lines()
            .rfind(|line| line.contains("setup token: "))
            .expect("the log shows a setup token");
        let rest = line.rsplit("setup token: ").next().unwrap();
        // In a log of JSON, more follows.
        let is_end = |character: char| !character.is_ascii_alphanumeric() && !"-_".contains(character);
        rest.trim().split(is_end).next().unwrap().to_owned()
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A directory that lives as long as the server, for what a test gives it.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    /// Adds a setting; counts from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Puts it below a path, where `url` leads from now on; counts from the next start on.
    pub fn put_below(&mut self, path: &str) {
        self.set("MAMCRAWLER_BASE_PATH", path);
        self.url = format!("{}{path}", self.origin());
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        reqwest::Url::parse(&self.url).unwrap().origin().ascii_serialization()
    }

    /// Takes a setting away; counts from the next start on.
    pub fn unset(&mut self, name: &str) {
        self.settings.retain(|(known, _)| known != name);
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Ended already is as good. In order, so that an embedded PostgreSQL ends too.
            let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
            let started = Instant::now();
            while started.elapsed() < Duration::from_secs(20) && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(POLL);
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the server's log ---\n{}", self.log());
        }
    }
}

fn free_address() -> SocketAddr {
    let [port] = testing::ports::pick_ports().unwrap();
    SocketAddr::from(([127, 0, 0, 1], port))
}
