//! Values whose JSON type can't be relied on: numbers as strings, booleans as numbers, JSON inside strings.

use serde_json::Value;

/// Trimmed text of a string or number, without NUL characters, which no database takes; `None` when empty.
pub(crate) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.replace('\0', "").trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A finite number, from a number or a numeric string, which may hold thousands commas.
pub(crate) fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().replace(',', "").parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A whole number; fractions are cut off.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    // Before it is read as a float, which holds no more than 53 bits.
    let exact = match value {
        Value::String(text) => text.trim().replace(',', "").parse().ok(),
        other => other.as_i64(),
    };
    exact.or_else(|| number(value).map(|number| number as i64))
}

/// A count that is not negative, cut off at the largest `i32`.
pub(crate) fn count(value: &Value) -> Option<i32> {
    integer(value)
        .filter(|count| *count >= 0)
        .map(|count| i32::try_from(count).unwrap_or(i32::MAX))
}

/// A claim written as a boolean, a number, "yes", "true" or "1".
pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => number.as_f64().map(|number| number != 0.0),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "yes" | "true" | "y" => Some(true),
            "0" | "no" | "false" | "n" | "" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// JSON inside a string, or the value itself when it is no string; `Null` when it can't be read.
pub(crate) fn embedded(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        other => other.clone(),
    }
}

/// The texts of a list.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_claims_are_read_in_every_spelling() {
        for value in [json!(3), json!("3"), json!(3.0), json!(" 3 ")] {
            assert_eq!(integer(&value), Some(3), "{value}");
        }
        for value in [json!(true), json!(1), json!("1"), json!("yes")] {
            assert_eq!(flag(&value), Some(true), "{value}");
        }
        for value in [json!(false), json!(0), json!("0"), json!("no"), json!("")] {
            assert_eq!(flag(&value), Some(false), "{value}");
        }
        assert_eq!(
            (flag(&json!(null)), integer(&json!("many")), number(&json!("inf"))),
            (None, None, None)
        );
        assert_eq!((count(&json!(-1)), count(&json!(1e12))), (None, Some(i32::MAX)));
    }

    #[test]
    fn whole_numbers_are_exact_however_they_are_written() {
        for value in [
            json!(9_007_199_254_740_993_i64),
            json!("9007199254740993"),
            json!("9,007,199,254,740,993"),
        ] {
            assert_eq!(integer(&value), Some(9_007_199_254_740_993), "{value}");
        }
    }

    #[test]
    fn text_holds_no_character_that_cannot_be_stored() {
        assert_eq!(text(&json!(" \0Du\0ne \0")).as_deref(), Some("Dune"));
        assert_eq!(text(&json!("\0")), None);
    }

    #[test]
    fn json_inside_strings_is_unwrapped() {
        assert_eq!(embedded(&json!("{\"1\": \"A\"}")), json!({"1": "A"}));
        assert_eq!(embedded(&json!({"1": "A"})), json!({"1": "A"}));
        assert_eq!(embedded(&json!("")), Value::Null);
    }
}
