//! Leptos.toml: where the browser's files are and what they are called.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use leptos::config::LeptosOptions;
use serde::Deserialize;

/// The file as it was when the server was built; an installation needs no copy of it.
const LEPTOS_TOML: &str = include_str!("../../../Leptos.toml");

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SiteTable {
    output_name: String,
    site_root: String,
    site_pkg_dir: String,
    site_addr: SocketAddr,
    reload_port: u32,
}

/// The options that Leptos serves the site with.
pub fn leptos_options(site_root: Option<&Path>, listen: SocketAddr) -> Result<LeptosOptions> {
    let table = read_table(LEPTOS_TOML)?;
    let root = site_root.map_or(table.site_root, |path| path.to_string_lossy().into_owned());
    Ok(LeptosOptions::builder()
        .output_name(table.output_name)
        .site_root(root)
        .site_pkg_dir(table.site_pkg_dir)
        .site_addr(listen)
        .reload_port(table.reload_port)
        .build())
}

fn read_table(text: &str) -> Result<SiteTable> {
    let document: toml::Value = toml::from_str(text).context("reading Leptos.toml")?;
    let table = &document["workspace"]["metadata"]["leptos"][0];
    table.clone().try_into().context("reading the leptos table")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leptos_toml_and_the_workspace_manifest_agree() {
        let manifest = include_str!("../../../Cargo.toml");
        assert_eq!(read_table(LEPTOS_TOML).unwrap(), read_table(manifest).unwrap());
    }
}
