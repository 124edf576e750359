//! What an admin may enter for each kind of integration.

use clients::myanonamouse;
use types::integrations::{IntegrationForm, IntegrationKind, PathMap};
use url::Url;

use crate::error::{FieldErrors, Result};

const MAX_NAME_CHARACTERS: usize = 80;
/// Session cookies have 300 characters; nothing that is a secret has more than this.
const MAX_SECRET_BYTES: usize = 4096;

/// The form with spaces trimmed and defaults filled in, or all of its errors. `has_stored` = an empty secret keeps one.
pub(crate) fn check_form(form: IntegrationForm, has_stored: bool) -> Result<IntegrationForm> {
    let mut errors = FieldErrors::default();
    let form = trim_form(form);
    check_name(&mut errors, &form.name);
    check_url(&mut errors, &form);
    check_secret(&mut errors, &form, has_stored);
    check_options(&mut errors, &form);
    errors.into_result()?;
    Ok(form)
}

fn trim_form(mut form: IntegrationForm) -> IntegrationForm {
    form.name = form.name.trim().into();
    form.url = form.url.trim().trim_end_matches('/').into();
    if form.url.is_empty() && form.kind == IntegrationKind::Myanonamouse {
        form.url = myanonamouse::DEFAULT_URL.into();
    }
    // A password may begin or end with a space; keys and cookies are pasted with some.
    let is_password = form.kind == IntegrationKind::Qbittorrent && !form.options.username.trim().is_empty();
    if !is_password {
        form.secret = form.secret.trim().into();
    }
    let options = &mut form.options;
    for text in [
        &mut options.username,
        &mut options.category,
        &mut options.save_path,
        &mut options.library_id,
    ] {
        *text = text.trim().into();
    }
    if form.kind == IntegrationKind::Qbittorrent && options.category.is_empty() {
        options.category = "mamcrawler".into();
    }
    options
        .path_maps
        .retain(|map| !map.remote.trim().is_empty() || !map.local.trim().is_empty());
    for PathMap { remote, local } in &mut options.path_maps {
        *remote = remote.trim().into();
        *local = local.trim().into();
    }
    form
}

fn check_name(errors: &mut FieldErrors, name: &str) {
    if name.is_empty() {
        errors.add("name", "Enter a name, such as the service's own.");
    }
    if name.chars().count() > MAX_NAME_CHARACTERS || name.chars().any(char::is_control) {
        errors.add(
            "name",
            format!("A name has at most {MAX_NAME_CHARACTERS} characters on one line."),
        );
    }
}

fn check_url(errors: &mut FieldErrors, form: &IntegrationForm) {
    let example = match form.kind {
        IntegrationKind::Audiobookshelf => "http://192.168.1.10:13378",
        IntegrationKind::Qbittorrent => "http://192.168.1.10:8080",
        IntegrationKind::Myanonamouse => myanonamouse::DEFAULT_URL,
        IntegrationKind::Prowlarr => "http://192.168.1.10:9696",
        IntegrationKind::Torznab => "http://192.168.1.10:9117/api/v2.0/indexers/name/results/torznab/api",
    };
    match Url::parse(&form.url) {
        Err(_) => errors.add("url", format!("Enter the whole address, such as {example}.")),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            errors.add(
                "url",
                format!("The address must begin with http:// or https://, such as {example}."),
            );
        }
        Ok(url) if url.host_str().is_none_or(str::is_empty) => {
            errors.add("url", format!("The address has no host. Enter it like {example}."));
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            errors.add(
                "url",
                "Leave user name and password out of the address; they have their own fields.",
            );
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            errors.add(
                "url",
                "Leave out everything from \"?\" or \"#\" on; an API key has its own field.",
            );
        }
        Ok(_) => {}
    }
}

fn check_secret(errors: &mut FieldErrors, form: &IntegrationForm, has_stored: bool) {
    if form.secret.len() > MAX_SECRET_BYTES || form.secret.chars().any(char::is_control) {
        errors.add(
            "secret",
            format!("A secret is one line of at most {MAX_SECRET_BYTES} bytes."),
        );
    }
    if has_stored || !form.secret.is_empty() {
        return;
    }
    match form.kind {
        IntegrationKind::Audiobookshelf => {
            errors.add(
                "secret",
                "Enter an API key, made in Audiobookshelf under Settings → API Keys.",
            );
        }
        IntegrationKind::Myanonamouse => {
            errors.add(
                "secret",
                "Enter the mam_id of a session made for this app under Preferences → Security.",
            );
        }
        IntegrationKind::Prowlarr => {
            errors.add(
                "secret",
                "Enter the API key, shown in Prowlarr under Settings → General.",
            );
        }
        IntegrationKind::Qbittorrent if !form.options.username.is_empty() => {
            errors.add("secret", "Enter the password of this user.");
        }
        // qBittorrent may let this address in without a login; many feeds need no key.
        IntegrationKind::Qbittorrent | IntegrationKind::Torznab => {}
    }
}

fn check_options(errors: &mut FieldErrors, form: &IntegrationForm) {
    let options = &form.options;
    if form.kind == IntegrationKind::Myanonamouse && !options.rules_accepted {
        errors.add(
            "rules_accepted",
            "Read MyAnonamouse's rules on automation, and confirm that you accept them for your account.",
        );
    }
    if options.category.contains('\\') || options.category.chars().any(char::is_control) {
        errors.add("category", "A category has no backslash and is one line.");
    }
    for PathMap { remote, local } in &options.path_maps {
        if remote.is_empty() || local.is_empty() {
            errors.add(
                "path_maps",
                "Each path map needs both paths: as the service sees it, and as this server sees it.",
            );
        } else if !local.starts_with('/') || local.split('/').any(|part| part == "..") {
            errors.add(
                "path_maps",
                format!("\"{local}\" must be an absolute path on this server."),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::integrations::IntegrationOptions;

    fn form(kind: IntegrationKind) -> IntegrationForm {
        let options = IntegrationOptions {
            rules_accepted: true,
            ..IntegrationOptions::default()
        };
        let (name, url) = ("One".into(), "http://127.0.0.1:80/".into());
        IntegrationForm {
            id: None,
            kind,
            name,
            url,
            is_enabled: true,
            priority: 0,
            secret: "s".into(),
            options,
        }
    }

    fn fields(form: IntegrationForm) -> Vec<String> {
        match check_form(form, false) {
            Ok(_) => Vec::new(),
            Err(error) => error.context.into_keys().collect(),
        }
    }

    #[test]
    fn a_good_form_of_each_kind_passes() {
        for kind in IntegrationKind::ALL {
            assert_eq!(fields(form(*kind)), Vec::<String>::new(), "{kind}");
        }
    }

    #[test]
    fn all_wrong_fields_are_named_at_once() {
        let bad = IntegrationForm {
            name: " ".into(),
            url: "ftp://x".into(),
            secret: String::new(),
            options: IntegrationOptions::default(),
            ..form(IntegrationKind::Myanonamouse)
        };
        assert_eq!(fields(bad), ["name", "rules_accepted", "secret", "url"]);
    }

    #[test]
    fn addresses_with_credentials_or_keys_in_them_are_refused() {
        for url in ["http://a:b@c", "http://c/?apikey=1", "c:80", "", "http://"] {
            let bad = IntegrationForm {
                url: url.into(),
                ..form(IntegrationKind::Torznab)
            };
            assert_eq!(fields(bad), ["url"], "{url}");
        }
    }

    #[test]
    fn a_local_path_must_be_absolute_and_must_not_climb() {
        for local in ["books", "/books/../etc", ""] {
            let mut bad = form(IntegrationKind::Audiobookshelf);
            bad.options.path_maps = vec![PathMap {
                remote: "/audiobooks".into(),
                local: local.into(),
            }];
            assert_eq!(fields(bad), ["path_maps"], "{local}");
        }
    }
}
