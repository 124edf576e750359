//! What browser forms send, turned into the types of the wire. Pure: the same code reads a form with and without
//! JavaScript.

use serde::{Deserialize, Serialize};
use types::integrations::{IntegrationForm, IntegrationKind, IntegrationOptions, PathMap};
use types::{ApiError, IntegrationId};

/// The form of an integration: every field of every kind, absent where the kind has none. Lists are lines of text.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct IntegrationInput {
    /// Empty when it is new.
    pub id: String,
    pub kind: String,
    pub name: String,
    pub url: String,
    pub is_enabled: bool,
    pub priority: i32,
    pub secret: String,
    pub username: String,
    pub category: String,
    pub save_path: String,
    pub library_id: String,
    pub path_maps: Vec<PathMap>,
    /// Separated by commas.
    pub categories: String,
    /// Separated by commas.
    pub indexer_ids: String,
    pub rules_accepted: bool,
    /// Separated by commas.
    pub extra_hosts: String,
}

impl IntegrationInput {
    /// The form as services take it.
    ///
    /// # Errors
    /// The first field that can't be read, with what it should be.
    pub fn into_form(self) -> Result<IntegrationForm, ApiError> {
        let kind: IntegrationKind = self
            .kind
            .parse()
            .map_err(|_| ApiError::field("kind", "Choose what kind of service this is."))?;
        let id = match self.id.as_str() {
            "" => None,
            id => Some(id.parse::<IntegrationId>().map_err(|_| {
                ApiError::field(
                    "id",
                    "This form is out of date. Open the integration again from the list.",
                )
            })?),
        };
        let options = IntegrationOptions {
            username: self.username.trim().to_owned(),
            category: self.category.trim().to_owned(),
            save_path: self.save_path.trim().to_owned(),
            library_id: self.library_id.trim().to_owned(),
            path_maps: self.path_maps.into_iter().filter(|map| !is_blank(map)).collect(),
            categories: parse_numbers("categories", &self.categories)?,
            indexer_ids: parse_numbers("indexer_ids", &self.indexer_ids)?,
            rules_accepted: self.rules_accepted,
            extra_hosts: split_list(&self.extra_hosts),
        };
        Ok(IntegrationForm {
            id,
            kind,
            name: self.name.trim().to_owned(),
            url: self.url.trim().to_owned(),
            is_enabled: self.is_enabled,
            priority: self.priority,
            secret: self.secret,
            options,
        })
    }
}

// By hand: a derived one would print the secret.
impl std::fmt::Debug for IntegrationInput {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("IntegrationInput")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The parts of a line that are separated by commas, semicolons or line ends.
pub fn split_list(text: &str) -> Vec<String> {
    text.split([',', ';', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_blank(map: &PathMap) -> bool {
    map.remote.trim().is_empty() && map.local.trim().is_empty()
}

fn parse_numbers<T: std::str::FromStr>(field: &str, text: &str) -> Result<Vec<T>, ApiError> {
    split_list(text)
        .iter()
        .map(|part| {
            part.parse()
                .map_err(|_| ApiError::field(field, format!("\"{part}\" is no number. Write 3030, 3040.")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> IntegrationInput {
        IntegrationInput {
            kind: "qbittorrent".into(),
            name: " Home ".into(),
            ..IntegrationInput::default()
        }
    }

    #[test]
    fn the_blank_row_for_one_more_path_map_is_not_a_path_map() {
        let maps = vec![
            PathMap {
                remote: "/data".into(),
                local: "/mnt".into(),
            },
            PathMap {
                remote: " ".into(),
                local: String::new(),
            },
        ];
        let form = IntegrationInput {
            path_maps: maps.clone(),
            ..input()
        }
        .into_form()
        .unwrap();
        assert_eq!(form.options.path_maps, maps[..1]);
        assert_eq!(form.name, "Home");
    }

    #[test]
    fn a_category_that_is_no_number_is_named() {
        let error = IntegrationInput {
            categories: "3030, books".into(),
            ..input()
        }
        .into_form()
        .err()
        .unwrap();
        assert_eq!(error.context["categories"], "\"books\" is no number. Write 3030, 3040.");
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        let error = IntegrationInput {
            kind: "usenet".into(),
            ..input()
        }
        .into_form()
        .err()
        .unwrap();
        assert!(error.context.contains_key("kind"));
    }

    #[test]
    fn lists_take_commas_semicolons_and_lines() {
        assert_eq!(
            split_list(" English, German;日本語\n,"),
            ["English", "German", "日本語"]
        );
    }
}
