//! The project's own build and check commands: `cargo xtask <command>`. `make` and `.ci/run` call them.

mod addresses;
mod asvs;
mod documents;
mod gates;
mod migrations;
mod site;

use anyhow::{Result, bail};
use std::path::PathBuf;

const USAGE: &str = "usage: cargo xtask site [--dev] | gates | size-budget";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["site"] => site::build_site(site::Profile::Release),
        ["site", "--dev"] => site::build_site(site::Profile::Dev),
        ["gates"] => gates::check_gates(),
        ["size-budget"] => site::check_size_budget(),
        _ => bail!(USAGE),
    }
}

/// The checkout's root, whatever the current directory is.
fn workspace_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies below the workspace root")
        .to_path_buf()
}
