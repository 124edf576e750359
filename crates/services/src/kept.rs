//! What a newer version stored in a JSON value stays when this one saves it: during an update both do.

use serde_json::Value;

/// `saved`, with the fields of `stored` that this version does not know.
pub fn keep_unknown(stored: Option<&Value>, saved: Value) -> Value {
    match (stored, saved) {
        (Some(Value::Object(stored)), Value::Object(saved)) => {
            let mut kept = stored.clone();
            kept.extend(saved);
            Value::Object(kept)
        }
        (_, saved) => saved,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_saved_counts_and_what_is_unknown_stays() {
        let stored = json!({ "shared": 1, "of_a_newer_version": [1] });
        assert_eq!(
            keep_unknown(Some(&stored), json!({ "shared": 2, "own": 3 })),
            json!({ "shared": 2, "own": 3, "of_a_newer_version": [1] })
        );
        assert_eq!(keep_unknown(None, json!({ "own": 3 })), json!({ "own": 3 }));
        assert_eq!(
            keep_unknown(Some(&Value::Null), json!({ "own": 3 })),
            json!({ "own": 3 })
        );
    }
}
