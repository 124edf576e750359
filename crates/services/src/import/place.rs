//! Puts files into the library: all of a book or none, and never touching the originals.
//!
//! Files are gathered in a hidden folder beside the target, the draft, which is renamed into place when it is whole.
//!
//! A try may outlive its run: a thread that copies ends later than the task that waits for it, and a process that was
//! frozen goes on where it was. So each try has a draft of its own, which it makes once and never again; who discards the
//! draft of another try first renames it. A draft that can be renamed into place is therefore whole.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;
use types::settings::ImportPolicy;
use uuid::Uuid;

/// So much is copied and written out before somebody may stop it; some seconds of a slow disk.
const PIECE: u64 = 16 << 20;

/// How a file got there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Hardlink,
    Reflink,
    Copy,
}

impl Method {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hardlink => "hardlink",
            Self::Reflink => "reflink",
            Self::Copy => "copy",
        }
    }
}

/// One file to place; `target` is relative to the book's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub source: PathBuf,
    pub target: String,
}

/// One try to place a book.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The book's folder to be.
    pub folder: PathBuf,
    /// How the names of the drafts of this import begin, and of no other.
    pub mark: String,
    /// Never used twice.
    pub id: Uuid,
    pub policy: ImportPolicy,
    /// Nobody waits for the book any more.
    pub stop: CancellationToken,
}

impl Attempt {
    fn check_wanted(&self) -> Result<(), PlaceError> {
        match self.stop.is_cancelled() {
            true => Err(PlaceError::BrokenOff),
            false => Ok(()),
        }
    }
}

/// Why files could not be placed. `Display` is a sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error(
        "\"{0}\" is on another file system than the library, so it can't be hardlinked, and the import policy forbids copies. \
         Put downloads and library on one file system, or allow copies in Settings."
    )]
    NotLinkable(PathBuf),
    #[error("the disk of the library is full; free some space, then retry")]
    DiskFull,
    #[error("mamcrawler may not write to \"{0}\"; give its user write permission there, then retry")]
    NotAllowed(PathBuf),
    #[error("\"{0}\" is not there; check the path maps of the torrent client, then retry")]
    SourceGone(PathBuf),
    #[error("\"{0}\" exists already and is another book")]
    TargetTaken(PathBuf),
    #[error("placing the book was broken off before its end; it is tried again")]
    BrokenOff,
    #[error("placing \"{path}\" failed: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// Places a book's files in its folder, which must not exist unless it holds exactly these files from an earlier try.
pub fn place_book(attempt: &Attempt, files: &[Placement]) -> Result<Vec<Method>, PlaceError> {
    let folder = attempt.folder.as_path();
    if folder.exists() {
        return adopt_earlier_try(folder, files);
    }
    let parent = folder
        .parent()
        .ok_or_else(|| PlaceError::NotAllowed(folder.to_path_buf()))?;
    fs::create_dir_all(parent).map_err(|error| explain(parent, error))?;
    discard_earlier_drafts(parent, &attempt.mark)?;
    let draft = parent.join(format!("{}-{}", attempt.mark, attempt.id));
    fs::create_dir(&draft).map_err(|error| explain(&draft, error))?;
    let placed = fill_draft(&draft, attempt, files).and_then(|methods| publish(&draft, folder, (files, methods)));
    if placed.is_err() && !draft.exists() {
        // Another try took over.
        return Err(PlaceError::BrokenOff);
    }
    discard_draft(&draft)?;
    sync_folder(parent)?;
    placed
}

/// Another try may have been faster; then its book, as whole as ours, is the one.
fn publish(
    draft: &Path,
    folder: &Path,
    (files, methods): (&[Placement], Vec<Method>),
) -> Result<Vec<Method>, PlaceError> {
    match fs::rename(draft, folder) {
        Ok(()) => Ok(methods),
        Err(_) if folder.exists() => adopt_earlier_try(folder, files),
        Err(error) => Err(explain(folder, error)),
    }
}

/// Removes what tries that did not end left behind.
fn discard_earlier_drafts(parent: &Path, mark: &str) -> Result<(), PlaceError> {
    for entry in fs::read_dir(parent).map_err(|error| explain(parent, error))? {
        let entry = entry.map_err(|error| explain(parent, error))?;
        if entry.file_name().to_string_lossy().starts_with(mark) {
            discard_draft(&entry.path())?;
        }
    }
    Ok(())
}

/// A draft that is gone already is no error. Renamed first: whoever still writes into it must not publish the rest.
fn discard_draft(draft: &Path) -> Result<(), PlaceError> {
    let mut gone = draft.as_os_str().to_owned();
    gone.push(".gone");
    match fs::rename(draft, &gone).and_then(|()| fs::remove_dir_all(&gone)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(explain(draft, error)),
        _ => Ok(()),
    }
}

/// Whether both paths are the same file on disk.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => one.dev() == other.dev() && one.ino() == other.ino(),
        _ => false,
    }
}

fn adopt_earlier_try(folder: &Path, files: &[Placement]) -> Result<Vec<Method>, PlaceError> {
    files
        .iter()
        .map(|file| {
            let target = folder.join(&file.target);
            if is_same_file(&file.source, &target) {
                return Ok(Method::Hardlink);
            }
            match (fs::metadata(&file.source), fs::metadata(&target)) {
                (Ok(source), Ok(there)) if source.len() == there.len() => Ok(Method::Copy),
                _ => Err(PlaceError::TargetTaken(folder.to_path_buf())),
            }
        })
        .collect()
}

fn fill_draft(draft: &Path, attempt: &Attempt, files: &[Placement]) -> Result<Vec<Method>, PlaceError> {
    let mut methods = Vec::with_capacity(files.len());
    for file in files {
        attempt.check_wanted()?;
        let parent = make_folders(draft, &file.target)?;
        methods.push(place_file(&file.source, &draft.join(&file.target), attempt)?);
        sync_folder(&parent)?;
    }
    attempt.check_wanted()?;
    Ok(methods)
}

/// Makes the folders of a file below the draft, and never the draft itself: where that is gone, another try took over.
fn make_folders(draft: &Path, target: &str) -> Result<PathBuf, PlaceError> {
    let mut folder = draft.to_path_buf();
    for part in Path::new(target).parent().into_iter().flatten() {
        folder.push(part);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(explain(&folder, error)),
            _ => {}
        }
    }
    Ok(folder)
}

fn place_file(source: &Path, target: &Path, attempt: &Attempt) -> Result<Method, PlaceError> {
    match fs::hard_link(source, target) {
        Ok(()) => return Ok(Method::Hardlink),
        Err(error) if !can_copy_instead(&error) => return Err(explain(source, error)),
        Err(_) if attempt.policy == ImportPolicy::HardlinkOnly => {
            return Err(PlaceError::NotLinkable(source.to_path_buf()));
        }
        Err(_) => {}
    }
    if reflink(source, target).is_ok() {
        return Ok(Method::Reflink);
    }
    copy(source, target, attempt)?;
    Ok(Method::Copy)
}

/// Piece by piece, each written out: neither a stop nor the end waits for the disk for long.
fn copy(source: &Path, target: &Path, attempt: &Attempt) -> Result<(), PlaceError> {
    let of_source = |error| explain(source, error);
    let of_target = |error| explain(target, error);
    let from = File::open(source).map_err(of_source)?;
    let mut to = File::create_new(target).map_err(of_target)?;
    while io::copy(&mut (&from).take(PIECE), &mut to).map_err(of_source)? > 0 {
        to.sync_data().map_err(of_target)?;
        attempt.check_wanted()?;
    }
    let permissions = from.metadata().map_err(of_source)?.permissions();
    to.set_permissions(permissions).map_err(of_target)?;
    to.sync_all().map_err(of_target)
}

/// Another device, a file system without hardlinks, or too many links already.
fn can_copy_instead(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EXDEV | libc::EPERM | libc::EOPNOTSUPP | libc::EMLINK)
    )
}

fn reflink(source: &Path, target: &Path) -> io::Result<()> {
    let from = File::open(source)?;
    let to = File::create_new(target)?;
    rustix::fs::ioctl_ficlone(&to, &from).map_err(|error| {
        // The copy that follows makes the file anew.
        let _ = fs::remove_file(target);
        io::Error::from(error)
    })
}

fn sync_folder(folder: &Path) -> Result<(), PlaceError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| explain(folder, error))
}

fn explain(path: &Path, error: io::Error) -> PlaceError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PlaceError::DiskFull,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            PlaceError::NotAllowed(path.to_path_buf())
        }
        io::ErrorKind::NotFound => PlaceError::SourceGone(path.to_path_buf()),
        _ => PlaceError::Io {
            path: path.to_path_buf(),
            error,
        },
    }
}

#[cfg(test)]
pub(super) mod tests;
