//! Makes outside text storable.

use serde_json::Value;

/// Longest key that an index takes, in characters.
pub(crate) const KEY_MAX: usize = 500;

/// The text without NUL characters, which PostgreSQL can't store.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// At most `max` characters of it, storable; for what is indexed.
pub(crate) fn clip(text: &str, max: usize) -> String {
    text.chars().filter(|character| *character != '\0').take(max).collect()
}

/// The value without NUL characters in any text or name.
pub(crate) fn storable_json(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable(text)),
        Value::Array(items) => Value::Array(items.iter().map(storable_json).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| (storable(name), storable_json(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}
