//! Every list in pages. The lists are the document's: a new one is in here.

use serde_json::{Value, json};

use crate::api::Api;
use crate::api_document::{operations, resolve};
use crate::seed::{Seeded, seed};

/// Paths of the operations that take a cursor, with an id where there is a parameter.
fn lists(document: &Value) -> Vec<String> {
    let is_cursor = |parameter: &Value| resolve(document, parameter)["name"] == "cursor";
    operations(document)
        .into_iter()
        .filter(|(_, _, operation)| {
            let mut parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters.any(is_cursor)
        })
        .map(|(method, path, _)| {
            assert_eq!(method, "get", "{path}");
            let path = path.trim_start_matches("/api/v1");
            path.replace("/downloads/{id}", &format!("/downloads/{}", Seeded::Download.id(1)))
        })
        .collect()
}

/// What tells an item of a list from the others.
fn name(item: &Value) -> String {
    let mut names = ["id", "kind", "integration"].into_iter().map(|field| &item[field]);
    names.find(|name| !name.is_null()).unwrap_or(item).to_string()
}

fn names(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(name).collect()
}

async fn read_in_pages_of_two(api: &Api, path: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut next = format!("{path}?limit=2");
    loop {
        let page = api.ask("get", &next, None).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        let items = names(&page.body);
        assert!(items.len() <= 2, "{path}: {items:?}");
        seen.extend(items);
        let Some(cursor) = page.body["next_cursor"].as_str() else {
            return seen;
        };
        next = format!("{path}?limit=2&cursor={cursor}");
    }
}

#[tokio::test]
async fn every_list_is_paged_without_gaps_or_repeats() {
    let api = Api::start().await;
    seed(&api.database).await;
    for name in ["one", "two", "three"] {
        let form = json!({ "name": name, "scope": "read" });
        assert_eq!(api.ask("post", "/keys", Some(form)).await.status, 201);
        api.sign_in("anna").await;
    }
    let lists = lists(&api.document().await);
    assert!(lists.len() >= 15, "{lists:?}");
    let mut cursors = Vec::new();
    for path in &lists {
        let whole = api.ask("get", &format!("{path}?limit=200"), None).await.body;
        let old = names(&whole);
        assert!(old.len() >= 3, "two pages at least, so seed more of {path}: {whole}");
        let first = api.ask("get", &format!("{path}?limit=2"), None).await.body;
        cursors.push((path, first["next_cursor"].as_str().unwrap().to_owned()));
        let seen = read_in_pages_of_two(&api, path).await;
        // New rows may come in front meanwhile, as jobs run; none may be shown twice or left out.
        assert!(
            old.iter().all(|name| seen.contains(name)),
            "{path}: {seen:?} lacks some of {old:?}"
        );
        let mut distinct = seen.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), seen.len(), "{path}: {seen:?}");
        let wrong = api.ask("get", &format!("{path}?cursor=zz"), None).await;
        assert_eq!(wrong.status, 422, "{path}: {}", wrong.body);
    }
    for path in &lists {
        for (other, cursor) in cursors.iter().filter(|(other, _)| *other != path) {
            let wrong = api.ask("get", &format!("{path}?cursor={cursor}"), None).await;
            assert_eq!(wrong.status, 422, "{path} takes a cursor of {other}: {}", wrong.body);
        }
    }
}
