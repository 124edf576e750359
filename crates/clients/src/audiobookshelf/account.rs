//! Who the API key acts as, and what that user may do.

use serde_json::Value;
use types::integrations::{Health, TestOutcome};

use crate::flex;
use crate::library::LibraryRoot;
use crate::text::quote_words;

/// The user behind the key. Tokens in the answer are not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub username: String,
    pub is_admin: bool,
    pub may_update: bool,
    pub may_upload: bool,
}

impl Account {
    /// Reads the answer of `/api/authorize`. A right that is not named is taken as missing.
    pub fn read(login: &Value) -> Self {
        let user = &login["user"];
        let kind = flex::text(&user["type"]).unwrap_or_default();
        Self {
            username: flex::text(&user["username"]).unwrap_or_else(|| "a user without a name".into()),
            is_admin: matches!(kind.as_str(), "root" | "admin"),
            may_update: flex::flag(&user["permissions"]["update"]).unwrap_or(false),
            may_upload: flex::flag(&user["permissions"]["upload"]).unwrap_or(false),
        }
    }
}

/// The connection in words. A warning where something is missing that importing needs.
pub(super) fn describe(account: &Account, libraries: &[LibraryRoot], version: Option<String>) -> TestOutcome {
    let books: Vec<&LibraryRoot> = libraries.iter().filter(|library| library.is_books).collect();
    let mut gaps = Vec::new();
    if books.is_empty() {
        gaps.push("it shows this user no library of books");
    }
    if !account.may_update {
        gaps.push("this user may not update items, so metadata can't be written");
    }
    if !account.may_upload {
        gaps.push("this user may not upload, so covers can't be changed");
    }
    if !account.is_admin {
        gaps.push("this user is no admin, so scans can't be started");
    }
    let name = quote_words(&account.username);
    let version_text = version
        .as_deref()
        .map_or_else(|| "of unknown version".to_owned(), quote_words);
    let facts = books.iter().map(|library| {
        let folders = library
            .folders
            .iter()
            .map(|folder| quote_words(folder))
            .collect::<Vec<_>>()
            .join(", ");
        format!("Library {}: {folders}", quote_words(&library.name))
    });
    TestOutcome {
        health: if gaps.is_empty() { Health::Ok } else { Health::Warning },
        sentence: match gaps.is_empty() {
            true => format!("Audiobookshelf {version_text} answers; signed in as {name}."),
            false => format!(
                "Audiobookshelf {version_text} answers, but {}. Signed in as {name}.",
                gaps.join("; ")
            ),
        },
        facts: facts.collect(),
        version,
    }
}
