//! Examples, made from the schemas: complete by construction, with values that a person would recognise.

use serde_json::{Map, Value, json};

/// Adds an example to every parameter, body and answer that has none.
pub fn add_examples(operation: &mut Value, schemas: &Value) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        if parameter["$ref"].is_null() && parameter["example"].is_null() {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            parameter["example"] = Maker {
                schemas,
                path: Vec::new(),
            }
            .example(&name, &parameter["schema"]);
        }
    }
    if let Some(body) = operation.get_mut("requestBody") {
        add_to_content(body, schemas);
    }
    for response in operation["responses"].as_object_mut().into_iter().flatten() {
        add_to_content(response.1, schemas);
    }
}

fn add_to_content(holder: &mut Value, schemas: &Value) {
    let Some(content) = holder.get_mut("content").and_then(Value::as_object_mut) else {
        return;
    };
    for (kind, media) in content {
        if !media["example"].is_null() {
            continue;
        }
        media["example"] = match kind.as_str() {
            "application/json" => Maker {
                schemas,
                path: Vec::new(),
            }
            .example("", &media["schema"]),
            "text/event-stream" => {
                media["schema"] = json!({ "type": "string" });
                json!("data: {\"topic\":\"download\",\"id\":\"018f2f5e-7c1a-7e55-b6a4-0c5a4c9d2f11\"}\n\n")
            }
            "application/x-ndjson" => {
                json!("{\"id\":7,\"at\":\"2026-11-22T12:00:00Z\",\"actor\":\"anna\",\"action\":\"login\"}\n")
            }
            "text/csv" => json!("id,at,actor,user_id,address,action,subject,changes,facts\r\n"),
            _ => {
                media["schema"] = json!({ "type": "string", "format": "binary" });
                json!("(the picture's bytes)")
            }
        };
    }
}

struct Maker<'a> {
    schemas: &'a Value,
    /// Names of the schemas that are being written, against endless recursion.
    path: Vec<String>,
}

impl Maker<'_> {
    fn example(&mut self, field: &str, schema: &Value) -> Value {
        if let Some(given) = schema.get("example") {
            return given.clone();
        }
        if let Some(reference) = schema["$ref"].as_str() {
            return self.referenced(field, reference);
        }
        if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
            let real = choices.iter().find(|choice| choice["type"] != "null");
            return real.map_or(Value::Null, |choice| self.example(field, choice));
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let mut merged = Map::new();
            for part in parts {
                if let Value::Object(fields) = self.example(field, part) {
                    merged.extend(fields);
                }
            }
            return merged.into();
        }
        if let Some(words) = schema["enum"].as_array() {
            return example_word(field, words);
        }
        self.plain(field, schema)
    }

    fn referenced(&mut self, field: &str, reference: &str) -> Value {
        let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
        if self.path.contains(&name) {
            return Value::Null;
        }
        let schema = self.schemas[&name].clone();
        self.path.push(name);
        let made = self.example(field, &schema);
        self.path.pop();
        made
    }

    fn plain(&mut self, field: &str, schema: &Value) -> Value {
        let kind = schema["type"].as_str().or_else(|| {
            let kinds = schema["type"].as_array()?;
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null")
        });
        match kind {
            Some("object") => {
                let properties = schema["properties"].as_object().cloned().unwrap_or_default();
                let written = properties
                    .iter()
                    .map(|(name, property)| (name.clone(), self.example(name, property)));
                written.collect::<Map<String, Value>>().into()
            }
            Some("array") => {
                let item = self.example(field, &schema["items"]);
                if item.is_null() { json!([]) } else { json!([item]) }
            }
            Some("string") => example_text(field, schema["format"].as_str()),
            Some("boolean") => json!(!matches!(
                field,
                "is_forced"
                    | "is_missing"
                    | "is_sandbox"
                    | "is_expired"
                    | "is_abridged"
                    | "is_explicit"
                    | "is_stale"
                    | "is_needed"
                    | "can_cancel"
            )),
            Some("integer") => json!(example_number(field)),
            Some("number") => json!(if field == "progress" { 0.5 } else { 1.65 }),
            _ => Value::Null,
        }
    }
}

fn example_word(field: &str, words: &[Value]) -> Value {
    let wanted = match field {
        "kind" if words.contains(&json!("clean_up")) => "clean_up",
        "kind" => "qbittorrent",
        "role" => "user",
        "status" if words.contains(&json!("open")) => "open",
        "missing" => "cover",
        _ => "",
    };
    let found = words.iter().find(|word| **word == wanted);
    found.or(words.first()).cloned().unwrap_or_default()
}

/// By the field's name; the words of the product's own tests.
fn example_text(field: &str, format: Option<&str>) -> Value {
    match format {
        Some("uuid") => return json!("018f2f5e-7c1a-7e55-b6a4-0c5a4c9d2f11"),
        Some("date-time") => return json!("2026-11-22T12:00:00Z"),
        _ => {}
    }
    json!(match field {
        "username" | "actor" | "wanted_by" | "started_by" => "anna",
        "password" | "current_password" | "new_password" => "correct horse battery",
        "token" => "k2s1XrIqv0cWmE5nB9tQyZ8h",
        "access_token" => "eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG_HACGpVUMN_a9IV7pAx_Zmeo",
        "refresh_token" => "9m1pQ0e3tS7Yx2a",
        "token_type" => "Bearer",
        "secret" => "adminadmin",
        "cursor" | "next_cursor" | "q" => return Value::Null,
        "title" | "release_title" | "text" => "Dune",
        "subtitle" => "",
        "author" | "authors" => "Frank Herbert",
        "narrator" | "narrators" => "Scott Brick",
        "series" => "Dune",
        "sequence" => "1",
        "language" | "languages" => "English",
        "asin" => "B002V1OF70",
        "isbn" => "9780441013593",
        "url" => "http://127.0.0.1:8080",
        "name" => "qBittorrent",
        "label" => "English",
        "value" => "English",
        "save_path" | "remote" => "/downloads",
        "local" | "library_path" | "target_path" => "/srv/audiobooks",
        "category" => "mamcrawler",
        "series_template" => "{author}/{series}/{sequence} - {year} - {title} {{narrator}} [{asin}]",
        "standalone_template" => "{author}/{year} - {title} {{narrator}} [{asin}]",
        "folder" => "Frank Herbert/Dune/1 - 1965 - Dune {Scott Brick} [B002V1OF70]",
        "relative_path" | "source" | "target" => "Dune.m4b",
        "path" => "/audiobooks/Frank Herbert/Dune",
        "format" => "m4b",
        "codec" => "aac",
        "method" => "hardlink",
        "address" | "last_used_address" => "192.0.2.7",
        "user_agent" => "curl/8.5",
        "action" => "save_integration",
        "info_hash" => "c12fe1c06bba254a9dc9f519b335aa7c1367a88a",
        "version" => "5.0.1",
        "status" => "ok",
        "process" => "worker on attic (process 71)",
        "indexer" | "integration" => "MyAnonamouse",
        "class" => "VIP",
        "schedule" | "schedule_text" | "default_schedule" => "every 15 minutes",
        "next_local" => "Mon 23 Nov 2026, 03:00 CET",
        "time_zone" => "Europe/Berlin",
        "sentence" | "summary" | "message" | "health_sentence" | "verdict_summary" => "It waits for the tracker.",
        "email" => "anna@example.com",
        "display_name" => "Example Login",
        "extra_hosts" => "127.0.0.1",
        "issuer" => "https://login.example/realms/home",
        "public_url" => "https://books.example.com",
        "client_id" => "mamcrawler",
        "client_secret" => "a-secret-of-the-provider",
        "scopes" => "profile",
        "groups_claim" => "groups",
        "group" => "librarians",
        "redirect_uri" => "https://books.example.com/oidc/callback",
        _ => "text",
    })
}

fn example_number(field: &str) -> i64 {
    match field {
        "limit" => 20,
        "width" => 400,
        "status_code" => 422,
        "expires_in" => 900,
        "published_year" => 1965,
        "duration_seconds" | "runtime_seconds" => 75_720,
        "runtime_minutes" => 1_262,
        "size_bytes" => 604_800_000,
        "bitrate_kbps" | "min_bitrate_kbps" => 64,
        "max_size_gib" => 15,
        "min_free_gib" => 20,
        "unsatisfied_reserve" | "max_automatic_grabs" | "stall_minutes" => 10,
        "audit_retention_days" => 400,
        "categories" => 3030,
        "expires_in_days" => 90,
        "requests_per_minute" => 60,
        "grace_hours" => 24,
        "priority" => 0,
        _ => 1,
    }
}
