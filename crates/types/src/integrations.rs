//! Outside services that the admin connects.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::IntegrationId;
use crate::text_enum::text_enum;

text_enum! {
    /// What kind of outside service.
    IntegrationKind {
        Audiobookshelf => "audiobookshelf",
        Qbittorrent => "qbittorrent",
        Myanonamouse => "myanonamouse",
        Prowlarr => "prowlarr",
        Torznab => "torznab",
    }
}

impl IntegrationKind {
    /// The service's own name.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Audiobookshelf => "Audiobookshelf",
            Self::Qbittorrent => "qBittorrent",
            Self::Myanonamouse => "MyAnonamouse",
            Self::Prowlarr => "Prowlarr",
            Self::Torznab => "Torznab",
        }
    }

    /// Whether it answers searches.
    pub const fn is_indexer(self) -> bool {
        matches!(self, Self::Myanonamouse | Self::Prowlarr | Self::Torznab)
    }
}

text_enum! {
    /// Result of the last authenticated call.
    Health {
        Unknown => "unknown",
        Ok => "ok",
        Warning => "warning",
        Failing => "failing",
    }
}

/// How a path as the service sees it maps to a path as this server sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PathMap {
    pub remote: String,
    pub local: String,
}

/// Everything about an integration that is not secret. Fields that a kind does not use stay empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IntegrationOptions {
    /// qBittorrent: user name of a cookie login; empty with an API key.
    #[serde(default)]
    pub username: String,
    /// qBittorrent: category of our downloads.
    #[serde(default)]
    pub category: String,
    /// qBittorrent: save path, as qBittorrent sees it.
    #[serde(default)]
    pub save_path: String,
    /// Audiobookshelf: library to keep; empty = its first book library.
    #[serde(default)]
    pub library_id: String,
    /// Audiobookshelf, qBittorrent: path maps.
    #[serde(default)]
    pub path_maps: Vec<PathMap>,
    /// Prowlarr, Torznab: category ids; empty = 3030.
    #[serde(default)]
    pub categories: Vec<u32>,
    /// Prowlarr: indexer ids to search; empty = all torrent indexers but MyAnonamouse when that is connected itself.
    #[serde(default)]
    pub indexer_ids: Vec<i32>,
    /// MyAnonamouse: the member has read the site's automation rules and accepts them.
    #[serde(default)]
    pub rules_accepted: bool,
    /// Other addresses of the same service, for stand-ins and mirrors: MyAnonamouse `tracker`, `cdn` hosts.
    #[serde(default)]
    pub extra_hosts: Vec<String>,
}

/// An integration as pages see it. Secrets are never in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Integration {
    pub id: IntegrationId,
    pub kind: IntegrationKind,
    pub name: String,
    pub url: String,
    pub is_enabled: bool,
    /// Lower is asked or used first.
    pub priority: i32,
    pub options: IntegrationOptions,
    /// A secret is stored; it can be replaced, never read.
    pub has_secret: bool,
    pub health: Health,
    /// What the last check found, or who leaves it alone until when, in words.
    pub health_sentence: Option<String>,
    pub checked_at: Option<DateTime<Utc>>,
    pub version: Option<String>,
    /// It is a stand-in of the sandbox, not the real service.
    pub is_sandbox: bool,
}

/// Input for adding or editing. An empty secret keeps the stored one.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IntegrationForm {
    #[serde(default)]
    pub id: Option<IntegrationId>,
    pub kind: IntegrationKind,
    pub name: String,
    pub url: String,
    #[serde(default)]
    pub is_enabled: bool,
    #[serde(default)]
    pub priority: i32,
    /// Password, API key or `mam_id`, by kind.
    #[serde(default)]
    pub secret: String,
    #[serde(default)]
    pub options: IntegrationOptions,
}

/// What "Test" found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestOutcome {
    pub health: Health,
    /// One sentence: what works, or what is wrong and what to do.
    pub sentence: String,
    /// Facts read on the way: version, libraries, paths, warnings.
    pub facts: Vec<String>,
    pub version: Option<String>,
}
