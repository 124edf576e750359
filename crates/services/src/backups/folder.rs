//! The folder of the backups: drafts that become files when they are whole, and the files there are.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use domain::backup_rotation::{backup_name, read_backup_name};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::BackupError;
use super::archive::{Header, read_header};

/// A hidden name, so that nobody takes a draft for a backup.
const DRAFT_SUFFIX: &str = ".part";

/// A backup that is being written. Dropped before it is kept, it is gone.
pub(super) struct Draft {
    /// The moment that its name tells.
    pub made_at: DateTime<Utc>,
    draft: PathBuf,
    target: PathBuf,
    is_kept: bool,
}

/// A backup in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundBackup {
    pub name: String,
    pub path: PathBuf,
    pub made_at: DateTime<Utc>,
    pub size_bytes: u64,
}

impl Draft {
    /// Begins a backup of this moment, or of the next second that no other backup has: a command and the daily job may
    /// meet. The file that is answered is locked, which tells it from what a crash left.
    pub fn create(folder: &Path, moment: DateTime<Utc>) -> Result<(Self, File), BackupError> {
        let refused = |source| refused(folder, source);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(refused)?;
        sweep_drafts(folder).map_err(refused)?;
        let mut made_at = moment;
        loop {
            if let Some(begun) = Self::claim(folder, made_at).map_err(refused)? {
                return Ok(begun);
            }
            made_at += TimeDelta::seconds(1);
        }
    }

    /// Begins a backup of just this second; `None` = another one has it.
    fn claim(folder: &Path, made_at: DateTime<Utc>) -> std::io::Result<Option<(Self, File)>> {
        let name = backup_name(made_at);
        let draft = folder.join(format!(".{name}{DRAFT_SUFFIX}"));
        let mut options = OpenOptions::new();
        let file = match options.write(true).create_new(true).mode(0o600).open(&draft) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
            file => file?,
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // Another process takes it for what a crash left, and removes it.
            Err(Errno::WOULDBLOCK) => return Ok(None),
            locked => locked?,
        }
        if file.metadata()?.nlink() == 0 {
            return Ok(None);
        }
        let claimed = Self {
            made_at,
            draft,
            target: folder.join(name),
            is_kept: false,
        };
        // Looked for only now: nobody can make a backup of this name any more.
        Ok((!claimed.target.exists()).then_some((claimed, file)))
    }

    /// Makes it a backup, on the disk for good. `file` is the one that was written.
    pub fn keep(mut self, file: &File) -> Result<PathBuf, BackupError> {
        let folder = self.target.parent().unwrap_or(Path::new("/")).to_owned();
        let kept = file
            .sync_all()
            .and_then(|()| std::fs::rename(&self.draft, &self.target));
        kept.map_err(|source| refused(&folder, source))?;
        self.is_kept = true;
        let synced = File::open(&folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| refused(&folder, source))?;
        Ok(self.target.clone())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = remove_if_there(&self.draft)
        {
            tracing::warn!("{} could not be removed: {error}", self.draft.display());
        }
    }
}

/// The backups in the folder, newest first. Files of other names are not ours.
pub(super) fn list_found(folder: &Path) -> Result<Vec<FoundBackup>, BackupError> {
    let refused = |source| refused(folder, source);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(refused)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(refused)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(made_at) = read_backup_name(&name) else {
            continue;
        };
        let facts = match entry.metadata() {
            // Removed since it was listed, as by another rotation.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            facts => facts.map_err(refused)?,
        };
        if facts.is_file() {
            found.push(FoundBackup {
                name,
                path: entry.path(),
                made_at,
                size_bytes: facts.len(),
            });
        }
    }
    found.sort_by_key(|backup| std::cmp::Reverse(backup.made_at));
    Ok(found)
}

/// What a backup says of itself; `None` = it can't be read.
pub(super) async fn open_header(path: &Path) -> Option<Header> {
    let file = tokio::fs::File::open(path).await.ok()?;
    let (header, _) = read_header(&mut tokio::io::BufReader::new(file)).await.ok()?;
    Some(header)
}

/// `false` = somebody else has removed it.
pub(super) fn remove_if_there(path: &Path) -> std::io::Result<bool> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true),
    }
}

/// Removes the drafts of processes that died: nobody holds their lock.
fn sweep_drafts(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let of = name.strip_prefix('.').and_then(|name| name.strip_suffix(DRAFT_SUFFIX));
        if of.and_then(read_backup_name).is_none() {
            continue;
        }
        let Ok(file) = File::open(&path) else { continue };
        let is_left = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() && file.metadata()?.nlink() > 0;
        if is_left && remove_if_there(&path)? {
            tracing::info!("removed {}, which a backup that was cut off left", path.display());
        }
    }
    Ok(())
}

pub(super) fn refused(folder: &Path, source: std::io::Error) -> BackupError {
    BackupError::Write {
        place: folder.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_348_800 + seconds, 0).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_draft_that_is_given_up_leaves_nothing_and_a_kept_one_is_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("backups");
        let (draft, mut file) = Draft::create(&place, at(0)).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(list_found(&place).unwrap(), [], "a draft is no backup");
        drop(draft);
        assert_eq!(names(&place), [""; 0]);

        let (draft, mut file) = Draft::create(&place, at(0)).unwrap();
        file.write_all(b"whole").unwrap();
        let kept = draft.keep(&file).unwrap();
        let found = list_found(&place).unwrap();
        assert_eq!((found.len(), &found[0].path, found[0].size_bytes), (1, &kept, 5));
        let mode = std::os::unix::fs::PermissionsExt::mode(&kept.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn of_backups_that_meet_in_a_second_each_gets_a_second_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let begin = || Draft::create(folder.path(), at(0)).unwrap();
        let (first, second) = (begin(), begin());
        first.0.keep(&first.1).unwrap();
        let third = begin();
        assert_eq!((second.0.made_at, third.0.made_at), (at(1), at(2)));
        for (draft, file) in [third, second] {
            draft.keep(&file).unwrap();
        }
        let found = list_found(folder.path()).unwrap();
        assert_eq!(
            found.iter().map(|one| one.made_at).collect::<Vec<_>>(),
            [at(2), at(1), at(0)]
        );
        assert_eq!(names(folder.path()).len(), 3);
    }

    #[test]
    fn processes_that_begin_at_once_and_sweep_each_other_all_get_a_backup() {
        let folder = tempfile::tempdir().unwrap();
        let make = || {
            let (draft, mut file) = Draft::create(folder.path(), at(0)).unwrap();
            file.write_all(b"whole").unwrap();
            draft.keep(&file).unwrap()
        };
        let kept: std::collections::BTreeSet<PathBuf> = std::thread::scope(|scope| {
            let making: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..8).map(|_| make()).collect::<Vec<_>>()))
                .collect();
            making.into_iter().flat_map(|one| one.join().unwrap()).collect()
        });
        assert_eq!((kept.len(), names(folder.path()).len()), (64, 64));
    }

    #[test]
    fn drafts_of_the_dead_are_swept_and_those_of_the_living_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (_living, _file) = Draft::create(folder.path(), at(0)).unwrap();
        std::fs::write(folder.path().join(".mamcrawler-20200101T000000Z.backup.part"), "dead").unwrap();
        for other in [
            "notes.part",
            ".mamcrawler.backup.part",
            "mamcrawler-20200101T000000Z.backup.old",
        ] {
            std::fs::write(folder.path().join(other), "").unwrap();
        }
        let _other = Draft::create(folder.path(), at(1)).unwrap();
        let expected = [
            ".mamcrawler-20261122T120000Z.backup.part",
            ".mamcrawler-20261122T120001Z.backup.part",
            ".mamcrawler.backup.part",
            "mamcrawler-20200101T000000Z.backup.old",
            "notes.part",
        ];
        assert_eq!(names(folder.path()), expected);
        assert_eq!(list_found(folder.path()).unwrap(), []);
    }

    #[test]
    fn what_somebody_else_has_removed_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(remove_if_there(&file).unwrap());
        assert!(!remove_if_there(&file).unwrap());
        assert!(remove_if_there(folder.path()).is_err());
    }

    #[test]
    fn a_folder_that_can_not_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Draft::create(&file.path().join("backups"), at(0))
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("can't be used for backups") && error.contains("MAMCRAWLER_BACKUP_DIR"),
            "{error}"
        );
    }
}
