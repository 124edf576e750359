//! Puts files into the library: all of a book or none, and never touching the originals.
//!
//! Files are gathered in a hidden folder beside the target, which is renamed into place when it is whole.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use types::settings::ImportPolicy;

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
    #[error("placing \"{path}\" failed: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// Places a book's files in `folder`, which must not exist unless it holds exactly these files from an earlier try.
///
/// `draft_name` names the hidden folder; the same name after a crash finds and replaces the half-done one.
pub fn place_book(
    folder: &Path,
    draft_name: &str,
    files: &[Placement],
    policy: ImportPolicy,
) -> Result<Vec<Method>, PlaceError> {
    if folder.exists() {
        return adopt_earlier_try(folder, files);
    }
    let parent = folder
        .parent()
        .ok_or_else(|| PlaceError::NotAllowed(folder.to_path_buf()))?;
    fs::create_dir_all(parent).map_err(|error| explain(parent, error))?;
    let draft = parent.join(draft_name);
    discard_draft(&draft)?;
    let placed = fill_draft(&draft, files, policy);
    let methods = match placed {
        Ok(methods) => methods,
        Err(error) => {
            discard_draft(&draft)?;
            return Err(error);
        }
    };
    fs::rename(&draft, folder).map_err(|error| explain(folder, error))?;
    sync_folder(parent)?;
    Ok(methods)
}

/// Removes what a try that did not end left behind.
pub fn discard_draft(draft: &Path) -> Result<(), PlaceError> {
    match fs::remove_dir_all(draft) {
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

fn fill_draft(draft: &Path, files: &[Placement], policy: ImportPolicy) -> Result<Vec<Method>, PlaceError> {
    fs::create_dir(draft).map_err(|error| explain(draft, error))?;
    let mut methods = Vec::with_capacity(files.len());
    for file in files {
        let target = draft.join(&file.target);
        let parent = target.parent().expect("a target lies below the draft folder");
        fs::create_dir_all(parent).map_err(|error| explain(parent, error))?;
        methods.push(place_file(&file.source, &target, policy)?);
        sync_folder(parent)?;
    }
    Ok(methods)
}

fn place_file(source: &Path, target: &Path, policy: ImportPolicy) -> Result<Method, PlaceError> {
    match fs::hard_link(source, target) {
        Ok(()) => return Ok(Method::Hardlink),
        Err(error) if !can_copy_instead(&error) => return Err(explain(source, error)),
        Err(_) if policy == ImportPolicy::HardlinkOnly => return Err(PlaceError::NotLinkable(source.to_path_buf())),
        Err(_) => {}
    }
    if reflink(source, target).is_ok() {
        return Ok(Method::Reflink);
    }
    fs::copy(source, target).map_err(|error| explain(source, error))?;
    File::open(target)
        .and_then(|file| file.sync_all())
        .map_err(|error| explain(target, error))?;
    Ok(Method::Copy)
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
mod tests {
    use super::*;

    struct Library {
        folder: tempfile::TempDir,
    }

    impl Library {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir_all(folder.path().join("downloads/Dune/CD1")).unwrap();
            fs::write(folder.path().join("downloads/Dune/CD1/01.mp3"), "one").unwrap();
            fs::write(folder.path().join("downloads/Dune/CD1/02.mp3"), "two").unwrap();
            Self { folder }
        }

        fn files(&self) -> Vec<Placement> {
            ["CD1/01.mp3", "CD1/02.mp3"]
                .map(|name| Placement {
                    source: self.folder.path().join("downloads/Dune").join(name),
                    target: name.into(),
                })
                .to_vec()
        }

        fn target(&self) -> PathBuf {
            self.folder.path().join("library/Frank Herbert/Dune")
        }

        fn place(&self) -> Result<Vec<Method>, PlaceError> {
            place_book(&self.target(), ".draft", &self.files(), ImportPolicy::HardlinkOnly)
        }
    }

    #[test]
    fn files_are_hardlinked_and_nothing_else_is_left() {
        let library = Library::new();
        assert_eq!(library.place().unwrap(), [Method::Hardlink, Method::Hardlink]);
        for file in library.files() {
            assert!(is_same_file(&file.source, &library.target().join(&file.target)));
        }
        let author = fs::read_dir(library.target().parent().unwrap()).unwrap().count();
        assert_eq!(author, 1, "the draft folder is gone");
    }

    #[test]
    fn a_missing_file_leaves_no_half_book() {
        let library = Library::new();
        fs::remove_file(&library.files()[1].source).unwrap();
        assert!(matches!(library.place(), Err(PlaceError::SourceGone(_))));
        assert!(!library.target().exists());
        assert_eq!(fs::read_dir(library.target().parent().unwrap()).unwrap().count(), 0);
    }

    #[test]
    fn a_crash_before_the_rename_is_done_over() {
        let library = Library::new();
        let draft = library.target().parent().unwrap().join(".draft");
        fs::create_dir_all(draft.join("CD1")).unwrap();
        fs::write(draft.join("CD1/stale.mp3"), "half").unwrap();
        library.place().unwrap();
        assert!(!library.target().join("CD1/stale.mp3").exists());
    }

    #[test]
    fn a_crash_after_the_rename_is_adopted() {
        let library = Library::new();
        library.place().unwrap();
        assert_eq!(library.place().unwrap(), [Method::Hardlink, Method::Hardlink]);
    }

    #[test]
    fn another_book_in_the_folder_is_never_overwritten() {
        let library = Library::new();
        fs::create_dir_all(library.target().join("CD1")).unwrap();
        fs::write(library.target().join("CD1/01.mp3"), "another book").unwrap();
        assert!(matches!(library.place(), Err(PlaceError::TargetTaken(_))));
        assert_eq!(fs::read(library.target().join("CD1/01.mp3")).unwrap(), b"another book");
    }

    #[test]
    fn another_file_system_is_copied_only_where_the_policy_allows() {
        let library = Library::new();
        // /dev/shm is a file system of its own on Linux.
        let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
        let folder = elsewhere.path().join("Dune");
        let refused = place_book(&folder, ".draft", &library.files(), ImportPolicy::HardlinkOnly);
        assert!(matches!(refused, Err(PlaceError::NotLinkable(_))));
        assert!(!folder.exists());
        let methods = place_book(&folder, ".draft", &library.files(), ImportPolicy::Any).unwrap();
        assert_eq!(methods, [Method::Copy, Method::Copy]);
        assert_eq!(fs::read(folder.join("CD1/02.mp3")).unwrap(), b"two");
    }
}
