//! The postmaster's process: one thread starts it, waits for it, and starts it again when it dies unasked.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::account::Account;
use super::install::Programs;
use super::layout::Layout;

const PAUSE: Duration = Duration::from_millis(100);
/// A fast shutdown that takes longer is made an immediate one; the next start recovers.
const STOP_WITHIN: Duration = Duration::from_secs(60);
/// A start that ends sooner than this counts as failed.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
/// Right after a kill -9, starts fail until the kernel has cleaned up.
const FAILED_STARTS_MAX: u32 = 20;

#[derive(Default)]
struct State {
    process: Option<i32>,
    /// The process ran before us.
    is_adopted: bool,
    is_stopping: bool,
    /// An adopted process is left alone.
    is_released: bool,
    failure: Option<String>,
}

/// Keeps one postmaster running.
pub(super) struct Supervisor {
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

struct Launch {
    programs: Programs,
    layout: Layout,
    account: Account,
    dies_with_parent: bool,
}

impl Supervisor {
    /// Adopts the postmaster that already runs on the cluster, or starts one.
    pub(super) fn launch(programs: Programs, layout: Layout, account: Account, dies_with_parent: bool) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let launch = Launch {
            programs,
            layout,
            account,
            dies_with_parent,
        };
        let shared = state.clone();
        // The kernel ties a child to the *thread* that made it (PR_SET_PDEATHSIG), so that thread must live as long.
        let thread = thread::spawn(move || keep_running(&launch, &shared));
        Self {
            state,
            thread: Some(thread),
        }
    }

    pub(super) fn process_id(&self) -> Option<i32> {
        lock(&self.state).process
    }

    /// Why it gave up.
    pub(super) fn failure(&self) -> Option<String> {
        lock(&self.state).failure.clone()
    }

    /// Leaves a process alone that ran before us; stops one that we started.
    pub(super) fn release(&mut self) {
        {
            let mut state = lock(&self.state);
            state.is_released = state.is_adopted;
            state.is_stopping = true;
        }
        if !lock(&self.state).is_released {
            return self.stop();
        }
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that watches PostgreSQL panicked");
        }
    }

    /// Fast shutdown; returns when the process is gone. Safe to call twice.
    pub(super) fn stop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        let started = Instant::now();
        lock(&self.state).is_stopping = true;
        let mut asked = None;
        while !thread.is_finished() {
            let wanted = if started.elapsed() < STOP_WITHIN {
                Signal::SIGINT
            } else {
                Signal::SIGQUIT
            };
            let process = lock(&self.state).process;
            // Asked once per process: it may have been started a moment ago.
            if let Some(process) = process.filter(|process| asked != Some((*process, wanted as i32))) {
                asked = Some((process, wanted as i32));
                send(process, wanted);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop();
    }
}

fn keep_running(launch: &Launch, state: &Mutex<State>) {
    wait_for_adopted(launch, state);
    let mut failed_starts = 0;
    while !lock(state).is_stopping {
        let started = Instant::now();
        let ended = match spawn(launch) {
            Ok(mut child) => {
                lock(state).process = i32::try_from(child.id()).ok();
                let ended = child
                    .wait()
                    .map_or_else(|error| error.to_string(), |status| status.to_string());
                lock(state).process = None;
                ended
            }
            Err(error) => error.to_string(),
        };
        if lock(state).is_stopping {
            return;
        }
        failed_starts = if started.elapsed() > SETTLED_AFTER {
            1
        } else {
            failed_starts + 1
        };
        let tail = launch.layout.log_tail();
        if failed_starts > FAILED_STARTS_MAX || is_hopeless(&tail) {
            tracing::error!("gave up starting PostgreSQL: {tail}");
            lock(state).failure = Some(format!("it ended with {ended}: {tail}."));
            return;
        }
        tracing::warn!("PostgreSQL ended with {ended}, starting it again");
        thread::sleep(PAUSE * failed_starts.min(5));
    }
}

/// Watches a postmaster that is not our child until it is gone.
fn wait_for_adopted(launch: &Launch, state: &Mutex<State>) {
    while let Some(process) = launch.layout.recorded_process().filter(|process| is_postgres(*process)) {
        let mut state = lock(state);
        if state.is_released {
            return;
        }
        if state.process != Some(process) {
            tracing::info!("PostgreSQL still runs from before, adopted process {process}");
            (state.process, state.is_adopted) = (Some(process), true);
        }
        drop(state);
        thread::sleep(PAUSE);
    }
    let mut state = lock(state);
    (state.process, state.is_adopted) = (None, false);
}

fn spawn(launch: &Launch) -> std::io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(&launch.layout.log)?;
    let mut command = launch.account.command(&launch.programs.postgres());
    command.arg("-D").arg(&launch.layout.cluster);
    command.arg("-k").arg(&launch.layout.socket_dir);
    for setting in [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "port=5432",
        "logging_collector=off",
    ] {
        command.arg("-c").arg(setting);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .current_dir("/");
    if launch.dies_with_parent {
        die_with_this_thread(&mut command);
    }
    command.spawn()
}

#[expect(unsafe_code, reason = "there is no safe way to run prctl between fork and exec")]
fn die_with_this_thread(command: &mut std::process::Command) {
    // SAFETY: the closure makes one system call, which is allowed between fork and exec; it allocates nothing.
    unsafe {
        command.pre_exec(|| prctl::set_pdeathsig(Signal::SIGQUIT).map_err(std::io::Error::from));
    }
}

/// Words in the log that trying again can't cure.
fn is_hopeless(tail: &str) -> bool {
    [
        "invalid permissions",
        "wrong ownership",
        "incompatible with server",
        "No space left",
        "unrecognized configuration",
    ]
    .iter()
    .any(|words| tail.contains(words))
}

/// Whether the process lives and is a PostgreSQL: after a reboot the number may be anybody's.
fn is_postgres(process: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else {
        return false;
    };
    // "4242 (postgres) S …"; Z is a dead one that waits for its parent.
    stat.contains("(postgres) ") && !stat.contains("(postgres) Z")
}

fn send(process: i32, signal: Signal) {
    // A process that is gone by now is what we want.
    if let Err(error) = kill(Pid::from_raw(process), signal) {
        tracing::debug!("PostgreSQL's process {process} was gone before {signal}: {error}");
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
