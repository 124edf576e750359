//! One connected service by its id, or the sentence why it can't be used.

use std::sync::Arc;

use clients::indexer::Indexer;
use clients::library::Library;
use clients::torrent_client::TorrentClient;
use types::IntegrationId;
use types::integrations::Integration;

use crate::Services;
use crate::connect::{Connected, connect_indexers, connect_library, connect_torrent_clients};
use crate::error::{Result, ServiceError};

/// The torrent client with this id.
pub async fn find_torrent_client(
    services: &Services,
    id: IntegrationId,
) -> Result<(Integration, Arc<dyn TorrentClient>)> {
    pick(connect_torrent_clients(services).await?, id, "torrent client")
}

/// The indexer with this id.
pub async fn find_indexer(services: &Services, id: IntegrationId) -> Result<(Integration, Arc<dyn Indexer>)> {
    pick(connect_indexers(services).await?, id, "indexer")
}

/// The library, if one is connected; an error says why a connected one can't be used.
pub async fn find_library(services: &Services) -> Result<Option<(Integration, Arc<dyn Library>)>> {
    match connect_library(services).await? {
        Some(Connected { integration, client }) => Ok(Some((integration, client?))),
        None => Ok(None),
    }
}

fn pick<C: ?Sized>(all: Vec<Connected<C>>, id: IntegrationId, noun: &str) -> Result<(Integration, Arc<C>)> {
    let found = all.into_iter().find(|connected| connected.integration.id == id);
    let Connected { integration, client } = found.ok_or_else(|| {
        ServiceError::conflict(format!(
            "Its {noun} is switched off or was removed. Switch it on in Integrations, then retry."
        ))
    })?;
    Ok((integration, client?))
}
