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
    /// It is moved on when it would grow beyond this.
    full_at: u64,
}

impl LogFile {
    /// Opens it where it left off. Two processes would rename each other's lines away, so it is claimed.
    pub fn open(path: &Path, limits: LogLimits) -> Result<Self> {
        let open = Open::at(path, limits.bytes).with_context(|| {
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

    /// Moves each file one on; the oldest is overwritten. The next one is opened before any is moved: what fails then must
    /// not push the oldest out each time that it is tried.
    fn rotate(&self) -> IoResult<Open> {
        let next_path = self.beside("next");
        let next = Open::at(&next_path, self.limits.bytes)?;
        // Nobody else has the new file yet; where there are no locks, the first one failed, too.
        let _ = next.file.try_lock();
        let oldest = self.limits.files.saturating_sub(1);
        // A number that a failure left free is taken before any is overwritten.
        let last = (1..oldest)
            .find(|number| !self.numbered(*number).exists())
            .unwrap_or(oldest);
        for number in (1..=last).rev() {
            match rename(self.numbered(number - 1), self.numbered(number)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        rename(next_path, &self.path)?;
        Ok(next)
    }

    /// 0 is the present one.
    fn numbered(&self, number: u32) -> PathBuf {
        match number {
            0 => self.path.clone(),
            _ => self.beside(&number.to_string()),
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{ending}"));
        PathBuf::from(name)
    }
}

impl Open {
    /// For its owner's eyes: a log names people and what they look for.
    fn at(path: &Path, full_at: u64) -> IoResult<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let written = file.metadata()?.len();
        Ok(Self { file, written, full_at })
    }
}

impl Write for &LogFile {
    fn write(&mut self, line: &[u8]) -> IoResult<usize> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = open.written.saturating_add(line.len() as u64) > open.full_at;
        if is_full && open.written > 0 {
            match self.rotate() {
                Ok(next) => *open = next,
                // A file that grows is better than a line that is lost. It is not tried with each line.
                Err(error) => {
                    open.full_at = open.written.saturating_add(self.limits.bytes);
                    eprintln!("{} can't be rotated: {error}. It grows on", self.path.display());
                }
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
    fn a_next_file_that_cannot_be_opened_costs_no_older_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.log");
        let log = LogFile::open(&path, LIMITS).unwrap();
        let write = |number: u32| (&log).write_all(format!("line {number} ..\n").as_bytes()).unwrap();
        (1..=6).for_each(write);
        let (oldest, older) = ("line 1 ..\nline 2 ..\n", "line 3 ..\nline 4 ..\n");
        // A folder in its place can't be opened, whoever asks.
        let in_the_way = dir.path().join("server.log.next");
        std::fs::create_dir(&in_the_way).unwrap();
        write(7);
        std::fs::remove_dir(&in_the_way).unwrap();
        write(8);
        check_files(
            dir.path(),
            &[
                ("server.log", "line 5 ..\nline 6 ..\nline 7 ..\nline 8 ..\n"),
                ("server.log.1", older),
                ("server.log.2", oldest),
            ],
        );
        // Tried again when as much was written again.
        write(9);
        check_files(
            dir.path(),
            &[
                ("server.log", "line 9 ..\n"),
                ("server.log.1", "line 5 ..\nline 6 ..\nline 7 ..\nline 8 ..\n"),
                ("server.log.2", older),
            ],
        );
    }

    #[test]
    fn a_number_that_was_left_free_is_taken_before_the_oldest_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.log");
        std::fs::write(dir.path().join("server.log.2"), "the oldest\n").unwrap();
        let log = LogFile::open(&path, LIMITS).unwrap();
        for line in ["line 1 ..\n", "line 2 ..\n", "line 3 ..\n"] {
            (&log).write_all(line.as_bytes()).unwrap();
        }
        check_files(
            dir.path(),
            &[
                ("server.log", "line 3 ..\n"),
                ("server.log.1", "line 1 ..\nline 2 ..\n"),
                ("server.log.2", "the oldest\n"),
            ],
        );
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
