//! "Test" of a MyAnonamouse session that is not saved yet.
//!
//! The first call already replaces the session's value, so what comes back is kept, encrypted, until the form is saved
//! with the same `mam_id`; otherwise a successful test would leave a form with a dead secret in it.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use clients::ClientError;
use clients::indexer::{RequestQueue, SessionStore, Turn};
use db::Connection;
use db::request_budgets;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use types::IntegrationId;
use uuid::Uuid;

use crate::Services;
use crate::credentials::digest;
use crate::error::Result;

/// Keeps the newest value of an entered session in the settings.
pub(crate) struct TestedSession {
    services: Services,
    name: String,
}

impl TestedSession {
    pub fn new(services: Services, entered: &SecretString) -> Self {
        Self {
            services,
            name: setting_name(entered),
        }
    }
}

fn setting_name(entered: &SecretString) -> String {
    format!(
        "tested_session/{}",
        hex::encode(&digest(&[entered.expose_secret().as_bytes()])[..16])
    )
}

/// The value that a test left for this entered secret; forgotten with this call.
pub(crate) async fn take_tested_session(
    conn: &mut Connection,
    services: &Services,
    entered: &SecretString,
) -> Result<Option<SecretString>> {
    let name = setting_name(entered);
    let stored = db::settings::read_setting(conn, &name).await?;
    db::settings::delete_setting(conn, &name).await?;
    Ok(stored.and_then(|value| open(services, &name, &value)))
}

/// An unreadable one counts as none: the test is made again.
fn open(services: &Services, name: &str, value: &serde_json::Value) -> Option<SecretString> {
    let sealed = STANDARD.decode(value["sealed"].as_str()?).ok()?;
    services.secrets().open_text(name, &sealed).ok()
}

#[async_trait]
impl SessionStore for TestedSession {
    async fn load(&self) -> anyhow::Result<Option<SecretString>> {
        let mut conn = db::get(self.services.pool()).await?;
        let stored = db::settings::read_setting(&mut conn, &self.name).await?;
        Ok(stored.and_then(|value| open(&self.services, &self.name, &value)))
    }

    async fn save(&self, secret: &SecretString) -> anyhow::Result<()> {
        let sealed = self.services.secrets().seal_text(&self.name, secret);
        let value = json!({ "sealed": STANDARD.encode(sealed) });
        let mut conn = db::get(self.services.pool()).await?;
        db::settings::write_setting(&mut conn, &self.name, &value, None, self.services.now()).await?;
        Ok(())
    }
}

/// The queue of integrations that have no row to count in: one at a time, each after a full spacing.
pub(crate) struct UnsavedQueue {
    pub services: Services,
}

#[async_trait]
impl RequestQueue for UnsavedQueue {
    async fn wait_turn(&self) -> std::result::Result<Turn, ClientError> {
        let turn = request_budgets::Turn::wait(self.services.pool(), IntegrationId(Uuid::nil())).await;
        let turn = turn.map_err(|error| ClientError::Paused {
            service: "MyAnonamouse".into(),
            reason: format!("{error}. Try again in a moment."),
        })?;
        tokio::time::sleep(Duration::from_millis(self.services.config().mam_spacing_ms)).await;
        Ok(Box::new(tokio::sync::Mutex::new(turn)))
    }

    /// The person is looking at the refusal, and the next press of "Test" is theirs.
    async fn pause(&self, _until: Option<DateTime<Utc>>, _sentence: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn now(&self) -> DateTime<Utc> {
        self.services.now()
    }
}
