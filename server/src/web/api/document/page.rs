//! The document as a page: plain HTML that needs no script, so that it runs under the strictest policy.

use std::fmt::Write;

use serde_json::Value;
use types::BasePath;

use super::METHODS;

/// The whole page.
pub fn write_page(root: &Value, base: BasePath) -> String {
    let mut page = write_head(base);
    let (info, base) = (&root["info"], base.as_str());
    let _ = write!(
        page,
        "<h1>{} API <small>{}</small></h1>{}<p><a href=\"{base}/api/openapi.json\">The OpenAPI document</a> · <a href=\"{base}/\">mamcrawler</a></p>",
        text(&info["title"]),
        text(&info["version"]),
        paragraphs(&info["description"]),
    );
    for tag in root["tags"].as_array().into_iter().flatten() {
        write_tag(&mut page, root, tag);
    }
    write_schemas(&mut page, root);
    page.push_str("</main></body></html>\n");
    page
}

fn write_head(base: BasePath) -> String {
    let base = base.as_str();
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>API · mamcrawler</title>
<link rel="icon" href="{base}/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{base}/pkg/mamcrawler.css">
</head>
<body>
<main class="api-docs">
"#
    )
}

fn write_tag(page: &mut String, root: &Value, tag: &Value) {
    let _ = write!(
        page,
        "<h2 id=\"{0}\">{0}</h2><p>{1}</p>",
        text(&tag["name"]),
        text(&tag["description"])
    );
    for (path, item) in root["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let operation = &item[method];
            if operation["tags"][0] == tag["name"] {
                write_operation(page, root, (method, path), operation);
            }
        }
    }
}

fn write_operation(page: &mut String, root: &Value, (method, path): (&str, &str), operation: &Value) {
    let _ = write!(
        page,
        "<details id=\"{}\"><summary><code>{} {}</code> {}</summary>{}<p>Rate: <code>{}</code></p>",
        text(&operation["operationId"]),
        method.to_uppercase(),
        escape(path),
        text(&operation["summary"]),
        paragraphs(&operation["description"]),
        text(&operation["x-rate-class"]),
    );
    write_parameters(page, root, operation);
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        page.push_str("<h3>Body</h3>");
        content.values().for_each(|media| write_media(page, media));
    }
    page.push_str("<h3>Answers</h3>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        write_response(page, root, status, response);
    }
    page.push_str("</details>");
}

fn write_parameters(page: &mut String, root: &Value, operation: &Value) {
    let Some(parameters) = operation["parameters"].as_array() else {
        return;
    };
    page.push_str("<h3>Parameters</h3><table><thead><tr><th>Name</th><th>Where</th><th>Kind</th><th>Meaning</th></tr></thead><tbody>");
    for parameter in parameters {
        let parameter = resolve(root, parameter);
        let _ = write!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            text(&parameter["name"]),
            text(&parameter["in"]),
            kind_of(&parameter["schema"]),
            text(&parameter["description"]),
        );
    }
    page.push_str("</tbody></table>");
}

fn write_response(page: &mut String, root: &Value, status: &str, response: &Value) {
    let response = resolve(root, response);
    let _ = write!(
        page,
        "<p><strong>{status}</strong> {}</p>",
        text(&response["description"])
    );
    if status.starts_with('2') {
        let content = response["content"].as_object().into_iter().flatten();
        content.for_each(|(_, media)| write_media(page, media));
    }
}

fn write_media(page: &mut String, media: &Value) {
    let example = match &media["example"] {
        Value::String(plain) => plain.clone(),
        value => serde_json::to_string_pretty(value).expect("an example is plain JSON"),
    };
    let _ = write!(
        page,
        "<p>{}</p><pre>{}</pre>",
        kind_of(&media["schema"]),
        escape(&example)
    );
}

fn write_schemas(page: &mut String, root: &Value) {
    page.push_str("<h2 id=\"shapes\">Shapes</h2>");
    for (name, schema) in root["components"]["schemas"].as_object().into_iter().flatten() {
        let _ = write!(
            page,
            "<details id=\"shape-{0}\"><summary><code>{0}</code></summary>{1}",
            escape(name),
            paragraphs(&schema["description"])
        );
        write_fields(page, schema);
        page.push_str("</details>");
    }
}

fn write_fields(page: &mut String, schema: &Value) {
    let Some(fields) = schema["properties"].as_object() else {
        let _ = write!(page, "<p>{}</p>", kind_of(schema));
        return;
    };
    page.push_str("<table><thead><tr><th>Field</th><th>Kind</th><th>Meaning</th></tr></thead><tbody>");
    for (name, field) in fields {
        let _ = write!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            escape(name),
            kind_of(field),
            text(&field["description"])
        );
    }
    page.push_str("</tbody></table>");
}

/// A schema in a few words, with a link to its shape.
fn kind_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escape(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#shape-{name}\">{name}</a>");
    }
    if let Some(choices) = schema["oneOf"].as_array().or(schema["allOf"].as_array()) {
        return choices.iter().map(kind_of).collect::<Vec<_>>().join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .map(|word| format!("<code>{}</code>", text(word)))
            .collect();
        return words.join(" ");
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        kind => text(kind),
    };
    match schema["items"].is_object() {
        true => format!("{kinds} of {}", kind_of(&schema["items"])),
        false => kinds,
    }
}

fn resolve<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else {
        return value;
    };
    root.pointer(reference.trim_start_matches('#')).unwrap_or(value)
}

fn paragraphs(value: &Value) -> String {
    let whole = value.as_str().unwrap_or_default();
    whole
        .split("\n\n")
        .filter(|part| !part.is_empty())
        .map(|part| format!("<p>{}</p>", mark_code(part)))
        .collect()
}

fn text(value: &Value) -> String {
    mark_code(value.as_str().unwrap_or_default())
}

/// The document's texts are Markdown, of which they use no more than `code`.
fn mark_code(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    });
    parts.collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_document_says_is_shown_and_never_run() {
        let root = json!({
            "info": { "title": "<script>", "description": "One.\n\nTwo `<b>`." },
            "tags": [{ "name": "books" }],
            "paths": { "/books": { "get": { "tags": ["books"], "summary": "List books", "responses": {} } } },
        });
        let page = write_page(&root, "/apps/books".parse().unwrap());
        assert!(page.contains(r#"<a href="/apps/books/">mamcrawler</a>"#));
        assert!(page.contains("<code>GET /books</code> List books"));
        assert!(page.contains("<p>One.</p><p>Two <code>&lt;b&gt;</code>.</p>"));
        assert!(!page.contains("<script") && !page.contains("style="));
    }
}
