//! What Prowlarr's JSON API sends. Null fields are left out there, so nearly all are optional.

use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SystemStatus {
    #[serde(default)]
    pub app_name: String,
    pub version: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HealthItem {
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub message: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IndexerInfo {
    pub id: i32,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub implementation: String,
    #[serde(default)]
    pub definition_name: String,
    #[serde(default)]
    pub enable: bool,
    #[serde(default)]
    pub protocol: String,
}

impl IndexerInfo {
    pub fn is_myanonamouse(&self) -> bool {
        [&self.implementation, &self.definition_name]
            .iter()
            .any(|name| name.eq_ignore_ascii_case("MyAnonamouse"))
    }

    pub fn is_torrent(&self) -> bool {
        self.protocol == "torrent"
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IndexerFailure {
    pub indexer_id: i32,
    pub disabled_till: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Category {
    pub id: u32,
    pub name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SearchHit {
    pub guid: String,
    pub indexer_id: i32,
    pub title: String,
    pub size: Option<i64>,
    pub files: Option<i32>,
    pub publish_date: Option<DateTime<Utc>>,
    pub download_url: Option<String>,
    pub magnet_url: Option<String>,
    pub info_url: Option<String>,
    pub info_hash: Option<String>,
    #[serde(default)]
    pub indexer_flags: Vec<String>,
    #[serde(default)]
    pub categories: Vec<Category>,
    pub seeders: Option<i32>,
    pub leechers: Option<i32>,
    #[serde(default)]
    pub protocol: String,
}
