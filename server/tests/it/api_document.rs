//! The OpenAPI document: complete, reviewed, and true to the router.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::api::{Api, answer};

pub const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// (method, path, operation) of everything in the document.
pub fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let items = document["paths"].as_object().unwrap();
    let listed = items.iter().flat_map(|(path, item)| {
        METHODS
            .into_iter()
            .filter_map(|method| Some((method, path.as_str(), item.get(method)?)))
    });
    listed.collect()
}

/// The thing that a reference names.
pub fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{reference}")),
        None => value,
    }
}

#[tokio::test]
async fn the_document_is_the_reviewed_one() {
    let api = Api::start().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/openapi.json");
    let reviewed: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
    let document = api.document().await;
    if document != reviewed {
        let new = path.with_extension("json.new");
        std::fs::write(&new, serde_json::to_string_pretty(&document).unwrap() + "\n").unwrap();
        panic!(
            "the document changed: compare {} with openapi.json beside it, and move it there if it is right",
            new.display()
        );
    }
}

#[tokio::test]
async fn every_operation_says_all_that_a_caller_needs() {
    let api = Api::start().await;
    let document = api.document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    let mut problems = Vec::new();
    for (method, path, operation) in operations(&document) {
        let mut need = |is_there: bool, what: &str| {
            if !is_there {
                problems.push(format!("{method} {path} lacks {what}"));
            }
        };
        need(
            operation["summary"].as_str().is_some_and(|text| text.len() > 4),
            "a summary",
        );
        need(
            operation["description"].as_str().is_some_and(|text| text.len() > 10),
            "a description",
        );
        need(
            ids.insert(operation["operationId"].as_str().unwrap_or_default()),
            "an id of its own",
        );
        need(
            operation["tags"].as_array().is_some_and(|tags| tags.len() == 1),
            "its one tag",
        );
        need(operation["security"].is_array(), "its security");
        need(operation["x-rate-class"].is_string(), "its rate class");
        need(operation["x-required-role"].is_string(), "its role");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = resolve(&document, parameter);
            need(
                parameter["description"].is_string(),
                &format!("what {} means", parameter["name"]),
            );
            let is_cursor = parameter["name"] == "cursor";
            need(
                is_cursor || !parameter["example"].is_null(),
                &format!("an example of {}", parameter["name"]),
            );
        }
        for media in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            need(!media.1["example"].is_null(), "an example of its body");
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = resolve(&document, response);
            need(
                response["description"].as_str().is_some_and(|text| !text.is_empty()),
                &format!("what {status} means"),
            );
            for (kind, media) in response["content"].as_object().into_iter().flatten() {
                need(!media["example"].is_null(), &format!("an example of {status} {kind}"));
            }
            let is_error = status.starts_with('4') || status.starts_with('5');
            let envelope = &response["content"]["application/json"]["schema"]["$ref"];
            need(
                !is_error || envelope == "#/components/schemas/ErrorEnvelope",
                &format!("the envelope of {status}"),
            );
        }
        for status in ["429", "500", "503"] {
            need(operation["responses"][status].is_object(), status);
        }
    }
    assert!(ids.len() > 50, "{ids:?}");
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test]
async fn the_router_takes_the_documented_methods_and_no_others() {
    let api = Api::start().await;
    let document = api.document().await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let segments = path.trim_start_matches("/api/v1").split('/');
        let concrete: Vec<&str> = segments
            .map(|segment| if segment.starts_with('{') { "none" } else { segment })
            .collect();
        let concrete = concrete.join("/");
        for method in METHODS {
            let status = answer(api.call(method, &concrete)).await.status;
            let is_taken = status != 405 && status != 404;
            assert_eq!(is_taken, item.get(method).is_some(), "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn the_page_shows_every_operation_and_runs_no_script() {
    let mut api = Api::start().await;
    let document = api.document().await;
    let read = async |api: &Api| {
        api.http
            .get(format!("{}/api/docs", api.server.url))
            .send()
            .await
            .unwrap()
    };
    let page = read(&api).await.error_for_status().unwrap().text().await.unwrap();
    for (_, _, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    for forbidden in ["<script", "style=\"", "onclick", "href=\"http", "src="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    api.server.terminate(std::time::Duration::from_secs(20)).await;
    api.server.set("MAMCRAWLER_API_DOCS", "false");
    api.server.start().await;
    assert_eq!(read(&api).await.status(), 404);
}
