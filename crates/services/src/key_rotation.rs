//! The change of the encryption key: everything that is sealed is sealed anew, row by row, while both keys open.
//!
//! It can be cut off at any time and be started again: what the present key has sealed is left alone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use db::sealed::{SealedPlace, SealedRow, find_sealed, forget_sealed, list_sealed, replace_sealed};
use serde_json::json;
use types::{DownloadId, IntegrationId};

use crate::Services;
use crate::actor::Actor;
use crate::audit::record_action;
use crate::connect::secret_context;
use crate::error::{Result, ServiceError};
use crate::jobs::torrent_context;
use crate::oidc;
use crate::request_queue::session_context;
use crate::search_judgement::download_ref_context;

/// The setting that tells whether the key fits the database. Its text is sealed and says nothing.
const CHECK: &str = "encryption_key_check";

/// What a change of the key did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Values that were sealed anew.
    pub resealed: u64,
    /// Values that no key opens.
    pub unreadable: u64,
}

/// Whether values that no key opens stay where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unopened {
    Keep,
    /// They are given up: the key is lost, and people enter the secrets again.
    Forget,
}

/// Refuses a key that does not open what the database holds. The first start of an installation notes its key.
pub async fn check_key(services: &Services) -> Result<()> {
    let mut conn = services.connection().await?;
    let stored = db::settings::read_setting(&mut conn, CHECK).await?;
    if stored.is_none() && is_anything_foreign(&mut conn, services).await? {
        return Err(wrong_key());
    }
    let Some(stored) = stored else {
        return note_key(&mut conn, services).await;
    };
    let sealed = decode(&stored).ok_or_else(wrong_key)?;
    services.secrets().open(CHECK, &sealed).map_err(|_| wrong_key())?;
    Ok(())
}

async fn note_key(conn: &mut db::Connection, services: &Services) -> Result<()> {
    let sealed = services.secrets().seal(CHECK, b"mamcrawler");
    let value = json!({ "sealed": STANDARD.encode(sealed) });
    Ok(db::settings::write_setting(conn, CHECK, &value, None, services.now()).await?)
}

fn decode(stored: &serde_json::Value) -> Option<Vec<u8>> {
    STANDARD.decode(stored["sealed"].as_str()?).ok()
}

/// Databases from before the check have none, but may hold secrets.
async fn is_anything_foreign(conn: &mut db::Connection, services: &Services) -> Result<bool> {
    for place in SealedPlace::ALL {
        let Some(row) = find_sealed(conn, *place).await? else {
            continue;
        };
        let is_readable = match context_of(*place, &row) {
            Some(context) => services.secrets().open(&context, &row.sealed).is_ok(),
            None => false,
        };
        return Ok(!is_readable);
    }
    Ok(false)
}

fn wrong_key() -> ServiceError {
    ServiceError::conflict(
        "The encryption key does not fit this database: its secrets were sealed with another one. Give the right key in \
         MAMCRAWLER_ENCRYPTION_KEY or keys/encryption in the data directory. If it is lost, run `mamcrawler rotate-key \
         --forget-unreadable` and enter passwords and keys again.",
    )
}

/// Seals everything anew under the present key. Nothing else may use the database meanwhile (`db::sealed::claim_key`).
pub async fn rotate_secrets(services: &Services, unopened: Unopened) -> Result<Rotated> {
    let mut rotated = Rotated::default();
    for place in SealedPlace::ALL {
        rotate_place(services, *place, unopened, &mut rotated).await?;
    }
    let mut conn = services.connection().await?;
    if db::settings::read_setting(&mut conn, CHECK).await?.is_none() {
        note_key(&mut conn, services).await?;
    }
    let about = json!({ "resealed": rotated.resealed, "unreadable": rotated.unreadable });
    let actor = Actor::System("rotate-key");
    record_action(&mut conn, services, &actor, "rotate_encryption_key", (None, about)).await?;
    Ok(rotated)
}

async fn rotate_place(
    services: &Services,
    place: SealedPlace,
    unopened: Unopened,
    rotated: &mut Rotated,
) -> Result<()> {
    let mut after = String::new();
    loop {
        let mut conn = services.connection().await?;
        let rows = list_sealed(&mut conn, place, &after, services.secrets().prefix()).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after.clone_from(&last.key);
        for row in &rows {
            match reseal(services, place, row) {
                // Somebody who was faster sealed it with the present key.
                Some(fresh) => {
                    replace_sealed(&mut conn, place, row, &fresh).await?;
                    rotated.resealed += 1;
                }
                None => {
                    rotated.unreadable += 1;
                    if unopened == Unopened::Forget {
                        forget_sealed(&mut conn, place, row).await?;
                    }
                }
            }
        }
    }
}

fn reseal(services: &Services, place: SealedPlace, row: &SealedRow) -> Option<Vec<u8>> {
    let context = context_of(place, row)?;
    let plain = services.secrets().open(&context, &row.sealed).ok()?;
    Some(services.secrets().seal(&context, &plain))
}

/// Where a value is bound to, by the functions that the use cases seal with. `None` = the row is not of our making.
fn context_of(place: SealedPlace, row: &SealedRow) -> Option<String> {
    let uuid = |place: usize| row.names.get(place)?.parse::<uuid::Uuid>().ok();
    Some(match place {
        SealedPlace::IntegrationSecret => secret_context(IntegrationId(uuid(0)?)),
        SealedPlace::IntegrationSession => session_context(IntegrationId(uuid(0)?)),
        SealedPlace::DownloadRef => download_ref_context(IntegrationId(uuid(0)?), row.names.get(1)?),
        SealedPlace::Torrent => torrent_context(DownloadId(uuid(0)?)),
        SealedPlace::OidcLogin => oidc::login_context(&hex::decode(row.names.first()?).ok()?),
        SealedPlace::OidcClientSecret => oidc::secret_context().to_owned(),
        SealedPlace::Setting => row.names.first()?.clone(),
    })
}
