//! `pg_dump` or `pg_restore` at work. Killed when dropped, so that a run that is given up leaves none behind.

use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::address::read_address;
use super::{DumpError, Program};

/// Of what a program says when it fails, the end.
const SAID_MAX: usize = 4 * 1024;

/// A program at work on a database.
pub struct Running {
    program: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    said: JoinHandle<String>,
}

impl Running {
    pub(super) fn start(program: &Program, arguments: &[&str], url: &str) -> Result<Self, DumpError> {
        let failed = |source| DumpError::Start {
            program: program.name,
            source,
        };
        let mut command = Command::new(&program.path);
        command
            .args(arguments)
            // What the environment says about databases is not about ours; its secrets are not for others.
            .env_clear()
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(read_address(url)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let (Some(stdin), Some(stdout), Some(mut stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed(std::io::ErrorKind::BrokenPipe.into()));
        };
        // Read beside, or a program that says a lot would wait for us for ever.
        let said = tokio::spawn(async move {
            let (mut all, mut piece) = (Vec::new(), [0; 1024]);
            while let Ok(read @ 1..) = stderr.read(&mut piece).await {
                all.extend_from_slice(&piece[..read]);
                let surplus = all.len().saturating_sub(SAID_MAX);
                all.drain(..surplus);
            }
            String::from_utf8_lossy(&all).into_owned()
        });
        Ok(Self {
            program: program.name,
            child,
            stdin: Some(stdin),
            stdout,
            said,
        })
    }

    /// Starts `pg_restore` into a database, which gets everything or nothing. The dump goes into [`Running::input`].
    pub fn start_restore(pg_restore: &Program, url: &str) -> Result<Self, DumpError> {
        // Without --dbname it would print SQL; the name itself is a URL's way of saying "as the environment says".
        let arguments = [
            "--exit-on-error",
            "--single-transaction",
            "--no-owner",
            "--no-privileges",
            "--no-password",
            "--dbname=postgres://",
        ];
        Self::start(pg_restore, &arguments, url)
    }

    /// The next bytes that it writes; 0 = it has written everything.
    pub async fn read(&mut self, into: &mut [u8]) -> Result<usize, DumpError> {
        self.stdout.read(into).await.map_err(|error| DumpError::Failed {
            program: self.program,
            said: error.to_string(),
        })
    }

    /// Where it reads from.
    pub fn input(&mut self) -> impl AsyncWrite + Unpin + '_ {
        self.stdin.as_mut().expect("the input is closed by `finish` only")
    }

    /// Closes its input and waits for its end; anything but success is an error with what it said.
    pub async fn finish(mut self) -> Result<(), DumpError> {
        if let Some(mut stdin) = self.stdin.take() {
            // It may have ended before it read everything: its status tells.
            let _ = stdin.shutdown().await;
        }
        let ended = self.child.wait().await;
        let said = self.said.await.unwrap_or_default();
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(DumpError::Failed {
                program: self.program,
                said: pick_lines(&said).unwrap_or_else(|| format!("it ended with {status}.")),
            }),
            Err(error) => Err(DumpError::Failed {
                program: self.program,
                said: error.to_string(),
            }),
        }
    }
}

/// The lines that name the error, in one.
fn pick_lines(said: &str) -> Option<String> {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let first = lines.iter().position(|line| line.contains("error:")).unwrap_or(0);
    let text = lines
        .get(first..)?
        .iter()
        .take(3)
        .copied()
        .collect::<Vec<_>>()
        .join(" ");
    (!text.is_empty()).then_some(text)
}
