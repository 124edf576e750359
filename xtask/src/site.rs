//! Builds what the browser gets into `target/site`: WASM, its glue, one style sheet and `public/`, each precompressed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::workspace_root;

/// The crate's and the site's output name; equal to `output-name` in Leptos.toml.
const NAME: &str = "mamcrawler";
/// What a browser loads until the page is interactive, brotli-compressed.
///
/// The design allows 250 KiB; 107 KiB are measured, of which 94 are WASM. Pages add nothing to it, only islands do: this is
/// the measured size and 8 % to breathe. docs/adr/0001-leptos-islands-and-own-xtask.md says how it came down.
const BUDGET_BYTES: u64 = 115 * 1024;

#[derive(Clone, Copy)]
pub enum Profile {
    Dev,
    Release,
}

/// Builds the frontend and lays the site out.
pub fn build_site(profile: Profile) -> Result<()> {
    let root = workspace_root();
    let site = root.join("target/site");
    let package = site.join("pkg");
    fs::create_dir_all(&package)?;
    let wasm = build_frontend(&root, profile)?;
    bind(&wasm, &package)?;
    write_styles(&root.join("style"), &package.join(format!("{NAME}.css")))?;
    copy_tree(&root.join("public"), &site)?;
    if matches!(profile, Profile::Release) {
        precompress(&site)?;
    }
    println!("site is in {}", site.display());
    Ok(())
}

/// Fails when the first load is larger than the budget.
pub fn check_size_budget() -> Result<()> {
    let package = workspace_root().join("target/site/pkg");
    let mut total = 0;
    for extension in ["wasm", "js", "css"] {
        let path = package.join(format!("{NAME}.{extension}.br"));
        let bytes = fs::metadata(&path)
            .with_context(|| format!("{} (build the site first)", path.display()))?
            .len();
        println!("{NAME}.{extension}.br {bytes} bytes");
        total += bytes;
    }
    println!("first load {total} of {BUDGET_BYTES} bytes");
    ensure!(total <= BUDGET_BYTES, "the first load is over its budget");
    Ok(())
}

fn build_frontend(root: &Path, profile: Profile) -> Result<PathBuf> {
    let (cargo_profile, folder) = match profile {
        Profile::Dev => ("dev", "debug"),
        Profile::Release => ("wasm-release", "wasm-release"),
    };
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        .args([
            "build",
            "-p",
            "frontend",
            "--lib",
            "--target",
            "wasm32-unknown-unknown",
            "--profile",
            cargo_profile,
        ])
        .status()?;
    ensure!(status.success(), "building the frontend failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("wasm32-unknown-unknown").join(folder).join("frontend.wasm"))
}

fn bind(wasm: &Path, package: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(wasm)
        .out_name(NAME)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_producers_section(true)
        .generate(package)
        .context("binding the WASM to JavaScript")?;
    fs::rename(
        package.join(format!("{NAME}_bg.wasm")),
        package.join(format!("{NAME}.wasm")),
    )?;
    Ok(())
}

/// Joins `style/*.css` in the order of their names.
fn write_styles(folder: &Path, target: &Path) -> Result<()> {
    let mut sheets: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    sheets.retain(|path| path.extension().is_some_and(|extension| extension == "css"));
    sheets.sort();
    if sheets.is_empty() {
        bail!("{} holds no style sheets", folder.display());
    }
    let mut joined = String::new();
    for sheet in sheets {
        joined.push_str(&fs::read_to_string(&sheet)?);
        joined.push('\n');
    }
    fs::write(target, joined)?;
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Writes `.br` and `.gz` beside each text or WASM file; the server sends them as they are.
fn precompress(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            precompress(&path)?;
            continue;
        }
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default();
        if !matches!(extension, "wasm" | "js" | "css" | "svg" | "json" | "webmanifest") {
            continue;
        }
        let bytes = fs::read(&path)?;
        let mut brotli = brotli::CompressorWriter::new(fs::File::create(with_suffix(&path, "br"))?, 4096, 11, 22);
        brotli.write_all(&bytes)?;
        brotli.flush()?;
        let mut gzip =
            flate2::write::GzEncoder::new(fs::File::create(with_suffix(&path, "gz"))?, flate2::Compression::best());
        gzip.write_all(&bytes)?;
        gzip.finish()?;
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}
