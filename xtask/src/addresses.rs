//! A gate on addresses: what browsers are given begins where the server is on its host.
//!
//! The server may be below a path (`MAMCRAWLER_BASE_PATH`). A page that names one of our addresses as it is called within
//! would lead out of it, which nobody notices who has the host to themselves.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::gates::rust_files;

/// What may stand before an address in the app: it makes a link of it, or takes it as it is called within.
const TAKERS: &[&str] = &[
    "link_to(",
    "link_to(format_args!(",
    "link_with(",
    ".at(",
    "go_to(",
    "go_to(&format!(",
    "place(",
    "path!(",
    // Of `Redirect`, `Pager` and `PlaceLink`.
    "path=",
    // Of a hidden field, which comes back to us.
    "value=",
];
/// What browsers follow, in HTML that is written by hand.
const FOLLOWED: &[&str] = &["href=\"/", "src=\"/", "action=\"/"];

/// Every address that a page would have without the base path.
pub fn find_bare_addresses(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (folder, find) in [
        ("app/src", find_in_app as fn(&str) -> Vec<usize>),
        ("server/src", find_in_html),
    ] {
        let mut looked_at = 0;
        for file in rust_files(&root.join(folder))? {
            let text = fs::read_to_string(&file)?;
            looked_at += text.matches("\"/").count();
            let path = file.strip_prefix(root).unwrap_or(&file).display();
            findings.extend(find(&text).into_iter().map(|line| {
                format!("{path}:{line} has an address without the base path: use link_to or BasePath::at")
            }));
        }
        ensure!(looked_at > 0, "{folder} holds no addresses");
    }
    Ok(findings)
}

fn find_in_app(text: &str) -> Vec<usize> {
    let literals = literals(without_tests(text)).into_iter();
    let bare = literals.filter(|literal| {
        let before = text[..literal.start].trim_end();
        is_address(literal.text) && !TAKERS.iter().any(|taker| before.ends_with(taker))
    });
    bare.map(|literal| line_of(text, literal.start)).collect()
}

fn find_in_html(text: &str) -> Vec<usize> {
    let literals = literals(without_tests(text)).into_iter();
    let bare = literals.filter(|literal| {
        let html = literal.text.replace("\\\"", "\"");
        FOLLOWED.iter().any(|followed| html.contains(followed))
    });
    bare.map(|literal| line_of(text, literal.start)).collect()
}

/// A slash alone or before a name; `" / "` and `"//"` are no addresses.
fn is_address(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('/') else {
        return false;
    };
    rest.is_empty() || rest.starts_with(|first: char| first.is_ascii_alphanumeric() || "{?#".contains(first))
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

fn line_of(text: &str, position: usize) -> usize {
    text[..position].matches('\n').count() + 1
}

/// A text in the source, between its quotes.
#[derive(Debug, PartialEq, Eq)]
struct Literal<'a> {
    /// Where it begins, quotes included.
    start: usize,
    text: &'a str,
}

/// The texts of a source; comments and single letters are passed over.
fn literals(source: &str) -> Vec<Literal<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("'\"'") {
            at += 3;
        } else if let Some((opening, text)) = read_text(rest) {
            found.push(Literal { start: at, text });
            at += opening.len() + text.len();
            // The quote at the end, unless the source ends before it.
            at += usize::from(at < source.len());
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    found
}

/// The text with which a source begins, and what opens it; `None` when it begins with something else.
fn read_text(rest: &str) -> Option<(&str, &str)> {
    if let Some(raw) = rest.strip_prefix("r#\"") {
        return Some(("r#\"", &raw[..raw.find("\"#").unwrap_or(raw.len())]));
    }
    let text = rest.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = text.find(|letter: char| {
        let is_end = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        is_end
    });
    Some(("\"", &text[..end.unwrap_or(text.len())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_the_app_goes_through_what_knows_the_base_path() {
        for bare in [
            r#"view! { <a href="/jobs">"Jobs"</a> }"#,
            r#"view! { <form action="/audit"> }"#,
            r#"let address = format!("/books/{id}");"#,
            r#"view! { <a href=format!("/{kind}")> }"#,
            "EventSource::new(\n    \"/events\",\n)",
            r#"view! { <a href="/">"Home"</a> }"#,
            r##"view! { <a href="/#keys"> }"##,
        ] {
            assert_eq!(find_in_app(&format!("\n{bare}")).len(), 1, "{bare}");
        }
        for led in [
            r#"view! { <a href=link_to("/jobs")>"Jobs"</a> }"#,
            "link_to(format_args!(\n    \"/books/{}\", id))",
            r#"super::go_to(&format!("/runs/{run}"));"#,
            r#"<Redirect path="/login" />"#,
            r#"<Route path=path!("/books/:id") />"#,
            r##"<a href="#page">"a / b"</a> " / " "//" "1/2""##,
            r#"// <a href="/jobs"> "#,
            r#"let quote = '"'; let slash = "a/";"#,
            "let a = 1;\n#[cfg(test)]\nmod tests {\n let a = \"/jobs\"; }",
        ] {
            assert_eq!(find_in_app(led), [0; 0], "{led}");
        }
    }

    #[test]
    fn html_by_hand_names_the_base_path_too() {
        for bare in [
            r#"format!("<a href=\"/\">Home</a>")"#,
            "const HEAD: &str = r#\"<html>\n<link href=\"/pkg/a.css\">\n\"#;",
            r#""<img src=\"/a.svg\">""#,
        ] {
            assert_eq!(find_in_html(bare), [1], "{bare}");
        }
        for led in [
            "format!(r#\"<link href=\"{base}/pkg/a.css\">\"#)",
            r##""<a href=\"#top\">""##,
            r#".route("/books", get(list))"#,
        ] {
            assert_eq!(find_in_html(led), [0; 0], "{led}");
        }
    }

    #[test]
    fn a_finding_names_its_line() {
        let text = "fn a() {\n    // \"/not this\"\n    let b = \"it's \\\"/not\\\" this\";\n    c(\"/this\");\n}\n";
        assert_eq!(find_in_app(text), [4]);
    }
}
