use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

/// The try of this number.
fn attempt(number: u128, folder: PathBuf, policy: ImportPolicy) -> Attempt {
    Attempt {
        folder,
        mark: ".draft".into(),
        id: Uuid::from_u128(number),
        policy,
        stop: CancellationToken::new(),
    }
}

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
        let first = attempt(1, self.target(), ImportPolicy::HardlinkOnly);
        place_book(&first, &self.files())
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
    let author = library.target().parent().unwrap().to_path_buf();
    // One of the version before, of a try, and one whose removal was cut off.
    for earlier in [".draft", ".draft-7", ".draft-8.gone"] {
        fs::create_dir_all(author.join(earlier).join("CD1")).unwrap();
        fs::write(author.join(earlier).join("CD1/stale.mp3"), "half").unwrap();
    }
    fs::create_dir(author.join(".another")).unwrap();
    library.place().unwrap();
    assert!(!library.target().join("CD1/stale.mp3").exists());
    assert_eq!(list_names(&author), [".another", "Dune"]);
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
    let refused = place_book(
        &attempt(1, folder.clone(), ImportPolicy::HardlinkOnly),
        &library.files(),
    );
    assert!(matches!(refused, Err(PlaceError::NotLinkable(_))));
    assert!(!folder.exists());
    let read_only = fs::Permissions::from_mode(0o440);
    fs::set_permissions(&library.files()[1].source, read_only.clone()).unwrap();
    let methods = place_book(&attempt(2, folder.clone(), ImportPolicy::Any), &library.files()).unwrap();
    assert_eq!(methods, [Method::Copy, Method::Copy]);
    assert_eq!(fs::read(folder.join("CD1/02.mp3")).unwrap(), b"two");
    let copied = fs::metadata(folder.join("CD1/02.mp3")).unwrap().permissions();
    assert_eq!(copied.mode() & 0o777, read_only.mode() & 0o777);
}

pub fn list_names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A book of two files on another file system than its library; the first comes as slowly as the test writes it.
pub struct SlowBook {
    pub library: tempfile::TempDir,
    downloads: tempfile::TempDir,
}

impl SlowBook {
    pub fn new() -> Self {
        Self {
            library: tempfile::tempdir().unwrap(),
            // A file system of its own on Linux.
            downloads: tempfile::tempdir_in("/dev/shm").unwrap(),
        }
    }

    pub fn attempt(&self, number: u128) -> Attempt {
        attempt(number, self.library.path().join("Dune"), ImportPolicy::Any)
    }

    /// Its files for this try, and where the rest of the first one is to be written.
    pub fn files(&self, attempt: &Attempt) -> (Vec<Placement>, File) {
        let pipe = self.downloads.path().join(attempt.id.to_string());
        mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let second = pipe.with_extension("second");
        fs::write(&second, "two").unwrap();
        // For reading as well: it opens at once, and writing is no error while nobody reads.
        let mut rest = File::options().read(true).write(true).open(&pipe).unwrap();
        rest.write_all(b"half").unwrap();
        let files = [(pipe, "01.mp3"), (second, "02.mp3")].map(|(source, target)| Placement {
            source,
            target: target.into(),
        });
        (files.to_vec(), rest)
    }

    /// Returns when the try waits for the rest of the first file.
    pub fn wait_for_half(&self, attempt: &Attempt) {
        let draft = self.library.path().join(format!(".draft-{}", attempt.id));
        wait_until(|| fs::read(draft.join("01.mp3")).is_ok_and(|read| read == b"half"));
    }

    fn begin(&self, attempt: &Attempt) -> Placing {
        let (files, rest) = self.files(attempt);
        let (end, ended) = channel();
        let of_thread = attempt.clone();
        spawn(move || end.send(place_book(&of_thread, &files)));
        self.wait_for_half(attempt);
        Placing { rest, ended }
    }
}

struct Placing {
    rest: File,
    ended: Receiver<Result<Vec<Method>, PlaceError>>,
}

impl Placing {
    /// The rest of the first file comes.
    fn finish(mut self) -> Result<Vec<Method>, PlaceError> {
        self.rest.write_all(b"whole").unwrap();
        drop(self.rest);
        self.ended.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}

pub fn wait_until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not come to that in 20 s");
}

#[test]
fn a_try_that_was_overtaken_neither_harms_the_other_nor_publishes_half_a_book() {
    let book = SlowBook::new();
    let overtaken = book.begin(&book.attempt(1));
    let other = book.begin(&book.attempt(2));
    let folder = book.attempt(1).folder;
    let refused = overtaken.finish();
    assert!(matches!(refused, Err(PlaceError::BrokenOff)), "{refused:?}");
    assert!(!folder.exists(), "the other one is not done");
    assert_eq!(other.finish().unwrap(), [Method::Copy, Method::Copy]);
    assert_eq!(fs::read(folder.join("01.mp3")).unwrap(), b"halfwhole");
    assert_eq!(fs::read(folder.join("02.mp3")).unwrap(), b"two");
    assert_eq!(list_names(book.library.path()), ["Dune"]);
}

#[test]
fn a_try_that_comes_second_leaves_the_book_that_is_there() {
    let book = SlowBook::new();
    let attempt = book.attempt(1);
    let slow = book.begin(&attempt);
    fs::create_dir(&attempt.folder).unwrap();
    fs::write(attempt.folder.join("03.mp3"), "another book").unwrap();
    assert!(matches!(slow.finish(), Err(PlaceError::TargetTaken(_))));
    assert_eq!(list_names(book.library.path()), ["Dune"]);
    assert_eq!(list_names(&attempt.folder), ["03.mp3"]);
}

#[test]
fn a_try_that_nobody_waits_for_ends_and_publishes_nothing() {
    let book = SlowBook::new();
    let attempt = book.attempt(1);
    let placing = book.begin(&attempt);
    attempt.stop.cancel();
    let broken_off = placing.finish();
    assert!(matches!(broken_off, Err(PlaceError::BrokenOff)), "{broken_off:?}");
    assert_eq!(list_names(book.library.path()), Vec::<String>::new());
}

#[test]
fn a_hardlinked_book_that_nobody_waits_for_is_not_published_either() {
    let library = Library::new();
    let attempt = attempt(1, library.target(), ImportPolicy::HardlinkOnly);
    attempt.stop.cancel();
    assert!(matches!(
        place_book(&attempt, &library.files()),
        Err(PlaceError::BrokenOff)
    ));
    assert_eq!(list_names(library.target().parent().unwrap()), Vec::<String>::new());
}
