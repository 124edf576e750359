//! A change to an item: what is sent, and whether it was taken.

use serde_json::{Map, Value, json};

use crate::library::{Item, ItemPatch, ItemSeries};

/// The body of `PATCH /api/items/{id}/media`: people and series as objects in arrays, sequences as text. Other shapes
/// are ignored there or, for authors as plain strings, remove every author.
pub(super) fn patch_body(patch: &ItemPatch) -> Value {
    let mut metadata = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            metadata.insert(name.into(), value);
        }
    };
    let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
    let names = |names: &Vec<String>| {
        clean_names(names)
            .into_iter()
            .map(|name| json!({"name": name}))
            .collect()
    };
    let series = |series: &Vec<ItemSeries>| clean_series(series).into_iter().map(series_object).collect();
    set("title", text(&patch.title));
    set("subtitle", text(&patch.subtitle));
    set("authors", patch.authors.as_ref().map(names));
    set(
        "narrators",
        patch.narrators.as_ref().map(|names| json!(clean_names(names))),
    );
    set("series", patch.series.as_ref().map(series));
    set("asin", text(&patch.asin));
    set("isbn", text(&patch.isbn));
    set("publishedYear", text(&patch.published_year));
    set("language", text(&patch.language));
    set("abridged", patch.is_abridged.map(Value::from));
    let mut body = Map::new();
    if !metadata.is_empty() {
        body.insert("metadata".into(), Value::Object(metadata));
    }
    if let Some(tags) = &patch.tags {
        body.insert("tags".into(), json!(clean_names(tags)));
    }
    Value::Object(body)
}

fn series_object(series: ItemSeries) -> Value {
    json!({"name": series.name, "sequence": series.sequence})
}

/// Names without blanks, empty ones and doubles; doubles are kept by the service.
fn clean_names(names: &[String]) -> Vec<String> {
    let mut clean: Vec<String> = Vec::new();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        if !clean.iter().any(|known| known == name) {
            clean.push(name.to_owned());
        }
    }
    clean
}

/// Series with a name: one without makes the service skip the whole list.
fn clean_series(series: &[ItemSeries]) -> Vec<ItemSeries> {
    let named = series.iter().filter(|series| !series.name.trim().is_empty());
    named
        .map(|series| ItemSeries {
            name: series.name.trim().into(),
            sequence: clean_text(&series.sequence),
        })
        .collect()
}

fn clean_text(text: &Option<String>) -> Option<String> {
    text.as_ref()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// Fields of the change that the item read back does not have.
pub(super) fn ignored_fields(patch: &ItemPatch, item: &Item) -> Vec<&'static str> {
    let text = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || clean_text(wanted) == clean_text(is);
    let names = |wanted: &Option<Vec<String>>, is: &[String]| match wanted {
        Some(wanted) => sorted(clean_names(wanted)) == sorted(clean_names(is)),
        None => true,
    };
    let series = |wanted: &Vec<ItemSeries>| {
        let pairs =
            |list: &[ItemSeries]| sorted(clean_series(list).into_iter().map(|s| (s.name, s.sequence)).collect());
        pairs(wanted) == pairs(&item.series)
    };
    let checks = [
        ("title", text(&patch.title, &item.title)),
        ("subtitle", text(&patch.subtitle, &item.subtitle)),
        ("authors", names(&patch.authors, &item.authors)),
        ("narrators", names(&patch.narrators, &item.narrators)),
        ("series", patch.series.as_ref().is_none_or(series)),
        ("asin", text(&patch.asin, &item.asin)),
        ("isbn", text(&patch.isbn, &item.isbn)),
        ("published year", text(&patch.published_year, &item.published_year)),
        ("language", text(&patch.language, &item.language)),
        (
            "abridged",
            patch.is_abridged.is_none_or(|wanted| item.is_abridged == Some(wanted)),
        ),
        ("tags", names(&patch.tags, &item.tags)),
    ];
    checks
        .into_iter()
        .filter(|(_, is_taken)| !is_taken)
        .map(|(name, _)| name)
        .collect()
}

/// Order is the service's own.
fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_patch() -> ItemPatch {
        ItemPatch {
            title: Some("Dune".into()),
            subtitle: Some(String::new()),
            authors: Some(vec!["Frank Herbert".into(), " Frank Herbert ".into(), "".into()]),
            narrators: Some(vec!["Scott Brick".into()]),
            series: Some(vec![
                ItemSeries {
                    name: "Dune".into(),
                    sequence: Some("1.5".into()),
                },
                ItemSeries {
                    name: " ".into(),
                    sequence: None,
                },
            ]),
            tags: Some(vec!["a".into(), "a".into()]),
            is_abridged: Some(false),
            ..ItemPatch::default()
        }
    }

    #[test]
    fn people_and_series_are_sent_as_the_service_takes_them() {
        insta::assert_json_snapshot!(patch_body(&full_patch()));
    }

    #[test]
    fn nothing_to_change_is_an_empty_body() {
        assert_eq!(patch_body(&ItemPatch::default()), json!({}));
    }

    #[test]
    fn each_ignored_field_is_named() {
        let taken = Item {
            title: Some("Dune".into()),
            authors: vec!["Frank Herbert".into()],
            narrators: vec!["Scott Brick".into()],
            series: vec![ItemSeries {
                name: "Dune".into(),
                sequence: Some("1.5".into()),
            }],
            tags: vec!["a".into()],
            is_abridged: Some(false),
            ..Item::default()
        };
        assert_eq!(ignored_fields(&full_patch(), &taken), Vec::<&str>::new());
        let lost = Item {
            authors: vec![],
            series: vec![ItemSeries {
                name: "Dune".into(),
                sequence: None,
            }],
            ..taken
        };
        assert_eq!(ignored_fields(&full_patch(), &lost), ["authors", "series"]);
        assert_eq!(
            ignored_fields(&ItemPatch::default(), &Item::default()),
            Vec::<&str>::new()
        );
    }
}
