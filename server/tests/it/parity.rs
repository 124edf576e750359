//! Everything that a person can do in the browser, a program can do by the API, through the same use cases.
//!
//! The sources are read for what no registry tells: which functions of `app/src/api` read, and which use cases either
//! side calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

// Its server functions register themselves where it is linked.
use app as _;
use leptos::server_fn::axum::server_fn_paths;
use serde_json::Value;
use types::people::Role;

use crate::api_document::operations;
use crate::doors;

/// (function of the pages' door, operations that together do the same). A new function without a row fails.
const ROWS: &[(&str, &[&str])] = &[
    // What forms do.
    ("cancel_download", &["cancel_download"]),
    ("cancel_run", &["cancel_run"]),
    ("cancel_want", &["cancel_want"]),
    ("change_password", &["change_password"]),
    ("check_integration", &["check_integration"]),
    ("check_sign_on", &["get_oidc", "test_oidc"]),
    ("choose_another", &["choose_another"]),
    ("complete_setup", &["complete_setup"]),
    ("confirm_split", &["confirm_split"]),
    ("create_key", &["create_key"]),
    ("create_user", &["create_user"]),
    ("create_want", &["create_want"]),
    ("delete_integration", &["delete_integration"]),
    ("delete_user", &["delete_user"]),
    ("disconnect_identity", &["unlink_identity"]),
    ("dismiss_failure", &["dismiss_failure"]),
    ("end_other_sessions", &["end_other_sessions"]),
    ("end_session", &["end_session"]),
    ("grab_candidate", &["grab_candidate"]),
    ("login", &["login"]),
    ("logout", &["logout"]),
    ("rename_user", &["change_user"]),
    ("reset_user_password", &["reset_password"]),
    ("retry_download", &["retry_download"]),
    ("retry_failure", &["retry_failure"]),
    ("revoke_key", &["revoke_key"]),
    ("rotate_key", &["rotate_key"]),
    ("run_now", &["run_job"]),
    ("save_integration", &["create_integration", "replace_integration"]),
    ("save_settings", &["replace_settings"]),
    ("save_sign_on", &["replace_oidc"]),
    ("search_now", &["search_now"]),
    ("set_integration_enabled", &["change_integration"]),
    ("set_job_enabled", &["change_job"]),
    ("set_job_schedule", &["change_job"]),
    ("set_user_active", &["change_user"]),
    ("set_user_email", &["set_email"]),
    ("set_user_role", &["change_user"]),
    ("start_search", &["start_search"]),
    ("test_integration", &["test_integration"]),
    ("test_sign_on", &["test_oidc"]),
    // What pages read.
    ("find_provider", &["get_provider"]),
    ("get_book", &["get_book"]),
    ("get_dashboard", &["get_stats"]),
    ("get_download", &["get_download"]),
    ("get_facets", &["get_facets"]),
    ("get_run", &["get_run"]),
    ("get_search", &["get_search"]),
    ("get_settings", &["get_settings"]),
    ("get_shell", &["get_me", "get_setup", "list_integrations"]),
    ("get_sign_on", &["get_oidc"]),
    ("get_user", &["get_user", "list_identities"]),
    ("list_audit_entries", &["list_entries"]),
    ("list_backups", &["list_backups"]),
    ("list_books", &["list_books"]),
    ("list_downloads", &["list_downloads"]),
    ("list_failures", &["list_failures"]),
    ("list_identities", &["list_identities"]),
    ("list_integrations", &["list_integrations"]),
    ("list_jobs", &["list_jobs"]),
    ("list_keys", &["list_keys"]),
    ("list_runs", &["list_runs"]),
    ("list_sessions", &["list_sessions"]),
    ("list_users", &["list_users"]),
    ("list_wants", &["list_wants"]),
    ("preview_naming", &["preview_naming"]),
];

/// What only a browser needs, and why.
const BROWSER_ONLY: &[(&str, &str)] = &[
    ("set_theme", "It sets a cookie of the browser that asks."),
    (
        "take_issued_key",
        "It carries a new key over a redirect; create_key and rotate_key answer with the key itself.",
    ),
];

/// Addresses outside of pages, server functions and the API: the operation of the same use case, or why there is none.
const ADDRESSES: &[(&str, Result<&str, &str>)] = &[
    ("/covers/{book_id}", Ok("get_cover")),
    ("/events", Ok("stream_events")),
    ("/health/live", Err("It asks nothing but whether the process answers.")),
    ("/health/ready", Ok("get_health")),
    (
        "/metrics",
        Err("It is Prometheus's own form, behind a token or an address of its own."),
    ),
    ("/sfn/{*name}", Err("Each server function has a row of its own.")),
    ("/auth/oidc/start", Err("A provider signs people in by their browser.")),
    ("/auth/oidc/callback", Err("The provider leads a browser back to it.")),
    ("/auth/oidc/link", Err("A provider signs people in by their browser.")),
];

/// (the page's use case, the API's) where neither calls the other, and what the two share.
const ALIKE: &[(&str, &str, &str)] = &[(
    "users::list_users",
    "users::page_users",
    "The same rows for the same role, whole or page by page.",
)];

/// Pages that read nothing.
const BLANK_PAGES: &[&str] = &["NotFoundPage", "SearchPage"];

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// (file, text without its tests) of all Rust files at or below a path.
fn read_sources(path: &Path) -> Vec<(PathBuf, String)> {
    if path.is_file() {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        return vec![(path.to_owned(), text.to_owned())];
    }
    let entries = std::fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let kept = paths.filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs"));
    kept.flat_map(|path| read_sources(&path)).collect()
}

/// (is it public, its name, its text) of every function that stands by itself, as rustfmt writes it.
fn list_functions(text: &str) -> Vec<(bool, &str, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find("\n}\n") {
        let (item, after) = rest.split_at(end + 3);
        // A constant or a type may stand before it.
        let heads = ["\npub async fn ", "\nasync fn ", "\npub fn ", "\nfn "];
        let starts = heads.iter().filter_map(|head| Some((item.rfind(head)?, head)));
        if let Some((start, head)) = starts.max() {
            let body = &item[start + head.len()..];
            let name = body.split(['(', '<']).next().unwrap_or_default();
            found.push((head.contains("pub"), name, body));
        }
        rest = after;
    }
    found
}

fn is_part_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether the text calls it, by just this name or by a path that ends with it.
fn calls(text: &str, function: &str) -> bool {
    let mut places = text.match_indices(function);
    places.any(|(start, _)| {
        let before = text[..start].bytes().next_back();
        let after = &text[start + function.len()..];
        !before.is_some_and(is_part_of_name) && (after.starts_with('(') || after.starts_with("::<"))
    })
}

/// Every use case, as `module::function`, with its text.
struct UseCases(BTreeMap<String, String>);

impl UseCases {
    fn read() -> Self {
        let folder = source("crates/services/src");
        let mut found = BTreeMap::new();
        for (path, text) in read_sources(&folder) {
            let module = path.strip_prefix(&folder).unwrap().components().next().unwrap();
            let module = module.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
            for (_, name, body) in list_functions(&text).into_iter().filter(|(is_public, ..)| *is_public) {
                found.insert(format!("{module}::{name}"), body.to_owned());
            }
        }
        assert!(found.len() > 100, "crates/services/src is read otherwise: {found:?}");
        Self(found)
    }

    /// Those that a text calls.
    fn of(&self, text: &str) -> BTreeSet<&str> {
        let names = self.0.keys().map(String::as_str);
        names.filter(|name| calls(text, name)).collect()
    }

    /// Whether one of the API's use cases is the page's, calls it, or is called by it.
    fn is_among(&self, page: &str, api: &BTreeSet<&str>) -> bool {
        let bare = |name: &str| name.rsplit("::").next().unwrap_or_default().to_owned();
        api.iter().any(|name| {
            let is_alike = ALIKE
                .iter()
                .any(|(first, second, _)| (*first, *second) == (page, *name));
            is_alike || page == *name || calls(&self.0[page], &bare(name)) || calls(&self.0[*name], &bare(page))
        })
    }
}

/// The functions of a door by their names.
fn read_door(path: &str) -> BTreeMap<String, String> {
    let sources = read_sources(&source(path));
    let functions = sources.iter().flat_map(|(_, text)| list_functions(text));
    functions
        .map(|(_, name, body)| (name.to_owned(), body.to_owned()))
        .collect()
}

/// (id, least role) of every operation of the reviewed document, which another test holds against the server's.
fn read_operations() -> BTreeMap<String, String> {
    let path = source("server/tests/it/snapshots/openapi.json");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    operations(&document)
        .into_iter()
        .map(|(_, _, operation)| (text(&operation["operationId"]), text(&operation["x-required-role"])))
        .collect()
}

fn server_functions() -> BTreeSet<String> {
    let paths = server_fn_paths();
    paths
        .map(|(path, _)| path.trim_start_matches("/sfn/").to_owned())
        .collect()
}

#[test]
fn whatever_a_page_reads_or_a_form_does_has_its_operations() {
    let use_cases = UseCases::read();
    let mut there = server_functions();
    assert!(there.len() > 30, "{there:?}");
    for (_, text) in read_sources(&source("app/src/api")) {
        let public = list_functions(&text).into_iter().filter(|(is_public, ..)| *is_public);
        let working = public.filter(|(_, _, body)| !use_cases.of(body).is_empty());
        there.extend(working.map(|(_, name, _)| name.to_owned()));
    }
    let rows = ROWS.iter().map(|(name, _)| *name);
    let listed: BTreeSet<String> = rows
        .chain(BROWSER_ONLY.iter().map(|(name, _)| *name))
        .map(ToOwned::to_owned)
        .collect();
    assert_eq!(
        there, listed,
        "(there, listed): give each its row in this file, and its operations"
    );
    let operations = read_operations();
    for (function, ids) in ROWS {
        assert!(!ids.is_empty(), "{function}");
        for id in *ids {
            assert!(operations.contains_key(*id), "{function}: the document has no {id}");
        }
    }
}

#[test]
fn both_doors_call_the_same_use_cases() {
    let use_cases = UseCases::read();
    let (pages, handlers) = (read_door("app/src/api"), read_door("server/src/web/api/v1"));
    for (function, ids) in ROWS {
        let by_page = use_cases.of(&pages[*function]);
        assert!(!by_page.is_empty(), "{function} calls no use case");
        let by_api: BTreeSet<&str> = ids.iter().flat_map(|id| use_cases.of(&handlers[*id])).collect();
        for use_case in by_page {
            let is_same = use_cases.is_among(use_case, &by_api);
            assert!(is_same, "{function} calls {use_case}, but {ids:?} call {by_api:?}");
        }
    }
}

#[test]
fn both_doors_let_in_the_same_roles() {
    let operations = read_operations();
    let needed: BTreeMap<&str, String> = doors::rows()
        .into_iter()
        .map(|(name, role, _)| (name, role.map_or("none", Role::as_str).to_owned()))
        .collect();
    for (function, ids) in ROWS.iter().filter(|(function, _)| needed.contains_key(function)) {
        for id in *ids {
            assert_eq!(operations[*id], needed[function], "{function} and {id}");
        }
    }
}

#[test]
fn pages_read_by_their_door_alone() {
    let readers: Vec<&str> = ROWS
        .iter()
        .chain([&("take_issued_key", &[][..])])
        .map(|(name, _)| *name)
        .collect();
    let document = std::fs::read_to_string(source("app/src/document.rs")).unwrap();
    let routes = document.split("path=path!(\"").skip(1);
    let pages: BTreeSet<&str> = routes
        .map(|route| route.split_once("view=").unwrap().1.split(' ').next().unwrap())
        .collect();
    assert!(pages.len() > 20, "{pages:?}");
    let sources = read_sources(&source("app/src/pages"));
    for page in pages {
        let head = format!("pub fn {page}(");
        let (path, _) = sources.iter().find(|(_, text)| text.contains(&head)).expect(page);
        let folder = path.with_extension("");
        let mut parts = sources
            .iter()
            .filter(|(other, _)| other == path || other.starts_with(&folder));
        let does_read = parts.any(|(_, text)| readers.iter().any(|reader| calls(text, reader)));
        assert_eq!(
            does_read,
            !BLANK_PAGES.contains(&page),
            "{page} reads something that has a row"
        );
    }
    for folder in ["pages", "components", "islands", "browser"] {
        for (path, text) in read_sources(&source("app/src").join(folder)) {
            assert!(!text.contains("services::"), "{}: go by app/src/api", path.display());
        }
    }
}

#[test]
fn every_other_address_has_its_operation_or_needs_none() {
    let operations = read_operations();
    let sources = read_sources(&source("server/src/web"));
    let api = source("server/src/web/api");
    let outside = sources
        .iter()
        .filter(|(path, _)| !path.starts_with(&api) && !path.ends_with("tests.rs"));
    let there: BTreeSet<&str> = outside
        .flat_map(|(_, text)| text.split(".route(\"").skip(1))
        .map(|rest| rest.split('"').next().unwrap_or_default())
        .collect();
    let listed: BTreeSet<&str> = ADDRESSES.iter().map(|(address, _)| *address).collect();
    assert_eq!(there, listed, "(there, listed): give each its line in this file");
    for (address, operation) in ADDRESSES {
        if let Ok(id) = operation {
            assert!(operations.contains_key(*id), "{address}: the document has no {id}");
        }
    }
}

#[test]
fn another_use_case_or_none_is_seen() {
    let use_cases = UseCases::read();
    let seen = |text: &str| {
        use_cases
            .of(text)
            .into_iter()
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        seen("Ok(services::wants::get_want(&services, &actor, id).await?)"),
        ["wants::get_want"]
    );
    assert_eq!(seen("Ok(wants::get_want(&services).await?)"), ["wants::get_want"]);
    assert!(seen("wants::get_wanted(&services); get_want(1); my_wants::get_want(2)").is_empty());
    let of = |name| BTreeSet::from([name]);
    assert!(use_cases.is_among("wants::get_want", &of("wants::get_want")));
    assert!(
        use_cases.is_among("users::set_role", &of("users::change_user")),
        "it calls the other"
    );
    assert!(!use_cases.is_among("users::delete_user", &of("users::change_user")));
    assert!(!use_cases.is_among("wants::get_want", &BTreeSet::new()));
    let text =
        "\n/// A.\npub async fn first(id: u8) -> u8 {\n    one(id)\n}\n\nconst A: u8 = 1;\n\nfn second<T>() {\n}\n";
    let names: Vec<_> = list_functions(text)
        .into_iter()
        .map(|(is_public, name, _)| (is_public, name))
        .collect();
    assert_eq!(names, [(true, "first"), (false, "second")]);
}
