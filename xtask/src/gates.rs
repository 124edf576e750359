//! The architecture's invariants as checks (docs/ARCHITECTURE.md names them). Each prints what it looked at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::addresses::find_bare_addresses;
use crate::asvs::find_asvs_gaps;
use crate::documents::find_document_faults;
use crate::migrations::find_destructive_migrations;
use crate::workspace_root;

/// Which workspace crates each crate may name as a dependency (dev-dependencies aside).
const ARROWS: &[(&str, &[&str])] = &[
    ("crates/types", &[]),
    ("crates/domain", &["types"]),
    ("crates/db", &["types"]),
    ("crates/clients", &["types"]),
    ("crates/jobs", &["types"]),
    ("crates/services", &["types", "domain", "db", "clients", "jobs"]),
    ("app", &["types", "services"]),
    ("frontend", &["app"]),
    ("server", &["app", "services", "types", "db", "clients", "jobs"]),
    ("crates/testing", &["types", "db", "clients"]),
    (
        "crates/fuzz-checks",
        &["types", "domain", "db", "clients", "jobs", "services"],
    ),
    ("end2end/sandbox", &[]),
    ("xtask", &[]),
];
const WORKSPACE_CRATES: &[&str] = &[
    "types",
    "domain",
    "db",
    "clients",
    "jobs",
    "services",
    "app",
    "frontend",
    "server",
    "testing",
    "sandbox",
    "xtask",
    "fuzz-checks",
];
/// What must never reach the browser.
const SERVER_ONLY: &[&str] = &[
    "tokio",
    "diesel",
    "reqwest",
    "axum",
    "services",
    "db",
    "clients",
    "jobs",
    // Pages are the server's: what they are built with must not come along with the islands.
    "leptos_router",
    "leptos_meta",
];

/// Runs every gate; all findings are printed before it fails.
pub fn check_gates() -> Result<()> {
    let root = workspace_root();
    let mut findings = Vec::new();
    findings.extend(find_wrong_arrows(&root)?);
    findings.extend(find_server_crates_in_browser(&root)?);
    findings.extend(find_sql_outside_db(&root)?);
    findings.extend(find_fetching_components(&root)?);
    findings.extend(find_server_functions_of_one_name(&root)?);
    findings.extend(find_bare_addresses(&root)?);
    findings.extend(find_placeholders(&root)?);
    findings.extend(find_machine_paths(&root)?);
    findings.extend(find_bare_secrets(&root)?);
    findings.extend(find_asvs_gaps(&root)?);
    findings.extend(find_document_faults(&root)?);
    findings.extend(find_destructive_migrations(&root)?);
    for finding in &findings {
        println!("gate: {finding}");
    }
    ensure!(findings.is_empty(), "{} invariants are broken", findings.len());
    println!("gates: all hold");
    Ok(())
}

/// Arrows between crates, read from the manifests.
fn find_wrong_arrows(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (folder, allowed) in ARROWS {
        let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml"))?;
        let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let section = section.split("\n[").next().unwrap_or_default();
        for line in section.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if WORKSPACE_CRATES.contains(&name) && !allowed.contains(&name) {
                findings.push(format!("{folder} must not depend on {name}"));
            }
        }
    }
    Ok(findings)
}

/// `types`, `domain` and the browser's tree hold nothing of the server. An empty tree is the proof, not an exit code.
fn find_server_crates_in_browser(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for package in ["types", "domain", "frontend"] {
        let output = Command::new(env!("CARGO"))
            .current_dir(root)
            .args([
                "tree",
                "-p",
                package,
                "--target",
                "wasm32-unknown-unknown",
                "-e",
                "normal",
                "--prefix",
                "none",
            ])
            .output()?;
        ensure!(
            output.status.success(),
            "cargo tree -p {package}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let tree = String::from_utf8(output.stdout)?;
        ensure!(tree.contains(package), "cargo tree -p {package} printed no tree");
        for line in tree.lines() {
            let name = line.split(' ').next().unwrap_or_default();
            if SERVER_ONLY.contains(&name) {
                findings.push(format!("{package} pulls {name} into the browser"));
            }
        }
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// SQL lives in db; the queue engine keeps that of its own tables.
fn find_sql_outside_db(root: &Path) -> Result<Vec<String>> {
    let words = [
        "sql_query(",
        "diesel::sql",
        "diesel::insert_into",
        "diesel::update(",
        "diesel::delete(",
    ];
    find_words(
        root,
        &[
            "crates/services/src",
            "crates/domain/src",
            "app/src",
            "server/src",
            "crates/clients/src",
        ],
        &words,
        "has SQL",
    )
}

/// Components take data and callbacks; what they may name of `api` are its types.
fn find_fetching_components(root: &Path) -> Result<Vec<String>> {
    let words = ["async ", ".await", "Resource::new", "Suspend::new"];
    find_words(root, &["app/src/components"], &words, "fetches, which only pages may")
}

/// Server functions are called by their bare names: two of one name would be one.
fn find_server_functions_of_one_name(root: &Path) -> Result<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for entry in fs::read_dir(root.join("app/src/api"))? {
        let source = fs::read_to_string(entry?.path())?;
        for part in source.split("#[server]").skip(1) {
            let name = part
                .split_once("pub async fn ")
                .and_then(|(_, rest)| rest.split('(').next());
            let name = name.context("a server function is a public async function")?;
            if !seen.insert(name.to_owned()) {
                findings.push(format!("two server functions are called {name}"));
            }
        }
    }
    ensure!(!seen.is_empty(), "app/src/api holds no server functions");
    Ok(findings)
}

fn find_placeholders(root: &Path) -> Result<Vec<String>> {
    // Written apart, so that this file does not find itself.
    let words = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("// TO", "DO"),
        concat!("// FIX", "ME"),
        concat!("#[ign", "ore"),
    ];
    let folders = [
        "crates",
        "app/src",
        "frontend/src",
        "server",
        "end2end/sandbox/src",
        "xtask/src",
    ];
    find_words(root, &folders, &words, "is unfinished")
}

fn find_machine_paths(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .current_dir(root)
        .args([
            "grep",
            "-n",
            "-I",
            "-E",
            concat!("/work/", "(main|steering|shared)|arti", "factory"),
        ])
        .output()?;
    Ok(String::from_utf8(output.stdout)?
        .lines()
        .map(|line| format!("{line}: names one machine"))
        .collect())
}

/// A struct with a `SecretString` never derives `Serialize` or `Debug`-prints it; `secrecy` guards the latter.
fn find_bare_secrets(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for folder in ["crates/clients/src", "crates/services/src", "server/src"] {
        for file in rust_files(&root.join(folder))? {
            let text = fs::read_to_string(&file)?;
            for block in text.split("#[derive(").skip(1) {
                let derives = block.split(")]").next().unwrap_or_default();
                let body = block.split("\n}").next().unwrap_or_default();
                if derives.contains("Serialize") && body.contains("SecretString") {
                    findings.push(format!("{}: a secret derives Serialize", file.display()));
                }
            }
        }
    }
    Ok(findings)
}

fn find_words(root: &Path, folders: &[&str], words: &[&str], what: &str) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for folder in folders {
        for file in rust_files(&root.join(folder))? {
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            for (number, line) in text.lines().enumerate() {
                if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                    let path = file.strip_prefix(root).unwrap_or(&file).display();
                    findings.push(format!("{path}:{} {what}: {word}", number + 1));
                }
            }
        }
    }
    Ok(findings)
}

/// Every source below a folder.
pub fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if !folder.exists() {
        bail!("{} is gone; a gate looks for it", folder.display());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}
