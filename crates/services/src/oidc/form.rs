//! What an admin may enter for single sign-on.

use clients::oidc::{check_issuer, clean_issuer};
use types::oidc::{GroupRole, OidcSettings};
use types::people::Role;
use url::Url;

use crate::error::{FieldErrors, Result};

const MAX_TEXT: usize = 500;
const MAX_ENTRIES: usize = 100;

/// The settings tidied, or every field that is wrong.
pub(super) fn check_settings(mut settings: OidcSettings) -> Result<OidcSettings> {
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
    use super::super::config::redirect_uri;
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
        let redirect = |base: &str| redirect_uri(&tidy, base.parse().unwrap()).unwrap();
        assert_eq!(redirect(""), "https://books.example/auth/oidc/callback");
        assert_eq!(
            redirect("/apps/books"),
            "https://books.example/apps/books/auth/oidc/callback"
        );
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
