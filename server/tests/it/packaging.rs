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
    let powerless = Container::started_by(0).with("PUID", "1234");
    install_script(&powerless.dir.path().join("setpriv"), "#!/bin/sh\nexit 127\n");
    powerless.assert_refuses("without the right to become 1234:1234. Set PUID and PGID in .env");
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

#[test]
fn a_worker_runs_under_systemd_as_the_server_does_but_with_its_own_place_for_metrics_and_no_log_file() {
    let service = |name: &str| {
        let unit = read(&format!("ops/systemd/{name}.service"));
        let (_, service) = unit.split_once("[Service]\n").unwrap();
        let lines = service.lines().filter(|line| !line.starts_with('#'));
        let (starts, others): (Vec<_>, Vec<_>) = lines
            .map(str::to_owned)
            .partition(|line| line.starts_with("ExecStart="));
        (starts.concat(), others)
    };
    let (server, worker) = (service("mamcrawler"), service("mamcrawler-worker"));
    assert_eq!(server.1, worker.1);
    let start = "ExecStart=/usr/bin/env MAMCRAWLER_METRICS_LISTEN=127.0.0.1:9465 MAMCRAWLER_LOG_FILE= /usr/local/bin/mamcrawler worker";
    assert_eq!(
        [server.0, worker.0],
        ["ExecStart=/usr/local/bin/mamcrawler serve", start]
    );
}

#[test]
fn no_setting_of_the_program_is_taken_out_of_the_file_that_it_gets_as_a_whole() {
    let composed = read("compose.yaml");
    assert!(composed.contains("\n    env_file: [{ path: .env, required: false }]\n"));
    let hidden = composed
        .lines()
        .filter(|line| line.trim_start().starts_with("MAMCRAWLER_") && line.contains("${"));
    assert_eq!(hidden.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn containers_start_on_a_machine_with_one_processor() {
    for path in ["compose.yaml", "ops/compose.example.yaml"] {
        assert!(!read(path).contains("cpus:"), "{path}");
    }
}

#[test]
fn the_document_names_the_address_from_which_a_proxy_on_the_host_reaches_the_container() {
    let subnet = versions_after(&read("compose.yaml"), "subnet: \"${SUBNET:-");
    assert_eq!(subnet[3..], [0, 24]);
    let [one, two, three] = [subnet[0], subnet[1], subnet[2]];
    let row = format!("| on the machine | in a container | `{one}.{two}.{three}.1`,");
    assert!(read("docs/DEPLOYMENT.md").contains(&row), "{row}");
}

#[test]
fn workflows_run_only_actions_of_a_commit_that_nobody_can_move() {
    for name in ["ci", "release", "supply-chain"] {
        let path = &format!(".github/workflows/{name}.yml");
        let text = read(path);
        let actions = text.lines().filter_map(|line| line.trim().strip_prefix("- uses: "));
        let moving = actions.filter(|action| {
            let (_, version) = action.split_once('@').unwrap();
            let (commit, name) = version.split_once(" # v").unwrap_or((version, ""));
            name.is_empty() || commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        assert_eq!(moving.collect::<Vec<_>>(), Vec::<&str>::new(), "{path}");
        assert!(text.contains("- uses: "), "{path}");
    }
}

/// A machine with nothing but cargo and this Node.js, or only the word of apt about one.
fn install_test_tools(node: Option<&str>, candidate: &str) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    for name in ["cargo", "rustup", "rustc", "sudo", "apt-get"] {
        install_script(&dir.path().join(name), "#!/bin/sh\nexit 70\n");
    }
    let known = format!("#!/bin/sh\nprintf 'nodejs:\\n  Installed: (none)\\n  Candidate: {candidate}\\n'\n");
    install_script(&dir.path().join("apt-cache"), &known);
    if let Some(version) = node {
        install_script(&dir.path().join("node"), &format!("#!/bin/sh\necho v{version}\n"));
    }
    for name in ["sed", "sort", "tr", "grep", "id"] {
        std::os::unix::fs::symlink(Path::new("/usr/bin").join(name), dir.path().join(name)).unwrap();
    }
    let output = Command::new("/bin/bash")
        .arg(project("ops/install-tools.sh"))
        .arg("test")
        .env_clear()
        .env("PATH", dir.path())
        .envs([("CHROMIUM", "/usr/bin/true"), ("ASSUME_YES", "1")])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), said.concat())
}

#[test]
fn a_nodejs_that_is_too_old_for_the_tests_is_refused_before_anything_is_installed() {
    for (node, candidate) in [(Some("18.20.4"), "20.19.2"), (None, "18.20.4+dfsg-1~deb12u3")] {
        let (code, said) = install_test_tools(node, candidate);
        assert_eq!(code, Some(1), "{said}");
        let sentence = "The tests need Node.js 20.18.1 or newer, with npm, and this would be 18.20.4";
        assert!(said.starts_with(sentence), "{said}");
    }
    for (node, candidate) in [(Some("20.18.1"), "18.20.4"), (None, "20.19.2+dfsg-1"), (None, "(none)")] {
        let (_, said) = install_test_tools(node, candidate);
        assert!(said.starts_with("Installing with apt-get: "), "{said}");
    }
}

#[test]
fn the_oldest_nodejs_is_the_oldest_that_every_package_of_the_browser_tests_takes() {
    let least = versions_after(&read("ops/install-tools.sh"), "least_node=");
    let lock: serde_json::Value = serde_json::from_str(&read("end2end/package-lock.json")).unwrap();
    let oldest_of = |range: &str| {
        let starts = range.split("||").map(|one| {
            let from = one.trim_start_matches(|letter: char| !letter.is_ascii_digit());
            let version = from
                .split(|letter: char| !letter.is_ascii_digit() && letter != '.')
                .next();
            let mut parts: Vec<u32> = version.unwrap().split('.').map(|part| part.parse().unwrap()).collect();
            parts.resize(3, 0);
            parts
        });
        starts.min().unwrap()
    };
    let packages = lock["packages"].as_object().unwrap().values();
    let ranges = packages.filter_map(|package| package["engines"]["node"].as_str());
    assert_eq!(ranges.map(oldest_of).max(), Some(least));
}
