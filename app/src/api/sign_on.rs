//! The settings of single sign-on, as a form sends them.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use types::integrations::{Health, TestOutcome};
use types::oidc::{GroupRole, OidcConfig, OidcForm, OidcSettings};
use types::{ApiError, ErrorCode};

use super::AppError;

/// The sign-on form. A box that is not ticked is absent, and the scopes are one line of text.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SignOnInput {
    pub is_enabled: bool,
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    pub has_no_secret: bool,
    /// Separated by blanks or commas.
    pub scopes: String,
    pub display_name: String,
    pub public_url: String,
    pub groups_claim: String,
    /// With blank rows for more.
    pub group_roles: Vec<GroupRole>,
    /// Empty refuses people in none of the groups.
    pub default_role: String,
    pub links_by_verified_email: bool,
    pub creates_users: bool,
}

// By hand: a derived one would print the secret.
impl std::fmt::Debug for SignOnInput {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SignOnInput")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl SignOnInput {
    /// The form as services take it.
    ///
    /// # Errors
    /// A role that there is not.
    pub fn into_form(self) -> Result<OidcForm, ApiError> {
        let default_role = match self.default_role.as_str() {
            "" => None,
            word => Some(
                word.parse()
                    .map_err(|_| ApiError::field("default_role", "Choose one of the roles."))?,
            ),
        };
        let rows = self.group_roles.into_iter().map(|row| GroupRole {
            group: row.group.trim().to_owned(),
            role: row.role,
        });
        let scopes = self.scopes.split([' ', ',', ';', '\n', '\t']).map(str::trim);
        Ok(OidcForm {
            settings: OidcSettings {
                is_enabled: self.is_enabled,
                issuer: self.issuer,
                client_id: self.client_id,
                scopes: scopes.filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
                display_name: self.display_name,
                public_url: self.public_url,
                groups_claim: self.groups_claim,
                group_roles: rows.filter(|row| !row.group.is_empty()).collect(),
                default_role,
                links_by_verified_email: self.links_by_verified_email,
                creates_users: self.creates_users,
            },
            client_secret: self.client_secret,
            has_no_secret: self.has_no_secret,
        })
    }
}

/// The settings in force, without the client secret.
pub async fn get_sign_on() -> Result<OidcConfig, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::oidc::get_config(&services, &actor).await?)
}

/// Replaces the settings.
#[server]
pub async fn save_sign_on(input: SignOnInput) -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    services::oidc::save_config(&services, &actor, input.into_form()?).await?;
    super::go_to("/settings/sign-on?done=saved");
    Ok(())
}

/// Asks the provider that the form names, without keeping the form.
#[server]
pub async fn test_sign_on(input: SignOnInput) -> Result<TestOutcome, AppError> {
    let (services, actor) = super::caller()?;
    Ok(services::oidc::test_config(&services, &actor, input.into_form()?).await?)
}

/// Asks the provider that is stored. What is wrong with it comes back as the form's error, which needs no script.
#[server]
pub async fn check_sign_on() -> Result<(), AppError> {
    let (services, actor) = super::caller()?;
    let form = OidcForm {
        settings: services::oidc::get_config(&services, &actor).await?.settings,
        client_secret: String::new(),
        has_no_secret: false,
    };
    let outcome = services::oidc::test_config(&services, &actor, form).await?;
    if outcome.health != Health::Ok {
        return Err(super::refuse(ApiError::new(
            ErrorCode::ExternalApiError,
            outcome.sentence,
        )));
    }
    super::go_to("/settings/sign-on?done=tested");
    Ok(())
}

#[cfg(test)]
mod tests {
    use types::people::Role;

    use super::*;

    fn row(group: &str) -> GroupRole {
        GroupRole {
            group: group.into(),
            role: Role::Manager,
        }
    }

    #[test]
    fn blank_rows_are_no_groups_and_scopes_are_words() {
        let input = SignOnInput {
            scopes: " profile, email  groups".into(),
            group_roles: vec![row(" librarians "), row(" ")],
            default_role: "viewer".into(),
            ..SignOnInput::default()
        };
        let settings = input.into_form().unwrap().settings;
        assert_eq!(settings.scopes, ["profile", "email", "groups"]);
        assert_eq!(settings.group_roles, [row("librarians")]);
        assert_eq!(settings.default_role, Some(Role::Viewer));
    }

    #[test]
    fn an_unknown_default_role_is_named() {
        let input = SignOnInput {
            default_role: "king".into(),
            ..SignOnInput::default()
        };
        assert!(input.into_form().err().unwrap().context.contains_key("default_role"));
        assert_eq!(SignOnInput::default().into_form().unwrap().settings.default_role, None);
    }

    #[test]
    fn a_printed_form_does_not_tell_the_secret() {
        let input = SignOnInput {
            client_secret: "hunter2".into(),
            ..SignOnInput::default()
        };
        assert!(!format!("{input:?}").contains("hunter2"));
    }
}
