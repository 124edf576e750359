//! Every write, by either door, with the line that it leaves in the audit log, or why it leaves none.
//!
//! Two tests read it: one that nothing is missing here (`audited_check.rs`), one that does each write and looks for its line
//! (`tests/it/audit_walk.rs`).

/// What leaves lines: the call, the server function of the same deed (one of them may be absent), the actions.
pub const AUDITED: &[(&str, &str, &[&str])] = &[
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
    (
        "PATCH /v1/jobs/{kind}",
        "set_job_enabled",
        &["set_job_enabled", "set_job_schedule"],
    ),
    ("", "set_job_schedule", &["set_job_schedule"]),
    (
        "POST /v1/failures/{id}/retry",
        "retry_failure",
        &["retry_failure", "retry_download"],
    ),
    (
        "POST /v1/failures/{id}/dismiss",
        "dismiss_failure",
        &["dismiss_failure"],
    ),
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
pub const NOT_AUDITED: &[(&str, &str, &str)] = &[
    (
        "POST /v1/auth/refresh",
        "",
        "It happens every 15 minutes by itself; only a token that came again, or is not ours, is noted.",
    ),
    (
        "POST /v1/searches",
        "start_search",
        "It changes nothing, and the search itself says who looked for what.",
    ),
    ("POST /v1/settings/naming-preview", "", "It only reads."),
    ("", "set_theme", "It sets a cookie of the browser that asks."),
];
