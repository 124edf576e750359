//! The API's OpenAPI document: what `routes!` collected, and what every operation has in common.

mod examples;
mod failures;
mod page;

use axum::http::Method;
use serde_json::{Map, Value, json};
use types::BasePath;

use super::access::{REQUIRED_ROLE, REQUIRED_SCOPE};
use super::once::takes_key;
use crate::web::envelope::ErrorEnvelope;
use crate::web::rate::class::class_of;
use crate::web::rate::narrowest_class;

/// Extension with the rate that a call counts against.
const RATE_CLASS: &str = "x-rate-class";
const PREFIX: &str = "/api";
const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

const DESCRIPTION: &str = "Everything that a person can do in the browser, for programs.\n\n\
    Send an access token or an API key as `Authorization: Bearer …`. Lists are paged by `limit` and `cursor`. Every \
    error has the shape of `ErrorEnvelope`. Reads carry an `ETag`; edits take `If-Match`. `docs/API.md` tells the rest.";

const TAGS: [(&str, &str); 21] = [
    ("setup", "First start."),
    ("auth", "Signing in and out."),
    ("sessions", "Sign-ins."),
    ("keys", "API keys of programs."),
    ("users", "The people of the installation."),
    ("books", "The library's books."),
    ("authors", "Authors of the library's books."),
    ("series", "Series of the library's books."),
    ("searches", "Searching the indexers."),
    ("wants", "Works that somebody would like to have."),
    ("downloads", "What was grabbed, and what can be done with it."),
    ("imports", "How files came into the library."),
    ("account", "The member's account at the tracker."),
    ("jobs", "Background jobs."),
    ("runs", "Runs of background jobs."),
    ("failures", "What background jobs could not do."),
    ("integrations", "Outside services that the admin connects."),
    ("settings", "The product's settings."),
    ("audit", "Who did what."),
    ("stats", "Figures about everything."),
    ("events", "The stream of changes."),
];

/// The finished document.
pub struct Document {
    root: Value,
    base: BasePath,
}

impl Document {
    /// Completes what the routes say of themselves.
    pub fn of(openapi: &utoipa::openapi::OpenApi, base: BasePath) -> Self {
        let mut root = serde_json::to_value(openapi).expect("a document is plain JSON");
        root["info"] = json!({
            "title": "mamcrawler",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later" },
        });
        root["servers"] = json!([{ "url": base.as_path(), "description": "This server." }]);
        let tags = TAGS.iter().chain([&("health", "Whether the server can work.")]);
        root["tags"] = tags
            .map(|(name, about)| json!({ "name": name, "description": about }))
            .collect();
        add_components(&mut root);
        name_items_of_pages(&mut root["components"]["schemas"]);
        let schemas = root["components"]["schemas"].clone();
        let paths = std::mem::take(root["paths"].as_object_mut().expect("a document has paths"));
        root["paths"] = paths
            .into_iter()
            .map(|(path, item)| {
                let path = format!("{PREFIX}{path}");
                let item = complete_item(&path, item, &schemas);
                (path, item)
            })
            .collect::<Map<String, Value>>()
            .into();
        bound_unsigned(&mut root);
        Self { root, base }
    }

    /// As it is served.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(&self.root).expect("a document is plain JSON")
    }

    /// As people read it.
    pub fn page(&self) -> String {
        page::write_page(&self.root, self.base)
    }
}

fn add_components(root: &mut Value) {
    let mut schemas = Vec::new();
    <ErrorEnvelope as utoipa::ToSchema>::schemas(&mut schemas);
    schemas.push((
        "ErrorEnvelope".into(),
        <ErrorEnvelope as utoipa::PartialSchema>::schema(),
    ));
    for (name, schema) in schemas {
        root["components"]["schemas"][name] = serde_json::to_value(schema).expect("a schema is plain JSON");
    }
    root["components"]["responses"] = failures::components();
    root["components"]["headers"] = json!({
        "ETag": { "description": "Version of the answer, for If-None-Match and If-Match.", "schema": { "type": "string" } },
        "Location": { "description": "Address of what was made.", "schema": { "type": "string", "format": "uri-reference" } },
        "X-Request-ID": { "description": "Names the request in the server's log.", "schema": { "type": "string" } },
    });
    root["components"]["parameters"] = json!({
        "IfNoneMatch": header_parameter("If-None-Match", "ETag of the answer that is known already; then 304 is answered.", "\"5d41402abc4b2a76b9719d911017c592\""),
        "IfMatch": header_parameter("If-Match", "ETag of what was read; 412 when somebody edited it since. What jobs find out does not count. Without it the last writer wins.", "*"),
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Chosen by the program, new for each new request. The same key within 24 hours gives the first answer again. Other writes refuse it with 422.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$" },
            "example": "7f9c24e8-3b12-4fef-91e0-56a2d5a1c1ab",
        },
    });
    root["components"]["securitySchemes"] = json!({
        "bearer": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token of `/api/v1/auth/login`; good for 15 minutes.",
        },
        "apiKey": {
            "type": "http", "scheme": "bearer", "bearerFormat": "mamc_<id>_<secret>",
            "description": "An API key of `/api/v1/keys`. Its scope narrows what its owner may do.",
        },
    });
}

/// A generic page is written with its items' shape inside; clients want that shape by its name.
fn name_items_of_pages(schemas: &mut Value) {
    let schemas = schemas.as_object_mut().expect("components have schemas");
    let pages = schemas.keys().filter(|name| name.starts_with("Page_")).cloned();
    for page in pages.collect::<Vec<_>>() {
        let item = page.trim_start_matches("Page_").to_owned();
        let items = &mut schemas[&page]["properties"]["items"]["items"];
        let shape = std::mem::replace(items, json!({ "$ref": format!("#/components/schemas/{item}") }));
        schemas.entry(item).or_insert(shape);
    }
}

/// utoipa writes `u32` as a signed number of 32 bits, which ends at half of what is taken.
fn bound_unsigned(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("format") == Some(&json!("int32")) && fields.get("minimum") == Some(&json!(0)) {
                fields.remove("format");
                fields.insert("maximum".into(), json!(u32::MAX));
            }
            fields.values_mut().for_each(bound_unsigned);
        }
        Value::Array(items) => items.iter_mut().for_each(bound_unsigned),
        _ => {}
    }
}

fn header_parameter(name: &str, description: &str, example: &str) -> Value {
    json!({
        "name": name, "in": "header", "required": false, "description": description,
        "schema": { "type": "string" }, "example": example,
    })
}

fn complete_item(path: &str, mut item: Value, schemas: &Value) -> Value {
    for method in METHODS {
        if let Some(operation) = item.get_mut(method) {
            complete_operation((method, path), operation, schemas);
        }
    }
    item
}

fn complete_operation((method, path): (&str, &str), operation: &mut Value, schemas: &Value) {
    let role = operation[REQUIRED_ROLE].as_str().unwrap_or_default().to_owned();
    let scope = operation[REQUIRED_SCOPE].as_str().unwrap_or_default().to_owned();
    operation[RATE_CLASS] = rate_class(method, path, &role).into();
    operation["security"] = match role.as_str() {
        "none" => json!([]),
        _ => json!([{ "bearer": [] }, { "apiKey": [] }]),
    };
    let access = match role.as_str() {
        "none" => "Nobody needs to be signed in.".to_owned(),
        _ => format!("Needs the role `{role}` or more; an API key needs the scope `{scope}` or more."),
    };
    let told = operation["description"].as_str().unwrap_or_default();
    let description = if told.is_empty() {
        access
    } else {
        format!("{told}\n\n{access}")
    };
    operation["description"] = description.into();
    add_headers(method, path, operation);
    failures::add_failures((method, path), operation);
    examples::add_examples(operation, schemas);
}

/// The narrowest rate that the call counts against when somebody of just this role makes it.
fn rate_class(method: &str, path: &str, role: &str) -> &'static str {
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method of the list above");
    // "none" is no role: nobody is signed in.
    narrowest_class(class_of(&method, path), role.parse().ok()).as_str()
}

/// Headers that every operation of a kind takes and gives.
fn add_headers(method: &str, path: &str, operation: &mut Value) {
    let content = &operation["responses"]["200"]["content"];
    let has_version = content["application/json"].is_object() || content["image/*"].is_object();
    let mut references = Vec::new();
    if method == "get" && has_version {
        references.push("IfNoneMatch");
        operation["responses"]["200"]["headers"]["ETag"] = json!({ "$ref": "#/components/headers/ETag" });
        operation["responses"]["304"] = json!({ "description": "It is what If-None-Match names." });
    }
    if takes_if_match(method, path) {
        references.push("IfMatch");
    }
    let verb = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method of the list above");
    if takes_key(&verb, path) {
        references.push("IdempotencyKey");
    }
    if operation["responses"]["201"].is_object() {
        operation["responses"]["201"]["headers"]["Location"] = json!({ "$ref": "#/components/headers/Location" });
    }
    if references.is_empty() {
        return;
    }
    let parameters = &mut operation["parameters"];
    if parameters.is_null() {
        *parameters = json!([]);
    }
    let list = parameters.as_array_mut().expect("parameters are a list");
    list.extend(
        references
            .iter()
            .map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })),
    );
}

/// Edits of something that has a representation of its own.
fn takes_if_match(method: &str, path: &str) -> bool {
    let is_edit = matches!(method, "put" | "patch" | "delete");
    let whole = ["/api/v1/settings", "/api/v1/auth/oidc"];
    let one_of = [
        "/api/v1/integrations/{id}",
        "/api/v1/users/{id}",
        "/api/v1/users/{id}/email",
        "/api/v1/jobs/{kind}",
    ];
    let has_version = whole.contains(&path) || one_of.contains(&path);
    is_edit && has_version
}
