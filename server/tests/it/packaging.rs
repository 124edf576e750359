//! What surrounds the program in containers and releases: scripts that are run here with stand-ins for the system's programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use testing::scripts::install_script;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(project(path)).unwrap()
}

/// A container of which only the system's programs are there that the entry point calls.
struct Container {
    dir: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Container {
    /// Started by this user and group; `/data` belongs to 1000:1000.
    fn started_by(user: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("data")).unwrap();
        let id = format!("#!/bin/sh\ncase $1 in -u | -g) echo {user} ;; *) exit 64 ;; esac\n");
        let programs = [
            ("id", id.as_str()),
            ("stat", "#!/bin/sh\necho 1000:1000\n"),
            ("chown", "#!/bin/sh\necho \"chown $*\"\n"),
            (
                "setpriv",
                "#!/bin/sh\necho \"setpriv $*\"\nwhile [ \"${1#--}\" != \"$1\" ]; do shift; done\nexec \"$@\"\n",
            ),
            ("mamcrawler", "#!/bin/sh\necho \"mamcrawler $*, umask $(umask)\"\n"),
        ];
        for (name, text) in programs {
            install_script(&dir.path().join(name), text);
        }
        let data = dir.path().join("data").display().to_string();
        Self {
            dir,
            settings: vec![("MAMCRAWLER_DATA_DIR", data)],
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn run(&self) -> Output {
        let path = format!("{}:/usr/bin:/bin", self.dir.path().display());
        let mut command = Command::new("/bin/sh");
        command
            .arg(project("ops/container/entrypoint.sh"))
            .args(["serve", "two words"])
            .env_clear()
            .env("PATH", path)
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.output().unwrap()
    }

    #[track_caller]
    fn assert_runs(&self, lines: &[&str]) {
        let output = self.run();
        let said = String::from_utf8(output.stdout).unwrap();
        let refused = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = said.replace(&self.data().display().to_string(), "/data");
        assert_eq!(
            (said.lines().collect::<Vec<_>>(), refused.as_str()),
            (lines.to_vec(), "")
        );
    }

    #[track_caller]
    fn assert_refuses(&self, words: &str) {
        let output = self.run();
        let refused = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{refused}");
        assert!(refused.contains(words) && output.stdout.is_empty(), "{refused}");
    }
}

#[test]
fn an_ordinary_user_runs_the_program_with_the_umask_that_was_asked_for() {
    Container::started_by(1000).assert_runs(&["mamcrawler serve two words, umask 0022"]);
    let group_writes = Container::started_by(1000).with("UMASK", "002").with("PUID", "1000");
    group_writes.assert_runs(&["mamcrawler serve two words, umask 0002"]);
}

#[test]
fn root_becomes_who_owns_the_library_and_gives_them_the_data_directory_once() {
    let owner = Container::started_by(0)
        .with("PUID", "1234")
        .with("PGID", "2345")
        .with("UMASK", "027");
    owner.assert_runs(&[
        "chown -R 1234:2345 /data",
        "setpriv --reuid=1234 --regid=2345 --clear-groups --no-new-privs mamcrawler serve two words",
        "mamcrawler serve two words, umask 0027",
    ]);
    let default = Container::started_by(0);
    default.assert_runs(&[
        "setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs mamcrawler serve two words",
        "mamcrawler serve two words, umask 0022",
    ]);
    let user_alone = Container::started_by(0).with("PUID", "1234");
    assert!(
        String::from_utf8(user_alone.run().stdout)
            .unwrap()
            .contains("--regid=1234")
    );
}

#[test]
fn nobody_becomes_root_and_a_wish_that_can_not_be_met_is_refused() {
    for (name, value) in [("PUID", "0"), ("PGID", "0")] {
        let root = Container::started_by(0).with("PUID", "1234").with(name, value);
        root.assert_refuses("mamcrawler does not run as root. Set PUID and PGID");
    }
    let other = Container::started_by(1000).with("PUID", "1234");
    other.assert_refuses("PUID is 1234, but the container runs as 1000.");
    let nowhere = Container::started_by(1000).with("MAMCRAWLER_DATA_DIR", "/nowhere");
    nowhere.assert_refuses("/nowhere can't be written by 1000:1000. On the host, run: chown");
}

/// The numbers after a mark, in the text's first line that has it.
fn versions_after(text: &str, mark: &str) -> Vec<u32> {
    let line = text
        .lines()
        .find_map(|line| line.split_once(mark))
        .unwrap_or_else(|| panic!("no {mark}"));
    let words = line.1.split(|letter: char| !letter.is_ascii_digit());
    words
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().unwrap())
        .collect()
}

#[test]
fn the_image_gets_the_clients_of_every_postgresql_from_the_oldest_to_the_newest_on_which_ci_tests_backups() {
    let clients = versions_after(&read("Dockerfile"), "ARG POSTGRES_CLIENTS=");
    let composed = versions_after(&read("compose.yaml"), "image: docker.io/library/postgres:");
    let workflow = read(".github/workflows/ci.yml");
    let tested = versions_after(&workflow, "        version: ");
    assert!(workflow.contains("cargo test -p services --test it backups::"));
    assert_eq!((composed.len(), tested.len()), (1, 2), "{composed:?} {tested:?}");
    let all: Vec<u32> = (tested[0]..=tested[1]).collect();
    assert_eq!(clients, all);
    // What is built where only Debian's packages can be had.
    assert_eq!(composed, [15], "Debian 12 has this pg_dump");
    assert!(clients.contains(&composed[0]));
}

#[test]
fn containers_wait_longer_for_a_check_than_it_takes_to_say_what_is_wrong() {
    let first = |path: &str, mark: &str| versions_after(&read(path), mark)[0];
    let limit = first(
        "server/src/healthcheck.rs",
        "const LIMIT: Duration = Duration::from_secs(",
    );
    assert!(first("Dockerfile", "--timeout=") > limit);
    assert!(first("compose.yaml", "      timeout: ") > limit);
}

#[test]
fn a_release_needs_its_part_of_the_changelog_and_the_program_of_its_version() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("ops")).unwrap();
    std::fs::copy(project("ops/release-notes.sh"), dir.path().join("ops/release-notes.sh")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("Cargo.toml", "[workspace.package]\nversion = \"1.2.0\"\n");
    write(
        "CHANGELOG.md",
        "# Changelog\n\n## Unreleased\n\nLater.\n\n## [1.2.0] - 2026-11-23\n\n### Added\n\n- This.\n\n## [1.1.0]\n\n- That.\n\n## [1.0.0]\n",
    );
    let run = |version: &str| {
        let output = Command::new("/bin/sh")
            .arg(dir.path().join("ops/release-notes.sh"))
            .arg(version)
            .output();
        let output = output.unwrap();
        let said = [output.stdout, output.stderr]
            .map(|text| String::from_utf8(text).unwrap())
            .concat();
        (output.status.success(), said)
    };
    assert_eq!(run("1.2.0"), (true, "\n### Added\n\n- This.\n".to_owned()));
    assert!(run("1.1.0").1.contains("another version"));
    for (version, words) in [
        ("1.0.0", "says nothing"),
        ("1.3.0", "says nothing"),
        ("1.2", "another version"),
    ] {
        if version != "1.2" {
            write("Cargo.toml", &format!("[workspace.package]\nversion = \"{version}\"\n"));
        }
        let (is_well, said) = run(version);
        assert!(!is_well && said.contains(words), "{version}: {said}");
    }
}
