//! The log as a file that never grows out of hand: when it is full it becomes `<name>.1`, that `<name>.2` and so on.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError, rename};
use std::io::{Result as IoResult, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct LogLimits {
    /// A file is not made larger, unless one line is.
    pub bytes: u64,
    /// The present one included.
    pub files: u32,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            bytes: 10 * 1024 * 1024,
            files: 10,
        }
    }
}

/// A log file of this process alone. Each write is a line.
pub struct LogFile {
    path: PathBuf,
    limits: LogLimits,
    open: Mutex<Open>,
}

struct Open {
    file: File,
    written: u64,
}

impl LogFile {
    /// Opens it where it left off. Two processes would rename each other's lines away, so it is claimed.
    pub fn open(path: &Path, limits: LogLimits) -> Result<Self> {
        let open = Open::at(path).with_context(|| {
            format!(
                "the log file {} can't be written. Make its folder and give it to mamcrawler's user, or set \
                 MAMCRAWLER_LOG_FILE to another place",
                path.display()
            )
        })?;
        match open.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another process writes the log file {}. Give each its own MAMCRAWLER_LOG_FILE",
                path.display()
            ),
            // Some network file systems have no locks; the lines arrive all the same.
            Err(TryLockError::Error(error)) => eprintln!("{} can't be claimed: {error}", path.display()),
        }
        Ok(Self {
            path: path.to_path_buf(),
            limits,
            open: Mutex::new(open),
        })
    }

    /// Moves each file one on; the oldest is overwritten.
    fn rotate(&self) -> IoResult<Open> {
        for number in (1..self.limits.files).rev() {
            match rename(self.numbered(number - 1), self.numbered(number)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let next = Open::at(&self.path)?;
        // Nobody else has the new file yet; where there are no locks, the first one failed, too.
        let _ = next.file.try_lock();
        Ok(next)
    }

    /// 0 is the present one.
    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        if number > 0 {
            name.push(format!(".{number}"));
        }
        PathBuf::from(name)
    }
}

impl Open {
    /// For its owner's eyes: a log names people and what they look for.
    fn at(path: &Path) -> IoResult<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let written = file.metadata()?.len();
        Ok(Self { file, written })
    }
}

impl Write for &LogFile {
    fn write(&mut self, line: &[u8]) -> IoResult<usize> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = open.written.saturating_add(line.len() as u64) > self.limits.bytes;
        if is_full && open.written > 0 {
            match self.rotate() {
                Ok(next) => *open = next,
                // A file that grows is better than a line that is lost.
                Err(error) => eprintln!("{} can't be rotated: {error}", self.path.display()),
            }
        }
        open.file.write_all(line)?;
        open.written += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const LIMITS: LogLimits = LogLimits { bytes: 20, files: 3 };

    fn read_all(dir: &Path) -> BTreeMap<String, String> {
        let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let read = |path: PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        };
        entries.map(read).collect()
    }

    fn check_files(dir: &Path, expected: &[(&str, &str)]) {
        let expected = expected
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        assert_eq!(read_all(dir), expected.collect());
    }

    #[test]
    fn a_full_file_is_moved_on_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.log");
        let log = LogFile::open(&path, LIMITS).unwrap();
        let write = |text: &str| (&log).write_all(text.as_bytes()).unwrap();
        write("line 1 ..\n");
        write("line 2 ..\n");
        check_files(dir.path(), &[("server.log", "line 1 ..\nline 2 ..\n")]);
        write("line 3 ..\n");
        check_files(
            dir.path(),
            &[
                ("server.log", "line 3 ..\n"),
                ("server.log.1", "line 1 ..\nline 2 ..\n"),
            ],
        );
        write("a line that is longer than a file\n");
        write("line 5 ..\n");
        check_files(
            dir.path(),
            &[
                ("server.log", "line 5 ..\n"),
                ("server.log.1", "a line that is longer than a file\n"),
                ("server.log.2", "line 3 ..\n"),
            ],
        );
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_start_goes_on_where_the_last_one_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.log");
        for line in ["line 1 ..\n", "line 2 ..\n", "line 3 ..\n"] {
            let log = LogFile::open(&path, LIMITS).unwrap();
            (&log).write_all(line.as_bytes()).unwrap();
        }
        check_files(
            dir.path(),
            &[
                ("server.log", "line 3 ..\n"),
                ("server.log.1", "line 1 ..\nline 2 ..\n"),
            ],
        );
    }

    #[test]
    fn many_threads_lose_no_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.log");
        let limits = LogLimits { bytes: 100, files: 100 };
        let log = LogFile::open(&path, limits).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let log = &log;
                scope.spawn(move || {
                    for line in 0..50 {
                        let mut log = log;
                        log.write_all(format!("{thread} {line}\n").as_bytes()).unwrap();
                    }
                });
            }
        });
        let files = read_all(dir.path());
        assert!(
            files.len() > 10 && files.values().all(|text| text.len() <= 100),
            "{files:?}"
        );
        let mut lines: Vec<&str> = files.values().flat_map(|text| text.lines()).collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 400);
    }

    #[test]
    fn a_second_process_and_a_missing_folder_are_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.log");
        let refused = |path: &Path| LogFile::open(path, LIMITS).err().unwrap().to_string();
        let log = LogFile::open(&path, LIMITS).unwrap();
        assert!(refused(&path).contains("another process writes"));
        (&log).write_all(&[b'x'; 20]).unwrap();
        (&log).write_all(b"after the rotation\n").unwrap();
        assert!(
            refused(&path).contains("another process writes"),
            "the new file is claimed, too"
        );
        drop(log);
        assert!(LogFile::open(&path, LIMITS).is_ok());
        assert!(refused(&dir.path().join("missing/server.log")).contains("MAMCRAWLER_LOG_FILE"));
    }
}
