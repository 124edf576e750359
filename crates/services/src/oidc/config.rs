//! The settings of single sign-on, edited by admins.

use clients::oidc::{RelyingParty, check_issuer, clean_issuer};
use db::Connection;
use db::oidc::OidcSettingsRow;
use diesel_async::AsyncConnection;
use secrecy::SecretString;
use serde_json::json;
use types::integrations::{Health, TestOutcome};
use types::oidc::{GroupRole, OidcConfig, OidcForm, OidcSettings};
use types::people::Role;
use url::Url;

use super::provider::{self, Known};
use super::refusal::Refused;
use crate::Services;
use crate::actor::{Actor, require, require_account_rights};
use crate::audit::{changes_between, record_action};
use crate::error::{FieldErrors, Result, ServiceError};
use crate::seen::{Edited, Edition, Seen};

const CALLBACK: &str = "auth/oidc/callback";
const MAX_TEXT: usize = 500;
const MAX_ENTRIES: usize = 100;

/// The settings with the client secret opened, for use.
#[derive(Clone)]
pub(super) struct Stored {
    pub settings: OidcSettings,
    pub client_secret: Option<SecretString>,
}

impl Stored {
    /// Us, as the provider knows us.
    pub fn relying_party(&self) -> Result<RelyingParty> {
        Ok(RelyingParty {
            client_id: self.settings.client_id.clone(),
            client_secret: self.client_secret.clone(),
            redirect_uri: redirect_uri(&self.settings).ok_or_else(not_set_up)?,
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
            redirect_uri: redirect_uri(&settings),
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
        let old_secret = old.and_then(|row| row.client_secret);
        let value = |settings: &OidcSettings| serde_json::to_value(settings).map_err(ServiceError::internal);
        let mut changes = changes_between(&value(&old_settings)?, &value(&settings)?);
        match form.has_no_secret {
            true => changes.add("has_client_secret", old_secret.is_some().into(), false.into()),
            false if secret.is_empty() => {}
            false => changes.add_secret("client_secret", old_secret.is_some()),
        }
        let row = OidcSettingsRow {
            settings: value(&settings)?,
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
        Ok(known) => describe_provider(&settings, &known),
        Err(error) => TestOutcome {
            health: Health::Failing,
            sentence: error.to_string(),
            facts: Vec::new(),
            version: None,
        },
    })
}

fn describe_provider(settings: &OidcSettings, known: &Known) -> TestOutcome {
    let issuer = &known.metadata.issuer;
    let mut facts = vec![format!("Issuer: {issuer}")];
    facts.extend(redirect_uri(settings).map(|address| format!("Redirect address to register: {address}")));
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
        row.settings = serde_json::to_value(&newest).map_err(ServiceError::internal)?;
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
fn redirect_uri(settings: &OidcSettings) -> Option<String> {
    let public_url = settings.public_url.as_str();
    (!public_url.is_empty()).then(|| format!("{public_url}/{CALLBACK}"))
}

fn not_set_up() -> ServiceError {
    ServiceError::conflict(
        "Single sign-on is not set up here. Sign in with your password, or ask an admin to set it up.",
    )
}

fn check_settings(mut settings: OidcSettings) -> Result<OidcSettings> {
    let mut errors = FieldErrors::default();
    settings.issuer = clean_issuer(&settings.issuer);
    settings.client_id = settings.client_id.trim().into();
    settings.display_name = settings.display_name.trim().into();
    settings.groups_claim = settings.groups_claim.trim().into();
    settings.public_url = settings.public_url.trim().trim_end_matches('/').into();
    settings.scopes = clean_list(settings.scopes);
    check_texts(&mut errors, &settings);
    check_roles(&mut errors, &settings);
    // A draft may be kept unfinished while it is off.
    if (settings.is_enabled || !settings.issuer.is_empty())
        && let Err(error) = check_issuer(&settings.issuer)
    {
        errors.add("issuer", error.to_string());
    }
    if settings.is_enabled && settings.client_id.is_empty() {
        errors.add("client_id", "Enter the client id that the provider gave you.");
    }
    if (settings.is_enabled || !settings.public_url.is_empty()) && !is_origin(&settings.public_url) {
        errors.add(
            "public_url",
            "Enter the address that people open in their browser, such as https://books.example.com, without a path.",
        );
    }
    errors.into_result()?;
    Ok(settings)
}

fn check_texts(errors: &mut FieldErrors, settings: &OidcSettings) {
    for (field, text) in [
        ("issuer", &settings.issuer),
        ("client_id", &settings.client_id),
        ("display_name", &settings.display_name),
        ("public_url", &settings.public_url),
        ("groups_claim", &settings.groups_claim),
    ] {
        if text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) {
            errors.add(field, format!("Enter at most {MAX_TEXT} printable characters."));
        }
    }
    if settings.display_name.is_empty() {
        errors.add("display_name", "Enter a name for the button, such as the provider's.");
    }
    let is_scope = |scope: &String| scope.len() <= 100 && scope.chars().all(|letter| letter.is_ascii_graphic());
    if settings.scopes.len() > MAX_ENTRIES || !settings.scopes.iter().all(is_scope) {
        errors.add("scopes", "A scope is a short word without blanks, such as profile.");
    }
}

fn check_roles(errors: &mut FieldErrors, settings: &OidcSettings) {
    if settings.default_role == Some(Role::Admin) {
        errors.add(
            "default_role",
            "Admin can't be the default. Give it to a group, or to a person under Users.",
        );
    }
    let is_bad = |rule: &GroupRole| rule.group.is_empty() || rule.group.chars().count() > MAX_TEXT;
    if settings.group_roles.len() > MAX_ENTRIES || settings.group_roles.iter().any(is_bad) {
        errors.add(
            "group_roles",
            format!("Name at most {MAX_ENTRIES} groups, each with its name and a role."),
        );
    }
    if !settings.group_roles.is_empty() && settings.groups_claim.is_empty() {
        errors.add("groups_claim", "Enter the claim that holds the groups, such as groups.");
    }
}

/// Scheme and host, nothing more. Without TLS too: on a home network that is the admin's choice.
fn is_origin(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_web && url.origin().ascii_serialization() == text.to_ascii_lowercase()
}

fn clean_list(words: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for word in words.into_iter().map(|word| word.trim().to_owned()) {
        if !word.is_empty() && word != "openid" && !kept.contains(&word) {
            kept.push(word);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> OidcSettings {
        OidcSettings {
            is_enabled: true,
            issuer: "https://id.example/".into(),
            client_id: "mamcrawler".into(),
            public_url: "https://books.example".into(),
            ..OidcSettings::default()
        }
    }

    fn check(change: impl FnOnce(&mut OidcSettings), field: &str) {
        let mut settings = complete();
        change(&mut settings);
        let error = check_settings(settings).unwrap_err();
        assert_eq!(error.context.keys().collect::<Vec<_>>(), [field], "{error}");
    }

    #[test]
    fn what_is_typed_is_tidied_and_the_issuers_slash_is_kept() {
        let mut settings = complete();
        settings.issuer = " https://id.example/.well-known/openid-configuration ".into();
        settings.public_url = "https://books.example/ ".into();
        settings.scopes = vec![" email".into(), "openid".into(), "email".into(), String::new()];
        let tidy = check_settings(settings).unwrap();
        assert_eq!(
            (tidy.issuer.as_str(), tidy.public_url.as_str()),
            ("https://id.example", "https://books.example")
        );
        assert_eq!(tidy.scopes, ["email"]);
        assert_eq!(check_settings(complete()).unwrap().issuer, "https://id.example/");
        assert_eq!(redirect_uri(&tidy).unwrap(), "https://books.example/auth/oidc/callback");
    }

    #[test]
    fn each_wrong_field_says_so() {
        check(|settings| settings.issuer = "http://id.example".into(), "issuer");
        check(|settings| settings.issuer = String::new(), "issuer");
        check(|settings| settings.client_id = " ".into(), "client_id");
        check(
            |settings| settings.public_url = "https://books.example/path".into(),
            "public_url",
        );
        check(
            |settings| settings.public_url = "javascript:alert(1)".into(),
            "public_url",
        );
        check(
            |settings| settings.public_url = "https://a:b@books.example".into(),
            "public_url",
        );
        check(|settings| settings.default_role = Some(Role::Admin), "default_role");
        check(|settings| settings.display_name = "\n".into(), "display_name");
        check(|settings| settings.scopes = vec!["a b".into()], "scopes");
        let rule = |group: &str| GroupRole {
            group: group.into(),
            role: Role::User,
        };
        check(|settings| settings.group_roles = vec![rule("")], "group_roles");
        check(
            |settings| {
                settings.group_roles = vec![rule("a")];
                settings.groups_claim = String::new();
            },
            "groups_claim",
        );
    }

    #[test]
    fn a_draft_may_be_unfinished_while_it_is_off() {
        assert!(check_settings(OidcSettings::default()).is_ok());
    }
}
