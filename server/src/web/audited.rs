//! Every write, by either door, with the line that it leaves in the audit log, or why it leaves none.

use std::collections::BTreeSet;

use app::audit_words::ACTIONS;

/// What leaves lines: the call, the server function of the same deed (one of them may be absent), the actions.
const AUDITED: &[(&str, &str, &[&str])] = &[
    ("POST /v1/setup", "complete_setup", &["complete_setup", "setup_refused"]),
    (
        "POST /v1/auth/login",
        "login",
        &["login", "login_refused", "login_locked"],
    ),
    ("POST /v1/auth/logout", "logout", &["logout"]),
    (
        "POST /v1/auth/password",
        "change_password",
        &["change_password", "password_refused"],
    ),
    ("DELETE /v1/sessions", "end_other_sessions", &["end_other_sessions"]),
    ("DELETE /v1/sessions/{id}", "end_session", &["end_session"]),
    ("POST /v1/keys", "create_key", &["create_api_key"]),
    ("POST /v1/keys/{id}/rotate", "rotate_key", &["rotate_api_key"]),
    ("DELETE /v1/keys/{id}", "revoke_key", &["revoke_api_key"]),
    ("POST /v1/users", "create_user", &["create_user"]),
    ("PATCH /v1/users/{id}", "rename_user", &["rename_user"]),
    ("PATCH /v1/users/{id}", "set_user_role", &["set_user_role"]),
    ("PATCH /v1/users/{id}", "set_user_active", &["set_user_active"]),
    ("DELETE /v1/users/{id}", "delete_user", &["delete_user"]),
    (
        "POST /v1/users/{id}/password",
        "reset_user_password",
        &["reset_password"],
    ),
    ("PUT /v1/users/{id}/email", "set_user_email", &["set_user_email"]),
    (
        "DELETE /v1/auth/identities/{identity_id}",
        "disconnect_identity",
        &["unlink_identity"],
    ),
    ("PUT /v1/auth/oidc", "save_sign_on", &["save_single_sign_on"]),
    ("POST /v1/auth/oidc/test", "test_sign_on", &["test_single_sign_on"]),
    ("", "check_sign_on", &["test_single_sign_on"]),
    ("POST /v1/wants", "create_want", &["create_want"]),
    ("POST /v1/wants/{id}/cancel", "cancel_want", &["cancel_want"]),
    ("POST /v1/wants/{id}/search", "search_now", &["search_want"]),
    ("POST /v1/downloads", "grab_candidate", &["grab_candidate"]),
    ("POST /v1/downloads/{id}/retry", "retry_download", &["retry_download"]),
    (
        "POST /v1/downloads/{id}/cancel",
        "cancel_download",
        &["cancel_download"],
    ),
    (
        "POST /v1/downloads/{id}/choose-another",
        "choose_another",
        &["choose_another"],
    ),
    (
        "POST /v1/downloads/{id}/confirm-split",
        "confirm_split",
        &["confirm_split"],
    ),
    ("POST /v1/jobs/{kind}/runs", "run_now", &["run_now"]),
    ("PATCH /v1/jobs/{kind}", "set_job_enabled", &["set_job_enabled"]),
    ("POST /v1/runs/{id}/cancel", "cancel_run", &["cancel_run"]),
    ("POST /v1/integrations", "save_integration", &["save_integration"]),
    ("PUT /v1/integrations/{id}", "save_integration", &["save_integration"]),
    (
        "PATCH /v1/integrations/{id}",
        "set_integration_enabled",
        &["set_integration_enabled"],
    ),
    (
        "DELETE /v1/integrations/{id}",
        "delete_integration",
        &["delete_integration"],
    ),
    ("POST /v1/integrations/test", "test_integration", &["test_integration"]),
    (
        "POST /v1/integrations/{id}/check",
        "check_integration",
        &["check_integration"],
    ),
    ("PUT /v1/settings", "save_settings", &["save_settings"]),
];

/// What leaves none, and why.
const NOT_AUDITED: &[(&str, &str, &str)] = &[
    (
        "POST /v1/auth/refresh",
        "",
        "It happens every 15 minutes by itself; only a token that came again is noted.",
    ),
    (
        "POST /v1/searches",
        "start_search",
        "It changes nothing, and the search itself says who looked for what.",
    ),
    ("POST /v1/settings/naming-preview", "", "It only reads."),
    ("", "set_theme", "It sets a cookie of the browser that asks."),
];

fn missing(there: &BTreeSet<String>, listed: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
    let only = |some: &BTreeSet<String>, others| some.difference(others).cloned().collect();
    (only(there, listed), only(listed, there))
}

#[test]
fn every_write_leaves_a_line_in_the_audit_log_or_has_a_reason_not_to() {
    let rows = || {
        let audited = AUDITED.iter().map(|(call, function, _)| (*call, *function));
        audited.chain(NOT_AUDITED.iter().map(|(call, function, _)| (*call, *function)))
    };
    let listed = |names: &mut dyn Iterator<Item = &str>| -> BTreeSet<String> {
        names.filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
    };
    let calls: BTreeSet<String> = super::api::list_calls()
        .into_iter()
        .filter(|(method, _)| method != "GET")
        .map(|(method, path)| format!("{method} {}", path.strip_prefix("/api").unwrap_or(&path)))
        .collect();
    let functions: BTreeSet<String> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, _)| path.strip_prefix("/sfn/").unwrap_or(path).to_owned())
        .collect();
    assert!(calls.len() > 30 && functions.len() > 30, "{calls:?} {functions:?}");
    let none = (vec![], vec![]);
    let advice = "(not listed, not there): add them to AUDITED or NOT_AUDITED in this file";
    let listed_calls = listed(&mut rows().map(|(call, _)| call));
    assert_eq!(missing(&calls, &listed_calls), none, "{advice}");
    let listed_functions = listed(&mut rows().map(|(_, function)| function));
    assert_eq!(missing(&functions, &listed_functions), none, "{advice}");
}

#[test]
fn every_line_of_a_write_has_its_words() {
    let actions = AUDITED.iter().flat_map(|(_, _, actions)| actions.iter());
    let unknown: Vec<_> = actions
        .filter(|action| ACTIONS.iter().all(|(known, _)| known != *action))
        .collect();
    assert!(unknown.is_empty(), "add them to audit_words.rs: {unknown:?}");
}
