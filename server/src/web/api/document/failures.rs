//! How a call can fail: every operation names each status, all in the one shape.

use serde_json::{Map, Value, json};

use super::takes_if_match;
use crate::web::auth::is_way_in;

struct Failure {
    status: &'static str,
    name: &'static str,
    code: &'static str,
    description: &'static str,
    message: &'static str,
}

const FAILURES: [Failure; 16] = [
    failure(
        "400",
        "BadRequest",
        "validation_error",
        "The request could not be read.",
        "The body is not valid JSON (line 1, column 2). Send one JSON value.",
    ),
    failure(
        "401",
        "Unauthorized",
        "unauthorized",
        "Nobody is signed in: no token or key, or one that is wrong, over or revoked.",
        "Sign in first: send an access token or an API key as a bearer token.",
    ),
    failure(
        "403",
        "Forbidden",
        "forbidden",
        "The role, or the API key's scope, is not enough; or a browser sent it from another site.",
        "This needs the role \"admin\"; yours is \"viewer\". Ask an admin.",
    ),
    failure(
        "404",
        "NotFound",
        "not_found",
        "It is not there, or not yours to see.",
        "There is no such download; it may have been removed meanwhile.",
    ),
    failure(
        "408",
        "TooSlow",
        "service_unavailable",
        "The request came too slowly.",
        "The request came too slowly. Send it again.",
    ),
    failure(
        "409",
        "Conflict",
        "conflict",
        "It does not go with the present state.",
        "It does not go with the present state. Read it again and decide anew.",
    ),
    failure(
        "412",
        "Changed",
        "conflict",
        "It is not what If-Match names any more.",
        "It was changed meanwhile. Read it again and decide anew.",
    ),
    failure(
        "413",
        "TooLarge",
        "validation_error",
        "The body is too large.",
        "The body is too large. Send less at a time.",
    ),
    failure(
        "415",
        "WrongKind",
        "validation_error",
        "The body is not JSON.",
        "The body is of the wrong kind. Send JSON with Content-Type: application/json.",
    ),
    failure(
        "421",
        "WrongHost",
        "validation_error",
        "The server does not answer to that host name.",
        "This server does not answer to that host name. Use the name it is configured with.",
    ),
    failure(
        "422",
        "Invalid",
        "validation_error",
        "A parameter or field is wrong; `context` names it.",
        "Say which title to look for.",
    ),
    failure(
        "429",
        "TooMany",
        "rate_limit_exceeded",
        "Too many requests; `Retry-After` says when to go on.",
        "Too many requests. Wait as long as Retry-After says.",
    ),
    failure(
        "500",
        "Internal",
        "internal_error",
        "A defect, or the database refused; the server's log says more.",
        "Something went wrong inside mamcrawler. The server's log says what.",
    ),
    failure(
        "502",
        "Outside",
        "external_api_error",
        "An outside service did not answer as it should.",
        "qBittorrent did not answer. Check that it runs.",
    ),
    failure(
        "503",
        "Unavailable",
        "service_unavailable",
        "Something that is needed can't be reached right now; or the server has too much to do, and `Retry-After` says when to come back.",
        "The database can't be reached. Try again in a moment.",
    ),
    failure(
        "504",
        "Timeout",
        "service_unavailable",
        "It took too long and was given up.",
        "This took too long and was given up. Try again in a moment.",
    ),
];

const fn failure(
    status: &'static str,
    name: &'static str,
    code: &'static str,
    description: &'static str,
    message: &'static str,
) -> Failure {
    Failure {
        status,
        name,
        code,
        description,
        message,
    }
}

/// `components/responses`.
pub fn components() -> Value {
    let named = FAILURES
        .iter()
        .map(|failure| (failure.name.to_owned(), failure.response(failure.description)));
    named.collect::<Map<String, Value>>().into()
}

/// Adds every failure that the operation's shape allows; those that it describes itself keep their words.
pub fn add_failures((method, path): (&str, &str), operation: &mut Value) {
    for failure in &FAILURES {
        let described = operation["responses"][failure.status]["description"].as_str();
        let response = match described {
            Some(description) => Some(failure.response(description)),
            None if applies(failure.status, (method, path), operation) => {
                Some(json!({ "$ref": format!("#/components/responses/{}", failure.name) }))
            }
            None => None,
        };
        if let Some(response) = response {
            operation["responses"][failure.status] = response;
        }
    }
}

fn applies(status: &str, (method, path): (&str, &str), operation: &Value) -> bool {
    let has_body = operation["requestBody"].is_object();
    let is_open = operation["x-required-role"] == "none";
    let has_id = path.contains('{');
    let has_parameters = operation["parameters"].as_array().is_some_and(|list| {
        list.iter()
            .any(|parameter| parameter["in"] == "query" || parameter["in"] == "path")
    });
    match status {
        "400" | "413" | "415" => has_body,
        // A wrong credential is refused also where none is needed.
        "401" => !is_open || !is_way_in(path),
        // What a browser sends from another site is refused also where nobody need be signed in.
        "403" => !is_open || method != "get",
        "404" => has_id,
        "412" => takes_if_match(method, path),
        // Every write can be sent with an Idempotency-Key that it does not take.
        "422" => method != "get" || has_parameters || path == "/api/v1/wants",
        "408" | "421" | "429" | "500" | "503" | "504" => true,
        _ => false,
    }
}

impl Failure {
    fn response(&self, description: &str) -> Value {
        let status: u16 = self.status.parse().expect("statuses are numbers");
        let mut example = json!({
            "code": self.code, "message": self.message, "status_code": status, "context": {},
            "timestamp": "2026-11-22T12:00:00Z", "request_id": "018f2f5e-7c1a-7e55-b6a4-0c5a4c9d2f11",
        });
        let mut headers = json!({ "X-Request-ID": { "$ref": "#/components/headers/X-Request-ID" } });
        if self.status == "422" {
            example["context"]["title"] = self.message.into();
        }
        if self.status == "429" {
            example["retry_after"] = 12.into();
        }
        if matches!(self.status, "429" | "503") {
            headers["Retry-After"] = json!({ "description": "Seconds to wait.", "schema": { "type": "integer" } });
        }
        json!({
            "description": description,
            "headers": headers,
            "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/ErrorEnvelope" },
                "example": example,
            } },
        })
    }
}
