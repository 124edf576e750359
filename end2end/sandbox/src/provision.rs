//! What connects a product to the sandbox: the provisioning file it reads, and a JSON for tests.

use std::path::PathBuf;

use serde_json::{Value, json};
use toml::Table;

use crate::files::member_announce;
use crate::prowlarr::INDEXERS;
use crate::state::{Sandbox, lock, replace_file};
use crate::torznab::FEED_PATH;

/// Where the provisioning file lies.
pub fn provision_path(sandbox: &Sandbox) -> PathBuf {
    sandbox.dir.join("provision.toml")
}

/// Writes the provisioning file anew: it holds the session cookie that works now.
pub fn write_provision(sandbox: &Sandbox) {
    let written = toml::to_string_pretty(&build_provision(sandbox)).map_err(anyhow::Error::from);
    let text = written.map(|text| {
        format!("# Written by the sandbox: stand-ins on this machine, no real service and no real account.\n\n{text}")
    });
    if let Err(error) = text.and_then(|text| replace_file(&provision_path(sandbox), text.as_bytes())) {
        eprintln!("sandbox: the provisioning file could not be written: {error:#}");
    }
}

fn build_provision(sandbox: &Sandbox) -> Table {
    let secrets = &sandbox.secrets;
    let library_id = lock(&sandbox.shelf).library_id.clone();
    let session = lock(&sandbox.member).session.clone();
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let integration = |kind: &str, name: &str, url: String, secret: &str, priority: i64, options: Table| {
        let mut table = Table::new();
        for (key, value) in [("kind", kind), ("name", name), ("url", &url), ("secret", secret)] {
            table.insert(key.into(), value.into());
        }
        table.insert("priority".into(), priority.into());
        table.insert("is_sandbox".into(), true.into());
        table.insert("options".into(), options.into());
        toml::Value::Table(table)
    };
    let options = |entries: &[(&str, toml::Value)]| {
        entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect::<Table>()
    };
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let ports = &sandbox.ports;
    let integrations = vec![
        integration(
            "audiobookshelf",
            "Audiobookshelf (sandbox)",
            url(ports.audiobookshelf),
            &secrets.abs_api_key,
            10,
            options(&[("library_id", library_id.into())]),
        ),
        integration(
            "qbittorrent",
            "qBittorrent (sandbox)",
            url(ports.client_web),
            &secrets.client_password,
            10,
            options(&[
                ("username", secrets.client_username.clone().into()),
                ("category", "audiobooks".into()),
                ("save_path", text(sandbox.dir.join("downloads")).into()),
            ]),
        ),
        integration(
            "myanonamouse",
            "MyAnonamouse (sandbox)",
            url(ports.myanonamouse),
            &session,
            10,
            options(&[("rules_accepted", true.into())]),
        ),
        integration(
            "prowlarr",
            "Prowlarr (sandbox)",
            url(ports.prowlarr),
            &secrets.prowlarr_api_key,
            20,
            options(&[]),
        ),
        integration(
            "torznab",
            "Lantern (sandbox)",
            format!("{}{FEED_PATH}", url(ports.prowlarr)),
            &secrets.torznab_api_key,
            30,
            options(&[]),
        ),
    ];
    let settings = options(&[
        ("library_path", text(sandbox.dir.join("library")).into()),
        (
            "languages",
            toml::Value::Array(["English", "Russian", "Japanese"].map(Into::into).into()),
        ),
        // A demo machine's disk may be small, and so are the sandbox's files.
        ("min_free_gib", 1.into()),
    ]);
    options(&[("integration", integrations.into()), ("settings", settings.into())])
}

/// Everything a test needs: addresses, credentials, paths.
pub fn describe(sandbox: &Sandbox) -> Value {
    let (ports, secrets) = (&sandbox.ports, &sandbox.secrets);
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let shelf = lock(&sandbox.shelf);
    json!({
        "pid": std::process::id(),
        "dir": sandbox.dir,
        "provision": provision_path(sandbox),
        "library_path": sandbox.dir.join("library"),
        "downloads_path": sandbox.dir.join("downloads"),
        "seeds_path": sandbox.dir.join("seeds"),
        "ports": ports,
        "control": { "url": url(ports.control) },
        "myanonamouse": { "url": url(ports.myanonamouse), "mam_id": secrets.mam_id },
        "prowlarr": { "url": url(ports.prowlarr), "api_key": secrets.prowlarr_api_key,
            "indexers": INDEXERS.map(|(id, name, _, privacy)| json!({ "id": id, "name": name, "privacy": privacy })) },
        "torznab": { "url": format!("{}{FEED_PATH}", url(ports.prowlarr)), "api_key": secrets.torznab_api_key },
        "audiobookshelf": { "url": url(ports.audiobookshelf), "api_key": secrets.abs_api_key, "username": "root", "password": secrets.abs_password,
            "library_id": shelf.library_id, "items": shelf.items.len() },
        "qbittorrent": { "url": url(ports.client_web), "username": secrets.client_username, "password": secrets.client_password,
            "save_path": sandbox.dir.join("downloads") },
        "tracker": { "announce": member_announce(sandbox) },
        "oidc": crate::oidc::describe(&sandbox.sign_in_provider),
        "seeder": { "url": url(ports.seeder_web) },
    })
}
