//! Which rates a route counts against. Every route has a class by its door; a test fails when a write or a server
//! function is not named in here.

use axum::http::Method;

/// Where a request comes in, and what it does that is counted beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteClass {
    pub door: Door,
    pub kind: Option<Kind>,
}

/// By which door a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Files of the site and covers: only the address's own limit.
    Static,
    Health,
    /// Pages, server functions, event streams, the API's documentation.
    Page,
    Api,
}

/// What is counted for the person, through whichever door it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    SignIn,
    Download,
    Search,
    Metadata,
    Upload,
}

/// Server functions that do more than save.
const FUNCTION_KINDS: &[(&str, Kind)] = &[
    ("complete_setup", Kind::SignIn),
    ("login", Kind::SignIn),
    ("change_password", Kind::SignIn),
    ("start_search", Kind::Search),
    ("create_want", Kind::Search),
    ("search_now", Kind::Search),
    ("grab_candidate", Kind::Download),
    ("retry_download", Kind::Download),
    ("retry_failure", Kind::Download),
    ("choose_another", Kind::Download),
];

/// Server functions that only save. A new one belongs here or above.
#[cfg(test)]
const PLAIN_FUNCTIONS: &[&str] = &[
    "cancel_download",
    "cancel_run",
    "cancel_want",
    "check_integration",
    "check_sign_on",
    "confirm_split",
    "create_key",
    "create_user",
    "delete_integration",
    "delete_user",
    "disconnect_identity",
    "dismiss_failure",
    "end_other_sessions",
    "end_session",
    "logout",
    "revoke_key",
    "rotate_key",
    "rename_user",
    "reset_user_password",
    "run_now",
    "save_integration",
    "save_settings",
    "save_sign_on",
    "set_integration_enabled",
    "set_job_enabled",
    "set_job_schedule",
    "set_theme",
    "set_user_active",
    "set_user_email",
    "set_user_role",
    "test_integration",
    "test_sign_on",
];

/// Calls of the API that do more than read and save.
const CALL_KINDS: &[(&str, &str, Kind)] = &[
    ("POST", "/v1/setup", Kind::SignIn),
    ("POST", "/v1/auth/login", Kind::SignIn),
    ("POST", "/v1/auth/refresh", Kind::SignIn),
    ("POST", "/v1/auth/password", Kind::SignIn),
    ("POST", "/v1/searches", Kind::Search),
    ("POST", "/v1/wants", Kind::Search),
    ("POST", "/v1/wants/{id}/search", Kind::Search),
    ("POST", "/v1/downloads", Kind::Download),
    ("POST", "/v1/downloads/{id}/retry", Kind::Download),
    ("POST", "/v1/failures/{id}/retry", Kind::Download),
    ("POST", "/v1/downloads/{id}/choose-another", Kind::Download),
];

/// Calls of the API that only save. A new one belongs here or above; calls that only read need no line.
#[cfg(test)]
const PLAIN_CALLS: &[(&str, &str)] = &[
    ("POST", "/v1/auth/logout"),
    ("DELETE", "/v1/sessions"),
    ("DELETE", "/v1/sessions/{id}"),
    ("POST", "/v1/keys"),
    ("POST", "/v1/keys/{id}/rotate"),
    ("DELETE", "/v1/keys/{id}"),
    ("POST", "/v1/users"),
    ("PATCH", "/v1/users/{id}"),
    ("DELETE", "/v1/users/{id}"),
    ("POST", "/v1/users/{id}/password"),
    ("POST", "/v1/wants/{id}/cancel"),
    ("POST", "/v1/downloads/{id}/cancel"),
    ("POST", "/v1/downloads/{id}/confirm-split"),
    ("POST", "/v1/failures/{id}/dismiss"),
    ("PATCH", "/v1/jobs/{kind}"),
    ("POST", "/v1/jobs/{kind}/runs"),
    ("POST", "/v1/runs/{id}/cancel"),
    ("POST", "/v1/integrations"),
    ("POST", "/v1/integrations/test"),
    ("PUT", "/v1/integrations/{id}"),
    ("PATCH", "/v1/integrations/{id}"),
    ("DELETE", "/v1/integrations/{id}"),
    ("POST", "/v1/integrations/{id}/check"),
    ("PUT", "/v1/users/{id}/email"),
    ("PUT", "/v1/auth/oidc"),
    ("POST", "/v1/auth/oidc/test"),
    ("DELETE", "/v1/auth/identities/{identity_id}"),
    ("PUT", "/v1/settings"),
    ("POST", "/v1/settings/naming-preview"),
];

/// Files at the root of the site.
const ROOT_FILES: &[&str] = &[
    "/favicon.ico",
    "/favicon.svg",
    "/icon-192.png",
    "/icon-512.png",
    "/manifest.webmanifest",
    "/robots.txt",
];

/// The class of a request. Every address has one; the table of routes is walked by a test.
pub fn class_of(method: &Method, path: &str) -> RouteClass {
    let plain = |door| RouteClass { door, kind: None };
    if path.starts_with("/pkg/") || path.starts_with("/covers/") || ROOT_FILES.contains(&path) {
        return plain(Door::Static);
    }
    if path == "/metrics" || path == "/health" || path.starts_with("/health/") {
        return plain(Door::Health);
    }
    if let Some(function) = path.strip_prefix("/sfn/") {
        let kind = kind_of_function(function);
        return RouteClass { door: Door::Page, kind };
    }
    if path.starts_with("/auth/oidc/") {
        return RouteClass {
            door: Door::Page,
            kind: Some(Kind::SignIn),
        };
    }
    let Some(rest) = path.strip_prefix("/api") else {
        return plain(Door::Page);
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return plain(Door::Page);
    }
    if rest == "/openapi.json" || rest == "/docs" || rest.starts_with("/docs/") {
        return plain(Door::Page);
    }
    let door = match rest {
        "/v1/health" => Door::Health,
        // A list of books asks for as many covers as it has rows.
        _ if matches_pattern("/v1/books/{id}/cover", rest) => Door::Static,
        _ => Door::Api,
    };
    RouteClass {
        door,
        kind: kind_of_call(method, rest),
    }
}

fn kind_of_function(name: &str) -> Option<Kind> {
    let mut kinds = FUNCTION_KINDS.iter();
    kinds.find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// Everything below these counts as that, reads too: each asks a provider, or brings a file.
const KIND_PREFIXES: &[(&str, Kind)] = &[("/v1/metadata/", Kind::Metadata), ("/v1/uploads", Kind::Upload)];

fn kind_of_call(method: &Method, path: &str) -> Option<Kind> {
    let mut prefixes = KIND_PREFIXES.iter();
    if let Some((_, kind)) = prefixes.find(|(prefix, _)| path.starts_with(prefix)) {
        return Some(*kind);
    }
    let mut kinds = CALL_KINDS.iter();
    kinds
        .find(|(known, pattern, _)| method.as_str() == *known && matches_pattern(pattern, path))
        .map(|(_, _, kind)| *kind)
}

/// `{id}` stands for one part of the path.
fn matches_pattern(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || wanted.starts_with('{') => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_function_has_a_class() {
        let names: Vec<String> = leptos::server_fn::axum::server_fn_paths()
            .map(|(path, _)| path.strip_prefix("/sfn/").unwrap_or(path).to_owned())
            .collect();
        assert!(!names.is_empty(), "the app's server functions are linked in");
        for name in &names {
            let is_known = kind_of_function(name).is_some() || PLAIN_FUNCTIONS.contains(&name.as_str());
            assert!(
                is_known,
                "{name} has no class: add it to FUNCTION_KINDS or PLAIN_FUNCTIONS in this file"
            );
        }
        let listed = FUNCTION_KINDS
            .iter()
            .map(|(name, _)| *name)
            .chain(PLAIN_FUNCTIONS.iter().copied());
        for name in listed {
            assert!(
                names.iter().any(|known| known == name),
                "{name} is listed, but there is no such function"
            );
        }
    }

    #[test]
    fn every_write_of_the_api_has_a_class() {
        let calls = crate::web::api::list_calls();
        let mut unlisted: Vec<_> = calls
            .iter()
            .filter(|(method, path)| {
                let path = path.strip_prefix("/api").unwrap_or(path);
                let has_kind = CALL_KINDS
                    .iter()
                    .any(|(known, pattern, _)| known == method && *pattern == path);
                method != "GET" && !has_kind && !PLAIN_CALLS.contains(&(method.as_str(), path))
            })
            .collect();
        unlisted.sort();
        assert!(
            unlisted.is_empty(),
            "these have no class: add them to CALL_KINDS or PLAIN_CALLS in this file: {unlisted:#?}"
        );
        let listed = CALL_KINDS
            .iter()
            .map(|(method, path, _)| (*method, *path))
            .chain(PLAIN_CALLS.iter().copied());
        for (method, path) in listed {
            let is_there = calls.contains(&(method.to_owned(), format!("/api{path}")));
            assert!(is_there, "{method} {path} is listed, but there is no such call");
        }
    }

    #[test]
    fn both_doors_count_the_same_deed_alike() {
        let check = |function: &str, method: Method, call: &str, kind: Kind| {
            assert_eq!(class_of(&Method::POST, function).kind, Some(kind), "{function}");
            assert_eq!(class_of(&method, call).kind, Some(kind), "{call}");
        };
        check("/sfn/login", Method::POST, "/api/v1/auth/login", Kind::SignIn);
        check(
            "/auth/oidc/callback",
            Method::POST,
            "/api/v1/auth/refresh",
            Kind::SignIn,
        );
        check(
            "/sfn/change_password",
            Method::POST,
            "/api/v1/auth/password",
            Kind::SignIn,
        );
        check("/sfn/complete_setup", Method::POST, "/api/v1/setup", Kind::SignIn);
        check("/sfn/start_search", Method::POST, "/api/v1/searches", Kind::Search);
        check("/sfn/create_want", Method::POST, "/api/v1/wants", Kind::Search);
        check("/sfn/grab_candidate", Method::POST, "/api/v1/downloads", Kind::Download);
        check(
            "/sfn/retry_download",
            Method::POST,
            "/api/v1/downloads/7/retry",
            Kind::Download,
        );
    }

    #[test]
    fn pages_files_and_health_are_told_apart() {
        let check = |path: &str, door: Door| assert_eq!(class_of(&Method::GET, path), RouteClass { door, kind: None });
        check("/", Door::Page);
        check("/events", Door::Page);
        check("/sfn/get_shell", Door::Page);
        check("/pkg/mamcrawler.js", Door::Static);
        check("/covers/7", Door::Static);
        check("/favicon.svg", Door::Static);
        check("/health/live", Door::Health);
        check("/metrics", Door::Health);
        check("/api/docs/page.js", Door::Page);
        check("/api/openapi.json", Door::Page);
        check("/api", Door::Api);
        check("/api/v1/books", Door::Api);
        check("/api/v1/books/7/cover", Door::Static);
        check("/api/v1/health", Door::Health);
        assert_eq!(
            class_of(&Method::GET, "/api/v1/metadata/lookup").kind,
            Some(Kind::Metadata)
        );
        assert_eq!(class_of(&Method::POST, "/api/v1/uploads").kind, Some(Kind::Upload));
        check("/apiary", Door::Page);
        check("/nowhere", Door::Page);
    }
}
