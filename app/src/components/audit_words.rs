//! Lines of the audit log in words.

use types::audit::{AuditChange, AuditCredential, CredentialKind};

/// Every action, and what somebody did then. One that is missing here is shown by its own name.
pub const ACTIONS: [(&str, &str); 55] = [
    ("login", "Signed in"),
    ("login_refused", "Sign-in refused"),
    ("login_locked", "Sign-in locked after wrong passwords"),
    ("logout", "Signed out"),
    ("refresh_token_reused", "A used sign-in came again and was ended"),
    // From before this ended the sign-in.
    ("refresh_token_repeated", "A used sign-in came again from elsewhere"),
    ("refresh_token_refused", "A sign-in that is not ours"),
    ("end_session", "Ended a sign-in"),
    ("end_other_sessions", "Ended all other sign-ins"),
    ("change_password", "Changed their password"),
    ("complete_setup", "Set up the first admin"),
    ("password_refused", "Wrong current password"),
    ("setup_refused", "Wrong set-up token"),
    ("api_key_refused", "API key refused"),
    ("request_refused", "Request refused"),
    ("refused_many", "Many kinds of refusals at once"),
    ("single_sign_on_refused", "Single sign-on refused"),
    ("save_single_sign_on", "Changed single sign-on"),
    ("link_identity", "Connected single sign-on"),
    ("unlink_identity", "Disconnected single sign-on"),
    ("create_user", "Added a user"),
    ("rename_user", "Renamed a user"),
    ("set_user_role", "Changed a role"),
    ("keep_last_admin", "Kept the last admin"),
    ("set_user_active", "Let in or kept out"),
    ("set_user_email", "Changed an e-mail"),
    ("reset_password", "Gave a new password"),
    ("delete_user", "Deleted a user"),
    ("create_api_key", "Made an API key"),
    ("rotate_api_key", "Renewed an API key"),
    ("revoke_api_key", "Ended an API key"),
    ("save_integration", "Saved an integration"),
    ("set_integration_enabled", "Switched an integration on or off"),
    ("delete_integration", "Deleted an integration"),
    ("test_integration", "Tested an integration before saving"),
    ("check_integration", "Tested an integration"),
    ("test_single_sign_on", "Tested single sign-on"),
    ("create_want", "Asked for a book"),
    ("cancel_want", "Ended a want"),
    ("search_want", "Had a want searched for"),
    ("grab_candidate", "Grabbed a release"),
    ("retry_download", "Retried a download"),
    ("cancel_download", "Cancelled a download"),
    ("choose_another", "Searched for another release"),
    ("confirm_split", "Confirmed the books of a pack"),
    ("save_settings", "Changed settings"),
    ("run_now", "Started a job"),
    ("cancel_run", "Stopped a run"),
    ("set_job_enabled", "Switched a job on or off"),
    ("set_job_schedule", "Changed when a job starts"),
    ("retry_failure", "Retried what a job could not do"),
    ("dismiss_failure", "Dismissed a problem"),
    ("rotate_encryption_key", "Renewed the encryption key"),
    ("restore_backup", "Restored a backup"),
    ("export_audit_log", "Exported the audit log"),
];

/// What somebody did.
pub fn tell_action(action: &str) -> String {
    let known = ACTIONS.iter().find(|(name, _)| *name == action);
    known.map_or_else(|| tell_name(action), |(_, words)| (*words).to_owned())
}

/// Whether the line tells of something that was not allowed.
pub fn is_refusal(action: &str) -> bool {
    action.ends_with("_refused") || matches!(action, "login_locked" | "refused_many")
}

/// By which credential it was done: "API key script", "sign-in 018f2f5e-…".
pub fn tell_credential(credential: &AuditCredential) -> String {
    let kind = match credential.kind {
        CredentialKind::Session => "sign-in",
        CredentialKind::ApiKey => "API key",
    };
    match &credential.name {
        Some(name) => format!("{kind} {name}"),
        None => format!("{kind} {}", credential.id),
    }
}

/// A field's name as people read it: "is_enabled" is "Is enabled".
pub fn tell_name(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// What became of a field: "was user, now admin".
pub fn tell_change(change: &AuditChange) -> String {
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => format!("was {}, now {}", tell_value(old), tell_value(new)),
        (Some(old), None) => format!("was {}, now empty", tell_value(old)),
        (None, Some(new)) => format!("was empty, now {}", tell_value(new)),
        (None, None) => "was and is empty".to_owned(),
    }
}

/// A stored value as people read it.
pub fn tell_value(value: &str) -> &str {
    match value {
        "true" => "yes",
        "false" => "no",
        "" | "[]" | "{}" => "empty",
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(old: Option<&str>, new: Option<&str>) -> String {
        tell_change(&AuditChange {
            field: "role".into(),
            old: old.map(Into::into),
            new: new.map(Into::into),
        })
    }

    #[test]
    fn a_change_tells_before_and_after() {
        assert_eq!(change(Some("user"), Some("admin")), "was user, now admin");
        assert_eq!(change(None, Some("false")), "was empty, now no");
        assert_eq!(change(Some("a@b"), None), "was a@b, now empty");
        assert_eq!(change(Some("[]"), Some("")), "was empty, now empty");
    }

    #[test]
    fn a_credential_is_told_by_its_name_or_its_id() {
        let told = |kind, name: Option<&str>| {
            let (id, name) = (Default::default(), name.map(Into::into));
            tell_credential(&AuditCredential { kind, id, name })
        };
        assert_eq!(told(CredentialKind::ApiKey, Some("script")), "API key script");
        assert_eq!(
            told(CredentialKind::Session, None),
            "sign-in 00000000-0000-0000-0000-000000000000"
        );
    }

    #[test]
    fn an_unknown_action_is_told_by_its_name() {
        assert_eq!(tell_action("set_user_role"), "Changed a role");
        assert_eq!(tell_action("polish_covers"), "Polish covers");
        assert!(is_refusal("request_refused") && !is_refusal("login"));
    }

    #[test]
    fn no_action_is_told_twice() {
        let mut names = ACTIONS.map(|(name, _)| name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
