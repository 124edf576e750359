//! That the table of audited writes is whole.

use std::collections::BTreeSet;

use app::audit_words::ACTIONS;

use super::audited::{AUDITED, NOT_AUDITED};

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
