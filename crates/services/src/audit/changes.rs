//! What an edit changed, field by field, without secrets.

use serde_json::{Map, Value, json};

/// What is shown in place of a secret.
const SECRET: &str = "(secret)";
/// The same for the one that takes its place.
const NEW_SECRET: &str = "(new secret)";

/// Fields before and after an edit; those that stayed the same are left out.
#[derive(Debug, Default)]
pub(crate) struct Changes(Map<String, Value>);

impl Changes {
    /// Notes a field whose values may be shown. Absent and empty are the same.
    pub fn add(&mut self, field: &str, old: Value, new: Value) {
        if old != new && !(is_nothing(&old) && is_nothing(&new)) {
            self.0.insert(field.to_owned(), json!({ "old": old, "new": new }));
        }
    }

    /// Notes that a secret was entered: that it changed, never what it is.
    pub fn add_secret(&mut self, field: &str, had_one: bool) {
        let old = had_one.then_some(SECRET);
        self.0
            .insert(field.to_owned(), json!({ "old": old, "new": NEW_SECRET }));
    }

    /// Adds what [`changes_between`] found.
    pub fn extend(&mut self, other: Changes) {
        self.0.extend(other.0);
    }

    /// For the detail of a line.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The fields of two objects that differ. Neither may hold a secret.
pub(crate) fn changes_between(old: &Value, new: &Value) -> Changes {
    let names = |value: &Value| {
        value
            .as_object()
            .map(|fields| fields.keys().cloned().collect::<Vec<_>>())
    };
    let mut changes = Changes::default();
    for name in [old, new].into_iter().filter_map(names).flatten() {
        // An absent field reads as null.
        changes.add(&name, old[&name].clone(), new[&name].clone());
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_that_differ_are_noted() {
        let changes = changes_between(
            &json!({ "name": "A", "url": "http://a", "gone": 1 }),
            &json!({ "name": "A", "url": "http://b", "fresh": [2], "none": [], "blank": "" }),
        );
        let expected = json!({
            "url": { "old": "http://a", "new": "http://b" },
            "gone": { "old": 1, "new": null },
            "fresh": { "old": null, "new": [2] },
        });
        assert_eq!(changes.into_value(), expected);
    }

    #[test]
    fn a_secret_is_noted_without_its_value() {
        let mut changes = changes_between(&Value::Null, &json!({ "name": "A" }));
        changes.add_secret("secret", true);
        assert_eq!(
            changes.into_value()["secret"],
            json!({ "old": SECRET, "new": NEW_SECRET })
        );
    }
}
