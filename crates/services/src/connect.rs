//! Clients of the connected services, made from what is stored, kept until it changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clients::ClientError;
use clients::audiobookshelf::{self, AudiobookshelfConfig};
use clients::indexer::{Indexer, RequestQueue, SessionStore};
use clients::library::Library;
use clients::myanonamouse::{self, MyanonamouseConfig};
use clients::prowlarr::{self, ProwlarrConfig};
use clients::qbittorrent::{self, QbittorrentConfig};
use clients::torrent_client::TorrentClient;
use clients::torznab::{self, TorznabConfig};
use db::integrations::IntegrationRow;
use secrecy::SecretString;
use types::IntegrationId;
use types::integrations::{Integration, IntegrationKind};

use crate::Services;
use crate::breakers::{Guard, Guarded};
use crate::error::Result;
use crate::latch::LatchingClient;
use crate::request_queue::{DatabaseQueue, DatabaseSession};
use crate::tested_session::{TestedSession, UnsavedQueue};

/// Least time between two requests to one Torznab feed.
const TORZNAB_SPACING: Duration = Duration::from_secs(2);

/// An enabled integration and its client, or why it can't be used now.
pub struct Connected<C: ?Sized> {
    pub integration: Integration,
    pub client: std::result::Result<Arc<C>, ClientError>,
}

/// Every enabled indexer, in the order in which they are asked.
pub async fn connect_indexers(services: &Services) -> Result<Vec<Connected<dyn Indexer>>> {
    connect_all(services, IntegrationKind::is_indexer, AnyClient::into_indexer).await
}

/// Every enabled torrent client, in the order in which they are used.
pub async fn connect_torrent_clients(services: &Services) -> Result<Vec<Connected<dyn TorrentClient>>> {
    connect_all(
        services,
        |kind| kind == IntegrationKind::Qbittorrent,
        AnyClient::into_torrent_client,
    )
    .await
}

/// The library: the first enabled Audiobookshelf; `None` = none is connected.
pub async fn connect_library(services: &Services) -> Result<Option<Connected<dyn Library>>> {
    let all = connect_all(
        services,
        |kind| kind == IntegrationKind::Audiobookshelf,
        AnyClient::into_library,
    )
    .await?;
    Ok(all.into_iter().next())
}

async fn connect_all<C: ?Sized>(
    services: &Services,
    is_wanted: fn(IntegrationKind) -> bool,
    pick: fn(AnyClient) -> Option<Arc<C>>,
) -> Result<Vec<Connected<C>>> {
    let rows = db::integrations::list_integrations(&mut *services.connection().await?).await?;
    let skip_myanonamouse = has_myanonamouse(&rows);
    let mut connected = Vec::new();
    for row in rows.iter().filter(|row| row.is_enabled) {
        let integration = row.view()?;
        if !is_wanted(integration.kind) {
            continue;
        }
        // `pick` fits the kind, which `is_wanted` chose.
        if let Some(client) = connect_stored(services, row, &integration, skip_myanonamouse)
            .map(pick)
            .transpose()
        {
            connected.push(Connected { integration, client });
        }
    }
    Ok(connected)
}

/// The site is connected itself, so Prowlarr must not ask it a second time, with a session of its own.
pub(crate) fn has_myanonamouse(rows: &[IntegrationRow]) -> bool {
    rows.iter()
        .any(|row| row.is_enabled && row.kind == IntegrationKind::Myanonamouse.as_str())
}

/// Clients by integration. They remember logins and deltas, so each is made once for a revision.
#[derive(Default)]
pub(crate) struct ClientCache {
    clients: Mutex<HashMap<IntegrationId, (CacheKey, AnyClient)>>,
    turns: Mutex<HashMap<IntegrationId, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Clone, PartialEq, Eq)]
struct CacheKey {
    revision: i32,
    name: String,
    skip_myanonamouse: bool,
}

impl ClientCache {
    fn find(&self, id: IntegrationId, key: &CacheKey) -> Option<AnyClient> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients
            .get(&id)
            .filter(|(cached, _)| cached == key)
            .map(|(_, client)| client.clone())
    }

    /// The first one stays, should two be made at once: there must be one login.
    fn keep(&self, id: IntegrationId, key: CacheKey, client: AnyClient) -> AnyClient {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((cached, first)) = clients.get(&id)
            && *cached == key
        {
            return first.clone();
        }
        clients.insert(id, (key, client.clone()));
        client
    }

    fn local_turn(&self, id: IntegrationId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(
            self.turns
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(id)
                .or_default(),
        )
    }
}

/// A client of any kind.
#[derive(Clone)]
pub(crate) enum AnyClient {
    Indexer(Arc<dyn Indexer>),
    TorrentClient(Arc<dyn TorrentClient>),
    Library(Arc<dyn Library>),
}

impl AnyClient {
    fn into_indexer(self) -> Option<Arc<dyn Indexer>> {
        match self {
            Self::Indexer(client) => Some(client),
            _ => None,
        }
    }

    fn into_torrent_client(self) -> Option<Arc<dyn TorrentClient>> {
        match self {
            Self::TorrentClient(client) => Some(client),
            _ => None,
        }
    }

    fn into_library(self) -> Option<Arc<dyn Library>> {
        match self {
            Self::Library(client) => Some(client),
            _ => None,
        }
    }

    /// An authenticated call, in words.
    pub async fn test(&self) -> clients::error::Result<types::integrations::TestOutcome> {
        match self {
            Self::Indexer(client) => client.test().await,
            Self::TorrentClient(client) => client.test().await,
            Self::Library(client) => client.test().await,
        }
    }
}

/// The client of a stored integration, from the cache if nothing changed.
pub(crate) fn connect_stored(
    services: &Services,
    row: &IntegrationRow,
    integration: &Integration,
    skip_myanonamouse: bool,
) -> std::result::Result<AnyClient, ClientError> {
    if row.is_refused() && integration.kind == IntegrationKind::Qbittorrent {
        return Err(refused_before(&row.name));
    }
    let key = CacheKey {
        revision: row.revision,
        name: row.name.clone(),
        skip_myanonamouse,
    };
    if let Some(client) = services.inner.clients.find(integration.id, &key) {
        return Ok(client);
    }
    let secret = open_secret(services, row)?;
    let local = services.inner.clients.local_turn(integration.id);
    let label = integration.kind.label();
    let ground = Ground {
        session: Arc::new(DatabaseSession::new(services.clone(), integration.id, row.revision)),
        queue: Arc::new(DatabaseQueue::new(services.clone(), integration.id, label, local)),
        skip_myanonamouse,
    };
    let client = guard_client(services, row, build_client(integration, secret, ground)?);
    Ok(services.inner.clients.keep(integration.id, key, client))
}

/// A client that leaves its service alone while that fails, and, if it has a torrent client's ban to fear, remembers
/// that its credentials were refused.
fn guard_client(services: &Services, row: &IntegrationRow, client: AnyClient) -> AnyClient {
    let (id, revision) = (row.id.into(), row.revision);
    let guard = Guard {
        services: services.clone(),
        id,
        name: row.name.clone(),
        revision,
    };
    match client {
        AnyClient::TorrentClient(inner) => {
            let inner: Arc<dyn TorrentClient> = Arc::new(LatchingClient {
                inner,
                services: services.clone(),
                id,
                revision,
            });
            AnyClient::TorrentClient(Arc::new(Guarded { inner, guard }))
        }
        AnyClient::Indexer(inner) => AnyClient::Indexer(Arc::new(Guarded { inner, guard })),
        AnyClient::Library(inner) => AnyClient::Library(Arc::new(Guarded { inner, guard })),
    }
}

/// A client of a form that is not stored, or not stored like this.
pub(crate) fn connect_unsaved(
    services: &Services,
    integration: &Integration,
    secret: SecretString,
    skip_myanonamouse: bool,
) -> std::result::Result<AnyClient, ClientError> {
    let ground = Ground {
        session: Arc::new(TestedSession::new(services.clone(), &secret)),
        queue: Arc::new(UnsavedQueue {
            services: services.clone(),
        }),
        skip_myanonamouse,
    };
    build_client(integration, secret, ground)
}

/// What a client stands on besides its own settings.
struct Ground {
    session: Arc<dyn SessionStore>,
    queue: Arc<dyn RequestQueue>,
    skip_myanonamouse: bool,
}

fn build_client(
    integration: &Integration,
    secret: SecretString,
    ground: Ground,
) -> std::result::Result<AnyClient, ClientError> {
    let (url, options) = (integration.url.clone(), integration.options.clone());
    Ok(match integration.kind {
        IntegrationKind::Audiobookshelf => {
            AnyClient::Library(Arc::new(audiobookshelf::connect(AudiobookshelfConfig { url, secret })?))
        }
        IntegrationKind::Qbittorrent => {
            let config = QbittorrentConfig::new(&url, &options.username, secret);
            AnyClient::TorrentClient(Arc::new(qbittorrent::connect(&config)?))
        }
        IntegrationKind::Myanonamouse => {
            let config = MyanonamouseConfig { url, secret };
            AnyClient::Indexer(Arc::new(myanonamouse::connect(config, ground.session, ground.queue)?))
        }
        IntegrationKind::Prowlarr => AnyClient::Indexer(Arc::new(prowlarr::connect(ProwlarrConfig {
            url,
            secret,
            categories: options.categories,
            indexer_ids: options.indexer_ids,
            skip_myanonamouse: ground.skip_myanonamouse,
            extra_hosts: options.extra_hosts,
        })?)),
        IntegrationKind::Torznab => AnyClient::Indexer(Arc::new(torznab::connect(TorznabConfig {
            name: integration.name.clone(),
            url,
            secret,
            categories: options.categories,
            spacing: TORZNAB_SPACING,
            extra_hosts: options.extra_hosts,
        })?)),
    })
}

/// Where a secret is bound to.
pub(crate) fn secret_context(id: IntegrationId) -> String {
    format!("integrations/{id}/secret")
}

/// The stored secret; empty when there is none.
pub(crate) fn open_secret(services: &Services, row: &IntegrationRow) -> std::result::Result<SecretString, ClientError> {
    let Some(stored) = &row.secret else {
        return Ok(SecretString::default());
    };
    let opened = services.secrets().open_text(&secret_context(row.id.into()), stored);
    opened.map_err(|error| ClientError::CredentialsRefused {
        service: row.name.clone(),
        credential: "stored secret".into(),
        advice: format!("To be exact, {error}."),
    })
}

/// The refusal of this very address and secret, not tried again.
pub(crate) fn refused_before(name: &str) -> ClientError {
    ClientError::CredentialsRefused {
        service: name.to_owned(),
        credential: "user name, password or API key".into(),
        advice: "It is not tried again until you change them under Integrations.".into(),
    }
}
