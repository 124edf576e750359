//! The settings of single sign-on, edited by admins.

use clients::oidc::RelyingParty;
use db::Connection;
use db::oidc::OidcSettingsRow;
use diesel_async::AsyncConnection;
use secrecy::SecretString;
use serde_json::json;
use types::BasePath;
use types::integrations::{Health, TestOutcome};
use types::oidc::{OidcConfig, OidcForm, OidcSettings};
use types::people::Role;

use super::form::check_settings;
use super::provider::{self, Known};
use super::refusal::Refused;
use crate::Services;
use crate::actor::{Actor, require, require_account_rights};
use crate::audit::{changes_between, record_action};
use crate::error::{Result, ServiceError};
use crate::kept::keep_unknown;
use crate::seen::{Edited, Edition, Seen};

const CALLBACK: &str = "/auth/oidc/callback";

/// The settings with the client secret opened, for use.
#[derive(Clone)]
pub(super) struct Stored {
    pub settings: OidcSettings,
    pub client_secret: Option<SecretString>,
}

impl Stored {
    /// Us, as the provider knows us.
    pub fn relying_party(&self, base: BasePath) -> Result<RelyingParty> {
        Ok(RelyingParty {
            client_id: self.settings.client_id.clone(),
            client_secret: self.client_secret.clone(),
            redirect_uri: redirect_uri(&self.settings, base).ok_or_else(not_set_up)?,
        })
    }
}

/// What the sign-in page writes on its button; `None` while single sign-on is off.
pub async fn get_public_provider(services: &Services) -> Result<Option<String>> {
    let row = db::oidc::read_oidc_settings(&mut *services.connection().await?).await?;
    let settings = row.map(|row| parse_settings(&row)).transpose()?;
    Ok(settings
        .filter(|settings| settings.is_enabled)
        .map(|settings| settings.display_name))
}

/// The settings in force. Admins only.
pub async fn get_config(services: &Services, actor: &Actor) -> Result<OidcConfig> {
    Ok(get_edited_config(services, actor).await?.value)
}

/// The settings in force, to be edited. Admins only.
pub async fn get_edited_config(services: &Services, actor: &Actor) -> Result<Edited<OidcConfig>> {
    require(actor, Role::Admin)?;
    let row = db::oidc::read_oidc_settings(&mut *services.connection().await?).await?;
    let settings = row.as_ref().map(parse_settings).transpose()?.unwrap_or_default();
    Ok(Edited {
        edition: edition_of(row.as_ref(), &settings)?,
        value: OidcConfig {
            redirect_uri: redirect_uri(&settings, services.config().base_path),
            has_client_secret: row.is_some_and(|row| row.client_secret.is_some()),
            settings,
        },
    })
}

fn edition_of(row: Option<&OidcSettingsRow>, settings: &OidcSettings) -> Result<Edition> {
    let settings = serde_json::to_value(settings).map_err(ServiceError::internal)?;
    // Sealed anew it looks new, so a replaced secret counts.
    let client_secret = row.and_then(|row| row.client_secret.as_ref());
    Ok(Edition::of(
        &json!({ "settings": settings, "client_secret": client_secret }),
    ))
}

/// Replaces the settings. The provider need not be up.
pub async fn save_config(services: &Services, actor: &Actor, form: impl Into<Seen<OidcForm>>) -> Result<OidcConfig> {
    let Seen { it: form, expected } = form.into();
    require(actor, Role::Admin)?;
    require_account_rights(actor)?;
    let settings = check_settings(form.settings)?;
    let secret = form.client_secret.trim().to_owned();
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        // Of two admins who save at once, the second one builds on what the first one saved.
        let old = db::oidc::lock_oidc_settings(conn).await?;
        let old_settings = old.as_ref().map(parse_settings).transpose()?.unwrap_or_default();
        expected.check(&edition_of(old.as_ref(), &old_settings)?)?;
        let old_secret = old.as_ref().and_then(|row| row.client_secret.clone());
        let value = |settings: &OidcSettings| serde_json::to_value(settings).map_err(ServiceError::internal);
        let mut changes = changes_between(&value(&old_settings)?, &value(&settings)?);
        match form.has_no_secret {
            true => changes.add("has_client_secret", old_secret.is_some().into(), false.into()),
            false if secret.is_empty() => {}
            false => changes.add_secret("client_secret", old_secret.is_some()),
        }
        let row = OidcSettingsRow {
            settings: keep_unknown(old.as_ref().map(|row| &row.settings), value(&settings)?),
            client_secret: match (form.has_no_secret, secret.is_empty()) {
                (true, _) => None,
                (false, true) => old_secret,
                (false, false) => Some(services.secrets().seal(secret_context(), secret.as_bytes())),
            },
        };
        db::oidc::write_oidc_settings(conn, &row, actor.user_id(), services.now()).await?;
        let about = (None, json!({ "changes": changes.into_value() }));
        record_action(conn, services, actor, "save_single_sign_on", about).await
    })
    .await?;
    drop(conn);
    provider::forget_failures(services).await;
    get_config(services, actor).await
}

/// Asks the provider for its configuration and keys with settings that need not be saved. Nobody is signed in by it, so
/// a wrong client secret shows only at the first sign-in.
pub async fn test_config(services: &Services, actor: &Actor, form: OidcForm) -> Result<TestOutcome> {
    require(actor, Role::Admin)?;
    require_account_rights(actor)?;
    let settings = check_settings(form.settings)?;
    // It makes the server ask an address that somebody typed.
    let about = (Some(settings.issuer.clone()), json!({}));
    record_action(
        &mut *services.connection().await?,
        services,
        actor,
        "test_single_sign_on",
        about,
    )
    .await?;
    Ok(match provider::ask(services, &settings.issuer).await {
        Ok(known) => describe_provider(&settings, &known, services.config().base_path),
        Err(error) => TestOutcome {
            health: Health::Failing,
            sentence: error.to_string(),
            facts: Vec::new(),
            version: None,
        },
    })
}

fn describe_provider(settings: &OidcSettings, known: &Known, base: BasePath) -> TestOutcome {
    let issuer = &known.metadata.issuer;
    let mut facts = vec![format!("Issuer: {issuer}")];
    facts.extend(redirect_uri(settings, base).map(|address| format!("Redirect address to register: {address}")));
    let absent = known.absent_scopes(&settings.scopes);
    let (health, sentence) = match absent.is_empty() {
        true => (Health::Ok, format!("\"{issuer}\" answers and publishes its keys.")),
        false => (
            Health::Warning,
            format!(
                "\"{issuer}\" answers, but does not name these scopes and may refuse them: {}. Remove them, or allow them at \
                 the provider.",
                absent.join(", ")
            ),
        ),
    };
    TestOutcome {
        health,
        sentence,
        facts,
        version: None,
    }
}

/// The settings for a sign-in; refuses while single sign-on is off.
pub(super) async fn load_enabled(services: &Services) -> Result<Stored> {
    let row = db::oidc::read_oidc_settings(&mut *services.connection().await?).await?;
    let row = row.ok_or_else(not_set_up)?;
    let settings = parse_settings(&row)?;
    if !settings.is_enabled {
        return Err(not_set_up());
    }
    let secret = row.client_secret.as_deref();
    let opened = secret.map(|sealed| services.secrets().open_text(secret_context(), sealed));
    Ok(Stored {
        settings,
        client_secret: opened.transpose()?,
    })
}

/// Refuses when the settings are no longer the ones that a sign-in was judged by. They stay as they are until the end of
/// the transaction.
pub(super) async fn hold_settings(conn: &mut Connection, used: &OidcSettings) -> std::result::Result<(), Refused> {
    let row = db::oidc::lock_oidc_settings(conn).await?;
    let newest = row.as_ref().map(parse_settings).transpose()?;
    // The provider's writing of the issuer may have been taken over meanwhile.
    let is_same = newest.is_some_and(|newest| {
        provider::is_same(&newest.issuer, &used.issuer)
            && OidcSettings {
                issuer: used.issuer.clone(),
                ..newest
            } == *used
    });
    is_same.then_some(()).ok_or_else(Refused::by_edit)
}

/// Takes over the provider's own writing of its issuer, which differs by a slash at the end.
pub(super) async fn adopt_issuer(services: &Services, settings: &OidcSettings, issuer: &str) -> Result<()> {
    let mut conn = services.connection().await?;
    conn.transaction::<_, ServiceError, _>(async |conn| {
        let Some(mut row) = db::oidc::lock_oidc_settings(conn).await? else {
            return Ok(());
        };
        let mut newest = parse_settings(&row)?;
        if newest.issuer != settings.issuer {
            return Ok(());
        }
        newest.issuer = issuer.to_owned();
        let adopted = serde_json::to_value(&newest).map_err(ServiceError::internal)?;
        row.settings = keep_unknown(Some(&row.settings), adopted);
        let actor = Actor::System("single sign-on");
        db::oidc::write_oidc_settings(conn, &row, None, services.now()).await?;
        let changes = json!({ "changes": { "issuer": { "old": settings.issuer, "new": issuer } } });
        record_action(conn, services, &actor, "save_single_sign_on", (None, changes)).await
    })
    .await
}

/// Where the sealed client secret belongs.
pub(crate) const fn secret_context() -> &'static str {
    "oidc_settings/client_secret"
}

fn parse_settings(row: &OidcSettingsRow) -> Result<OidcSettings> {
    serde_json::from_value(row.settings.clone()).map_err(ServiceError::internal)
}

/// From the configured address, never from a request's `Host`: the provider compares it letter by letter.
pub(super) fn redirect_uri(settings: &OidcSettings, base: BasePath) -> Option<String> {
    let public_url = settings.public_url.as_str();
    (!public_url.is_empty()).then(|| format!("{public_url}{}", base.at(CALLBACK)))
}

fn not_set_up() -> ServiceError {
    ServiceError::conflict(
        "Single sign-on is not set up here. Sign in with your password, or ask an admin to set it up.",
    )
}
