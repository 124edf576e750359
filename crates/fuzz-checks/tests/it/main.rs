//! Each check with its seeds and with what mistakes make of them, and the programs of `fuzz` held to the checks.
//!
//! The inputs are the same each time, so that a failure is the change's; `ops/fuzz.sh` looks for new ones.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fuzz_checks::{Check, TARGETS};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use testing::damage::damaged;

/// Damaged inputs made of each seed.
const CASES: u32 = 1000;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The names in a folder of `fuzz`, without what follows a dot.
fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(fuzz_folder().join(folder)).unwrap();
    let name = |entry: fs::DirEntry| entry.path().file_stem().unwrap().to_string_lossy().into_owned();
    entries.map(|entry| name(entry.unwrap())).collect()
}

fn seeds_of(name: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(fuzz_folder().join("seeds").join(name)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn check_seeds(name: &str, check: Check) {
    for seed in seeds_of(name) {
        check(&seed);
        let config = Config {
            cases: CASES,
            failure_persistence: None,
            ..Config::default()
        };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let ran = runner.run(&damaged(&seed), |bytes| {
            check(&bytes);
            Ok(())
        });
        if let Err(failure) = ran {
            panic!("{name}: {failure}");
        }
    }
}

/// A test for each, as they run side by side.
macro_rules! checks {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check_seeds(stringify!($name), fuzz_checks::$name);
        })*

        #[test]
        fn every_check_is_tested_here() {
            assert_eq!(TARGETS.map(|(name, _)| name), [$(stringify!($name)),*]);
        }
    };
}

checks! {
    abs_folder abs_item access_token api_key csv_cell cursor mam_account mam_cookie mam_row naming_template oidc_claims
    oidc_configuration oidc_token payload prowlarr_hit qbittorrent_details qbittorrent_maindata run_cursor torrent_file
    torznab_caps torznab_feed
}

#[test]
fn every_check_has_its_program_and_seeds_and_no_other_is_there() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in("fuzz_targets"), names);
    assert_eq!(names_in("seeds"), names);
    let manifest = fs::read_to_string(fuzz_folder().join("Cargo.toml")).unwrap();
    assert_eq!(manifest.matches("[[bin]]").count(), names.len());
    for name in names {
        let program = fs::read_to_string(fuzz_folder().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        let expected =
            format!("#![no_main]\n\nlibfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_checks::{name}(bytes));\n");
        assert_eq!(
            program, expected,
            "a program only calls its check, so that what is checked is compiled and run here"
        );
        let entry = format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"");
        assert!(manifest.contains(&entry), "fuzz/Cargo.toml lacks {name}");
        assert!(seeds_of(&name).len() >= 2, "{name} has too few seeds");
    }
}
