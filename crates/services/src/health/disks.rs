//! Free space of the file systems that the product writes to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use db::Connection;
use futures::future::join_all;
use types::IntegrationId;
use types::health::DiskHealth;
use types::integrations::{Integration, IntegrationKind};
use types::settings::Settings;

use crate::Services;
use crate::error::Result;
use crate::paths::to_local;

/// A network file system that hangs answers never.
const LIMIT: Duration = Duration::from_secs(2);
/// More are not looked at: each is a series of its own.
const MOST: usize = 16;

/// Everywhere that the product writes or is written for, and how much room there is.
pub(super) async fn measure_disks(
    (services, settings): (&Services, &Settings),
    conn: &mut Connection,
    integrations: &[Integration],
) -> Result<Vec<DiskHealth>> {
    let mut places = vec![("data", services.config().data_dir.clone())];
    if !settings.library_path.is_empty() {
        places.push(("library", PathBuf::from(&settings.library_path)));
    }
    for integration in integrations.iter().filter(|one| one.is_enabled) {
        let found = list_places(conn, integration).await?;
        places.extend(found.into_iter().filter(|(_, path)| !path.as_os_str().is_empty()));
    }
    let mut seen = std::collections::BTreeSet::new();
    places.retain(|(_, path)| seen.insert(path.clone()));
    places.truncate(MOST);
    Ok(join_all(places.into_iter().map(|(place, path)| measure(place, path))).await)
}

/// Where a service's files lie as we see them.
async fn list_places(conn: &mut Connection, integration: &Integration) -> Result<Vec<(&'static str, PathBuf)>> {
    let maps = &integration.options.path_maps;
    let mapped = |place| maps.iter().map(move |map| (place, PathBuf::from(&map.local))).collect();
    Ok(match integration.kind {
        IntegrationKind::Audiobookshelf if !maps.is_empty() => mapped("library"),
        IntegrationKind::Audiobookshelf => find_shelf(conn, integration.id).await?.into_iter().collect(),
        IntegrationKind::Qbittorrent if !integration.options.save_path.is_empty() => {
            vec![("downloads", to_local(maps, &integration.options.save_path))]
        }
        IntegrationKind::Qbittorrent => mapped("downloads"),
        IntegrationKind::Myanonamouse | IntegrationKind::Prowlarr | IntegrationKind::Torznab => Vec::new(),
    })
}

/// The library's folders are not stored, but where its books are.
async fn find_shelf(conn: &mut Connection, id: IntegrationId) -> Result<Option<(&'static str, PathBuf)>> {
    let path = db::operations::find_book_path(conn, id).await?;
    let folder = path.as_deref().map(Path::new).and_then(Path::parent);
    Ok(folder.map(|folder| ("library", folder.to_path_buf())))
}

async fn measure(place: &'static str, path: PathBuf) -> DiskHealth {
    let looked_at = path.clone();
    let look = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&looked_at));
    let found = match tokio::time::timeout(LIMIT, look).await {
        Ok(Ok(found)) => found.ok(),
        _ => None,
    };
    DiskHealth {
        place: place.into(),
        path: path.display().to_string(),
        // What root alone may use is not free for us.
        free_bytes: found
            .as_ref()
            .map(|found| found.f_bavail.saturating_mul(found.f_frsize)),
        size_bytes: found
            .as_ref()
            .map(|found| found.f_blocks.saturating_mul(found.f_frsize)),
    }
}
